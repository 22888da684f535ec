//! What goes wrong with requests and watches, by plan or at random.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use lease_model::lease::api::{Fault, Rejection, RejectionKind, TransportError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::TrueTime;
use crate::millis;

/// Which request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verb {
    Get,
    Create,
    Replace,
    Delete,
    DryRun,
    Watch,
    Version,
    /// Of the tickets of those that wait.
    List,
}

impl Verb {
    fn stores(self) -> bool {
        matches!(self, Self::Create | Self::Replace | Self::Delete)
    }
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestFault {
    /// It never reached the server; the client waits in vain.
    LostRequest,
    /// It was done, and the client waits in vain.
    LostReply,
    /// The connection broke after so long; it was done all the same.
    ResetAfterDone(Duration),
    /// It is done only so long after it was sent; the client has given up, or its connection broke, by then.
    DoneLate {
        done: Duration,
        reset: Option<Duration>,
    },
    /// 500; it was done or not.
    ServerError { done: bool },
    /// 429.
    TooMany(Option<Duration>),
    /// It was done; sent a second time on the way it was refused, and that is the answer: one of [`refusal`].
    DoneThenRefused(u8),
    /// It was done; a copy of it is done again so long after it was sent, and that answer is what the client hears, or not.
    DoneTwice { again: Duration, heard: bool },
    /// Nothing listens.
    Refused,
    /// Done at once, answered late.
    SlowReply(Duration),
}

/// When what happens to one request, from its sending.
#[derive(Clone, Debug)]
pub struct Timing {
    /// When the server does it, if ever.
    pub done: Option<Duration>,
    /// When the server does it once more, if ever, and whether it is that answer that comes back.
    pub again: Option<(Duration, bool)>,
    /// When the client hears.
    pub heard: Duration,
    /// What it hears instead of the answer.
    pub instead: Option<Fault>,
}

impl RequestFault {
    pub fn random(rng: &mut Rng, limit: Duration) -> Self {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).max(2);
        match rng.u8(0..12) {
            0 => Self::LostRequest,
            1 | 2 => Self::LostReply,
            3 => Self::ResetAfterDone(millis(rng.u64(1..200))),
            4 | 5 => Self::DoneLate {
                // Longer than any limit: what is under way outlives the connection.
                done: millis(rng.u64(0..20_200)),
                reset: rng.bool().then(|| millis(rng.u64(1..50))),
            },
            6 => Self::ServerError { done: rng.bool() },
            7 => Self::TooMany(rng.bool().then(|| Duration::from_secs(rng.u64(0..4)))),
            8 => Self::Refused,
            9 => Self::DoneThenRefused(rng.u8(0..6)),
            10 => Self::DoneTwice {
                again: millis(rng.u64(1..20_200)),
                heard: rng.bool(),
            },
            _ => Self::SlowReply(millis(rng.u64(0..limit_ms))),
        }
    }

    /// For a request that may take `limit`; `there` and `back` are the ways.
    fn timing(self, there: Duration, back: Duration, limit: Duration) -> Timing {
        let lost = || Some(unknown("no answer within the limit"));
        let reset = || Some(unknown("the connection was reset"));
        let mut again = None;
        let (done, heard, instead) = match self {
            Self::LostRequest => (None, limit, lost()),
            Self::LostReply => (Some(there), limit, lost()),
            Self::ResetAfterDone(at) => (Some(there), at, reset()),
            Self::DoneLate { done, reset: None } => (Some(done), limit, lost()),
            Self::DoneLate {
                done,
                reset: Some(at),
            } => (Some(done), at, reset()),
            Self::ServerError { done } => {
                let says = unknown("the server answered 500: etcdserver: leader changed");
                (done.then_some(there), there + back, Some(says))
            }
            Self::TooMany(retry_after) => {
                (None, there + back, Some(too_many_requests(retry_after)))
            }
            Self::DoneThenRefused(which) => (Some(there), there + back, Some(refusal(which))),
            Self::DoneTwice { again: at, heard } => {
                again = Some((at.max(there), heard));
                let answered = if heard { at.max(there) } else { there };
                (Some(there), answered + back, None)
            }
            Self::Refused => (None, there, Some(connection_refused())),
            Self::SlowReply(late) => (Some(there), there + back + late, None),
        };
        Timing {
            done,
            again,
            heard,
            instead,
        }
    }
}

pub fn unknown(what: &str) -> Fault {
    Fault::Unknown(what.into())
}

pub fn connection_refused() -> Fault {
    Fault::NotSent(TransportError::Refused {
        server: "simulated".into(),
    })
}

/// What the server answers with this status.
pub fn rejection(code: u16, reason: &str, message: &str, kind: RejectionKind) -> Rejection {
    Rejection {
        code,
        reason: reason.into(),
        message: message.into(),
        kind,
        advice: None,
        is_status: true,
    }
}

pub fn rejected(code: u16, reason: &str, kind: RejectionKind) -> Fault {
    Fault::Rejected(rejection(code, reason, reason, kind))
}

fn too_many_requests(retry_after: Option<Duration>) -> Fault {
    let kind = RejectionKind::TooManyRequests { retry_after };
    rejected(429, "TooManyRequests", kind)
}

/// Refusals by number, 0 to 5.
fn refusal(which: u8) -> Fault {
    match which {
        0 => too_many_requests(None),
        1 => rejected(401, "Unauthorized", RejectionKind::Unauthorized),
        2 => rejected(403, "Forbidden", RejectionKind::Forbidden),
        3 => rejected(404, "NotFound", RejectionKind::NotServed),
        4 => rejected(422, "Invalid", RejectionKind::Invalid),
        _ => rejected(409, "Conflict", RejectionKind::Conflict),
    }
}

