//! The head of a request: its address, and credentials and names as values of headers, trimmed and checked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Uri};
use kube::config::AuthInfo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::ConnectionOptions;
use crate::server::error::ConfigError;

/// What the name of a header cannot have in it (RFC 9110, section 5.6.2), and the mark of what is escaped; as client-go's
/// `headerKeyEscape`.
const UNNAMEABLE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'*')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The request's path and query below the server's address, whose own path is kept (Rancher has one); `None` if that is
/// longer than an address can be.
pub fn below(server: &Uri, request: &Uri) -> Option<Uri> {
    let path = request.path_and_query()?;
    let mut parts = server.clone().into_parts();
    let own = server.path().trim_end_matches('/');
    parts.path_and_query = Some(format!("{own}{path}").parse().ok()?);
    let whole = Uri::from_parts(parts).ok()?;
    // Parts are not held to the limit of the whole, which whoever parses it next is.
    whole.to_string().parse().ok()
}

/// `Authorization: Bearer …`. A token of a file ends with a newline more often than not, and client-go trims those
/// (`strings.TrimSpace` in transport/token_source.go); the others are forgiven the same.
///
/// # Errors
/// With why the token, which `from` names, cannot be sent; the token is no part of it.
pub fn bearer(token: &str, from: &str) -> Result<HeaderValue, String> {
    let token = token.trim();
    if token.is_empty() {
        return Err(format!("{from} is empty"));
    }
    secret(format!("Bearer {token}")).ok_or_else(|| unsendable(from, token))
}

/// `Authorization: Basic …`. The encoding makes any user and password a value that can be sent.
///
/// # Errors
/// None that is known; no input may panic.
pub fn basic(user: &str, password: &str) -> Result<HeaderValue, String> {
    let pair = STANDARD.encode(format!("{user}:{password}"));
    secret(format!("Basic {pair}")).ok_or_else(|| "the password cannot be sent".to_owned())
}

