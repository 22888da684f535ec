//! Every answer and error that is not success, as one of a closed set.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::super::api::{Fault, Rejection, RejectionKind, Trouble};

/// The closed set for everything that is not 2xx.
pub fn rejection(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |field: &str| answer[field].as_str().filter(|text| !text.is_empty());
    let message = text("message").map_or_else(
        || {
            let plain = String::from_utf8_lossy(body);
            let line = plain
                .lines()
                .find(|line| !line.trim().is_empty())
                .unwrap_or_default();
            let short: String = line.trim().chars().take(200).collect();
            if short.is_empty() {
                status.to_string()
            } else {
                short
            }
        },
        str::to_owned,
    );
    reject(
        status.as_u16(),
        text("reason"),
        &message,
        answer["details"]["kind"].as_str(),
        headers,
    )
}

fn reject(
    code: u16,
    reason: Option<&str>,
    message: &str,
    about: Option<&str>,
    headers: &HeaderMap,
) -> Fault {
    let kind = match code {
        401 => RejectionKind::Unauthorized,
        403 => RejectionKind::Forbidden,
        404 if about == Some("namespaces") => RejectionKind::NamespaceMissing,
        429 => RejectionKind::TooManyRequests {
            retry_after: headers
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .map(Duration::from_secs),
        },
        // A timeout, a lost etcd leader, an overloaded or restarting server: the write may have happened.
        408 | 500.. => {
            return Fault::Unknown(format!("the server answered {code}: {message}"));
        }
        _ => RejectionKind::Invalid,
    };
    let status = StatusCode::from_u16(code).ok();
    let reason = reason
        .map(str::to_owned)
        // No Status object: this is not the API's word that the Lease is absent, but something else's page.
        .or_else(|| (code == 404).then(|| "PageNotFound".to_owned()))
        .or_else(|| {
            status?
                .canonical_reason()
                .map(|words| words.replace(' ', ""))
        })
        .unwrap_or_else(|| "Unknown".to_owned());
    Fault::Rejected(Rejection {
        code,
        reason,
        message: message.to_owned(),
        kind,
    })
}

/// A request that brought no answer, or one that kube has read already.
pub fn fault_of(error: &kube::Error, server: &str) -> Fault {
    match error {
        kube::Error::Api(status) => {
            let about = status.details.as_ref().map(|details| details.kind.as_str());
            return reject(
                status.code,
                Some(&status.reason),
                &status.message,
                about,
                &HeaderMap::new(),
            );
        }
        kube::Error::Auth(error) => return Fault::NotSent(Trouble::Credentials(chain(error))),
        _ => {}
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut refused = false;
    let mut before_sending = false;
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<kube::client::AuthError>() {
            return Fault::NotSent(Trouble::Credentials(chain(error)));
        }
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            before_sending |= error.is_connect();
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            refused |= error.kind() == std::io::ErrorKind::ConnectionRefused;
        }
        cause = error.source();
    }
    match (before_sending, refused) {
        (true, true) => Fault::NotSent(Trouble::Refused {
            server: server.to_owned(),
        }),
        (true, false) => Fault::NotSent(Trouble::Connect {
            server: server.to_owned(),
            detail: chain(error),
        }),
        (false, _) => Fault::Unknown(chain(error)),
    }
}

/// An error with its causes, outermost first, each said once.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        // kube repeats its source in its own text
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        cause = error.source();
    }
    parts.dedup();
    parts.join(": ")
}
