//! I3: every change of holder is justified: its own holder's release, an expiry that was proven by watching for the recorded
//! duration, or somebody who may take what is held. A takeover that waits begins no work before its victim must have
//! stopped, or has said so; and what a victim says is true. It ends at foreign writes, which ask nobody.

use std::time::Duration;

use super::author::{self, Author};
use super::grants::{self, Ending, Grant};
use super::overlap::who;
use super::record::Record;
use super::story::{About, Story, Write, apart};
use super::{Violation, seconds};
use crate::history::{Call, Exit, Role};
use crate::time::At;

const RULE: &str = "I3";

/// The server's log and the proxies have clocks of their own; their times are turned into one another.
const READINGS: Duration = Duration::from_millis(5);

/// The end of a call is told by whoever waits for it.
const ENDS: Duration = Duration::from_millis(50);

/// Beyond the recorded duration, where the server's stamps prove at first sight that a lease has expired (design.md): 30 s, less
/// the second of which a stamp tells no part.
const STAMPS: Duration = Duration::from_secs(29);

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let ended = story
        .grants
        .iter()
        .filter_map(|grant| changed(story, grant));
    let begun = story
        .grants
        .iter()
        .filter_map(|grant| too_soon(story, grant));
    let given_back = story
        .grants
        .iter()
        .filter_map(|grant| given_back_too_soon(story, grant));
    let done = story
        .grants
        .iter()
        .filter_map(|grant| done_too_soon(story, grant));
    let said = story.writes.iter().filter_map(|write| untrue(story, write));
    let all = ended.chain(begun).chain(given_back);
    all.chain(done).chain(said).collect()
}

/// A grant that ended as nothing justifies.
fn changed(story: &Story<'_>, grant: &Grant<'_>) -> Option<Violation> {
    let end = grant.ended(&story.writes)?;
    let what = match grant.ending(&story.writes) {
        Ending::Stands | Ending::Released => return None,
        Ending::FreedByOther => match end.call {
            // Foreign writes ask nobody.
            None => return None,
            Some(call) if author::may_free(call, grant.key.holder) => return None,
            Some(call) => format!(
                "{} freed the grant of {}, which it was not asked to",
                call.holder.as_deref().unwrap_or_default(),
                grant.key.holder
            ),
        },
        Ending::Robbed => {
            let call = end.call?;
            let same = end.after().and_then(Record::holder) == Some(grant.key.holder);
            if !same || grants::takes_what_is_held(call) || regrants(story, grant, end) {
                return None;
            }
            early(story, grant, end)?
        }
        Ending::Expired => early(story, grant, end)?,
    };
    Some(about(story, grant, end, what))
}

/// The same holder, anew: asked for (`--reenter`), or its own grant, lost, of whose command nothing is left (`--again`).
fn regrants(story: &Story<'_>, grant: &Grant<'_>, end: &Write<'_>) -> bool {
    let Some(call) = end.call else { return false };
    let over = story
        .tree(grant)
        .is_none_or(|tree| tree.last <= end.left + READINGS);
    call.words.iter().any(|word| word == "--reenter") || (call.role == Role::HoldAgain && over)
}

/// A takeover that came before the recorded duration had passed since the last change that others count from.
fn early(story: &Story<'_>, grant: &Grant<'_>, end: &Write<'_>) -> Option<String> {
    let change = grant.last_change(&story.writes);
    let duration = change.after().and_then(Record::duration);
    let taker = end.after().and_then(Record::holder).unwrap_or_default();
    let holder = grant.key.holder;
    let Some(duration) = duration else {
        return Some(format!(
            "{taker} took the grant of {holder}, which recorded no duration and never expires"
        ));
    };
    let silent = end.left.since(change.earliest);
    let looked = end.call.map(|call| first_look(story, call, grant.lease));
    let watched = end
        .left
        .since(looked.unwrap_or_default().max(change.earliest));
    let says_so = |call: &&Call| call.words.iter().any(|word| word == "--proof=observed");
    let stamped = silent >= duration + STAMPS && !end.call.iter().any(says_so);
    (watched + READINGS < duration && !stamped).then(|| {
        format!(
            "{taker} took the grant of {holder} {} after its last change (revision {}), which it can have watched for {}: the lease records {}",
            seconds(silent),
            change.commit.revision,
            seconds(watched),
            seconds(duration)
        )
    })
}

/// From when on a call can have watched a lease: nothing is seen before it is asked for, alone or in a list.
fn first_look(story: &Story<'_>, call: &Call, lease: &str) -> At {
    let own = story.requests_of(call.contender);
    let mut looks = own.filter(|sent| {
        let asked = sent.path.rsplit('/').next().unwrap_or_default();
        let names = sent.query.split_once("metadata.name");
        let names_it = names.is_none_or(|(_, named)| named.contains(lease));
        sent.at >= call.started && (asked == lease || (asked == "leases" && names_it))
    });
    looks.next().map_or(call.started, |sent| sent.at)
}

fn about(story: &Story<'_>, grant: &Grant<'_>, end: &Write<'_>, what: String) -> Violation {
    let calls = grant.call.iter().chain(end.call.iter());
    let calls: Vec<u32> = calls.map(|call| call.id).collect();
    let from = grant.last_change(&story.writes).earliest - Duration::from_millis(50);
    let about = About {
        lease: Some(grant.lease),
        calls: &calls,
        from,
        at: end.earliest,
    };
    story.violation(RULE, about, what)
}

