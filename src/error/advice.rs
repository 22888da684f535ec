//! What to do about a request that failed.

use crate::lease::api::{Fault, Rejection, RejectionKind, Trouble};

/// What happened, and what to do about it.
pub fn fault_lines(
    fault: &Fault,
    verb: &str,
    namespace: Option<&str>,
    name: Option<&str>,
) -> Vec<String> {
    match fault {
        Fault::NotSent(Trouble::Refused { server }) => vec![
            format!("error: the connection to the server {server} was refused"),
            "Is the address right and the API server running? kubectl config view --minify shows the address".to_owned(),
        ],
        Fault::NotSent(Trouble::Connect { server, detail }) => vec![
            format!("error: cannot connect to the server {server}: {detail}"),
            connect_advice(detail).to_owned(),
        ],
        Fault::NotSent(Trouble::Credentials(detail)) => vec![
            format!("error: cannot use the credentials: {detail}"),
            "Check the user in the kubeconfig: its certificate, token file or exec plugin".to_owned(),
        ],
        Fault::Unknown(detail) => vec![
            format!("error: no usable answer from the API server: {detail}"),
            "Nothing is known to be wrong with the request; try again, and see kubectl get --raw /readyz".to_owned(),
        ],
        Fault::Rejected(rejection) => {
            let Rejection { reason, message, kind, .. } = rejection;
            let mut lines = vec![format!("Error from server ({reason}): {message}")];
            lines.extend(rejection_advice(*kind, message, verb, namespace, name));
            lines
        }
    }
}

fn connect_advice(detail: &str) -> &'static str {
    if detail.contains("certificate") {
        "The server's certificate is not trusted: check certificate-authority in the kubeconfig, or --certificate-authority and --tls-server-name"
    } else if detail.contains("dns") || detail.contains("lookup") || detail.contains("resolve") {
        "The server's name cannot be resolved: check the address in the kubeconfig, and this machine's network"
    } else {
        "Check the address in the kubeconfig, the proxy and this machine's network"
    }
}

fn rejection_advice(
    kind: RejectionKind,
    message: &str,
    verb: &str,
    namespace: Option<&str>,
    name: Option<&str>,
) -> Option<String> {
    match kind {
        RejectionKind::Unauthorized => {
            Some("The server does not accept the credentials: log in again, or check the user with kubectl auth whoami".to_owned())
        }
        RejectionKind::Forbidden => {
            let (verb, rest) = message
                .split_once(" cannot ")
                .and_then(|(_, rest)| rest.split_once(" resource "))
                .unwrap_or((verb, ""));
            if verb == "impersonate" {
                let resource = rest.split('"').nth(1).unwrap_or("users");
                return Some(format!(
                    "The verb {verb:?} is missing. A role that grants it: kubectl create clusterrole {verb}-{resource} --verb={verb} --resource={resource}; bind it with kubectl create clusterrolebinding"
                ));
            }
            if verb.is_empty() {
                return None;
            }
            let only = match (verb, name) {
                // RBAC does not know the name yet when it is asked for create or list.
                ("create" | "list", _) | (_, None) => String::new(),
                (_, Some(name)) => format!(" --resource-name={name}"),
            };
            Some(match namespace {
                Some(namespace) => format!(
                    "The verb {verb:?} is missing. A role that grants it: kubectl create role lease-{verb} -n {namespace} --verb={verb} --resource=leases.coordination.k8s.io{only}; bind it with kubectl create rolebinding"
                ),
                None => format!(
                    "The verb {verb:?} is missing in all namespaces. A role that grants it: kubectl create clusterrole lease-{verb} --verb={verb} --resource=leases.coordination.k8s.io; bind it with kubectl create clusterrolebinding, or give -n"
                ),
            })
        }
        RejectionKind::NamespaceMissing => {
            let namespace = namespace.unwrap_or_default();
            Some(format!("Choose another with -n, or create it: kubectl create namespace {namespace}"))
        }
        RejectionKind::TooManyRequests { .. } => Some("The API server is overloaded; try again later".to_owned()),
        RejectionKind::Invalid => None,
    }
}
