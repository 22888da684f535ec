//! Every answer and error that is not success, as one of a closed set.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::clock;
use crate::lease::api::{Fault, Rejection, RejectionKind, TransportError};
use crate::server::cause::{self, Cause};
use crate::server::progress::{RequestProgress, Stage};
use crate::server::{Connection, Late};
use crate::userinfo::redacted;

/// The longest part of an answer's own text that is worth a line.
const SHORT: usize = 200;

/// The closed set for everything that is not 2xx.
pub fn rejection(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    connection: &Connection,
) -> Fault {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |field: &str| answer[field].as_str().filter(|text| !text.is_empty());
    if status.is_redirection() {
        let to = headers.get(header::LOCATION);
        let to = to.and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
        return Fault::Foreign {
            server: connection.server(),
            answer: format!("a redirection to {}", redacted(to)),
        };
    }
    let message = text("message").map(str::to_owned);
    let message = message
        .or_else(|| plain(body))
        .unwrap_or_else(|| status.to_string());
    let (code, reason) = (status.as_u16(), text("reason"));
    // Gateways may drop the details.
    let about = answer["details"]["kind"].as_str();
    let about = about.or_else(|| message.split([' ', '.']).next());
    let mut advice = None;
    let kind = match (code, about) {
        (401, _) => {
            advice = Some(connection.unauthorized());
            RejectionKind::Unauthorized
        }
        (403, _) => {
            // A path that no role names is forbidden before it is found to be none.
            advice = if message.contains("\"system:anonymous\"") {
                Some(connection.unauthorized())
            } else if message.contains(" cannot ") && message.contains(" path \"") {
                Some(connection.not_served())
            } else {
                None
            };
            RejectionKind::Forbidden
        }
        (404, Some("namespaces")) => RejectionKind::NamespaceMissing,
        (404, Some("leases")) if reason.is_some() => RejectionKind::LeaseMissing,
        (404, _) => {
            advice = Some(connection.not_served());
            RejectionKind::NotServed
        }
        // Go's and nginx's words for it.
        (400, _) if message.contains("HTTP request") && message.contains("HTTPS") => {
            advice = Some(format!(
                "{} has to begin with https: check the server in the kubeconfig, or --server",
                connection.server()
            ));
            RejectionKind::Invalid
        }
        (409, _) => RejectionKind::Conflict,
        (410, _) => RejectionKind::Gone,
        (429, _) => RejectionKind::TooManyRequests {
            retry_after: headers
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .map(Duration::from_secs),
        },
        // A timeout, a lost etcd leader, an overloaded or restarting server: the write may have happened.
        (408 | 500.., _) => {
            return Fault::Unknown(format!("the server answered {code}: {message}"));
        }
        _ => RejectionKind::Invalid,
    };
    let is_status = reason.is_some();
    let reason = reason
        .map(str::to_owned)
        // No Status object: this is not the API's word that the Lease is absent, but something else's page.
        .or_else(|| (code == 404).then(|| "PageNotFound".to_owned()))
        .or_else(|| Some(status.canonical_reason()?.replace(' ', "")))
        .unwrap_or_else(|| "Unknown".to_owned());
    Fault::Rejected(Rejection {
        code,
        reason,
        message,
        kind,
        advice,
        is_status,
    })
}

/// A 200 with something that is not what was asked for.
pub fn foreign(body: &[u8], wanted: &str, connection: &Connection) -> Fault {
    let answer = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(object)) => match object.get("kind").and_then(Value::as_str) {
            Some(kind) => format!("{kind:?}, not {wanted}"),
            None => format!("JSON that is not {wanted}"),
        },
        Ok(_) => format!("JSON that is not {wanted}"),
        Err(_) => plain(body).unwrap_or_else(|| "nothing".to_owned()),
    };
    Fault::Foreign {
        server: connection.server(),
        answer,
    }
}

/// What a page says, in one line: the title of HTML, else the first line with text.
fn plain(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let short = |text: &str| -> String { text.trim().chars().take(SHORT).collect() };
    let begins = text.trim_start();
    if begins.starts_with('<') {
        let lower = begins.to_ascii_lowercase();
        let title = lower
            .find("<title>")
            .zip(lower.find("</title>"))
            .and_then(|(from, to)| begins.get(from + "<title>".len()..to))
            .map(short)
            .filter(|title| !title.is_empty());
        return Some(match title {
            Some(title) => format!("an HTML page, {title:?}"),
            None => "an HTML page".to_owned(),
        });
    }
    text.lines().map(short).find(|line| !line.is_empty())
}

/// A request that is not over within `limit` and had got so far; `None` once it was sent.
pub fn late(stage: Option<Stage>, limit: Duration, connection: &Connection) -> Fault {
    let limit = clock::told(limit);
    match stage.map_or(Late::Answer, |stage| connection.late(&stage, limit)) {
        Late::Answer => Fault::Unknown(format!("no answer within {limit:?}")),
        Late::Credentials(detail) => Fault::NotSent(TransportError::Slow(detail)),
        Late::Connection(detail, why) => Fault::NotSent(TransportError::Connect {
            server: connection.server(),
            detail,
            why,
        }),
    }
}

/// A request that brought no answer.
pub fn fault_of(error: &kube::Error, progress: &RequestProgress, connection: &Connection) -> Fault {
    let server = connection.server();
    match cause::of(error, progress, connection.proxy().as_deref()) {
        Cause::Refused => Fault::NotSent(TransportError::Refused { server }),
        Cause::NoConnection(detail, why) => Fault::NotSent(TransportError::Connect {
            server,
            detail,
            why,
        }),
        Cause::NoHttp(answer) => Fault::Foreign {
            server,
            answer: answer.to_owned(),
        },
        Cause::Broken(detail) => Fault::Unknown(detail),
    }
}
