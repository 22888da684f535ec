//! What can go wrong with one request, and with one watch.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::clock::True;
use crate::millis;
use lease_model::lease::api::{Fault, Rejection, RejectionKind, TransportError};

/// Which request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Get,
    Create,
    Replace,
    DryRun,
    Watch,
    Version,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Mishap {
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
    /// It was done; sent a second time on the way it was refused, and that is the answer: of these, by number.
    DoneThenRefused(u8),
    /// Nothing listens.
    Refused,
    /// Done at once, answered late.
    SlowReply(Duration),
}

/// The course of one request, durations from its sending.
#[derive(Clone, Debug)]
pub struct Course {
    /// When the server does it, if ever.
    pub done: Option<Duration>,
    /// When the client hears.
    pub heard: Duration,
    /// What it hears instead of the answer.
    pub instead: Option<Fault>,
}

/// How likely what is.
#[derive(Clone, Debug)]
pub struct Weather {
    /// Of a thousand requests, so many go wrong.
    pub mishaps: u32,
    /// The longest way to the server or back in milliseconds, in fair weather.
    pub latency: u64,
    /// Of a hundred watches, so many are unwell.
    pub sick_watches: u32,
    /// Every reply to a write comes so many milliseconds late.
    pub late: u64,
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

impl Mishap {
    /// Any, for a request that may take `limit`.
    pub fn any(rng: &mut fastrand::Rng, limit: Duration) -> Self {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).max(2);
        // Longer than any limit: what is under way outlives the connection, and the server counts from the arrival.
        let late = millis(rng.u64(0..20_000));
        match rng.u8(0..11) {
            0 => Self::LostRequest,
            1 | 2 => Self::LostReply,
            3 => Self::ResetAfterDone(millis(rng.u64(1..200))),
            4 | 5 => Self::DoneLate {
                done: late + millis(rng.u64(1..200)),
                reset: rng.bool().then(|| millis(rng.u64(1..50))),
            },
            6 => Self::ServerError { done: rng.bool() },
            7 => Self::TooMany(rng.bool().then(|| Duration::from_secs(rng.u64(0..4)))),
            8 => Self::Refused,
            9 => Self::DoneThenRefused(rng.u8(0..6)),
            _ => Self::SlowReply(millis(rng.u64(0..limit_ms))),
        }
    }

    /// The course of a request that may take `limit`; `there` and `back` are the ways.
    pub fn course(self, there: Duration, back: Duration, limit: Duration) -> Course {
        let lost = Some(Fault::Unknown("no answer within the limit".into()));
        let reset = Some(Fault::Unknown("the connection was reset".into()));
        let (done, heard, instead) = match self {
            Self::LostRequest => (None, limit, lost),
            Self::LostReply => (Some(there), limit, lost),
            Self::ResetAfterDone(at) => (Some(there), at, reset),
            Self::DoneLate {
                done,
                reset: Some(at),
            } => (Some(done), at, reset),
            Self::DoneLate { done, reset: None } => (Some(done), limit, lost),
            Self::ServerError { done } => (
                done.then_some(there),
                there + back,
                Some(Fault::Unknown(
                    "the server answered 500: etcdserver: leader changed".into(),
                )),
            ),
            Self::TooMany(retry_after) => (None, there + back, Some(too_many(retry_after))),
            Self::DoneThenRefused(which) => (
                Some(there),
                there + back,
                Some(match which {
                    0 => too_many(None),
                    1 => rejected(401, "Unauthorized", RejectionKind::Unauthorized),
                    2 => rejected(403, "Forbidden", RejectionKind::Forbidden),
                    3 => rejected(404, "NotFound", RejectionKind::NotServed),
                    4 => rejected(422, "Invalid", RejectionKind::Invalid),
                    _ => rejected(409, "Conflict", RejectionKind::Conflict),
                }),
            ),
            Self::Refused => (None, there, Some(refused())),
            Self::SlowReply(late) => (Some(there), there + back + late, None),
        };
        Course {
            done,
            heard,
            instead,
        }
    }
}

pub fn refused() -> Fault {
    Fault::NotSent(TransportError::Refused {
        server: "simulated".into(),
    })
}

pub fn too_many(retry_after: Option<Duration>) -> Fault {
    Fault::Rejected(Rejection {
        code: 429,
        reason: "TooManyRequests".into(),
        message: "try later".into(),
        kind: RejectionKind::TooManyRequests { retry_after },
        advice: None,
        is_status: true,
    })
}

pub fn rejected(code: u16, reason: &str, kind: RejectionKind) -> Fault {
    Fault::Rejected(Rejection {
        code,
        reason: reason.into(),
        message: reason.into(),
        kind,
        advice: None,
        is_status: true,
    })
}

/// What ails a watch.
#[derive(Clone, Copy, Debug)]
pub enum Ailment {
    /// Nothing.
    Well,
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

impl Ailment {
    pub fn any(rng: &mut fastrand::Rng) -> Self {
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

/// What is in store for each client: scripted mishaps first, then outages, then the weather.
#[derive(Default)]
pub struct Fates {
    pub scripted: BTreeMap<(usize, Verb), Vec<Mishap>>,
    pub ailments: BTreeMap<usize, Vec<Ailment>>,
    /// Until when nothing gets through, for each client.
    pub outages: BTreeMap<usize, (True, Outage)>,
    pub weather: Option<Weather>,
    /// What meets the writes of a client.
    pub webhooks: BTreeMap<usize, Webhook>,
}

/// What an outage looks like.
#[derive(Clone, Copy, Debug)]
pub enum Outage {
    Refused,
    BlackHole,
}
