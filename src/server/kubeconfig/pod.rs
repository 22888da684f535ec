//! What a pod has instead of a kubeconfig: its service account's files, and the server's address in the environment.

use std::net::IpAddr;
use std::path::Path;

use kube::config::{AuthInfo, Cluster};

use super::{
    Resolved, check_impersonation, check_server_name, check_verification, looked_for, only,
};
use super::{override_cluster, user::override_user};
use crate::lease::values;
use crate::server::ConnectionOptions;
use crate::server::error::ConfigError;

const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: &str = "KUBERNETES_SERVICE_PORT";

/// What the pod's environment and files say, the flags applied.
///
/// # Errors
/// Where this is no pod, its environment is of no use, or a flag chooses something that only a kubeconfig can have.
pub fn resolve(options: &ConnectionOptions) -> Result<Resolved, ConfigError> {
    chooses_nothing(options)?;
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let (host, port) = (variable(HOST), variable(PORT));
    if host.is_empty() {
        return Err(ConfigError::NoKubeconfig(looked_for()));
    }
    let mut cluster = Cluster {
        server: Some(address(&host, &port)?),
        certificate_authority: Some(format!("{FOLDER}/ca.crt")),
        ..Cluster::default()
    };
    let mut user = AuthInfo {
        token_file: Some(format!("{FOLDER}/token")),
        ..AuthInfo::default()
    };
    check_verification(&Cluster::default(), options, None)?;
    override_cluster(&mut cluster, options);
    override_user(&mut user, options);
    check_impersonation(&user, options)?;
    check_server_name(&cluster)?;
    let namespace = match &options.namespace {
        Some(_) => None,
        None => namespace()?,
    };
    Ok(Resolved {
        kubeconfig: only(cluster, user, namespace),
        proxy: None,
        cluster: None,
        user: None,
        context: None,
        in_pod: true,
    })
}

/// As kubectl: who names a context, a cluster or a user means that one, and never the pod's own.
fn chooses_nothing(options: &ConnectionOptions) -> Result<(), ConfigError> {
    let flags = [
        ("--context", "context", &options.context),
        ("--cluster", "cluster", &options.cluster),
        ("--user", "user", &options.user),
    ];
    let given = |(flag, kind, name): (_, _, &Option<String>)| Some((flag, kind, name.clone()?));
    match flags.into_iter().find_map(given) {
        Some((flag, kind, name)) => Err(ConfigError::NothingToChoose {
            flag,
            what: format!("{kind} {name:?}"),
            looked_for: looked_for(),
        }),
        None => Ok(()),
    }
}

fn address(host: &str, port: &str) -> Result<String, ConfigError> {
    let unusable = |why: String| ConfigError::File {
        what: format!("no kubeconfig, and this pod's environment is of no use: {why}"),
        next: format!(
            "Kubernetes sets {HOST} and {PORT} in every pod: set both, or give --server and --token"
        ),
    };
    let port: u16 = match port.parse() {
        Ok(port) => port,
        Err(_) if port.is_empty() => {
            return Err(unusable(format!("{HOST} is set, but {PORT} is not")));
        }
        Err(_) => return Err(unusable(format!("{PORT} is not a port: {port:?}"))),
    };
    let address = match host.parse() {
        Ok(IpAddr::V6(host)) => format!("https://[{host}]:{port}"),
        Ok(IpAddr::V4(_)) | Err(_) => format!("https://{host}:{port}"),
    };
    let usable = address
        .parse::<http::Uri>()
        .is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    match usable {
        true => Ok(address),
        false => Err(unusable(format!("{HOST} is not a host: {host:?}"))),
    }
}

/// As kubectl: the environment's, else the service account's.
///
/// # Errors
/// When that is no namespace.
pub fn namespace() -> Result<Option<String>, ConfigError> {
    let own = std::env::var("POD_NAMESPACE").ok();
    let own = own.filter(|name| !name.is_empty());
    let path = Path::new(FOLDER).join("namespace");
    let (name, from) = match own {
        Some(name) => (name, "POD_NAMESPACE".to_owned()),
        None => match std::fs::read_to_string(&path) {
            Ok(name) => (name, path.display().to_string()),
            Err(_) => return Ok(None),
        },
    };
    let name = name.trim();
    if name.is_empty() {
        return Ok(None);
    }
    values::namespace(name)
        .map(Some)
        .map_err(|why| ConfigError::File {
            what: format!("the namespace in {from} is {name:?}: {why}"),
            next: "Give --namespace, or correct it".to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_address_is_made_of_host_and_port() {
        for (host, port, wanted) in [
            ("10.0.0.1", "443", "https://10.0.0.1:443"),
            ("fd00::1", "6443", "https://[fd00::1]:6443"),
            ("api.example", "6443", "https://api.example:6443"),
        ] {
            assert_eq!(address(host, port).ok().as_deref(), Some(wanted));
        }
    }

    #[test]
    fn an_environment_of_no_use_names_the_variable() {
        let no_port = "HOST is set, but KUBERNETES_SERVICE_PORT is not";
        for (host, port, wanted) in [
            ("10.0.0.1", "", no_port),
            ("10.0.0.1", "https", "PORT is not a port: \"https\""),
            ("10.0.0.1", "70000", "PORT is not a port: \"70000\""),
            ("a b", "443", "HOST is not a host: \"a b\""),
        ] {
            let lines = address(host, port).map_or_else(|error| error.lines(), |uri| vec![uri]);
            let wanted = format!("KUBERNETES_SERVICE_{wanted}");
            assert!(lines[0].ends_with(&wanted), "{lines:?}");
        }
    }
}
