//! The user and password that an address may have before its host (RFC 3986, section 3.2.1): taken out, or shown without
//! the password. Whatever shows an address that somebody typed shows it through [`redacted`].

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What an address has before the `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserInfo {
    /// The user, decoded.
    pub name: String,
    /// The password, decoded; empty without one.
    pub password: String,
}

/// `address` as it may be shown: `xxxxx` stands for the password, as in Go's `URL.Redacted`, and for a name without a
/// password, which may be a token. A password with a `/` in it that nobody escaped makes the text no address, but is a
/// password still: all before the last `@` counts.
pub fn redacted(address: &str) -> Cow<'_, str> {
    let (scheme, rest) = after_scheme(address);
    let Some((user_info, host)) = rest.rsplit_once('@') else {
        return Cow::Borrowed(address);
    };
    let shown = match user_info.split_once(':') {
        Some((name, _)) => format!("{name}:xxxxx"),
        None => "xxxxx".to_owned(),
    };
    Cow::Owned(format!("{scheme}{shown}@{host}"))
}

/// `address` without its user and password, and these.
pub fn split(address: &str) -> (Cow<'_, str>, Option<UserInfo>) {
    let (scheme, rest) = after_scheme(address);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((user_info, host)) = authority.rsplit_once('@') else {
        return (Cow::Borrowed(address), None);
    };
    let (name, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user_info = UserInfo {
        name: decoded(name),
        password: decoded(password),
    };
    (Cow::Owned(format!("{scheme}{host}{path}")), Some(user_info))
}

/// The scheme with its `://`, and the rest.
fn after_scheme(address: &str) -> (&str, &str) {
    let end = address.find("://").map_or(0, |at| at + "://".len());
    // Those of a password are no scheme's.
    match address[..end].contains('@') {
        true => ("", address),
        false => address.split_at(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown_whatever_is_wrong_with_the_address() {
        for (address, wanted) in [
            ("https://host:6443", "https://host:6443"),
            ("https://u:pw@host:6443/p", "https://u:xxxxx@host:6443/p"),
            ("u:pw@host:6443", "u:xxxxx@host:6443"),
            ("https://u:@host", "https://u:xxxxx@host"),
            ("https://token@host", "https://xxxxx@host"),
            ("https://u:p@w@host", "https://u:xxxxx@host"),
            ("https://u:p/w@host", "https://u:xxxxx@host"),
            ("https://u:p?w#x@host", "https://u:xxxxx@host"),
            ("https://u:p w@host", "https://u:xxxxx@host"),
            ("https://u:p://w@host", "https://u:xxxxx@host"),
            ("u:p@://w@host", "u:xxxxx@host"),
            ("http:/u:pw@host", "http:xxxxx@host"),
            ("@", "xxxxx@"),
            ("", ""),
        ] {
            assert_eq!(redacted(address), wanted, "{address}");
        }
    }

    #[test]
    fn what_is_before_the_host_is_taken_out_decoded() {
        let of = |name: &str, password: &str| {
            Some(UserInfo {
                name: name.to_owned(),
                password: password.to_owned(),
            })
        };
        for (address, wanted, user_info) in [
            ("https://host/a@b", "https://host/a@b", None),
            ("https://u:pw@host:1/p", "https://host:1/p", of("u", "pw")),
            ("u:p%40w@host", "host", of("u", "p@w")),
            ("https://u@[::1]:1", "https://[::1]:1", of("u", "")),
        ] {
            assert_eq!(split(address), (wanted.into(), user_info), "{address}");
        }
    }
}
