//! The addresses of hosts: what the system's resolver says, and what worked before where it says nothing.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Clock, Instant, SystemClock};

/// How long a lookup may take where there are addresses that worked. One that takes longer goes on, and is used by who
/// comes later.
const PATIENCE: Duration = Duration::from_millis(200);

/// So many addresses that worked are kept for each name.
const KEPT: usize = 8;

type Lookup = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;
type Answer = Arc<io::Result<Vec<IpAddr>>>;

/// The addresses of hosts. Clones share what they know.
#[derive(Clone)]
pub struct Names(Arc<Inner>);

struct Inner {
    lookup: Box<Lookup>,
    hosts: Mutex<HashMap<String, Host>>,
}

#[derive(Default)]
struct Host {
    /// Addresses that a connection came up to, the latest first.
    worked: Vec<IpAddr>,
    /// The lookup that goes on. There is never a second one for the same name: one that hangs cannot be ended.
    asking: Option<Asking>,
}

#[derive(Clone)]
struct Asking {
    since: Instant,
    answer: watch::Receiver<Option<Answer>>,
}

impl Default for Names {
    fn default() -> Self {
        // getaddrinfo(3); the port is only there because this interface wants one.
        Self::new(|host| Ok((host, 0).to_socket_addrs()?.map(|at| at.ip()).collect()))
    }
}