/// What goes wrong with a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchFault {
    None,
    /// After the opening it says nothing any more.
    Silent,
    /// Not even that.
    NeverOpens,
    /// Events are late by up to so much.
    Late(Duration),
    /// One in three events is missing.
    Dropping,
    /// Events come twice.
    Doubling,
    /// Events overtake each other, and old ones come back.
    Shuffling,
    /// It ends after so long.
    EndsAfter(Duration),
    /// It breaks after so long.
    BreaksAfter(Duration),
    /// 410: too old.
    Gone,
    /// 403.
    Denied,
}

impl WatchFault {
    pub fn random(rng: &mut Rng) -> Self {
        match rng.u8(0..10) {
            0 => Self::Silent,
            1 => Self::NeverOpens,
            2 => Self::Late(millis(rng.u64(100..8000))),
            3 => Self::Dropping,
            4 => Self::Doubling,
            5 => Self::Shuffling,
            6 => Self::EndsAfter(millis(rng.u64(0..20_000))),
            7 => Self::BreaksAfter(millis(rng.u64(0..20_000))),
            8 => Self::Gone,
            _ => Self::Denied,
        }
    }
}

/// What an outage looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outage {
    Refused,
    BlackHole,
}

/// Something that stands before the storage and has ideas of its own about writes.
#[derive(Clone, Copy, Debug)]
pub enum Webhook {
    /// It says 409, whatever is sent.
    SaysConflict,
    /// It says that an update's object is not there.
    SaysAbsent,
    /// It answers 200 with what was sent, and nothing is stored.
    Echoes,
    /// A proxy sends each update twice, and passes on what the second one met: 409.
    SendsTwice,
    /// What is stored is what this makes of what was sent.
    Alters(fn(&mut Value)),
}

/// How often requests fail at random, and how long they take.
#[derive(Clone, Copy, Debug)]
pub struct FaultRates {
    /// Of a thousand requests, so many go wrong.
    pub requests: u32,
    /// Of a hundred watches, so many go wrong.
    pub watches: u32,
    /// The longest way to the server or back, in milliseconds.
    pub latency: u64,
    /// Every reply to a write comes so many milliseconds late.
    pub late: u64,
}

/// No faults, and a near server.
impl Default for FaultRates {
    fn default() -> Self {
        Self {
            requests: 0,
            watches: 0,
            latency: 5,
            late: 0,
        }
    }
}

/// What is planned for each client: scripted faults first, then outages, then random ones.
#[derive(Default)]
pub struct FaultPlan {
    pub requests: BTreeMap<(usize, Verb), Vec<RequestFault>>,
    pub watches: BTreeMap<usize, Vec<WatchFault>>,
    /// What happens to a client's request of this number, from 1 on, among those of its kind.
    pub numbered: BTreeMap<(usize, Verb, u64), RequestFault>,
    /// The same of its watches.
    pub numbered_watches: BTreeMap<(usize, u64), WatchFault>,
    /// Until when nothing gets through.
    pub outages: BTreeMap<usize, (TrueTime, Outage)>,
    pub webhooks: BTreeMap<usize, Webhook>,
    pub rates: FaultRates,
}

impl FaultPlan {
    /// What keeps this client from the server, and until when.
    pub fn outage(&self, now: TrueTime, client: usize) -> Option<(TrueTime, Outage)> {
        let outage = self.outages.get(&client).copied();
        outage.filter(|(until, _)| now < *until)
    }

    /// What goes wrong with a request, if anything does, and what becomes of it.
    pub fn next_request(
        &mut self,
        rng: &mut Rng,
        now: TrueTime,
        client: usize,
        (verb, number): (Verb, u64),
        limit: Duration,
    ) -> (Option<RequestFault>, Timing) {
        let rates = self.rates;
        let late = if verb.stores() || verb == Verb::DryRun {
            rates.late
        } else {
            0
        };
        let there = millis(rng.u64(1..=rates.latency));
        let back = millis(rng.u64(1..=rates.latency) + late);
        let scripted = self.requests.get_mut(&(client, verb));
        let scripted = scripted
            .filter(|left| !left.is_empty())
            .map(|left| left.remove(0));
        let outage = self.outage(now, client).map(|(_, outage)| match outage {
            Outage::Refused => RequestFault::Refused,
            Outage::BlackHole => RequestFault::LostRequest,
        });
        let random = |rng: &mut Rng| {
            (rng.u32(0..1000) < rates.requests).then(|| RequestFault::random(rng, limit))
        };
        let numbered = self.numbered.get(&(client, verb, number)).copied();
        let fault = match scripted.or(outage).or(numbered).or_else(|| random(rng)) {
            // Only a write has more than one answer.
            Some(RequestFault::DoneThenRefused(_)) if !verb.stores() => {
                Some(RequestFault::TooMany(None))
            }
            fault => fault,
        };
        let mut timing = match fault {
            Some(fault) => fault.timing(there, back, limit),
            None => RequestFault::SlowReply(Duration::ZERO).timing(there, back, limit),
        };
        if timing.heard > limit {
            timing.heard = limit;
            (timing.instead).get_or_insert_with(|| unknown(&format!("no answer within {limit:?}")));
        }
        (fault, timing)
    }

    /// What goes wrong with a watch. The last that is planned goes for all that follow.
    pub fn next_watch(&mut self, rng: &mut Rng, client: usize, number: u64) -> WatchFault {
        if let Some(fault) = self.numbered_watches.get(&(client, number)) {
            return *fault;
        }
        match self.watches.get_mut(&client) {
            Some(left) if left.len() > 1 => left.remove(0),
            Some(left) => left[0],
            None if rng.u32(0..100) < self.rates.watches => WatchFault::random(rng),
            None => WatchFault::None,
        }
    }
}
