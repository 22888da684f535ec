//! What is done to requests of one sort, by the other words of a fault's kind.

use std::time::Duration;

use lease_harness::{Active, Fault};

use super::requests::Requests;
use super::whole::SETTLES;
use super::{Met, times};
use crate::server::Server;
use crate::time::At;

/// What becomes of a request, or of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Delayed,
    AnsweredLate,
    DroppedBeforeCommit,
    DroppedAfterCommit,
    Conflicting,
    ConflictingAfterCommit,
    Throttled,
    LeaderChanged,
    LeaderChangedAfterCommit,
    Unavailable,
    TimedOut,
    TimedOutAfterCommit,
    Refused,
    Unanswered,
    UnansweredAfterCommit,
    HeldBack,
    SentTwice,
    Truncated,
    BrokenOff,
    Trickled,
}

/// By the words behind the first.
pub fn named(words: &str) -> Option<Manner> {
    Some(match words {
        "delayed" => Manner::Delayed,
        "answered-late" => Manner::AnsweredLate,
        "dropped-before-commit" => Manner::DroppedBeforeCommit,
        "dropped-after-commit" => Manner::DroppedAfterCommit,
        "conflicting" => Manner::Conflicting,
        "conflicting-after-commit" => Manner::ConflictingAfterCommit,
        "throttled" => Manner::Throttled,
        "leader-changed" => Manner::LeaderChanged,
        "leader-changed-after-commit" => Manner::LeaderChangedAfterCommit,
        "unavailable" => Manner::Unavailable,
        "timed-out" => Manner::TimedOut,
        "timed-out-after-commit" => Manner::TimedOutAfterCommit,
        "refused" => Manner::Refused,
        "unanswered" => Manner::Unanswered,
        "unanswered-after-commit" => Manner::UnansweredAfterCommit,
        "held-back" => Manner::HeldBack,
        "sent-twice" => Manner::SentTwice,
        "truncated" => Manner::Truncated,
        "broken-off" => Manner::BrokenOff,
        "trickled" => Manner::Trickled,
        _ => return None,
    })
}

/// A fault of this manner, with what it lasts drawn, and what there is to say of it.
fn drawn(manner: Manner, random: &mut fastrand::Rng, duration: Duration) -> (Fault, String) {
    let mut time = |least: f64, most: f64| {
        let time = times(random, duration, least, most);
        (time, format!("time={}ms", time.as_millis()))
    };
    let plain = |fault: Fault| (fault, String::new());
    match manner {
        Manner::Delayed => {
            let (time, detail) = time(0.02, 0.6);
            (Fault::Delay(time), detail)
        }
        Manner::AnsweredLate => {
            let (time, detail) = time(0.02, 0.6);
            (Fault::DelayReply(time), detail)
        }
        Manner::HeldBack => {
            let (time, detail) = time(0.5, 4.0);
            (Fault::Late(time), detail)
        }
        Manner::SentTwice => {
            let (time, detail) = time(0.0, 2.0);
            (Fault::Twice(time), detail)
        }
        Manner::Trickled => {
            let (time, detail) = time(0.05, 0.6);
            (Fault::Trickle(time), detail)
        }
        Manner::Throttled => {
            let seconds = random.u32(1..=4);
            let fault = Fault::status(429, "TooManyRequests", "too many requests");
            let fault = fault.with_header("retry-after", &seconds.to_string());
            (fault, format!("retry-after={seconds}s"))
        }
        Manner::DroppedBeforeCommit => plain(Fault::Refuse),
        Manner::DroppedAfterCommit => plain(Fault::DropReply),
        Manner::Unanswered => plain(Fault::Hang),
        Manner::UnansweredAfterCommit => plain(Fault::HangAfterCommit),
        Manner::Truncated => plain(Fault::Truncate),
        Manner::BrokenOff => plain(Fault::Break),
        Manner::Conflicting
        | Manner::ConflictingAfterCommit
        | Manner::LeaderChanged
        | Manner::LeaderChangedAfterCommit
        | Manner::Unavailable
        | Manner::TimedOut
        | Manner::TimedOutAfterCommit
        | Manner::Refused => plain(told(manner)),
    }
}

/// What the client is told in the place of the server's answer, with the words of a real one.
fn told(manner: Manner) -> Fault {
    let (status, reason, message) = match manner {
        Manner::Conflicting | Manner::ConflictingAfterCommit => (
            409,
            "Conflict",
            "Operation cannot be fulfilled on leases.coordination.k8s.io: the object has been modified; please apply \
             your changes to the latest version and try again",
        ),
        Manner::LeaderChanged | Manner::LeaderChangedAfterCommit => {
            (500, "InternalError", "etcdserver: leader changed")
        }
        Manner::Refused => (403, "Forbidden", "leases.coordination.k8s.io is forbidden"),
        Manner::TimedOut | Manner::TimedOutAfterCommit => (
            504,
            "Timeout",
            "Timeout: request did not complete within the allotted timeout",
        ),
        _ => (
            503,
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
    };
    match manner {
        Manner::ConflictingAfterCommit
        | Manner::LeaderChangedAfterCommit
        | Manner::TimedOutAfterCommit => Fault::status_after_commit(status, reason, message),
        _ => Fault::status(status, reason, message),
    }
}

/// Does it to some requests of one contender: the next few, or all of a while.
pub fn inject(
    requests: Requests,
    manner: Manner,
    random: &mut fastrand::Rng,
    server: &Server,
    contender: u32,
    duration: Duration,
) -> Met {
    let (fault, mut detail) = drawn(manner, random, duration);
    let few = random.bool();
    let (most, window) = if few {
        // Such requests may be rare: time to meet one.
        (random.u64(1..=3), times(random, duration, 1.0, 3.0))
    } else {
        (u64::MAX, times(random, duration, 0.2, 2.5))
    };
    if !detail.is_empty() {
        detail.push(' ');
    }
    match few {
        true => detail.push_str(&format!("most={most}")),
        false => detail.push_str(&format!("window={}ms", window.as_millis())),
    }
    let begun = At::now();
    let most_requests = usize::try_from(most).unwrap_or(usize::MAX);
    let active = server
        .proxy(contender)
        .program(requests.matching(), fault, most_requests);
    active.wait_met(most, window);
    active.withdraw();
    Met {
        begun,
        over: over(&active, server, duration),
        requests: active.met(),
        detail,
    }
}

/// When it has let go of all. A client gives up what is never answered, unless it cannot: then its connection is reset.
fn over(active: &Active, server: &Server, duration: Duration) -> At {
    if active.met() == 0 {
        return At::now();
    }
    let own = active.released(2 * duration);
    active.let_go();
    // What is held back longest is so for four durations, and then a busy server is to answer.
    if let Some(released) = own.or_else(|| active.released(3 * duration + SETTLES)) {
        return server.at(released);
    }
    At::now()
}
