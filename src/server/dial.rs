//! TCP connections to hosts by name: every address gets its chance before the first has used up the time there is.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::names::Names;
use super::progress::{RequestProgress, Stage};
use crate::clock::{Clock, Instant, SystemClock};
use crate::words::without_number;

/// The next address is tried beside the earlier ones after this. RFC 8305 ("Happy Eyeballs Version 2", section 5) has 100 ms as the least that a
/// client should wait; an attempt to renew a lease of 2 s has 333 ms.
const NEXT_AFTER: Duration = Duration::from_millis(100);

/// How long a TCP connection may take to come up, all addresses together.
const LIMIT: Duration = Duration::from_secs(10);

/// Makes TCP connections. Clones share what they know about names and addresses.
#[derive(Clone, Default)]
pub struct Dial {
    names: Names,
    /// When an address was last tried that no connection, TLS included, came up to since.
    tried: Arc<Mutex<HashMap<IpAddr, Instant>>>,
}

/// Why there is no TCP connection.
#[derive(Debug)]
pub enum DialError {
    /// The address has no host.
    NoHost,
    /// The host's name does not resolve; the resolver's words.
    Name {
        /// The name.
        host: String,
        /// The resolver's words.
        detail: String,
    },
    /// No address of the host could be connected to; the first one's error.
    Tcp(io::Error),
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHost => f.write_str("the address has no host"),
            Self::Name { host, detail } => {
                write!(f, "the name {host} does not resolve ({detail})")
            }
            Self::Tcp(error) => f.write_str(without_number(&error.to_string())),
        }
    }
}

impl StdError for DialError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Tcp(error) => Some(error),
            Self::NoHost | Self::Name { .. } => None,
        }
    }
}

impl tower::Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (dial, progress) = (self.clone(), RequestProgress::current());
        Box::pin(async move {
            let connected = dial.connect(&to, &progress).await;
            connected.inspect_err(|error| progress.note_failure(error.to_string()))
        })
    }
}

/// Whether what stands where an address has its port is one, if anything does.
pub fn has_usable_port(address: &Uri) -> bool {
    let authority = address
        .authority()
        .map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    let after = match (host.rfind(']'), host.find(':')) {
        (Some(end), _) => &host[end + 1..],
        (None, Some(colon)) => &host[colon..],
        (None, None) => "",
    };
    matches!(after, "" | ":") || address.port_u16().is_some_and(|port| port != 0)
}

impl Dial {
    async fn connect(
        &self,
        to: &Uri,
        progress: &RequestProgress,
    ) -> Result<TokioIo<TcpStream>, DialError> {
        let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(DialError::NoHost);
        }
        let port = to.port_u16().unwrap_or(match to.scheme_str() {
            Some("https") => 443,
            Some("socks5" | "socks5h") => 1080,
            _ => 80,
        });
        progress.reach(Stage::Name(host.to_owned()));
        let found = self.names.resolve(host).await;
        let found = found.map_err(|answer| DialError::Name {
            host: host.to_owned(),
            detail: match answer.as_ref() {
                Ok(_) => "no addresses".to_owned(),
                Err(error) => {
                    let text = error.to_string();
                    // "failed to lookup address information: …"
                    text.rsplit(": ").next().unwrap_or(&text).to_owned()
                }
            },
        })?;
        progress.reach(Stage::Connecting);
        let attempt = |address: IpAddr| {
            self.note_tried(address);
            TcpStream::connect(SocketAddr::new(address, port))
        };
        let first = first(self.likeliest(found), attempt);
        let first = tokio::time::timeout(LIMIT, first).await;
        let (address, stream) = first
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(DialError::Tcp)?;
        // Whoever listens at an address that the name leads to by mistake may take connections too.
        let (dial, host) = (self.clone(), host.to_owned());
        progress.when_connected(move || dial.note_worked(&host, address));
        // With Nagle's algorithm on, a request in two packets waits for the peer's delayed ACK: 40 ms on loopback.
        stream.set_nodelay(true).map_err(DialError::Tcp)?;
        Ok(TokioIo::new(stream))
    }

    /// Those that came to nothing the last time come last, the longest ago of them first.
    fn likeliest(&self, mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.sort_by_key(|address| tried.get(address).copied());
        addresses
    }

    fn note_tried(&self, address: IpAddr) {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.insert(address, SystemClock.now());
    }

    fn note_worked(&self, host: &str, address: IpAddr) {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.remove(&address);
        self.names.note_worked(host, address);
    }
}

/// The first address that `attempt` succeeds with. One that fails is followed by the next at once, one that is silent
/// by the next beside it.
async fn first<T, F: Future<Output = io::Result<T>>>(
    addresses: Vec<IpAddr>,
    attempt: impl Fn(IpAddr) -> F,
) -> io::Result<(IpAddr, T)> {
    let mut rest = addresses.into_iter().peekable();
    let mut running = FuturesUnordered::new();
    let mut failed = None;
    let try_one = |address| {
        let attempt = attempt(address);
        async move { (address, attempt.await) }
    };
    loop {
        if let Some(address) = rest.next() {
            running.push(try_one(address));
        }
        loop {
            tokio::select! {
                biased;
                ended = running.next() => match ended {
                    Some((address, Ok(stream))) => return Ok((address, stream)),
                    Some((_, Err(error))) => {
                        failed.get_or_insert(error);
                        if rest.peek().is_some() {
                            break;
                        }
                    }
                    None => {
                        let none = || io::ErrorKind::AddrNotAvailable.into();
                        return Err(failed.unwrap_or_else(none));
                    }
                },
                () = tokio::time::sleep(NEXT_AFTER), if rest.peek().is_some() => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(last: &[u8]) -> Vec<IpAddr> {
        last.iter()
            .map(|last| IpAddr::from([10, 0, 0, *last]))
            .collect()
    }

    /// 1 to 9 are silent, 10 to 19 refuse, the others answer.
    async fn behaves(address: IpAddr) -> io::Result<()> {
        match address {
            IpAddr::V4(address) if address.octets()[3] < 10 => std::future::pending().await,
            IpAddr::V4(address) if address.octets()[3] < 20 => {
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            _ => Ok(()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silent_addresses_cost_a_tenth_of_a_second_each_and_refusing_ones_nothing() {
        for (addresses, tenths) in [
            (ips(&[20]), 0),
            (ips(&[10, 11, 20]), 0),
            (ips(&[1, 20]), 1),
            (ips(&[1, 10, 2, 11, 20]), 2),
        ] {
            let wanted = addresses.last().copied();
            let begun = tokio::time::sleep(Duration::ZERO).deadline();
            let (address, ()) = first(addresses, behaves).await.expect("one answers");
            let ended = tokio::time::sleep(Duration::ZERO).deadline();
            assert_eq!(Some(address), wanted);
            let took = ended.duration_since(begun).as_millis();
            assert!((tenths * 100..tenths * 100 + 5).contains(&took), "{took}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_refuse_that_is_said() {
        let error = first(ips(&[10, 11]), behaves)
            .await
            .expect_err("all refuse");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn an_address_that_was_tried_in_vain_comes_last_the_next_time() {
        let dial = Dial::default();
        let all = ips(&[1, 2, 3]);
        dial.note_tried(all[0]);
        assert_eq!(dial.likeliest(all.clone()), ips(&[2, 3, 1]));
        dial.note_tried(all[1]);
        assert_eq!(dial.likeliest(all.clone()), ips(&[3, 1, 2]));
        dial.note_worked("api.example", all[0]);
        assert_eq!(dial.likeliest(all), ips(&[1, 3, 2]));
    }
}
