//! I5: a lease that is free, or whose holder is silent for its duration, is granted to somebody who waits for it within that
//! duration and three seconds; in the end, and always while nothing is done to that one. It ends where nobody may have it: no
//! duration recorded, no lease there for whoever does not create it.

use std::time::Duration;

use super::grants;
use super::record::Record;
use super::spans::Spans;
use super::story::{About, Story, Write, covers, named};
use super::{Violation, faults, seconds};
use crate::history::{Call, Role};
use crate::time::At;

const RULE: &str = "I5";

/// Beyond the duration: a process starts, reads, watches, and writes, among 25 others on two processors.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is waited for where the lease is free and records none: the longest that is asked for.
const LONGEST: Duration = Duration::from_secs(4);

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for (lease, indices) in &story.of_lease {
        let changes: Vec<&Write<'_>> = indices
            .iter()
            .map(|index| &story.writes[*index])
            .filter(|write| write.changes_observed())
            .collect();
        for (place, change) in changes.iter().enumerate() {
            let next = changes.get(place + 1);
            let until = next.map_or(story.history.run.starts_ended, |next| next.earliest);
            found.extend(stood(story, lease, change, until));
        }
    }
    found
}

/// A state of a lease in which somebody who waited for it should have had it.
fn stood(story: &Story<'_>, lease: &str, change: &Write<'_>, until: At) -> Option<Violation> {
    let since = change.latest;
    let after = change.after();
    let holder = after.and_then(Record::holder);
    let recorded = after.and_then(Record::duration);
    let duration = match holder {
        // It never expires by itself; who holds it records a duration again, if it lives.
        Some(_) => recorded?,
        None => recorded.unwrap_or(LONGEST).max(LONGEST),
    };
    let enough = duration + PATIENCE;
    if until.since(since) <= enough {
        return None;
    }
    let calls = story.history.calls.iter();
    let mut waiting = calls.filter(|call| {
        call.holder.as_deref() != holder
            && (after.is_some() || call.words.iter().any(|word| word == "--create"))
            && call.leases.iter().any(|name| wants(call, name, lease))
    });
    let stalls = faults::stalls(story);
    let (call, (from, to)) = waiting.find_map(|call| {
        let waited = waits(story, call, lease, since, until)?;
        let gap = faults::troubles(story, call).longest_gap(waited.0, waited.1);
        // A stall delays it, and does not begin its time anew.
        let stood_still = stalls.within(gap.0, gap.1);
        (gap.1.since(gap.0) > enough + stood_still).then_some((call, gap))
    })?;
    let state = holder.map_or_else(
        || "free".to_owned(),
        |holder| format!("held by {holder}, who did not renew it"),
    );
    let what = format!(
        "{lease:?} was {state}, for {} while {} waited for it and nothing was done to that one",
        seconds(to.since(from)),
        named(call)
    );
    let about = About {
        lease: Some(lease),
        calls: &[call.id],
        from: since.max(from - Duration::from_secs(1)),
        at: from + enough,
    };
    Some(story.violation(RULE, about, what))
}

/// Whether a call is there to be granted this lease.
fn wants(call: &Call, name: &str, lease: &str) -> bool {
    let asks = matches!(
        call.role,
        Role::Hold | Role::HoldSlot | Role::HoldSteal | Role::HoldAgain | Role::Acquire
    );
    let named = match call.role {
        Role::HoldSlot => covers(name, lease) && name != lease,
        _ => name == lease,
    };
    asks && named
}

/// When a call had its first answer, from when on it can observe: on a machine that is slow a process takes seconds to begin.
/// Where it had none, its start: then it must not be for want of asking. That it asks is a rule of its own ([`super::asking`]).
fn looked(story: &Story<'_>, call: &Call) -> At {
    let own = story.requests_of(call.contender);
    let own = own.filter(|sent| sent.at >= call.started);
    let answered = own.filter(|sent| sent.method == "GET" && sent.status == Some(200));
    let ended = call.ended.unwrap_or(At(u64::MAX));
    let first = answered.filter_map(|sent| sent.answered).min();
    first.filter(|first| *first < ended).unwrap_or(call.started)
}

/// From when to when, within a window, a call waits for nothing but this lease.
fn waits(story: &Story<'_>, call: &Call, lease: &str, since: At, until: At) -> Option<(At, At)> {
    let to = call.ended.unwrap_or(until).min(until);
    let mut from = looked(story, call).max(since);
    let grants: Vec<_> = story.grants_of(call).collect();
    let begun = |grant: &&&grants::Grant<'_>| grant.begun(&story.writes).earliest;
    // After a loss `--again` stands back for up to 30 s, so that another is the next.
    if call.role == Role::HoldAgain && grants.iter().any(|grant| begun(&grant) < to) {
        return None;
    }
    if call.role == Role::HoldSlot {
        // One slot is enough.
        let first = grants.iter().map(|grant| begun(&grant)).min();
        let to = first.map_or(to, |first| first.min(to));
        return (from < to).then_some((from, to));
    }
    // What it has had it does not wait for any more: it works, or stops and ends.
    let first = match call.leases.len() {
        1 => grants.iter().map(|grant| begun(&grant)).min(),
        _ => story.trees_of(call).map(|tree| tree.first).min(),
    };
    let mut to = first.map_or(to, |first| first.min(to));
    // Several are acquired in the order of their names: it waits for this one while it has all before it, and not this.
    let mut names: Vec<&str> = call.leases.iter().map(String::as_str).collect();
    names.sort_unstable();
    for name in names {
        let of = grants.iter().filter(|grant| grant.lease == name);
        let held = Spans::union(of.map(|grant| grant.span(&story.writes, until)));
        if name < lease {
            let held = held.iter().find(|span| span.1 > from && span.0 < to)?;
            (from, to) = (from.max(held.0), to.min(held.1));
        } else if name == lease {
            (from, to) = held.longest_gap(from, to);
        }
    }
    (from < to).then_some((from, to))
}
