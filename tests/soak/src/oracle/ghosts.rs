//! I9: whoever has ended holds nothing, unless it was killed or has said so; nothing of it is written afterwards; and no process,
//! file, lock or holder is left at the end.

use std::time::Duration;

use super::grants::{self, Grant};
use super::story::{About, Story, covers, named};
use super::{Violation, faults, seconds};
use crate::history::{Call, Exit, Leftover, Role};
use crate::time::At;

const RULE: &str = "I9";

/// A release that was stored just before its caller ended is logged a moment later.
const LOGGED: Duration = Duration::from_millis(50);

/// The end of a call is told by another clock than the signs of life, and by whoever waits for it.
const TOLD: Duration = Duration::from_millis(500);

/// What the program says of a lease that stays held, or may.
const SAYINGS: [&str; 7] = [
    "could not be released",
    "was not released",
    "stays held",
    "stays yours",
    "may be held by",
    "until it expires",
    "expires by itself",
];

/// What it says of what it is about to do, and of others' leases: none of it is about what it leaves.
const OF_OTHERS: [&str; 2] = ["is released first", "Should "];

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let ghosts = story.grants.iter().filter_map(|grant| ghost(story, grant));
    let left = story
        .history
        .left
        .iter()
        .filter_map(|left| leftover(story, left));
    let survivors = story.history.calls.iter();
    let survivors = survivors.filter_map(|call| survivor(story, call));
    ghosts.chain(survivors).chain(left).collect()
}

/// Whether a call has said that this lease is held, or may be: in a line that names it, or none of them.
pub fn says_so(call: &Call, lease: &str) -> bool {
    let is_own = |named: &&str| call.leases.iter().any(|own| covers(own, named));
    let about = |line: &str| {
        let quoted = line.split('"').skip(1).step_by(2);
        let named: Vec<&str> = quoted.filter(is_own).collect();
        named.is_empty() || named.contains(&lease)
    };
    sayings(call).any(about)
}

/// The lines in which a call has said that something of it is held, or may be.
fn sayings(call: &Call) -> impl Iterator<Item = &str> {
    let has = |line: &str, texts: &[&str]| texts.iter().any(|text| line.contains(text));
    let lines = call.stderr.lines();
    lines.filter(move |line| has(line, &SAYINGS) && !has(line, &OF_OTHERS))
}

/// Whether a call keeps what it was granted when it ends like this: that is what it is for.
fn keeps(call: &Call) -> bool {
    let acquires = matches!(call.role, Role::Acquire | Role::Steal | Role::StealNow);
    acquires && call.exit == Some(Exit::Code(0))
}

/// A grant that stood when its caller had ended, or that came afterwards.
fn ghost(story: &Story<'_>, grant: &Grant<'_>) -> Option<Violation> {
    let call = grant.call?;
    let ended = call.ended?;
    let killed = matches!(call.exit, Some(Exit::Signal(_)));
    if killed || keeps(call) || says_so(call, grant.lease) {
        return None;
    }
    let (begun, end) = (grant.begun(&story.writes), grant.ended(&story.writes));
    if end.is_some_and(|end| end.earliest <= ended + LOGGED) {
        return None;
    }
    let what = if begun.earliest > ended {
        "was granted it after its end"
    } else {
        "ended, and still holds it"
    };
    let what = format!("{} {what}, and has not said so: a ghost", named(call));
    Some(violation(
        story,
        Some(grant.lease),
        call,
        begun.earliest.max(ended),
        what,
    ))
}

/// Something of its command that works on when it has ended: it ends when all of that is gone. Killed it looks after nobody.
fn survivor(story: &Story<'_>, call: &Call) -> Option<Violation> {
    let ended = call.ended.filter(|_| grants::holds(call))?;
    let by_itself = matches!(call.exit, Some(Exit::Code(_)));
    let tree = story.trees_of(call).max_by_key(|tree| tree.last)?;
    let late = faults::stalls(story).within(ended, tree.last);
    if !by_itself || faults::was_killed(story, call) || tree.last <= ended + TOLD + late {
        return None;
    }
    let work = tree.longest();
    let what = format!(
        "{} ended, and its {} (pid {}) worked for {} more",
        named(call),
        work.part,
        work.pid,
        seconds(tree.last.since(ended))
    );
    Some(violation(story, Some(tree.lease), call, tree.last, what))
}

fn violation(
    story: &Story<'_>,
    lease: Option<&str>,
    call: &Call,
    at: At,
    what: String,
) -> Violation {
    let about = About {
        lease,
        calls: &[call.id],
        from: at - Duration::from_secs(3),
        at,
    };
    story.violation(RULE, about, what)
}

/// Something that is still there.
fn leftover(story: &Story<'_>, left: &Leftover) -> Option<Violation> {
    let calls = &story.history.calls;
    let call = left
        .call
        .and_then(|id| calls.iter().find(|call| call.id == id));
    let at = story.history.run.ended;
    let what = format!("a {} is left: {}", left.kind, left.what);
    let Some(call) = call else {
        let about = About {
            lease: None,
            calls: &[],
            from: at,
            at,
        };
        return Some(story.violation(RULE, about, what));
    };
    // Both killed at once: what the command had started lives on, and nobody releases (docs/safety.md, Where it ends). The
    // supervisor alone killed: its command is ended, and the lease stays held until it expires.
    let killed = matches!(call.exit, Some(Exit::Signal(_)));
    let excused = match left.kind.as_str() {
        "holder" => killed || keeps(call) || sayings(call).next().is_some(),
        "process" | "lock" => faults::were_both_killed(story, call),
        _ => false,
    };
    let lease = grants::holds(call)
        .then(|| call.leases.first().map(String::as_str))
        .flatten();
    (!excused).then(|| {
        let what = format!("{what}, of {}", named(call));
        violation(story, lease, call, call.ended.unwrap_or(at), what)
    })
}
