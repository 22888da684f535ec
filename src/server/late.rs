//! What a request that is not over in time is waiting for, in words.

use std::time::Duration;

use super::progress::Stage;
use super::{Connection, plugin};
use crate::lease::api::ConnectFailure;

/// What a request that is not over in time is waiting for.
pub enum Late {
    /// A credential plugin.
    Credentials(String),
    /// The connection; what about it, in words.
    Connection(String, ConnectFailure),
    /// The answer.
    Answer,
}

impl Connection {
    /// What a request has waited for, in vain for so long, that is not on its way yet.
    pub fn late(&self, stage: &Stage, limit: Duration) -> Late {
        let proxy = self.proxy();
        let (detail, why) = match (stage, proxy) {
            (Stage::Connected, _) => return Late::Answer,
            (Stage::Credentials, _) => {
                let plugin = plugin::name(&self.known().user());
                return Late::Credentials(format!("{plugin} gave no credentials within {limit:?}"));
            }
            (Stage::Name(_), Some(proxy)) => (
                format!("the proxy {proxy}: its name did not resolve within {limit:?}"),
                ConnectFailure::Proxy,
            ),
            (Stage::Name(name), None) => (
                format!("the name {name} did not resolve within {limit:?}"),
                ConnectFailure::Name,
            ),
            (Stage::Connecting, Some(proxy)) => (
                format!("no connection to the proxy {proxy} within {limit:?}"),
                ConnectFailure::Proxy,
            ),
            (Stage::Connecting | Stage::Proxy, None) => (
                format!("no connection within {limit:?}"),
                ConnectFailure::Silence,
            ),
            (Stage::Proxy, Some(proxy)) => (
                format!("no connection through the proxy {proxy} within {limit:?}"),
                ConnectFailure::Proxy,
            ),
            (Stage::Handshake, _) => (
                format!(
                    "it accepts connections, but did not answer the TLS handshake within {limit:?}"
                ),
                ConnectFailure::NoTls,
            ),
        };
        Late::Connection(detail, why)
    }
}
