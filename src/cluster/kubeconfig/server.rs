//! The server's address as a kubeconfig and `--server` have it: with or without a scheme, a user and a password.

use http::Uri;
use kube::config::{AuthInfo, Cluster};

use super::super::{dial::has_usable_port, filled};
use crate::error::Error;
use crate::userinfo::{self, redacted};

/// Makes the cluster's server a whole address. As kubectl: one without a scheme is https if anything about TLS is
/// configured, else http; a user and a password in it are basic authentication where nothing else says who asks.
///
/// # Errors
/// Where it is none.
pub fn settle(cluster: &mut Cluster, user: &mut AuthInfo, name: Option<&str>) -> Result<(), Error> {
    let server = cluster.server.take().unwrap_or_default();
    let of = || match name {
        Some(name) => format!("cluster {name:?}"),
        None => "--server".to_owned(),
    };
    if server.is_empty() {
        return Err(Error::Kubeconfig(format!("{} has no server", of())));
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
        return Err(Error::Kubeconfig(format!(
            "the server of {} is no address: {:?}; one looks like https://host:6443",
            of(),
            redacted(&server)
        )));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(server: &str, mut user: AuthInfo) -> Result<(String, Option<String>), String> {
        let mut cluster = Cluster {
            server: Some(server.to_owned()),
            ..Cluster::default()
        };
        match settle(&mut cluster, &mut user, Some("c")) {
            Ok(()) => Ok((cluster.server.unwrap_or_default(), user.username)),
            Err(error) => Err(error.lines().join("\n")),
        }
    }

    #[test]
    fn a_user_in_the_address_asks_where_nobody_else_does() {
        let of = |server: &str, user| settled(server, user).expect("it is an address");
        let named = |name: &str| Some(name.to_owned());
        let (server, user) = of("https://u:pw@a:6443", AuthInfo::default());
        assert_eq!((server.as_str(), user), ("https://a:6443", named("u")));
        let token = AuthInfo {
            token: Some("t".to_owned().into()),
            ..AuthInfo::default()
        };
        let (server, user) = of("u:pw@a:6443", token);
        assert_eq!((server.as_str(), user), ("http://a:6443", None));
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
            assert!(said.contains("is no address"), "{said}");
            assert!(!said.contains("s3") && !said.contains("cret"), "{said}");
        }
    }
}
