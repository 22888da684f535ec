//! I1 and I9 of slots: there are as many as the first of them says, and nobody has two.

use std::time::Duration;

use super::Violation;
use super::grants::Grant;
use super::story::{About, Story, named};
use crate::history::{Call, Role};
use crate::time::At;

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let twice = story.history.calls.iter();
    let twice = twice.filter_map(|call| two_slots(story, call));
    let beyond = story.grants.iter();
    let beyond = beyond.filter_map(|grant| beyond_the_number(story, grant));
    twice.chain(beyond).collect()
}

fn violation(
    story: &Story<'_>,
    (rule, lease): (&'static str, &str),
    call: &Call,
    at: At,
    what: String,
) -> Violation {
    let about = About {
        lease: Some(lease),
        calls: &[call.id],
        from: at - Duration::from_secs(3),
        at,
    };
    story.violation(rule, about, what)
}

/// Two slots at a time: one of them keeps others out, and nobody works under it.
fn two_slots(story: &Story<'_>, call: &Call) -> Option<Violation> {
    if call.role != Role::HoldSlot {
        return None;
    }
    let all: Vec<&Grant<'_>> = story.grants_of(call).collect();
    let two = all.iter().zip(all.iter().skip(1)).find(|(one, other)| {
        let end = one.ended(&story.writes);
        end.is_none_or(|end| end.commit.revision > other.token)
    });
    let (one, other) = two?;
    let at = other.begun(&story.writes).earliest;
    let what = format!(
        "{} was granted {} and had {}: two slots",
        named(call),
        other.lease,
        one.lease
    );
    Some(violation(story, ("I9", other.lease), call, at, what))
}

/// A slot that is none: with it there are more holders than slots.
fn beyond_the_number(story: &Story<'_>, grant: &Grant<'_>) -> Option<Violation> {
    let call = grant.call?;
    let mut pools = story.history.run.leases.iter();
    let (pool, number) = pools.find_map(|pool| {
        let number = grant.lease.strip_prefix(&pool.name)?.strip_prefix('-')?;
        let number: u32 = number.parse().ok()?;
        (pool.slots > 0 && number >= pool.slots).then_some((pool, number))
    })?;
    let what = format!(
        "{} was granted slot {number} of {:?}, of which there are {}",
        named(call),
        pool.name,
        pool.slots
    );
    let at = grant.begun(&story.writes).earliest;
    Some(violation(story, ("I1", grant.lease), call, at, what))
}
