//! I1: no two commands are at work on one lease at a time. It ends where somebody asked for it by a write between the two
//! grants, and where nobody was left to end the earlier one; the sink refuses all that comes with the lower token then.

use std::collections::BTreeSet;
use std::time::Duration;

use super::author::{self, Author};
use super::grants::{self, Grant};
use super::record::Record;
use super::story::{About, Story, Write, named};
use super::trees::{COMMAND, Tree};
use super::{Violation, exits, explained, faults, seconds};
use crate::history::{Overlap, Work};
use crate::time::At;

const RULE: &str = "I1";

/// The sink hears of each in the order in which they come to it: what was sent this long after the next one's first cannot
/// have been heard before it.
const HEARD: Duration = Duration::from_secs(1);

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut told = BTreeSet::new();
    for lease in leases(story) {
        let mut trees: Vec<&Tree<'_>> = story
            .trees
            .iter()
            .filter(|tree| tree.lease == lease)
            .collect();
        trees.sort_by_key(|tree| (tree.token, tree.first));
        for (index, later) in trees.iter().enumerate() {
            for earlier in &trees[..index] {
                // Also who was heard of only once, in the middle of another's.
                if earlier.first < later.last && later.first < earlier.last {
                    told.insert((lease, earlier.token, later.token));
                    found.extend(judged(story, earlier, later));
                }
                found.extend(not_refused(story, earlier, later));
            }
        }
    }
    found.extend(story.trees.iter().filter_map(|tree| twice(story, tree)));
    let locks = story.history.overlaps.iter();
    found.extend(locks.filter_map(|overlap| locked(story, overlap, &told)));
    found
}

fn leases<'h>(story: &Story<'h>) -> BTreeSet<&'h str> {
    story.trees.iter().map(|tree| tree.lease).collect()
}

/// Two commands of one grant: whatever else a tree has is started by its command.
fn twice(story: &Story<'_>, tree: &Tree<'_>) -> Option<Violation> {
    let commands = || tree.processes.iter().filter(|work| work.part == COMMAND);
    let (one, other) = commands().find_map(|one| {
        let beside = |other: &&&Work| {
            one.pid < other.pid && one.first < other.last && other.first < one.last
        };
        Some((one, commands().find(beside)?))
    })?;
    let what = format!(
        "{} ran its command twice at a time under token {}: as {} and as {}",
        tree.holder, tree.token, one.pid, other.pid
    );
    Some(pair(story, tree, tree, one.first.max(other.first), what))
}

/// Two that were at work together, unless that was asked for.
fn judged(story: &Story<'_>, earlier: &Tree<'_>, later: &Tree<'_>) -> Option<Violation> {
    if asked_for(story, earlier.lease, earlier.token, later.token)
        || nobody_to_end(
            story,
            (earlier.lease, earlier.token),
            later.first,
            earlier.last,
        )
    {
        return None;
    }
    let both = earlier
        .last
        .min(later.last)
        .since(earlier.first.max(later.first));
    let what = format!(
        "{} (token {}) and {} (token {}) were at work together for {}, and nobody asked for that",
        earlier.holder,
        earlier.token,
        later.holder,
        later.token,
        seconds(both)
    );
    Some(pair(
        story,
        earlier,
        later,
        later.first.max(earlier.first),
        what,
    ))
}

fn pair(
    story: &Story<'_>,
    earlier: &Tree<'_>,
    later: &Tree<'_>,
    at: At,
    what: String,
) -> Violation {
    let holders = [earlier.holder, later.holder];
    let calls = holders.iter().filter_map(|holder| story.owner(holder));
    let calls: Vec<u32> = calls.map(|call| call.id).collect();
    let renewed = story
        .grant(earlier.lease, earlier.token)
        .map(|grant| grant.last_renewal(&story.writes).earliest);
    let from = renewed.unwrap_or(earlier.first).min(at) - Duration::from_millis(100);
    let about = About {
        lease: Some(earlier.lease),
        calls: &calls,
        from,
        at,
    };
    let mut found = story.violation(RULE, about, what);
    let granted = story.grant(later.lease, later.token);
    let granted = granted.map(|grant| grant.begun(&story.writes).latest);
    let over = earlier.last.min(later.last).max(at);
    let over = over.max(granted.unwrap_or(over)) + Duration::from_millis(300);
    found.history = story.slice(Some(earlier.lease), &calls, from, over);
    found
}

