//! Why a request brought no answer: the error chains of names, TCP, proxies, TLS and HTTP, put into words.

mod tls;

use std::error::Error as StdError;
use std::io::ErrorKind;

use rustls::Error as TlsError;

use super::dial::DialError;
use super::progress::RequestProgress;
use crate::lease::api::ConnectFailure;
use crate::words::without_number;

/// What happened to a request.
pub enum Cause {
    /// Nothing listens at the server's address.
    Refused,
    /// No connection came about, for a reason in words.
    NoConnection(String, ConnectFailure),
    /// Whatever listens there does not speak HTTP; what it says instead.
    NoHttp(&'static str),
    /// The connection broke; in words.
    Broken(String),
}

/// Sorts an error by what is found along its chain, on a way with or without a proxy.
pub fn of(error: &kube::Error, progress: &RequestProgress, proxy: Option<&str>) -> Cause {
    let chain: Vec<&(dyn StdError + 'static)> = links(error).collect();
    let secure = chain
        .iter()
        .find_map(|link| link.downcast_ref::<TlsError>());
    let before_sending = chain.iter().any(|link| {
        link.downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect)
    });
    let handshake = secure.and_then(|error| match before_sending {
        true => Some(tls::handshake(error)),
        // Later on it is an answer that was damaged on its way.
        false => tls::against_client(error),
    });
    if let Some((detail, why)) = handshake {
        return Cause::NoConnection(detail, why);
    }
    let words = words(error);
    if !before_sending {
        let is = |test: fn(&hyper::Error) -> bool| {
            chain
                .iter()
                .any(|link| link.downcast_ref::<hyper::Error>().is_some_and(test))
        };
        return if is(hyper::Error::is_parse_too_large) {
            Cause::NoHttp("headers without end")
        } else if is(hyper::Error::is_parse) {
            Cause::NoHttp("not HTTP")
        } else {
            Cause::Broken(words)
        };
    }
    if let Some(proxy) = proxy {
        let detail = match progress.failure() {
            Some(failure) => failure,
            None => proxy_words(&words).to_owned(),
        };
        return Cause::NoConnection(
            format!("the proxy {proxy}: {detail}"),
            ConnectFailure::Proxy,
        );
    }
    match chain.iter().find_map(|link| link.downcast_ref()) {
        Some(DialError::Tcp(error)) if error.kind() == ErrorKind::ConnectionRefused => {
            Cause::Refused
        }
        Some(DialError::Tcp(error)) if error.kind() == ErrorKind::TimedOut => {
            Cause::NoConnection("it does not answer".to_owned(), ConnectFailure::Silence)
        }
        Some(error @ DialError::Name { .. }) => {
            Cause::NoConnection(error.to_string(), ConnectFailure::Name)
        }
        Some(error @ (DialError::Tcp(_) | DialError::NoHost)) => {
            Cause::NoConnection(error.to_string(), ConnectFailure::Other)
        }
        // hyper-rustls passes on what tokio-rustls says.
        None if words.contains("tls handshake eof") => Cause::NoConnection(
            "it closes the connection during the TLS handshake".to_owned(),
            ConnectFailure::NoTls,
        ),
        None => Cause::NoConnection(words, ConnectFailure::Other),
    }
}

/// What a proxy that was reached has against it. The types of hyper-util's errors are not public, so these are their words.
fn proxy_words(words: &str) -> &str {
    match words {
        "unsuccessful" => "it refuses to connect there",
        "proxy authorization required" => "it wants a user and a password",
        "unexpected end of file" => "it closes the connection",
        "proxy response headers too long" => "it answers with headers without end",
        "io error during SOCKS handshake" => "it closes the connection",
        "failed parsing server response" => "it does not speak SOCKS 5",
        words => words.trim_start_matches("io error establishing tunnel: "),
    }
}

/// The links of an error's chain; an I/O error's own error is one of them.
fn links(error: &kube::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    std::iter::from_fn(move || {
        let link = next?;
        next = match link
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::get_ref)
        {
            Some(Some(inner)) => Some(inner),
            _ => link.source(),
        };
        Some(link)
    })
}

/// What rustls says of a connection that ends without TLS's own farewell.
const CUT_OFF: &str = "peer closed connection without sending TLS close_notify";

/// An error with its causes, outermost first, each said once, without what only names a layer of the program.
pub fn words(error: &(dyn StdError + 'static)) -> String {
    const LAYERS: [&str; 10] = [
        "ServiceError: ",
        "HyperError: ",
        "client error (Connect)",
        "client error (SendRequest)",
        "connection error",
        "auth error: ",
        "tunnel error: ",
        "Failed to infer provided configuration: ",
        "rustls tls error: ",
        "SOCKS error: ",
    ];
    let mut parts: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let whole = match error.downcast_ref::<TlsError>() {
            Some(error) => tls::plain(error),
            None => error.to_string(),
        };
        let mut text = without_number(whole.lines().next().unwrap_or_default());
        for layer in LAYERS {
            text = text.strip_prefix(layer).unwrap_or(text);
        }
        let text = match text.trim_start_matches(": ") {
            // rustls goes on with the address of its manual.
            text if text.starts_with(CUT_OFF) => "the connection was closed",
            text => text,
        };
        // Some repeat their source in their own text.
        if !text.is_empty() && parts.last().is_none_or(|last| !last.contains(text)) {
            parts.push(text.to_owned());
        }
        cause = error.source();
    }
    if parts.is_empty() {
        return "the connection failed".to_owned();
    }
    // kube quotes paths twice.
    parts.join(": ").replace("'\"", "\"").replace("\"'", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_was_cut_off_is_told_without_the_address_of_a_manual() {
        let said = format!(
            "{CUT_OFF}: https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof"
        );
        let error = std::io::Error::new(ErrorKind::UnexpectedEof, said);
        assert_eq!(words(&error), "the connection was closed");
    }
}