impl Names {
    /// Addresses as `lookup` says, which may block.
    pub fn new(lookup: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            lookup: Box::new(lookup),
            hosts: Mutex::default(),
        }))
    }

    /// The addresses of a host, the likeliest first: those of the resolver that worked before, its others, and those
    /// that worked and are not named any more. A resolver that fails or hangs does not matter once one has worked.
    ///
    /// # Errors
    /// The resolver's, if no address has worked.
    pub async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, Answer> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let (worked, asking) = self.ask(host);
        let answer = match asking {
            Err(error) => Some(Arc::new(Err(error))),
            Ok(mut asking) => {
                let answered = asking.answer.wait_for(Option::is_some);
                let answered = async { answered.await.ok().and_then(|answer| answer.clone()) };
                if worked.is_empty() {
                    answered.await
                } else {
                    let spent = SystemClock.now().since(asking.since);
                    let patience = PATIENCE.saturating_sub(spent);
                    tokio::time::timeout(patience, answered)
                        .await
                        .ok()
                        .flatten()
                }
            }
        };
        match answer.as_deref() {
            Some(Ok(found)) if !found.is_empty() => {
                let (mut all, others): (Vec<IpAddr>, Vec<IpAddr>) =
                    found.iter().partition(|address| worked.contains(address));
                all.extend(alternating(others));
                all.extend(worked.iter().filter(|address| !found.contains(address)));
                Ok(all)
            }
            _ if !worked.is_empty() => Ok(worked),
            Some(_) => answer.map_or_else(|| Err(nothing()), Err),
            None => Err(nothing()),
        }
    }

    /// A connection to this address of the host came up.
    pub fn note_worked(&self, host: &str, address: IpAddr) {
        let mut hosts = self.hosts();
        let worked = &mut hosts.entry(host.to_owned()).or_default().worked;
        worked.retain(|known| *known != address);
        worked.insert(0, address);
        worked.truncate(KEPT);
    }

    /// What worked, and the lookup that goes on, begun if there is none.
    fn ask(&self, host: &str) -> (Vec<IpAddr>, io::Result<Asking>) {
        let mut hosts = self.hosts();
        let known = hosts.entry(host.to_owned()).or_default();
        let asking = match &known.asking {
            Some(asking) => Ok(asking.clone()),
            None => self.begin(host),
        };
        known.asking = asking.as_ref().ok().cloned();
        (known.worked.clone(), asking)
    }

    /// A thread of its own, not one of the runtime's: that would have the process wait for it at its end, and panic
    /// where no more threads can be had.
    fn begin(&self, host: &str) -> io::Result<Asking> {
        let (sender, answer) = watch::channel(None);
        let (names, host) = (self.clone(), host.to_owned());
        std::thread::Builder::new()
            .name("lookup".to_owned())
            .spawn(move || {
                let found = (names.0.lookup)(&host);
                if let Some(known) = names.hosts().get_mut(&host) {
                    known.asking = None;
                }
                sender.send_replace(Some(Arc::new(found)));
            })?;
        Ok(Asking {
            since: SystemClock.now(),
            answer,
        })
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.0
            .hosts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn nothing() -> Answer {
    Arc::new(Err(io::Error::other("no addresses")))
}

/// IPv4 and IPv6 by turns, beginning with the resolver's first (RFC 8305, "Happy Eyeballs Version 2", section 4): one that is broken costs a try.
fn alternating(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let first_is = addresses.first().is_some_and(|address| address.is_ipv6());
    let (mut one, mut other): (Vec<IpAddr>, Vec<IpAddr>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is);
    one.reverse();
    other.reverse();
    let mut all = Vec::new();
    while !one.is_empty() || !other.is_empty() {
        all.extend(one.pop());
        all.extend(other.pop());
    }
    all
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    const HOST: &str = "api.example";

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| ip(text)).collect()
    }

    /// Answers with what the test puts into it; nothing at all while that is `None`.
    fn names(answers: Vec<Option<Vec<IpAddr>>>) -> Names {
        let answers = Mutex::new(answers.into_iter());
        Names::new(move |_| {
            let next = answers.lock().expect("no panics").next().flatten();
            next.ok_or_else(|| io::Error::other("no such host"))
        })
    }

    async fn resolved(names: &Names, host: &str) -> Vec<IpAddr> {
        names.resolve(host).await.expect("it resolves")
    }

    #[tokio::test]
    async fn an_address_that_worked_is_kept_while_the_name_fails() {
        let both = ips(&["10.0.0.1", "10.0.0.2"]);
        let names = names(vec![Some(both.clone()), None, None]);
        assert_eq!(resolved(&names, HOST).await, both);
        names.note_worked(HOST, ip("10.0.0.2"));
        for _ in 0..2 {
            assert_eq!(resolved(&names, HOST).await, both[1..]);
        }
    }

    #[tokio::test]
    async fn a_name_that_never_worked_is_an_error() {
        let names = names(vec![None]);
        let error = names.resolve(HOST).await.expect_err("no such host");
        let said = error.as_ref().as_ref().map_err(ToString::to_string);
        assert_eq!(said, Err("no such host".to_owned()));
    }

    #[tokio::test]
    async fn new_addresses_come_before_old_ones_that_are_not_named_any_more() {
        let new = || Some(ips(&["10.0.0.7", "10.0.0.8"]));
        let names = names(vec![Some(ips(&["10.0.0.1"])), new(), new()]);
        resolved(&names, HOST).await;
        for (worked, found) in [
            ("10.0.0.1", ["10.0.0.7", "10.0.0.8", "10.0.0.1"]),
            ("10.0.0.8", ["10.0.0.8", "10.0.0.7", "10.0.0.1"]),
        ] {
            names.note_worked(HOST, ip(worked));
            assert_eq!(resolved(&names, HOST).await, ips(&found));
        }
    }

    #[tokio::test]
    async fn a_resolver_that_hangs_delays_nothing_and_is_asked_once() {
        let (release, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let names = Names::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = gate.lock().expect("no panics").recv();
            Ok(ips(&["10.0.0.9"]))
        });
        names.note_worked(HOST, ip("10.0.0.1"));
        for _ in 0..20 {
            assert_eq!(resolved(&names, HOST).await, ips(&["10.0.0.1"]));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        drop(release);
    }

    #[tokio::test]
    async fn an_address_is_its_own_name() {
        let names = names(vec![]);
        for address in ["10.0.0.1", "::1"] {
            assert_eq!(resolved(&names, address).await, ips(&[address]));
        }
    }

    #[test]
    fn both_families_are_tried_by_turns() {
        let all = ips(&["::1", "::2", "::3", "10.0.0.1"]);
        assert_eq!(alternating(all), ips(&["::1", "10.0.0.1", "::2", "::3"]));
    }
}
