//! What a kubeconfig and the flags may not say together, found before anything is asked.

use std::collections::HashSet;

use kube::config::{AuthInfo, Cluster, Kubeconfig};
use secrecy::{ExposeSecret, SecretString};

use super::super::{ConnectionOptions, filled};
use crate::server::error::ConfigError;

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

/// As kubectl: what a file that is of another kind means is not to be guessed. One that does not say is a kubeconfig.
pub fn of_another_kind(config: &Kubeconfig) -> Option<String> {
    let said = |field: &Option<String>, default: &str| {
        let said = field.clone().filter(|text| !text.is_empty());
        said.unwrap_or_else(|| default.to_owned())
    };
    let (kind, version) = (
        said(&config.kind, "Config"),
        said(&config.api_version, "v1"),
    );
    (kind != "Config" || version != "v1").then(|| {
        format!("kind {kind:?} of version {version:?} is not a kubeconfig, which has kind: Config and apiVersion: v1")
    })
}

/// As kubectl: whoever gives an authority wants the server to be verified, and nothing tells which of the two is meant. A flag
/// for one of them is an answer.
pub fn check_verification(
    cluster: &Cluster,
    options: &ConnectionOptions,
    name: Option<&str>,
) -> Result<(), ConfigError> {
    let (insecure, authority) = (
        options.insecure_skip_tls_verify,
        options.certificate_authority.is_some(),
    );
    if insecure && authority {
        return Err(ConfigError::Usage(
            "--insecure-skip-tls-verify and --certificate-authority exclude each other: give one"
                .to_owned(),
        ));
    }
    let both = cluster.insecure_skip_tls_verify == Some(true)
        && (filled(&cluster.certificate_authority) || filled(&cluster.certificate_authority_data));
    if both && !insecure && !authority {
        return Err(ConfigError::Kubeconfig(format!(
            "cluster {:?} has insecure-skip-tls-verify and a certificate authority, which exclude each other: remove one",
            name.unwrap_or_default()
        )));
    }
    Ok(())
}

/// As kubectl: of several ways to say who asks, nothing tells which is meant (`validateAuthInfo` in client-go). A flag for one of
/// them is an answer.
pub fn check_methods(user: &AuthInfo, name: Option<&str>) -> Result<(), ConfigError> {
    let name = name.unwrap_or_default();
    let refused = |what: &str| {
        Err(ConfigError::Kubeconfig(format!(
            "user {name:?} has {what}, which exclude each other: remove one"
        )))
    };
    let token = secret(&user.token) || filled(&user.token_file);
    if token && (filled(&user.username) || secret(&user.password)) {
        return refused("a token and a username or password");
    }
    if user.exec.is_some() && user.auth_provider.is_some() {
        return refused("an exec plugin and an auth-provider");
    }
    Ok(())
}

/// Whether it is there, and not empty.
pub fn secret(text: &Option<SecretString>) -> bool {
    (text.as_ref()).is_some_and(|text| !text.expose_secret().is_empty())
}

/// As kubectl: servers answer 500 to a group or uid without a user, which reads as a transient fault.
pub fn check_impersonation(
    user: &AuthInfo,
    options: &ConnectionOptions,
) -> Result<(), ConfigError> {
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
        true => ConfigError::Usage(
            "--as-group, --as-uid and --as-user-extra need a user to impersonate: give --as"
                .to_owned(),
        ),
        false => ConfigError::Kubeconfig(
            "the user has as-groups, as-uid or as-user-extra, and nobody to impersonate: give it \"as\" too, or remove them"
                .to_owned(),
        ),
    })
}

/// The name that the server's certificate has to be for, if it is not the address's.
pub fn check_server_name(cluster: &Cluster) -> Result<(), ConfigError> {
    match cluster.tls_server_name.as_deref() {
        Some(name) if rustls::pki_types::ServerName::try_from(name).is_err() => {
            Err(ConfigError::File {
                what: format!("cannot use the TLS server name {name:?}: it is not a host name"),
                next:
                    "Check --tls-server-name, or tls-server-name of the cluster in the kubeconfig"
                        .to_owned(),
            })
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn user(text: Value) -> AuthInfo {
        serde_json::from_value(text).expect("a user")
    }

    fn refusal(text: Value) -> Option<String> {
        let refused = check_methods(&user(text), Some("admin")).err()?;
        refused.lines().first().cloned()
    }

    #[test]
    fn of_two_ways_to_say_who_asks_none_is_chosen() {
        let exec = json!({ "command": "x" });
        let password = json!({ "username": "a", "password": "b", "token": "t" });
        let provider = json!({ "name": "gcp", "config": {} });
        let token = "a token and a username or password";
        let plugins = "an exec plugin and an auth-provider";
        for (both, what) in [
            (password, token),
            (json!({ "password": "b", "token": "t" }), token),
            (json!({ "username": "a", "tokenFile": "/t" }), token),
            (json!({ "exec": exec, "auth-provider": provider }), plugins),
        ] {
            let said = refusal(both.clone()).unwrap_or_default();
            let expected = format!(
                "error: cannot use the kubeconfig: user \"admin\" has {what}, which exclude each other: remove one"
            );
            assert_eq!(said, expected, "{both}");
        }
        for one in [
            json!({}),
            json!({ "username": "", "password": "", "token": "t" }),
            json!({ "username": "a", "password": "b", "token": "", "tokenFile": "" }),
            json!({ "token": "t", "tokenFile": "/t", "client-certificate": "/c", "client-key": "/k" }),
            json!({ "exec": exec, "token": "t" }),
        ] {
            assert_eq!(refusal(one.clone()), None, "{one}");
        }
    }

    #[test]
    fn a_file_of_another_kind_or_version_is_no_kubeconfig() {
        for (text, is_one) in [
            (json!({}), true),
            (json!({ "kind": "Config", "apiVersion": "v1" }), true),
            (json!({ "kind": "", "apiVersion": null }), true),
            (json!({ "kind": "Confg" }), false),
            (json!({ "kind": "config", "apiVersion": "v1" }), false),
            (json!({ "apiVersion": "v2" }), false),
            (json!({ "kind": "Pod", "apiVersion": "v1" }), false),
        ] {
            let config: Kubeconfig = serde_json::from_value(text.clone()).expect("it is read");
            assert_eq!(of_another_kind(&config).is_none(), is_one, "{text}");
        }
    }
}