/// A lock that was not free, and no two trees that tell why.
fn locked(
    story: &Story<'_>,
    overlap: &Overlap,
    told: &BTreeSet<(&str, u64, u64)>,
) -> Option<Violation> {
    let lease = overlap.lease.as_str();
    let beside = keepers(story, overlap);
    let known = |(_, token): &(&str, u64)| {
        let (low, high) = ordered(*token, overlap.token);
        told.contains(&(lease, low, high))
            || asked_for(story, lease, low, high)
            || nobody_to_end(story, (lease, *token), overlap.at, overlap.at)
    };
    if beside.iter().any(known) {
        return None;
    }
    let calls: Vec<u32> = beside
        .iter()
        .map(|(holder, _)| *holder)
        .chain([overlap.holder.as_str()])
        .filter_map(|holder| story.owner(holder))
        .map(|call| call.id)
        .collect();
    let what = format!(
        "{} (token {}) began while another's processes had the lock: {:?}",
        overlap.holder, overlap.token, overlap.beside
    );
    let about = About {
        lease: Some(lease),
        calls: &calls,
        from: overlap.at - Duration::from_secs(5),
        at: overlap.at,
    };
    Some(story.violation(RULE, about, what))
}

/// Whose lock it may have been, by holder and token.
fn keepers<'s>(story: &'s Story<'_>, overlap: &'s Overlap) -> Vec<(&'s str, u64)> {
    let lease = overlap.lease.as_str();
    let others = || {
        let of_lease = story.trees.iter().filter(|tree| tree.lease == lease);
        of_lease.filter(|tree| tree.token != overlap.token)
    };
    let key = |tree: &Tree<'s>| (tree.holder, tree.token);
    // The file has no name for a moment, between the lock and what is written there.
    let mut named = overlap.beside.iter().map(|(holder, _)| holder.as_str());
    let Some(holder) = named.find(|holder| !holder.is_empty()) else {
        let at_work = others().filter(|tree| tree.first <= overlap.at && overlap.at <= tree.last);
        let at_work: Vec<_> = at_work.map(key).collect();
        if !at_work.is_empty() {
            return at_work;
        }
        // Gone before it could be named, and silent for a moment before that: the one before.
        let earlier = others().filter(|tree| tree.token < overlap.token);
        return earlier
            .max_by_key(|tree| tree.token)
            .map(key)
            .into_iter()
            .collect();
    };
    let own: Vec<&Tree<'_>> = others().filter(|tree| tree.holder == holder).collect();
    if own.is_empty() {
        // Ended between its lock and its first sign of life: what it was granted tells.
        let grants = story.grants.iter();
        let grants = grants.filter(|grant| grant.lease == lease && grant.key.holder == holder);
        let grants = grants.filter(|grant| grant.token != overlap.token);
        return grants.map(|grant| (holder, grant.token)).collect();
    }
    // Of several of one holder it is the last that has it, unless that one did not get it either.
    let begun = own.iter().filter(|tree| tree.first <= overlap.at);
    let last = begun.max_by_key(|tree| tree.first).copied();
    let got_it = |tree: &&Tree<'_>| {
        let mut overlaps = story.history.overlaps.iter();
        let is_confined = story.owner(holder).is_some_and(exits::is_confined);
        !is_confined && !overlaps.any(|of| of.lease == lease && of.token == tree.token)
    };
    match last.filter(got_it) {
        Some(last) => vec![key(last)],
        None => own.into_iter().map(key).collect(),
    }
}

