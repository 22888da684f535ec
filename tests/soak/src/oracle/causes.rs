//! I8: nothing is lost without a cause: who loses a lease was robbed or killed, or could not ask the server for half of the
//! duration, frozen and stalls of the machine included. Outages shorter than that cost nothing.

use std::time::Duration;

use super::author::Author;
use super::grants::{self, Ending, Grant};
use super::record::Record;
use super::story::{About, Story, Write, named};
use super::{Violation, faults, seconds};
use crate::history::{Call, Exit, Role};
use crate::time::At;

const RULE: &str = "I8";

/// A renewal may take so much longer than its outage: the attempt that was under way, and the pause after it.
const AFTERWARDS: Duration = Duration::from_millis(100);

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let holding = story
        .history
        .calls
        .iter()
        .filter(|call| grants::holds(call));
    let found = holding.flat_map(|call| {
        let all = lost(story, call).into_iter();
        let unexplained = all.filter_map(|lost| {
            let mut causes = lost.iter().filter_map(|grant| cause(story, call, grant));
            let is_explained = causes.next().is_some();
            (!is_explained).then(|| unexplained(story, call, &lost))
        });
        unexplained.collect::<Vec<_>>()
    });
    found.collect()
}

/// Why a grant was lost, for the report too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Stolen, taken, freed, deleted or shortened by somebody else.
    Others,
    /// Its processes were stopped, killed or signalled.
    Harm,
    /// No way to the server for half of the duration.
    Outage,
    /// The machine stood still.
    Stall,
    /// The command left nobody any processor time (docs/safety.md, Where it ends), or was stopped itself.
    Command,
}

/// The losses of a call, each with the grants that it had then; of several that are held together one loss ends all.
pub fn lost<'s, 'h>(story: &'s Story<'h>, call: &Call) -> Vec<Vec<&'s Grant<'h>>> {
    let grants: Vec<&Grant<'_>> = story.grants_of(call).collect();
    let says_so = call.exit == Some(Exit::Code(123));
    if call.role == Role::HoldAgain {
        let ended = |grant: &&&Grant<'_>| {
            let later = |of: &&&Grant<'_>| of.lease == grant.lease && of.token > grant.token;
            // It is granted the lease anew only when it has lost it, and all that its command had started is gone.
            match grants.iter().find(later) {
                Some(_) => story.tree(grant).is_some(),
                None => says_so || was_taken(story, call, grant),
            }
        };
        let revisions = |grant: &Grant<'_>| {
            let end = grant.ended(&story.writes);
            (grant.token, end.map_or(u64::MAX, |end| end.commit.revision))
        };
        let together = |grant: &Grant<'_>| {
            let (from, to) = revisions(grant);
            let beside = |of: &&&Grant<'_>| revisions(of).0 < to && revisions(of).1 > from;
            grants.iter().filter(beside).copied().collect()
        };
        let mut all: Vec<Vec<&Grant<'_>>> = Vec::new();
        for grant in grants.iter().filter(ended) {
            let told = |before: &Vec<&Grant<'_>>| before.iter().any(|of| of.token == grant.token);
            if !all.last().is_some_and(told) {
                all.push(together(grant));
            }
        }
        return all;
    }
    let taken: Vec<&Grant<'_>> = grants
        .iter()
        .filter(|grant| was_taken(story, call, grant))
        .copied()
        .collect();
    match (says_so, taken.is_empty()) {
        (true, _) if !grants.is_empty() => vec![grants],
        (_, false) => vec![taken],
        _ => Vec::new(),
    }
}

/// Whether it was taken after its time, while its call lived: that had not renewed it.
fn was_taken(story: &Story<'_>, call: &Call, grant: &Grant<'_>) -> bool {
    let end = grant.ended(&story.writes).map(|end| end.earliest);
    grant.ending(&story.writes) == Ending::Expired
        && end.is_some_and(|end| call.ended.is_none_or(|ended| ended > end))
}

