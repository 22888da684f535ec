//! `--cleanup`: the Lease is deleted after its release, and what is said of that.

use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::error::{Error, forbidden};
use crate::lease::api::{Fault, Queue, RejectionKind};
use crate::lease::operate::{
    CleanedUp, End, Interrupt, Limits, Operations, Progress, WAITERS_TAKE_IT_WITHIN,
};
use crate::lease::record::Record;
use crate::output::terminal;
use crate::server::LeaseClient;

/// How long it is tried, once waiters had their time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Deletes the Lease of `grant`, which was released just now, unless somebody is waiting for it. Whatever becomes of that,
/// the command has run, and its status counts. True if the Lease is gone.
pub async fn clean_up(
    operations: &Operations<LeaseClient, SystemClock>,
    grant: &Record,
    queue: &dyn Queue<LeaseClient>,
    interrupt: Interrupt,
) -> bool {
    let limits = Limits {
        deadline: Some(SystemClock.now() + WAITERS_TAKE_IT_WITHIN + PATIENCE),
        once: false,
        insist: true,
        interrupt,
    };
    let name = grant.name();
    let report = |progress: Progress| {
        if let Progress::LineWatched(waiters) = progress {
            terminal::say(&watched(name, waiters));
        }
    };
    match operations.clean_up(grant, queue, &limits, &report).await {
        Ok(CleanedUp::Deleted | CleanedUp::Gone) => return true,
        Ok(CleanedUp::Taken(Some(by))) => terminal::say(&format!(
            "lease {name:?} is released and not deleted: {by:?} has taken it"
        )),
        Ok(CleanedUp::Taken(None)) => terminal::say(&format!(
            "lease {name:?} is released and not deleted: somebody has had it since"
        )),
        Ok(CleanedUp::Edited) => terminal::say(&format!(
            "lease {name:?} is released and not deleted: somebody edited it each time"
        )),
        Ok(CleanedUp::Slot) => terminal::say(&format!(
            "lease {name:?} is released and not deleted: it has become a slot, and says how many there are"
        )),
        Ok(CleanedUp::InLine(1)) => terminal::say(&format!(
            "lease {name:?} is released and not deleted: 1 waits in line for it"
        )),
        Ok(CleanedUp::InLine(waiters)) => terminal::say(&format!(
            "lease {name:?} is released and not deleted: {waiters} wait in line for it"
        )),
        Err(End::Interrupted(_)) => terminal::say(&format!(
            "lease {name:?} is released and not deleted: interrupted"
        )),
        Err(end) => {
            let why = end.why();
            let why = why.unwrap_or_else(|| "no answer in time".to_owned());
            terminal::say(&format!(
                "lease {name:?} is released and could not be deleted: {why}"
            ));
            if let End::Fault(fault) = end {
                let namespace = grant.namespace();
                let of_verb = match &fault {
                    Fault::Rejected(no) if no.kind == RejectionKind::Forbidden => {
                        forbidden::advice_for_one(&no.message, namespace, name)
                    }
                    _ => None,
                };
                match of_verb {
                    Some(advice) => terminal::say(&advice),
                    None => {
                        let namespace = Some(namespace.to_owned());
                        let lines = Error::Api { namespace, fault }.lines();
                        lines.iter().skip(1).for_each(|line| terminal::say(line));
                    }
                }
            }
        }
    }
    false
}

/// What it is not ended for yet, though nothing is held any more.
fn watched(name: &str, waiters: usize) -> String {
    let who = match waiters {
        1 => "1 is in line for it, and has not taken it",
        _ => &format!("{waiters} are in line for it, and none has taken it"),
    };
    format!(
        "lease {name:?} is released; {who}: watching for at most 18s whether anybody still waits (Ctrl-C ends that, and leaves it)"
    )
}