fn ordered(one: u64, other: u64) -> (u64, u64) {
    (one.min(other), one.max(other))
}

/// Whether a write between the two grants asked for it: whoever writes one of these gives the wait up, for both.
pub fn asked_for(story: &Story<'_>, lease: &str, low: u64, high: u64) -> bool {
    let between = |write: &&Write<'_>| low < write.commit.revision && write.commit.revision <= high;
    story.writes_of(lease).filter(between).any(|write| {
        let (before, after) = (write.before(), write.after());
        let holder = |record: Option<Record<'_>>| record.and_then(Record::holder).map(str::to_owned);
        match write.call {
            // A takeover that does not wait.
            Some(call) if write.grants() => {
                grants::waits_for_nobody(call)
                    // Nothing told a thief how long to wait: somebody had removed the duration.
                    || (grants::takes_what_is_held(call)
                        && before.is_some_and(|of| of.holder().is_some() && of.duration().is_none()))
            }
            // `release --force`, `release --holder` of what is not one's own.
            Some(call) if holder(before).is_some() && holder(after).is_none() => {
                // Whoever gives its own back asks for nothing, also if that was between.
                let earlier = story.before(write).map(|earlier| earlier.commit.revision);
                let freed = earlier.and_then(|earlier| story.standing(lease, earlier));
                holder(before).is_some_and(|freed| author::may_free(call, &freed))
                    && freed.is_none_or(|grant| !grants::is_own_release(grant, write))
            }
            Some(_) => false,
            // Who wrote this?
            None if write.author != Author::Foreign || !explained::is_explained(story, write) => false,
            // People and foreign holders: deleted, blanked, taken, shortened or made endless.
            None => {
                let duration = |record: Option<Record<'_>>| record.and_then(Record::duration);
                let shorter = match (duration(before), duration(after)) {
                    (Some(before), Some(after)) => after < before,
                    (before, after) => before.is_some() && after.is_none(),
                };
                shorter || (holder(before).is_some() && holder(before) != holder(after))
            }
        }
    })
}

/// Whether the earlier one was past its deadline when the other began, and nobody could have ended it before `alive`.
fn nobody_to_end(story: &Story<'_>, (lease, token): (&str, u64), began: At, alive: At) -> bool {
    let Some(grant) = story.grant(lease, token) else {
        return false;
    };
    let (Some(call), Some(deadline)) = (grant.call, deadline(story, grant)) else {
        return false;
    };
    began >= deadline && alive <= faults::works_until(story, call, deadline)
}

/// When what runs under a grant must be dead: its last stored renewal left then, and was for so long.
pub fn deadline(story: &Story<'_>, grant: &Grant<'_>) -> Option<At> {
    let last = grant.last_renewal(&story.writes);
    Some(last.left + grant.duration_at(last, &story.writes)?)
}

/// Writes of an earlier token that the sink must have refused, each of them.
fn not_refused(story: &Story<'_>, earlier: &Tree<'_>, later: &Tree<'_>) -> Option<Violation> {
    let taken = later.processes.iter().filter(|work| work.taken > 0);
    let first = taken.map(|work| work.first).min()?;
    let late = earlier
        .processes
        .iter()
        .find(|work| work.last_taken.is_some_and(|taken| taken > first + HEARD))?;
    let what = format!(
        "the sink took what {} (token {}) wrote {} after {} (token {}) had begun",
        earlier.holder,
        earlier.token,
        seconds(late.last.since(first)),
        later.holder,
        later.token
    );
    Some(pair(story, earlier, later, late.last, what))
}

/// Who it is, for people; the identity alone where no call has it.
pub fn who(story: &Story<'_>, holder: &str) -> String {
    story.owner(holder).map_or_else(|| holder.to_owned(), named)
}