/// What explains the loss of a grant.
pub fn cause(story: &Story<'_>, call: &Call, grant: &Grant<'_>) -> Option<Cause> {
    let (from, to) = span(story, call, grant);
    if others(story, call, grant) || is_release_in_doubt(story, call, grant) {
        return Some(Cause::Others);
    }
    let half = grant.duration().unwrap_or_default() / 2;
    // What was over before the last renewal that was heard of cost nothing.
    let lately = (to - grant.duration().unwrap_or_default() - 2 * half).max(from);
    let harmed = |fault: &&crate::history::Injected| {
        faults::can_end(fault, call) && fault.begun <= to && fault.over >= lately
    };
    if story.history.faults.iter().any(|fault| harmed(&fault)) {
        return Some(Cause::Harm);
    }
    let enough = half.saturating_sub(AFTERWARDS);
    // What was before the last renewal that was heard of costs nothing: the window is as long as a grant lives without one.
    let window = to - grant.duration().unwrap_or_default() - half;
    let window = window.max(from);
    // A command that ended by itself is followed by a release, which may find that the lease is lost, and may take long.
    let over = over(story, call, grant).max(to);
    if faults::outages(story, call).within(window, over) >= enough {
        let stalled = faults::stalls(story).within(window, over) >= enough;
        let stopped = faults::is_stopped(story, call, window, over);
        return Some(match (stalled, stopped) {
            (true, _) => Cause::Stall,
            (false, true) => Cause::Harm,
            (false, false) => Cause::Outage,
        });
    }
    let manner = call.command.as_ref().map_or("", |command| &command.manner);
    let stops_itself = manner.contains("stop");
    (manner.contains("chain") || stops_itself).then_some(Cause::Command)
}

/// Whether somebody else ended the grant, or wrote what ends it.
fn others(story: &Story<'_>, call: &Call, grant: &Grant<'_>) -> bool {
    let of_other = |write: &Write<'_>| {
        write.author != Author::Contender(call.contender)
            || write.call.is_some_and(|by| by.id != call.id)
    };
    // A longer one, or none, lets nobody in any sooner.
    let shortened = grant.writes.iter().skip(1).any(|index| {
        let write = &story.writes[*index];
        let recorded = write.after().and_then(Record::duration);
        let own = grant.duration_at(write, &story.writes);
        of_other(write) && recorded.is_some() && recorded < own
    });
    let ended = match grant.ending(&story.writes) {
        Ending::FreedByOther => true,
        // `--again` has its own anew: whoever ended it was not that one.
        Ending::Robbed | Ending::Released => grant.ended(&story.writes).is_some_and(&of_other),
        // Whoever took it when it had expired did not end it.
        Ending::Expired | Ending::Stands => false,
    };
    shortened || ended
}

/// Whether it was given back, was not told so, and was another's by then: it is not told as released (docs/safety.md).
fn is_release_in_doubt(story: &Story<'_>, call: &Call, grant: &Grant<'_>) -> bool {
    let Some(end) = grant.ended(&story.writes) else {
        return false;
    };
    let own = end.call.is_some_and(|by| by.id == call.id);
    let released = grant.ending(&story.writes) == Ending::Released && own;
    let next = story.after(end).filter(|next| next.grants());
    released
        && grants::unheard(end)
        && next.is_some_and(|next| call.ended.is_none_or(|ended| next.earliest <= ended))
}

/// The end of a grant, or of its call if that is sooner.
fn over(story: &Story<'_>, call: &Call, grant: &Grant<'_>) -> At {
    let end = call.ended.unwrap_or(story.history.run.ended);
    let ended = grant.ended(&story.writes).map(|write| write.latest);
    ended.map_or(end, |ended| ended.min(end))
}

/// From the grant to the last that worked under it, or to the end of either if nothing did.
fn span(story: &Story<'_>, call: &Call, grant: &Grant<'_>) -> (At, At) {
    let begun = grant.begun(&story.writes).earliest;
    let tree = story.tree(grant).map(|tree| tree.last);
    let over = over(story, call, grant);
    let to = tree.map_or(over, |last| last.min(over));
    (begun, to.max(begun))
}

fn unexplained(story: &Story<'_>, call: &Call, lost: &[&Grant<'_>]) -> Violation {
    let grant = lost[lost.len() - 1];
    let (from, to) = span(story, call, grant);
    let outage = faults::outages(story, call).within(from, to);
    let what = format!(
        "{} lost {:?} after {}, and nobody took it, stopped it or killed it; in that time it could not ask for {} of {}",
        named(call),
        grant.lease,
        seconds(to.since(from)),
        seconds(outage),
        seconds(grant.duration().unwrap_or_default())
    );
    let last = grant.last_renewal(&story.writes).earliest;
    let about = About {
        lease: Some(grant.lease),
        calls: &[call.id],
        from: last.min(to) - Duration::from_secs(1),
        at: to,
    };
    story.violation(RULE, about, what)
}
