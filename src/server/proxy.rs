//! The proxy on the way to the server: the cluster's own, else the environment's by Go's rules
//! (golang.org/x/net/http/httpproxy), which are kubectl's.

use std::net::IpAddr;

use http::Uri;
use ipnet::IpNet;

use super::dial::has_usable_port;
use crate::server::error::ConfigError;
use crate::userinfo::redacted;

/// The proxy for `server`, with its user and password. `variable` reads the environment. (kube asks NO_PROXY about the
/// proxy instead of the server, and hyper-util heeds ALL_PROXY, which Go does not, so the choice is made here.)
///
/// # Errors
/// With where the address of one comes from that cannot be used.
pub fn of(
    of_cluster: Option<&str>,
    server: &Uri,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Uri>, ConfigError> {
    if let Some(url) = of_cluster {
        return self::of_cluster(url).map(Some);
    }
    let names = match server.scheme_str() {
        Some("https") => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    let first = |names: [&'static str; 2]| {
        let mut found = names
            .into_iter()
            .filter_map(|name| Some((name, variable(name)?)));
        found.find(|(_, value)| !value.is_empty())
    };
    let Some((name, value)) = first(names) else {
        return Ok(None);
    };
    let without = first(["NO_PROXY", "no_proxy"]).map(|(_, value)| value);
    if is_local(server) || is_excepted(server, &without.unwrap_or_default()) {
        return Ok(None);
    }
    let url = match value.contains("://") {
        true => value.clone(),
        false => format!("http://{value}"),
    };
    checked(&url).map(Some).map_err(|why| ConfigError::File {
        what: format!(
            "cannot use the proxy of {name}, {:?}: {why}",
            redacted(&value)
        ),
        next: format!(
            "Set {name} to one like http://host:3128, unset it, or name the server in NO_PROXY"
        ),
    })
}

/// The proxy-url of a cluster.
///
/// # Errors
/// With what is wrong with it.
pub fn of_cluster(url: &str) -> Result<Uri, ConfigError> {
    checked(url)
        .map_err(|why| ConfigError::Kubeconfig(format!("proxy-url {:?}: {why}", redacted(url))))
}

fn checked(url: &str) -> Result<Uri, String> {
    let uri: Uri = url
        .parse()
        .map_err(|error: http::uri::InvalidUri| format!("it is not an address: {error}"))?;
    match uri.scheme_str() {
        Some("http" | "https" | "socks5" | "socks5h") => {}
        Some(_) => return Err("only http, https and socks5 proxies are supported".to_owned()),
        None => return Err("it has to begin with http://, https:// or socks5://".to_owned()),
    }
    match uri.host() {
        None | Some("") => return Err("it is not an address: there is no host in it".to_owned()),
        Some(_) => {}
    }
    match has_usable_port(&uri) {
        true => Ok(uri),
        false => Err("its port is none (1 to 65535)".to_owned()),
    }
}

/// This machine itself, which Go never reaches through the environment's proxy.
pub fn is_local(server: &Uri) -> bool {
    let host = host(server);
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn host(server: &Uri) -> String {
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether NO_PROXY names the server: by address, network or name, each for one port only if it says so; `.name` is for
/// what is below it, `name` for itself too, `*` for all.
fn is_excepted(server: &Uri, without: &str) -> bool {
    let host = host(server);
    let address = host.parse::<IpAddr>().ok();
    let port = server.port_u16().unwrap_or(match server.scheme_str() {
        Some("https") => 443,
        _ => 80,
    });
    without.split(',').any(|entry| {
        let entry = entry.trim().to_ascii_lowercase();
        if entry == "*" {
            return true;
        }
        if let Ok(network) = entry.parse::<IpNet>() {
            return address.is_some_and(|address| network.contains(&address));
        }
        let (name, only) = parts(&entry);
        if name.is_empty() || only.is_some_and(|only| only != port) {
            return false;
        }
        if let Ok(excepted) = name.parse::<IpAddr>() {
            return address == Some(excepted);
        }
        let name = name
            .strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(name);
        match name.strip_prefix('.') {
            Some(_) => host.ends_with(name),
            None => {
                host == name
                    || host
                        .strip_suffix(name)
                        .is_some_and(|head| head.ends_with('.'))
            }
        }
    })
}

/// A name or address, and the port that stands behind it.
fn parts(entry: &str) -> (&str, Option<u16>) {
    if entry.parse::<IpAddr>().is_ok() {
        return (entry, None);
    }
    let split = entry.rsplit_once(':');
    let (name, port) = split.map_or((entry, None), |(name, port)| (name, port.parse().ok()));
    let name = if port.is_some() { name } else { entry };
    (name.trim_matches(['[', ']']), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(server: &str, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let server: Uri = server.parse().expect("it is one");
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        of(None, &server, variable)
            .map(|found| found.map(|uri| uri.to_string()))
            .map_err(|error| error.lines().join("\n"))
    }

    /// golang.org/x/net/http/httpproxy, FromEnvironment: upper case first, an empty one is none, and no ALL_PROXY.
    #[test]
    fn the_variables_are_gos() {
        let (tls, plain) = ("https://api.far:6443", "http://api.far:80");
        let p = "http://p:1/";
        for (server, variables, wanted) in [
            (tls, &[("HTTPS_PROXY", "http://p:1")][..], Some(p)),
            (tls, &[("https_proxy", "http://p:1")], Some(p)),
            (tls, &[("HTTPS_PROXY", ""), ("https_proxy", "p:1")], Some(p)),
            (
                tls,
                &[("https_proxy", "http://q:1"), ("HTTPS_PROXY", "p:1")],
                Some(p),
            ),
            (tls, &[("HTTP_PROXY", "http://p:1")], None),
            (plain, &[("HTTP_PROXY", "http://p:1")], Some(p)),
            (plain, &[("HTTPS_PROXY", "http://p:1")], None),
            (tls, &[("ALL_PROXY", "http://p:1")], None),
            (tls, &[("all_proxy", "socks5://p:1")], None),
            (tls, &[], None),
        ] {
            let wanted = Ok(wanted.map(str::to_owned));
            assert_eq!(proxy(server, variables), wanted, "{server} {variables:?}");
        }
    }

    #[test]
    fn no_proxy_is_read_as_go_reads_it() {
        let server = "https://api.far.example:6443";
        for (server, without, excepted) in [
            (server, "far.example", true),
            (server, ".far.example", true),
            (server, "*.far.example", true),
            (server, "API.far.example", true),
            (server, " other , api.far.example", true),
            (server, "api.far.example:6443", true),
            (server, "api.far.example:443", false),
            (server, ".api.far.example", false),
            (server, "ar.example", false),
            (server, "*", true),
            (server, "", false),
            (server, ",", false),
            ("https://api.far.example", "far.example:443", true),
            ("https://10.1.2.3:6443", "10.0.0.0/8", true),
            ("https://10.1.2.3:6443", "10.1.2.3", true),
            ("https://10.1.2.3:6443", "10.1.2.3:6443", true),
            ("https://10.1.2.3:6443", "10.1.2.3:443", false),
            ("https://10.1.2.3:6443", "11.0.0.0/8", false),
            ("https://[fd00::1]:6443", "fd00::/8", true),
            ("https://[fd00::1]:6443", "fd00::1", true),
            ("https://[fd00::1]:6443", "[fd00::1]:6443", true),
            ("https://127.0.0.1:6443", "", true),
            ("https://localhost:6443", "", true),
        ] {
            let variables = [("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", without)];
            let found = proxy(server, &variables).expect("it can be used");
            assert_eq!(found.is_none(), excepted, "{server} {without:?}");
        }
    }

    #[test]
    fn a_variable_that_cannot_be_used_is_named_without_its_password() {
        for (value, why) in [
            ("ftp://u:s3cret@p:1", "only http, https and socks5"),
            ("socks4://u:s3cret@p:1", "only http, https and socks5"),
            ("http://u:s3cret@p:99999", "its port is none"),
            ("http://u:s3cret@p:x", "its port is none"),
            ("http://u:s3cret@", "it is not an address"),
            ("http://", "it is not an address"),
            ("http://u:s3 cret@p:1", "it is not an address"),
            ("u:s3cret@[p", "it is not an address"),
        ] {
            let said = proxy("https://api.far", &[("https_proxy", value)]);
            let said = said.expect_err("it cannot be used");
            assert!(said.contains("the proxy of https_proxy, "), "{said}");
            assert!(said.contains(why), "{value}: {said}");
            assert!(!said.contains("s3"), "{said}");
            assert!(said.contains("\nSet https_proxy "), "{said}");
        }
    }
}