/// Work that began before the one whom the lease was stolen from must have stopped.
fn too_soon(story: &Story<'_>, grant: &Grant<'_>) -> Option<Violation> {
    let tree = story.tree(grant)?;
    let call = grant.begun(&story.writes).call?;
    let (victim, may_begin) = victim_stops(story, grant)?;
    if grants::waits_for_nobody(call) || tree.first + READINGS >= may_begin {
        return None;
    }
    let what = format!(
        "{} stole it from {} and began to work {} before that one must have stopped",
        who(story, grant.key.holder),
        victim.key.holder,
        apart(tree.first, may_begin)
    );
    Some(beside_victim(story, (victim, grant), tree.first, what))
}

/// A theft that is told as done before the one whom it was stolen from must have stopped: whoever asked for it begins then.
fn done_too_soon(story: &Story<'_>, grant: &Grant<'_>) -> Option<Violation> {
    let call = grant.begun(&story.writes).call?;
    let done = call.role == Role::Steal && call.exit == Some(Exit::Code(0));
    let ended = call.ended.filter(|_| done)?;
    let (victim, may_begin) = victim_stops(story, grant)?;
    if grants::waits_for_nobody(call) || ended + ENDS >= may_begin {
        return None;
    }
    let what = format!(
        "{} stole it from {} and said so {} before that one must have stopped",
        who(story, grant.key.holder),
        victim.key.holder,
        apart(ended, may_begin)
    );
    Some(beside_victim(story, (victim, grant), ended, what))
}

/// Given back by the thief itself while the one whom it was stolen from may still run: the next one would begin beside that one.
/// Also who does not wait itself keeps the others out for so long, unless it is over at once (`steal --now`) and freed by a call that
/// knows of nobody.
fn given_back_too_soon(story: &Story<'_>, grant: &Grant<'_>) -> Option<Violation> {
    let end = grant.ended(&story.writes)?;
    let call = grant.begun(&story.writes).call?;
    if grant.ending(&story.writes) != Ending::Released
        || (grants::waits_for_nobody(call) && !grants::holds(call))
    {
        return None;
    }
    let (victim, may_end) = victim_stops(story, grant)?;
    if end.latest + READINGS >= may_end {
        return None;
    }
    let what = format!(
        "{} stole it from {} and gave it back {} before that one must have stopped",
        who(story, grant.key.holder),
        victim.key.holder,
        apart(end.latest, may_end)
    );
    Some(beside_victim(story, (victim, grant), end.latest, what))
}

/// Whom a grant was stolen from, and from when on that one has stopped: its duration after its last change, or when it says so.
fn victim_stops<'s, 'h>(story: &'s Story<'h>, grant: &Grant<'_>) -> Option<(&'s Grant<'h>, At)> {
    let begun = grant.begun(&story.writes);
    begun.call.filter(|call| grants::takes_what_is_held(call))?;
    let victim = story
        .standing(grant.lease, story.before(begun)?.commit.revision)
        .filter(|victim| victim.key.holder != grant.key.holder)?;
    let change = victim.last_change(&story.writes);
    // Nothing tells how long to wait: it says so, and begins.
    let duration = begun.before().and_then(Record::duration)?;
    let stopped = change.earliest + duration;
    let acknowledged = grant.writes.iter().map(|index| &story.writes[*index]);
    let acknowledged = acknowledged
        .filter(|write| speaks_for(write, victim))
        .map(|write| write.earliest);
    let stops = acknowledged.chain([stopped]).min().unwrap_or(stopped);
    Some((victim, stops))
}

fn beside_victim(
    story: &Story<'_>,
    (victim, grant): (&Grant<'_>, &Grant<'_>),
    at: At,
    what: String,
) -> Violation {
    let change = victim.last_change(&story.writes);
    let calls: Vec<u32> = victim
        .call
        .iter()
        .chain(grant.call.iter())
        .map(|of| of.id)
        .collect();
    let about = About {
        lease: Some(grant.lease),
        calls: &calls,
        from: change.earliest - Duration::from_millis(50),
        at,
    };
    story.violation(RULE, about, what)
}

/// Whether a write says that this grant's holder has stopped.
fn speaks_for(write: &Write<'_>, victim: &Grant<'_>) -> bool {
    let (key, said) = (victim.key, write.after().and_then(Record::stopped));
    // It speaks for itself: what somebody else says of it proves nothing.
    let own = victim
        .call
        .is_some_and(|call| write.author == Author::Contender(call.contender));
    own && said == Some((key.transitions, key.acquired, key.uid))
        && write.before().and_then(Record::stopped) != said
}

/// An acknowledgement of a holder that worked on: whoever waits for it begins.
fn untrue(story: &Story<'_>, write: &Write<'_>) -> Option<Violation> {
    let said = write.after().and_then(Record::stopped)?;
    if write.before().and_then(Record::stopped) == Some(said) || write.author == Author::Foreign {
        return None;
    }
    let victim = story.grants.iter().find(|grant| {
        let key = grant.key;
        grant.lease == write.commit.lease && said == (key.transitions, key.acquired, key.uid)
    })?;
    let last = story.tree(victim)?.last;
    (last > write.left + READINGS).then(|| {
        let what = format!(
            "{} said that it had stopped, and worked for {} more",
            who(story, victim.key.holder),
            seconds(last.since(write.left))
        );
        let calls: Vec<u32> = victim.call.iter().map(|call| call.id).collect();
        let at: At = write.left;
        let about = About {
            lease: Some(victim.lease),
            calls: &calls,
            from: at - Duration::from_secs(1),
            at,
        };
        story.violation(RULE, about, what)
    })
}
