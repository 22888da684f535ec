//! What can be done to the API: to the requests of one contender, or to the server as a whole.
//!
//! A kind is a word for the requests that it meets (`put`, `release`, `watch`, …), and what is done to them: `put-dropped-after-commit`.
//! What begins with `client` is done to all requests of a contender; what begins with `server` or `etcd`, to everybody's.

mod client;
mod manner;
mod requests;
mod whole;

use std::time::Duration;

use crate::history::Injected;
use crate::server::Server;
use crate::time::At;

/// Each that [`inject`] knows.
pub const KINDS: &[&str] = &[
    "get-delayed",
    "get-answered-late",
    "get-dropped-before-commit",
    "get-dropped-after-commit",
    "get-throttled",
    "get-leader-changed",
    "get-unavailable",
    "get-timed-out",
    "get-unanswered",
    "get-truncated",
    "get-broken-off",
    "get-trickled",
    "put-delayed",
    "put-answered-late",
    "put-dropped-before-commit",
    "put-dropped-after-commit",
    "put-conflicting",
    "put-conflicting-after-commit",
    "put-throttled",
    "put-leader-changed",
    "put-leader-changed-after-commit",
    "put-unavailable",
    "put-timed-out",
    "put-timed-out-after-commit",
    "put-unanswered",
    "put-unanswered-after-commit",
    "put-held-back",
    "put-sent-twice",
    "put-truncated",
    "put-broken-off",
    "put-trickled",
    "grant-dropped-after-commit",
    "grant-conflicting-after-commit",
    "grant-leader-changed-after-commit",
    "grant-unanswered-after-commit",
    "grant-held-back",
    "grant-sent-twice",
    "release-dropped-before-commit",
    "release-dropped-after-commit",
    "release-conflicting",
    "release-leader-changed-after-commit",
    "release-unanswered",
    "release-held-back",
    "release-sent-twice",
    "acknowledgement-dropped-before-commit",
    "acknowledgement-dropped-after-commit",
    "acknowledgement-conflicting",
    "acknowledgement-unanswered",
    "acknowledgement-held-back",
    "try-dropped-before-commit",
    "try-delayed",
    "try-throttled",
    "try-unavailable",
    "try-unanswered",
    "try-held-back",
    "post-dropped-before-commit",
    "post-dropped-after-commit",
    "post-conflicting-after-commit",
    "post-unanswered-after-commit",
    "post-held-back",
    "post-sent-twice",
    "event-throttled",
    "event-unanswered",
    "watch-delayed",
    "watch-throttled",
    "watch-refused",
    "watch-unanswered",
    "watch-frozen",
    "watch-replayed",
    "watch-cut",
    "watch-ended",
    "client-dates-moved",
    "client-black-holed",
    "client-cut-off",
    "client-reset",
    "server-killed",
    "server-frozen",
    "etcd-paused",
];

/// What a fault came to.
struct Met {
    begun: At,
    over: At,
    /// How many requests it met.
    requests: u64,
    /// What more there is to say.
    detail: String,
}

/// Does it, and returns once it is over: when the last request that it met was answered, or cannot be any more.
///
/// `duration` is the D of the leases: what is done is drawn as parts and multiples of it. Blocks, for some D at most and a real
/// server's start; to be called on a thread of its own. `detail` begins with `met=N`: a fault that met nobody is none.
///
/// # Panics
///
/// When there is no such kind, or the server does not come back.
pub fn inject(
    kind: &str,
    random: &mut fastrand::Rng,
    server: &Server,
    contender: u32,
    duration: Duration,
) -> Injected {
    let one = || vec![contender];
    let (met, contenders) = if let Some(fault) = whole::named(kind) {
        (whole::inject(fault, random, server, duration), Vec::new())
    } else if let Some(fault) = client::named(kind) {
        let met = client::inject(fault, random, server, contender, duration);
        (met, one())
    } else if let Some((requests, manner)) = split(kind) {
        let met = manner::inject(requests, manner, random, server, contender, duration);
        (met, one())
    } else {
        panic!("no fault is called {kind}")
    };
    let space = if met.detail.is_empty() { "" } else { " " };
    Injected {
        kind: kind.to_owned(),
        family: "api".to_owned(),
        begun: met.begun,
        over: met.over,
        contenders,
        call: None,
        lease: None,
        detail: format!("met={}{space}{}", met.requests, met.detail),
    }
}

/// Which requests it meets, and what becomes of them.
fn split(kind: &str) -> Option<(requests::Requests, manner::Manner)> {
    let (requests, manner) = kind.split_once('-')?;
    Some((requests::named(requests)?, manner::named(manner)?))
}

/// From `least` to `most` times D.
fn times(random: &mut fastrand::Rng, duration: Duration, least: f64, most: f64) -> Duration {
    duration.mul_f64(least + random.f64() * (most - least))
}

#[cfg(test)]
mod tests;
