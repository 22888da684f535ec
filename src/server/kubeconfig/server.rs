//! The server's address as a kubeconfig and `--server` have it: with or without a scheme, a user and a password.

use http::Uri;
use kube::config::{AuthInfo, Cluster};

use super::super::{dial::has_usable_port, filled};
use super::user::without_credentials;
use crate::server::error::ConfigError;
use crate::userinfo::{self, redacted};

/// Makes the cluster's server a whole address: one without a scheme is https if anything about TLS is configured, else http.
/// As client-go: over plain http nothing goes out of what the user's entry says of who asks (`IsConfigTransportTLS`), for all on
/// the way to read. A user and a password in the address are basic authentication where nothing else says who asks.
///
/// # Errors
/// Where it is none.
pub fn settle(
    cluster: &mut Cluster,
    user: &mut AuthInfo,
    name: Option<&str>,
) -> Result<(), ConfigError> {
    let server = cluster.server.take().unwrap_or_default();
    let of = || match name {
        Some(name) => format!("cluster {name:?}"),
        None => "--server".to_owned(),
    };
    if server.is_empty() {
        return Err(ConfigError::Kubeconfig(format!("{} has no server", of())));
    }
    let tls = filled(&cluster.certificate_authority)
        || filled(&cluster.certificate_authority_data)
        || cluster.insecure_skip_tls_verify == Some(true)
        || filled(&user.client_certificate)
        || filled(&user.client_certificate_data);
    // From here on nothing has the password but the user's entry.
    let (without, user_info) = userinfo::split(&server);
    let address = match (without.contains("://"), tls) {
        (true, _) => without.into_owned(),
        (false, true) => format!("https://{without}"),
        (false, false) => format!("http://{without}"),
    };
    let parsed = address.parse::<Uri>().ok();
    let usable = parsed.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && has_usable_port(&uri)
    });
    if !usable {
        return Err(ConfigError::Kubeconfig(format!(
            "the server of {} is not an address: {:?}; one looks like https://host:6443",
            of(),
            redacted(&server)
        )));
    }
    if is_plain(&address) {
        without_credentials(user);
    }
    cluster.server = Some(address);
    let anonymous = user.token.is_none()
        && !filled(&user.token_file)
        && user.username.is_none()
        && user.exec.is_none()
        && user.auth_provider.is_none();
    if let Some(user_info) = user_info.filter(|_| anonymous) {
        user.username = Some(user_info.name);
        user.password = Some(user_info.password.into());
    }
    Ok(())
}

/// Whether a server's address is one without TLS.
pub fn is_plain(address: &str) -> bool {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(user: &AuthInfo) -> serde_json::Value {
        serde_json::to_value(user).expect("it is told")
    }

    fn settled(server: &str, mut user: AuthInfo) -> Result<(String, AuthInfo), String> {
        let mut cluster = Cluster {
            server: Some(server.to_owned()),
            ..Cluster::default()
        };
        match settle(&mut cluster, &mut user, Some("c")) {
            Ok(()) => Ok((cluster.server.unwrap_or_default(), user)),
            Err(error) => Err(error.lines().join("\n")),
        }
    }

    fn user(text: serde_json::Value) -> AuthInfo {
        serde_json::from_value(text).expect("a user")
    }

    #[test]
    fn a_user_in_the_address_asks_where_nobody_else_does() {
        let of = |server: &str, said: &serde_json::Value| {
            let (server, user) = settled(server, user(said.clone())).expect("it is an address");
            (server, told(&user))
        };
        let (token, named) = (
            json!({ "token": "t" }),
            json!({ "username": "u", "password": "pw" }),
        );
        for (server, said, address, wanted) in [
            ("https://u:pw@a:6443", &json!({}), "https://a:6443", &named),
            ("https://u:pw@a:6443", &token, "https://a:6443", &token),
            ("http://u:pw@a:6443", &token, "http://a:6443", &named),
            ("u:pw@a:6443", &token, "http://a:6443", &named),
        ] {
            let found = of(server, said);
            assert_eq!(
                found,
                (address.to_owned(), wanted.clone()),
                "{server} {said}"
            );
        }
    }

    /// Seen of kubectl 1.32: `--as` goes out all the same.
    #[test]
    fn nothing_that_says_who_asks_goes_out_over_plain_http() {
        let of = |server: &str, said: &serde_json::Value| {
            let (_, user) = settled(server, user(said.clone())).expect("it is an address");
            told(&user)
        };
        for said in [
            json!({ "token": "t" }),
            json!({ "tokenFile": "/t" }),
            json!({ "username": "v", "password": "w" }),
            json!({ "exec": { "command": "x" } }),
            json!({ "auth-provider": { "name": "oidc", "config": { "id-token": "t" } } }),
        ] {
            let whole = told(&user(said.clone()));
            assert_eq!(of("https://a", &said), whole, "{said}");
            for server in ["http://a", "HTTP://a:80", "a:6443"] {
                assert_eq!(of(server, &said), json!({}), "{server} {said}");
            }
            let mut acting = said;
            acting["as"] = json!("carol");
            assert_eq!(of("http://a", &acting), json!({ "as": "carol" }));
        }
    }

    #[test]
    fn an_address_that_is_none_is_shown_without_its_password() {
        for server in [
            "ftp://u:s3cret@a",
            "https://u:s3cret@",
            "https://u:s3cret@a:b",
            "https://u:s3/cret@a",
            "u:s3cret@",
        ] {
            let said = settled(server, AuthInfo::default()).expect_err("it is none");
            assert!(said.contains("is not an address"), "{said}");
            assert!(!said.contains("s3") && !said.contains("cret"), "{said}");
        }
    }
}
