//! What a kubeconfig and the flags may not say together, found before anything is asked.

use std::collections::HashSet;

use kube::config::{AuthInfo, Cluster, Kubeconfig};

use super::super::{ConnectionOptions, filled};
use crate::error::Error;

/// The first name that two entries of one list have, with what they are.
pub fn named_twice(config: &Kubeconfig) -> Option<String> {
    fn twice<'a>(names: impl Iterator<Item = &'a String>) -> Option<&'a String> {
        let mut seen = HashSet::new();
        names.into_iter().find(|name| !seen.insert(*name))
    }
    let clusters = twice(config.clusters.iter().map(|named| &named.name));
    let users = twice(config.auth_infos.iter().map(|named| &named.name));
    let contexts = twice(config.contexts.iter().map(|named| &named.name));
    let lists = [
        ("clusters", clusters),
        ("users", users),
        ("contexts", contexts),
    ];
    let found = lists
        .into_iter()
        .find_map(|(list, name)| Some((list, name?)));
    found.map(|(list, name)| format!("{list} are named {name:?}"))
}

/// As kubectl: whoever gives an authority wants the server to be verified, and nothing tells which of the two is meant. A flag
/// for one of them is an answer.
pub fn check_verification(
    cluster: &Cluster,
    options: &ConnectionOptions,
    name: Option<&str>,
) -> Result<(), Error> {
    let (insecure, authority) = (
        options.insecure_skip_tls_verify,
        options.certificate_authority.is_some(),
    );
    if insecure && authority {
        return Err(Error::Usage(
            "--insecure-skip-tls-verify and --certificate-authority exclude each other: give one"
                .to_owned(),
        ));
    }
    let both = cluster.insecure_skip_tls_verify == Some(true)
        && (filled(&cluster.certificate_authority) || filled(&cluster.certificate_authority_data));
    if both && !insecure && !authority {
        return Err(Error::Kubeconfig(format!(
            "cluster {:?} has insecure-skip-tls-verify and a certificate authority, which exclude each other: remove one",
            name.unwrap_or_default()
        )));
    }
    Ok(())
}

/// As kubectl: servers answer 500 to a group or uid without a user, which reads as a passing fault.
pub fn check_impersonation(user: &AuthInfo, options: &ConnectionOptions) -> Result<(), Error> {
    let nobody = user.impersonate.as_deref().unwrap_or_default().is_empty();
    let groups = user.impersonate_groups.as_deref().unwrap_or_default();
    let extra = user.impersonate_user_extra.iter().flatten().next();
    if !nobody || (groups.is_empty() && user.impersonate_uid.is_none() && extra.is_none()) {
        return Ok(());
    }
    let by_flag = !options.impersonate_groups.is_empty()
        || options.impersonate_uid.is_some()
        || !options.impersonate_extra.is_empty();
    Err(match by_flag {
        true => Error::Usage(
            "--as-group, --as-uid and --as-user-extra need a user to impersonate: give --as"
                .to_owned(),
        ),
        false => Error::Kubeconfig(
            "the user has as-groups, as-uid or as-user-extra, and nobody to impersonate: give it \"as\" too, or remove them"
                .to_owned(),
        ),
    })
}

/// The name that the server's certificate has to be for, if it is not the address's.
pub fn check_server_name(cluster: &Cluster) -> Result<(), Error> {
    match cluster.tls_server_name.as_deref() {
        Some(name) if rustls::pki_types::ServerName::try_from(name).is_err() => Err(Error::File {
            what: format!("cannot use the TLS server name {name:?}: it is no host name"),
            next: "Check --tls-server-name, or tls-server-name of the cluster in the kubeconfig"
                .to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}
