//! Grants that are kept while others are waited for. Nothing runs under them yet, so that their age does not matter: a renewal
//! that succeeds proves that nobody has taken them meanwhile.

use std::cell::RefCell;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};

use super::super::super::api::Api;
use super::super::super::decide::Loss;
use super::super::{End, Grant, Limits, Progress};
use super::{Lost, Part};
use crate::clock::{Clock, Instant};

/// Whoever begins with a grant that is older than this, or than a tenth of its duration, has it renewed first.
const FRESH: Duration = Duration::from_secs(1);

/// Renews the grant of this number again and again, until it is lost.
pub(super) async fn keep<A: Api, C: Clock>(
    part: &Part<'_, A, C>,
    held: &RefCell<Vec<Grant>>,
    index: usize,
) -> Lost {
    let clock = part.operations.clock();
    let mut said_trouble = false;
    loop {
        let (sent_at, every) = {
            let grant = &held.borrow()[index];
            (grant.sent_at, grant.duration().as_duration() / 3)
        };
        clock.sleep_until(sent_at + every).await;
        match renew(part, held, index).await {
            Ok(()) => said_trouble = false,
            // An outage: whether somebody has taken it shows once there is an answer.
            Err(Loss::Deadline { last }) => {
                if !std::mem::replace(&mut said_trouble, true) {
                    (part.report)(Progress::Unrenewed(last.unwrap_or_default()));
                }
            }
            Err(loss) => return (index, loss),
        }
    }
}

/// Renews it once; it is tried for as long as it would last if it were granted now.
async fn renew<A: Api, C: Clock>(
    part: &Part<'_, A, C>,
    held: &RefCell<Vec<Grant>>,
    index: usize,
) -> Result<(), Loss> {
    let fresh = Grant {
        sent_at: part.operations.clock().now(),
        ..held.borrow()[index].clone()
    };
    let until = fresh.expires_at();
    let renewed = part.operations.renew_until(&fresh, until).await?;
    held.borrow_mut()[index] = renewed;
    Ok(())
}

/// Renews those that have been waiting for others, so that all begin with most of their time; which of them were lost.
pub(super) async fn freshen<A: Api, C: Clock>(
    parts: &[Part<'_, A, C>],
    limits: &Limits,
    held: &RefCell<Vec<Grant>>,
) -> Result<Vec<Lost>, (usize, End)> {
    let Some(clock) = parts.first().map(|part| part.operations.clock()) else {
        return Ok(Vec::new());
    };
    let older = |than: fn(&Grant) -> Duration| {
        let now = clock.now();
        let all = held.borrow();
        let older = all.iter().enumerate();
        let older = older.filter(|(_, grant)| now.since(grant.sent_at) > than(grant));
        older.map(|(index, _)| index).collect::<Vec<usize>>()
    };
    let mut due = older(|grant| FRESH.min(grant.duration().as_duration() / 10));
    while !due.is_empty() {
        let renewing: FuturesUnordered<_> = due
            .into_iter()
            .map(async |index| {
                let renewed = renew(&parts[index], held, index).await;
                renewed.err().map(|loss| (index, loss))
            })
            .collect();
        let deadline: Option<Instant> = limits.deadline.filter(|_| !limits.once);
        let lost: Vec<Lost> = tokio::select! {
            biased;
            signal = limits.interrupt.arrived() => return Err((0, End::Interrupted(signal))),
            () = clock.reached(deadline) => return Err((0, End::timed_out(None))),
            lost = renewing.filter_map(std::future::ready).collect() => lost,
        };
        let unanswered = |lost: &&Lost| matches!(lost.1, Loss::Deadline { .. });
        if let Some((index, loss)) = lost.iter().find(unanswered) {
            return Err((*index, End::Lost(loss.clone())));
        }
        if !lost.is_empty() {
            return Ok(lost);
        }
        // Where the answers are slow, the first may have become old again.
        due = older(|grant| grant.duration().as_duration() / 2);
    }
    Ok(Vec::new())
}
