//! What to do about a request that failed.

use super::forbidden;
use crate::hint;
use crate::lease::api::{
    ConnectFailure, Fault, Rejection, RejectionKind, TransportError, Unusable,
};

fn see_address() -> String {
    format!(
        "{} shows the address",
        hint::kubectl_config("view --minify")
    )
}

/// What happened, and what to do about it.
pub fn fault_lines(fault: &Fault, namespace: Option<&str>, name: Option<&str>) -> Vec<String> {
    match fault {
        Fault::NotSent(TransportError::Refused { server }) => vec![
            format!("error: the connection to the server {server} was refused"),
            format!("Is the address right and the API server running? {}", see_address()),
        ],
        Fault::NotSent(TransportError::Connect {
            server,
            detail,
            why,
        }) => vec![
            format!("error: cannot connect to the server {server}: {detail}"),
            connect_advice(why),
        ],
        Fault::NotSent(TransportError::Credentials(Unusable { detail, said })) => {
            let mut lines = vec![format!("error: cannot use the credentials: {detail}")];
            lines.extend_from_slice(said);
            lines.push(format!(
                "Check the user in the kubeconfig, and the plugin if it has one: {}",
                hint::kubectl_config("view --minify")
            ));
            lines
        }
        Fault::NotSent(TransportError::Slow(detail)) => vec![
            format!("error: no credentials in time: {detail}"),
            "Run that plugin by hand to see what it waits for, or give it longer with --request-timeout".to_owned(),
        ],
        Fault::Foreign { .. } => vec![
            format!("error: {fault}"),
            format!("Is the address right, or is there a login page or a proxy in between? {}", see_address()),
        ],
        Fault::Unknown(detail) => vec![
            format!("error: no usable answer from the API server: {detail}"),
            format!(
                "The request itself looks right: try again, and see {}",
                hint::kubectl("get --raw /readyz")
            ),
        ],
        Fault::NotStored(what) => vec![
            format!("error: {what}"),
            format!(
                "An admission webhook, or something in front of the server, changes or drops writes: {}",
                hint::kubectl("get mutatingwebhookconfigurations")
            ),
        ],
        Fault::Rejected(rejection) => {
            let Rejection {
                reason,
                message,
                kind,
                advice,
                ..
            } = rejection;
            let mut lines = vec![format!("Error from server ({reason}): {message}")];
            lines.extend(
                advice
                    .clone()
                    .or_else(|| rejection_advice(*kind, message, namespace, name)),
            );
            lines
        }
    }
}

fn connect_advice(why: &ConnectFailure) -> String {
    match why {
        ConnectFailure::Name => "The server's name cannot be resolved: check the address in the kubeconfig, and this machine's network".to_owned(),
        ConnectFailure::Silence => format!("Does it take a VPN or a proxy to get there? {}", see_address()),
        ConnectFailure::Authority => "The server's certificate is not trusted: check certificate-authority in the kubeconfig, or --certificate-authority and --tls-server-name".to_owned(),
        ConnectFailure::Certificate => "Whoever runs the server has to replace its certificate; openssl s_client -connect HOST:PORT -showcerts shows it".to_owned(),
        ConnectFailure::Validity => "Whoever runs the server has to renew it, unless this machine's clock is wrong: date".to_owned(),
        ConnectFailure::OtherNames(names) => match names.first() {
            Some(name) => format!("Use the right name in the kubeconfig's server; if this is the server: {}", hint::flag("tls-server-name", name)),
            None => format!("Is the address right, and --tls-server-name or tls-server-name in the kubeconfig? {}", see_address()),
        },
        ConnectFailure::ClientCertificate => "Check client-certificate of the user in the kubeconfig: openssl x509 -noout -enddate tells how long it is valid".to_owned(),
        ConnectFailure::NoTls => format!("Is that the right port, and https? {}", see_address()),
        ConnectFailure::Proxy => "Check proxy-url in the kubeconfig, or HTTPS_PROXY and NO_PROXY".to_owned(),
        ConnectFailure::Other => "Check the address in the kubeconfig, the proxy and this machine's network".to_owned(),
    }
}

fn rejection_advice(
    kind: RejectionKind,
    message: &str,
    namespace: Option<&str>,
    name: Option<&str>,
) -> Option<String> {
    match kind {
        // The connection knows more about these: see `Rejection::advice`.
        RejectionKind::Unauthorized
        | RejectionKind::NotServed
        | RejectionKind::LeaseMissing
        | RejectionKind::Gone
        | RejectionKind::Invalid => None,
        RejectionKind::Conflict => Some(format!(
            "Somebody changes the lease all the time, or an admission webhook says no: {}",
            hint::kubectl("get mutatingwebhookconfigurations,validatingwebhookconfigurations")
        )),
        RejectionKind::Forbidden => forbidden::advice(message, namespace, name),
        RejectionKind::NamespaceMissing => Some(other_namespace(namespace.unwrap_or_default())),
        RejectionKind::TooManyRequests { .. } => {
            Some("The API server is overloaded; try again later".to_owned())
        }
    }
}

/// What to do about a namespace that is not there.
pub fn other_namespace(namespace: &str) -> String {
    format!(
        "Choose another with -n, or create it: {}",
        hint::kubectl_as_admin(&format!("create namespace {namespace}"))
    )
}
