//! I4: what runs under a grant is dead when the lease can expire, and before it is given away: by the send of the last stored
//! renewal and the duration that it was granted for, in elapsed time, and sooner where somebody takes it who waits for nobody.
//! It ends where nobody was left who could end it.

use std::time::Duration;

use super::author;
use super::grants::{self, Ending, Grant};
use super::overlap::{deadline, who};
use super::record::Record;
use super::story::{About, Story};
use super::trees::{COMMAND, Tree};
use super::{Violation, faults, matched, seconds};
use crate::history::Call;
use crate::time::At;

const RULE: &str = "I4";

/// Beyond a renewal's period: it is sent, refused, and the command killed, among 25 others on two processors.
const NOTICES: Duration = Duration::from_secs(1);

/// A sign of life is dated before it is sent, and a release when it comes to a proxy: the same clock, read twice.
const READINGS: Duration = Duration::from_millis(5);

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let held = story.grants.iter().filter_map(|grant| {
        let call = grant.call.filter(|call| grants::holds(call))?;
        Some((grant, call, story.tree(grant)?))
    });
    let found = held.flat_map(|(grant, call, tree)| {
        let late = outlived(story, grant, call, tree);
        late.into_iter()
            .chain(beside_release(story, grant, call, tree))
            .chain(unaware(story, grant, call, tree))
    });
    found.collect()
}

fn outlived(
    story: &Story<'_>,
    grant: &Grant<'_>,
    call: &Call,
    tree: &Tree<'_>,
) -> Option<Violation> {
    let deadline = deadline(story, grant)?;
    if tree.last <= deadline {
        return None;
    }
    let until = faults::works_until(story, call, deadline);
    let command_until = faults::command_works_until(story, call, deadline);
    let late = tree
        .processes
        .iter()
        .filter(|work| match work.part.as_str() {
            COMMAND => work.last > command_until,
            _ => work.last > until,
        });
    let work = late.max_by_key(|work| work.last)?;
    let what = format!(
        "{}'s {} (pid {}) worked {} beyond the last stored renewal and the duration of {}",
        who(story, tree.holder),
        work.part,
        work.pid,
        seconds(work.last.since(deadline)),
        seconds(grant.duration()?)
    );
    let from = grant.last_renewal(&story.writes).left;
    Some(violation(story, grant, call, (from, work.last), what))
}

/// Given back while something of it ran: the next one may begin at once. So it is where that was only tried: the server may
/// carry out later what it has not answered.
fn beside_release(
    story: &Story<'_>,
    grant: &Grant<'_>,
    call: &Call,
    tree: &Tree<'_>,
) -> Option<Violation> {
    let end = grant.ended(&story.writes);
    let own = end.filter(|end| {
        grant.ending(&story.writes) == Ending::Released
            && end.call.is_some_and(|by| by.id == call.id)
    });
    let stored = own.map(|end| end.sent.map_or(end.earliest, |sent| sent.at));
    let begun = grant.begun(&story.writes).earliest;
    let tried = story.requests_of(call.contender).filter(|sent| {
        let left = Record(&sent.body);
        sent.at > begun
            && matched::lease_of(sent) == Some(grant.lease)
            && (left.holder(), left.uid(), left.transitions())
                == (None, grant.key.uid, grant.key.transitions)
    });
    let came = tried.map(|sent| sent.at).chain(stored).min()?;
    if tree.last <= came + READINGS {
        return None;
    }
    let what = format!(
        "{} gave the lease back {} before the last of its command was gone",
        who(story, tree.holder),
        seconds(tree.last.since(came))
    );
    let from = came - Duration::from_secs(1);
    Some(violation(story, grant, call, (from, tree.last), what))
}

/// At work long after somebody who waits for nobody had ended its grant, though nothing kept it from noticing: the watch tells
/// within half a second, and without one the next renewal is refused.
fn unaware(
    story: &Story<'_>,
    grant: &Grant<'_>,
    call: &Call,
    tree: &Tree<'_>,
) -> Option<Violation> {
    let end = grant.ended(&story.writes)?;
    let robbed = matches!(
        grant.ending(&story.writes),
        Ending::FreedByOther | Ending::Robbed
    );
    // Who waits leaves it the time to stop as it was asked to.
    let waits = |by: &&Call| !author::frees(by) && !grants::waits_for_nobody(by);
    if !robbed || end.call.iter().any(waits) {
        return None;
    }
    let duration = grant.duration()?;
    let (taken, last) = (end.latest, tree.last);
    let troubles = faults::troubles(story, call).within(taken - duration, last);
    let mut slow = story.slow(call.contender);
    let slow = slow.any(|(from, to)| from <= last && to >= taken - duration);
    let stood_still = faults::stalls(story).within(taken, last);
    if !troubles.is_zero() || slow || last <= taken + duration / 3 + NOTICES + stood_still {
        return None;
    }
    let what = format!(
        "{} worked for {} after its lease was another's, and nothing kept it from noticing",
        who(story, tree.holder),
        seconds(last.since(taken))
    );
    Some(violation(story, grant, call, (taken, last), what))
}

fn violation(
    story: &Story<'_>,
    grant: &Grant<'_>,
    call: &Call,
    (from, at): (At, At),
    what: String,
) -> Violation {
    let about = About {
        lease: Some(grant.lease),
        calls: &[call.id],
        from: from - Duration::from_millis(50),
        at,
    };
    story.violation(RULE, about, what)
}