fn secret(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn unsendable(from: &str, text: &str) -> String {
    let what = if text.contains(['\n', '\r']) {
        "more than one line"
    } else if text.contains('\0') {
        "a NUL character"
    } else {
        "a control character"
    };
    format!("{from} contains {what}, which no HTTP header can carry")
}

/// The headers that impersonate, taken out of `user`: kube makes them of ASCII only, and does not say which one is
/// wrong.
///
/// # Errors
/// With the flag, or the field of the kubeconfig, that no header can carry.
pub fn impersonation(
    user: &mut AuthInfo,
    options: &ConnectionOptions,
) -> Result<Vec<(HeaderName, HeaderValue)>, ConfigError> {
    let value = |text: &str, flag: &str, field: &str, by_flag: bool| {
        let value = HeaderValue::from_bytes(text.as_bytes());
        value.map_err(|_| {
            if by_flag {
                ConfigError::Usage(unsendable(&format!("{flag} {text:?}"), text))
            } else {
                let from = format!("{field:?} of the user in the kubeconfig, {text:?},");
                ConfigError::Kubeconfig(unsendable(&from, text))
            }
        })
    };
    let mut headers = Vec::new();
    if let Some(name) = user.impersonate.take() {
        let value = value(&name, "--as", "as", options.impersonate.is_some())?;
        headers.push((HeaderName::from_static("impersonate-user"), value));
    }
    if let Some(uid) = user.impersonate_uid.take() {
        let by_flag = options.impersonate_uid.is_some();
        let value = value(&uid, "--as-uid", "as-uid", by_flag)?;
        headers.push((HeaderName::from_static("impersonate-uid"), value));
    }
    for group in user.impersonate_groups.take().unwrap_or_default() {
        let by_flag = !options.impersonate_groups.is_empty();
        let value = value(&group, "--as-group", "as-groups", by_flag)?;
        headers.push((HeaderName::from_static("impersonate-group"), value));
    }
    for (key, values) in user.impersonate_user_extra.take().into_iter().flatten() {
        let (flag, field) = (format!("--as-user-extra {key}="), "as-user-extra");
        let by_flag = options.impersonate_extra.iter().any(|(of, _)| *of == key);
        let escaped = utf8_percent_encode(&key, UNNAMEABLE);
        let name = HeaderName::try_from(format!("impersonate-extra-{escaped}"));
        let name = name.map_err(|_| {
            ConfigError::Usage(format!("{flag:?} has too long a key for an HTTP header"))
        })?;
        for text in values {
            headers.push((name.clone(), value(&text, &flag, field, by_flag)?));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_below_the_path_of_its_server() {
        let request = Uri::from_static("/apis?limit=1");
        let whole = |server: &str| {
            let server: Uri = server.parse().expect("it is one");
            below(&server, &request).map(|whole| whole.to_string())
        };
        let of = |text: &str| Some(text.to_owned());
        assert_eq!(whole("https://a:6443"), of("https://a:6443/apis?limit=1"));
        assert_eq!(
            whole("https://a/k8s/c-1/"),
            of("https://a/k8s/c-1/apis?limit=1")
        );
        assert_eq!(whole("https://a/x?y=z"), of("https://a/x/apis?limit=1"));
        let long = format!("https://a/{}", "x".repeat(65_520));
        assert_eq!(whole(&long), None);
    }

    #[test]
    fn a_token_is_trimmed_and_what_no_header_carries_is_named_without_it() {
        for token in ["abc", " abc\n", "\tabc\r\n\n", "abc\n"] {
            let value = bearer(token, "the token").expect("it can be sent");
            assert_eq!(value.as_bytes(), b"Bearer abc");
            assert!(value.is_sensitive());
        }
        for (token, why) in [
            ("", "is empty"),
            (" \n\t", "is empty"),
            ("s3cret\nline", "contains more than one line, which no"),
            ("s3cret\rline", "contains more than one line, which no"),
            ("s3cret\0", "contains a NUL character, which no"),
            ("s3cret\x1b[0m", "contains a control character, which no"),
            ("s3cret\x7f", "contains a control character, which no"),
        ] {
            let said = bearer(token, "the token").expect_err("it cannot be sent");
            let why = why.replace("which no", "which no HTTP header can carry");
            assert_eq!(said, format!("the token {why}"));
            assert!(!said.contains("s3cret"));
        }
    }

    /// As in Go, whose servers compare bytes.
    #[test]
    fn other_scripts_are_sent_as_they_are() {
        let value = bearer("schlüssel", "the token").expect("it can be sent");
        assert_eq!(value.as_bytes(), "Bearer schlüssel".as_bytes());
        let mut user = AuthInfo {
            impersonate: Some("zoë".to_owned()),
            ..AuthInfo::default()
        };
        let headers =
            impersonation(&mut user, &ConnectionOptions::default()).expect("it can be sent");
        assert_eq!(headers[0].1.as_bytes(), "zoë".as_bytes());
    }

    /// client-go's headerKeyEscape, and its values in their order.
    #[test]
    fn what_else_is_known_of_who_is_impersonated_is_sent_with_its_key_escaped() {
        for (key, name) in [
            ("scopes", "impersonate-extra-scopes"),
            ("Reason", "impersonate-extra-reason"),
            ("example.com/team", "impersonate-extra-example.com%2fteam"),
            ("a%b c", "impersonate-extra-a%25b%20c"),
            ("é", "impersonate-extra-%c3%a9"),
        ] {
            let values = vec!["one".to_owned(), "zoë".to_owned()];
            let mut user = AuthInfo {
                impersonate_user_extra: Some([(key.to_owned(), values)].into()),
                ..AuthInfo::default()
            };
            let headers =
                impersonation(&mut user, &ConnectionOptions::default()).expect("it can be sent");
            let sent = headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_bytes()));
            let wanted = [(name, &b"one"[..]), (name, "zoë".as_bytes())];
            assert_eq!(sent.collect::<Vec<_>>(), wanted);
            assert_eq!(user.impersonate_user_extra, None);
        }
    }

    #[test]
    fn a_user_and_password_are_sent_whatever_they_are_made_of() {
        let value = basic("ad\nmin", "pass\0wörd").expect("it can be sent");
        assert!(value.as_bytes().starts_with(b"Basic "));
    }

    #[test]
    fn a_name_to_impersonate_that_no_header_carries_is_named() {
        let named = |user: AuthInfo, options: &ConnectionOptions| {
            impersonation(&mut user.clone(), options)
                .expect_err("it cannot be sent")
                .lines()
                .join("\n")
        };
        let flags = ConnectionOptions {
            impersonate: Some("a\nb".to_owned()),
            impersonate_groups: vec!["g\0".to_owned()],
            impersonate_uid: Some("u\r".to_owned()),
            ..ConnectionOptions::default()
        };
        let none = ConnectionOptions::default();
        let by = |edit: fn(&mut AuthInfo)| {
            let mut user = AuthInfo::default();
            edit(&mut user);
            user
        };
        let name = by(|it| it.impersonate = Some("a\nb".to_owned()));
        let group = by(|it| it.impersonate_groups = Some(vec!["g\0".to_owned()]));
        let uid = by(|it| it.impersonate_uid = Some("u\r".to_owned()));
        let extra = by(|it| {
            let values = vec!["v\n".to_owned()];
            it.impersonate_user_extra = Some([("k".to_owned(), values)].into());
        });
        for (user, flags, what) in [
            (&name, &flags, "--as \"a\\nb\" contains more than one line"),
            (&name, &none, "\"as\" of the user in the kubeconfig"),
            (&group, &flags, "--as-group \"g\\0\" contains a NUL"),
            (
                &uid,
                &flags,
                "--as-uid \"u\\r\" contains more than one line",
            ),
            (&extra, &flags, "as-user-extra"),
        ] {
            let said = named(user.clone(), flags);
            assert!(said.contains(what), "{said}");
        }
    }
}
