//! I8: nothing is lost without a cause: who loses a lease was robbed or killed, or could not ask the server for half of the
//! duration, frozen and stalls of the machine included. Outages shorter than that cost nothing.

use std::time::Duration;

use super::author::Author;
use super::grants::{self, Ending, Grant};
use super::record::Record;
use super::story::{About, Story, Write, named};
use super::{Violation, faults, seconds};
use crate::history::{Call, Exit};
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
    let found = holding.filter_map(|call| {
        let lost = lost(story, call)?;
        let causes: Vec<Cause> = lost
            .iter()
            .filter_map(|grant| cause(story, call, grant))
            .collect();
        causes.is_empty().then(|| unexplained(story, call, &lost))
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

/// The grants that a call lost, all that it had if its end says so; none if it lost nothing.
pub fn lost<'s, 'h>(story: &'s Story<'h>, call: &Call) -> Option<Vec<&'s Grant<'h>>> {
    let grants: Vec<&Grant<'_>> = story.grants_of(call).collect();
    let says_so = call.exit == Some(Exit::Code(123));
    // Taken after its time, while it lived: it had not renewed it.
    let taken = |grant: &&&Grant<'_>| {
        let end = grant.ended(&story.writes).map(|end| end.earliest);
        grant.ending(&story.writes) == Ending::Expired
            && end.is_some_and(|end| call.ended.is_none_or(|ended| ended > end))
    };
    let taken: Vec<&Grant<'_>> = grants.iter().filter(taken).copied().collect();
    match (says_so, taken.is_empty()) {
        (true, _) if !grants.is_empty() => Some(grants),
        (_, false) => Some(taken),
        _ => None,
    }
}

/// What explains the loss of a grant.
pub fn cause(story: &Story<'_>, call: &Call, grant: &Grant<'_>) -> Option<Cause> {
    let (from, to) = span(story, call, grant);
    if others(story, call, grant) {
        return Some(Cause::Others);
    }
    let harmed = |fault: &&crate::history::Injected| {
        faults::can_end(fault, call) && fault.begun <= to && fault.over >= from
    };
    if story.history.faults.iter().any(|fault| harmed(&fault)) {
        return Some(Cause::Harm);
    }
    let half = grant.duration.unwrap_or_default() / 2;
    let enough = half.saturating_sub(AFTERWARDS);
    // What was before the last renewal that was heard of costs nothing: the window is as long as a grant lives without one.
    let window = to - grant.duration.unwrap_or_default() - half;
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
    let shortened = grant.writes.iter().skip(1).any(|index| {
        let write = &story.writes[*index];
        let recorded = write.after().and_then(Record::duration);
        of_other(write) && recorded != grant.duration
    });
    let ended = match grant.ending(&story.writes) {
        Ending::FreedByOther | Ending::Robbed => true,
        Ending::Released => grant.ended(&story.writes).is_some_and(&of_other),
        // Whoever took it when it had expired did not end it.
        Ending::Expired | Ending::Stands => false,
    };
    shortened || ended
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
        seconds(grant.duration.unwrap_or_default())
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
