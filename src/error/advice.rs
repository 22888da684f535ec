//! What to do about a request that failed.

use super::{Entry, LookedFor, forbidden};
use crate::lease::api::{
    ConnectFailure, Fault, Rejection, RejectionKind, TransportError, Unusable,
};
use crate::output::hint;

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
                "Check the exec plugin of the user in the kubeconfig: {}",
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
                "Nothing is known to be wrong with the request; try again, and see {}",
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

/// There is no kubeconfig: which were looked for.
pub fn no_kubeconfig_lines(looked_for: &LookedFor) -> Vec<String> {
    vec![
        format!("error: no kubeconfig: {}", without_kubeconfig(looked_for)),
        "Set KUBECONFIG, give --kubeconfig FILE, or give --server and --token".to_owned(),
    ]
}

/// Why there is no kubeconfig.
pub fn without_kubeconfig(looked_for: &LookedFor) -> String {
    let LookedFor {
        by_environment,
        paths,
    } = looked_for;
    let empty: Vec<String> = paths
        .iter()
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    let all: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let all = all.join(" and ");
    match (empty.as_slice(), by_environment, paths.len()) {
        ([first, ..], ..) => format!("{first} has no clusters and no contexts"),
        ([], true, 0) => "KUBECONFIG names no file".to_owned(),
        ([], true, 1) => format!("KUBECONFIG names {all}, which does not exist"),
        ([], true, _) => format!("KUBECONFIG names {all}, which do not exist"),
        ([], false, 0) => "KUBECONFIG and HOME are not set".to_owned(),
        ([], false, _) => format!("KUBECONFIG is not set, and {all} does not exist"),
    }
}

/// An entry that the kubeconfig does not have: those it has, and which was meant perhaps.
pub fn entry_lines(
    entry: Entry,
    name: &str,
    named_by: Option<&str>,
    known: &[String],
) -> Vec<String> {
    let kind = match entry {
        Entry::Context => "context",
        Entry::Cluster => "cluster",
        Entry::User => "user",
    };
    let by = named_by.map_or_else(String::new, |context| {
        format!(", but context {context:?} names it")
    });
    let meant =
        nearest(name, known).map_or_else(String::new, |name| format!("Did you mean {name:?}? "));
    vec![
        format!("error: {kind} {name:?} does not exist{by}"),
        format!("{meant}The kubeconfig has: {}", list(known)),
    ]
}

/// The name that was meant, if one is near enough.
fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    /// Below this two names have little in common: `dve` is as near to `dev`.
    const NEAR: f64 = 0.65;
    let wanted = name.to_lowercase();
    let likeness = |known: &str| {
        let known = known.to_lowercase();
        let part = if !wanted.is_empty() && known.contains(&wanted) {
            1.0
        } else {
            0.0
        };
        let changed = strsim::normalized_damerau_levenshtein(&wanted, &known);
        f64::max(part, changed).max(strsim::jaro(&wanted, &known))
    };
    known
        .iter()
        // Of several that are as near, the first.
        .rev()
        .map(|known| (likeness(known), known.as_str()))
        .filter(|(likeness, _)| *likeness > NEAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// Names in one line; of very many only the first.
pub fn list(names: &[String]) -> String {
    const MANY: usize = 20;
    match names {
        [] => "none".to_owned(),
        names if names.len() > MANY => format!(
            "{}, and {} more",
            names[..MANY].join(", "),
            names.len() - MANY
        ),
        names => names.join(", "),
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
        RejectionKind::NamespaceMissing => {
            let namespace = namespace.unwrap_or_default();
            Some(format!(
                "Choose another with -n, or create it: {}",
                hint::kubectl_as_admin(&format!("create namespace {namespace}"))
            ))
        }
        RejectionKind::TooManyRequests { .. } => {
            Some("The API server is overloaded; try again later".to_owned())
        }
    }
}
