//! I7 and I9 of who goes on for too long: who waits though its `--timeout` is over, keeps a lease when nothing of its command is
//! left, or writes when it has ended. It ends where anything was done to it meanwhile.

use std::time::Duration;

use super::grants::{self, Grant};
use super::record::Record;
use super::story::{About, Story, named};
use super::{Violation, faults, matched, seconds};
use crate::history::{Call, Role};
use crate::time::At;

/// What is under way is resolved, and a release is sent, among 25 others on two processors, and beside others who compile.
const PATIENCE: Duration = Duration::from_secs(10);

/// The end of a call, and the time that a request shows, are told by clocks of their own.
const READINGS: Duration = Duration::from_secs(1);

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let calls = || story.history.calls.iter();
    let waits = calls().filter_map(|call| waits_on(story, call));
    let writes = calls().filter_map(|call| writes_on(story, call));
    let keeps = story.grants.iter().filter_map(|grant| keeps(story, grant));
    waits.chain(writes).chain(keeps).collect()
}

fn violation(
    story: &Story<'_>,
    (rule, lease): (&'static str, Option<&str>),
    call: &Call,
    (from, at): (At, At),
    what: String,
) -> Violation {
    let about = About {
        lease,
        calls: &[call.id],
        from: from - Duration::from_secs(1),
        at,
    };
    story.violation(rule, about, what)
}

/// The longest of a time in which nothing was done to a call; a stall delays it.
fn undisturbed(story: &Story<'_>, call: &Call, from: At, to: At) -> Duration {
    let (from, to) = faults::troubles(story, call).longest_gap(from, to.max(from));
    let stood_still = faults::stalls(story).within(from, to);
    to.since(from).saturating_sub(stood_still)
}

/// Neither granted anything nor ended when its time to wait was over.
fn waits_on(story: &Story<'_>, call: &Call) -> Option<Violation> {
    let asks = grants::holds(call) || call.role == Role::Acquire;
    let timeout = call.timeout.filter(|_| asks)?;
    let mut own = story.requests_of(call.contender).map(|sent| sent.at);
    let asked = own.find(|at| *at >= call.started)?;
    let granted = story.grants_of(call).map(|it| it.begun(&story.writes).left);
    let end = call.ended.unwrap_or(story.history.run.ended);
    let until = granted.min().map_or(end, |granted| granted.min(end));
    let from = asked.max(call.started + Duration::from_secs_f64(timeout));
    let waited = undisturbed(story, call, from, until);
    (waited > PATIENCE).then(|| {
        let what = format!(
            "{} waited for {} more when its --timeout of {timeout} s was over",
            named(call),
            seconds(until.since(from))
        );
        let lease = call.leases.first().map(String::as_str);
        violation(story, ("I7", lease), call, (from, until), what)
    })
}

/// A lease that is held for nothing: its command and all that was started has ended.
fn keeps(story: &Story<'_>, grant: &Grant<'_>) -> Option<Violation> {
    // After a loss `--again` stands back, and its last grant may stand.
    let call = grant.call.filter(|call| grants::holds(call));
    let call = call.filter(|call| call.role != Role::HoldAgain)?;
    let manner = call.command.as_ref().map_or("", |command| &command.manner);
    // Whoever is stopped says nothing, and is not gone.
    if manner.contains("stop") || manner.contains("trace") {
        return None;
    }
    let last = story.trees_of(call).map(|tree| tree.last).max()?;
    let ended = grant.ended(&story.writes).map(|end| end.earliest);
    let end = call.ended.unwrap_or(story.history.run.ended);
    let end = ended.map_or(end, |ended| ended.min(end));
    let kept = undisturbed(story, call, last, end);
    // A thief that did not wait keeps others out for as long as its victim may run: for what it recorded first, at most.
    let recorded = grant.begun(&story.writes).after();
    let beside = recorded.and_then(Record::duration).unwrap_or_default();
    (kept > PATIENCE + beside).then(|| {
        let what = format!(
            "{} kept {:?} for {} when the last of its command was gone",
            named(call),
            grant.lease,
            seconds(end.since(last))
        );
        violation(story, ("I9", Some(grant.lease)), call, (last, end), what)
    })
}

/// A grant or a renewal in the name of a call that had ended, however it ended: something of it is left, and keeps others out.
fn writes_on(story: &Story<'_>, call: &Call) -> Option<Violation> {
    let ended = call.ended.filter(|_| call.clock.slew == 0.0)?;
    let offset = story.history.run.wall_offset;
    let mut late = story.requests_of(call.contender).filter(|sent| {
        let holder = Record(&sent.body).holder();
        // It may have come long after it was sent: only what it says itself tells when that was.
        sent.at > ended + READINGS
            && matched::lease_of(sent).is_some()
            && holder.is_some()
            && holder == call.holder.as_deref()
            && matched::dated(sent, call, offset).is_some_and(|dated| dated > ended + READINGS)
    });
    let sent = late.next()?;
    let what = format!(
        "{} had ended, and wrote {} later",
        named(call),
        seconds(sent.at.since(ended))
    );
    let about = ("I9", matched::lease_of(sent));
    Some(violation(story, about, call, (ended, sent.at), what))
}
