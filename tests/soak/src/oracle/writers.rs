//! I6: a Lease is written by its holder, by whoever is granted it, and by whoever takes or frees it on purpose; a victim may
//! acknowledge its stop on another's grant. A holder whose time is over is none. And every write names the very version and
//! object that it was decided on.

use std::time::Duration;

use super::author::{self, Author};
use super::grants;
use super::record::Record;
use super::story::{About, Story, Write, named};
use super::{Violation, matched, seconds};
use crate::history::{Call, Sent};
use crate::time::At;

const RULE: &str = "I6";

/// How each annotation of the program begins.
const OWN: &str = "kubectl-lease/";

/// Two readings of two clocks.
const READINGS: Duration = Duration::from_millis(50);

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let strangers = story
        .writes
        .iter()
        .filter_map(|write| stranger(story, write));
    let late = story.grants.iter().flat_map(|grant| {
        let renewals = grant.writes.iter().map(|index| &story.writes[*index]);
        let renewals: Vec<&Write<'_>> = renewals.collect();
        let tried = late_try(story, grant, &renewals);
        late(story, grant, renewals).into_iter().chain(tried)
    });
    let blind = story.history.requests.iter();
    let blind = blind.filter_map(|sent| unconditional(story, sent));
    strangers.chain(late).chain(blind).collect()
}

/// A write by a contender to whom the lease was not.
fn stranger(story: &Story<'_>, write: &Write<'_>) -> Option<Violation> {
    let Author::Contender(contender) = write.author else {
        // Others than the program's own callers may do anything.
        return None;
    };
    let (before, after) = (write.before(), write.after());
    let holder = after.and_then(Record::holder);
    let owner = holder.and_then(|holder| story.owner(holder));
    let is_own = owner.is_some_and(|owner| owner.contender == contender);
    let what = if changes_others_words(before, after) {
        "changed what others have written beside it: labels, finalizers, annotations".to_owned()
    } else if after.is_none() {
        let deletes = |call: &Call| call.words.iter().any(|word| word == "--cleanup");
        match write.call {
            Some(call) if deletes(call) => return None,
            _ => "deleted it, which it was not asked to".to_owned(),
        }
    } else if before.is_none() && write.commit.verb == "update" {
        "made it again by an update: without the uid a deleted Lease comes back".to_owned()
    } else if write.grants() {
        match is_own {
            true => return None,
            false => format!(
                "wrote a grant of {}, which is not its identity",
                holder.unwrap_or_default()
            ),
        }
    } else if holder.is_none() {
        return freed(story, write, contender);
    } else if is_own {
        return None;
    } else {
        let said = after.and_then(Record::stopped);
        let spoke = before.and_then(Record::stopped);
        let own_stop = said.filter(|said| Some(*said) != spoke);
        let victim = own_stop.and_then(|said| story.victim(said));
        let same = before.map(Record::observed) == after.map(Record::observed);
        match victim {
            Some(victim) if victim.contender == contender && same => return None,
            _ => format!("wrote to the grant of {}", holder.unwrap_or_default()),
        }
    };
    Some(violation(story, write, &what))
}

/// Whether a write changes what no caller of the program has written: whoever replaces an object keeps what is others'.
fn changes_others_words(before: Option<Record<'_>>, after: Option<Record<'_>>) -> bool {
    let words = |record: Record<'_>| {
        let metadata = |field: &str| record.0["metadata"].get(field).cloned();
        let annotations = record.0["metadata"]["annotations"].as_object();
        let annotations = annotations.into_iter().flatten();
        let others = annotations.filter(|(key, _)| !key.starts_with(OWN));
        let others: Vec<_> = others
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        (
            metadata("labels"),
            metadata("finalizers"),
            metadata("ownerReferences"),
            others,
        )
    };
    let both = before.zip(after);
    both.is_some_and(|(before, after)| words(before) != words(after))
}

/// A free lease that is written: what was its own may be freed, or what was to be freed.
fn freed(story: &Story<'_>, write: &Write<'_>, contender: u32) -> Option<Violation> {
    let held = write.before().and_then(Record::holder);
    let own = held.and_then(|holder| story.owner(holder));
    let asked = |held: &str| {
        let mut call = write.call.iter();
        call.any(|call| author::may_free(call, held))
    };
    match held {
        // Creating it, or marking a slot, grants nothing and takes nothing. What is free has nobody who renews it or gives it back.
        None => {
            let spec = |record: Option<Record<'_>>| record.map(|of| of.0.get("spec").cloned());
            let before = spec(write.before());
            let what = "wrote to it while it was free, and was not granted it";
            (before.is_some() && before != spec(write.after()))
                .then(|| violation(story, write, what))
        }
        Some(held) if asked(held) || own.is_some_and(|own| own.contender == contender) => None,
        Some(held) => Some(violation(
            story,
            write,
            &format!("freed the grant of {held}"),
        )),
    }
}

fn violation(story: &Story<'_>, write: &Write<'_>, what: &str) -> Violation {
    let revision = write.commit.revision;
    let who = write
        .call
        .map_or_else(|| write.commit.user.clone().unwrap_or_default(), named);
    let calls: Vec<u32> = write.call.iter().map(|call| call.id).collect();
    let about = About {
        lease: Some(&write.commit.lease),
        calls: &calls,
        from: write.earliest - Duration::from_secs(1),
        at: write.earliest,
    };
    story.violation(RULE, about, format!("{who} {what} (revision {revision})"))
}

/// Renewals that left their holder when the time since the one before was over: it has lost the lease, whoever has it now. A
/// grant whose answer came late, and under which nothing has begun, is renewed as it could be acquired anew: nobody has it.
fn late(story: &Story<'_>, grant: &grants::Grant<'_>, writes: Vec<&Write<'_>>) -> Vec<Violation> {
    let Some(call) = grant.call else {
        return Vec::new();
    };
    if !grants::holds(call) {
        return Vec::new();
    }
    let own = |write: &&&Write<'_>| {
        write.call.is_some_and(|by| by.id == call.id) && (write.grants() || write.renews())
    };
    let own: Vec<&&Write<'_>> = writes.iter().filter(own).collect();
    let pairs = own.windows(2);
    let late = pairs.filter_map(|pair| {
        // What was held back for long is stored where nobody has taken it by then, and was not sent so late.
        let dated = pair[1].sent.and_then(|sent| dated(story, call, sent));
        let left = dated.map_or(pair[1].left, |dated| dated.min(pair[1].left));
        let after = left.since(pair[0].left);
        let duration = grant.duration_at(pair[0], &story.writes)?;
        let begun = story.tree(grant).is_some_and(|tree| tree.first < left);
        (begun && after > duration + READINGS).then(|| {
            let what = format!(
                "renewed it {} after the renewal before, of a grant for {}: it was lost by then",
                seconds(after),
                seconds(duration)
            );
            violation(story, pair[1], &what)
        })
    });
    late.collect()
}

/// When a renewal was sent at the latest, by what it says itself; none where its clock is not known well enough.
fn dated(story: &Story<'_>, call: &Call, sent: &Sent) -> Option<At> {
    let known = call.clock.slew == 0.0;
    let dated = matched::dated(sent, call, story.history.run.wall_offset).filter(|_| known)?;
    Some(dated + READINGS)
}

/// A renewal that was dated when its time was over, and that the server did not store: whoever wakes up late must not write, and
/// that somebody else has the lease by then is no merit of its own. The first of a grant tells.
fn late_try(
    story: &Story<'_>,
    grant: &grants::Grant<'_>,
    writes: &[&Write<'_>],
) -> Option<Violation> {
    let call = grant.call.filter(|call| grants::holds(call))?;
    let tree = story.tree(grant)?;
    let own = |write: &&&Write<'_>| write.call.is_some_and(|by| by.id == call.id);
    let stored = |sent: &Sent| {
        let mut of = writes.iter().filter_map(|write| write.sent);
        of.any(|of| std::ptr::eq(of, sent))
    };
    let tried = story.requests_of(call.contender).filter(|sent| {
        sent.at > tree.first
            && matched::lease_of(sent) == Some(grant.lease)
            && Record(&sent.body).key() == Some(grant.key)
            && !stored(sent)
    });
    let mut late = tried.filter_map(|sent| {
        // It may have come long after it was sent: only what it says itself tells when that was.
        let left = dated(story, call, sent)?.min(sent.at);
        let before = writes.iter().filter(own).filter(|write| write.left < left);
        let before = before.max_by_key(|write| write.left)?;
        let duration = grant.duration_at(before, &story.writes)?;
        let after = left.since(before.left);
        (tree.first < left && after > duration + READINGS).then_some((sent, after, duration))
    });
    let (sent, after, duration) = late.next()?;
    let what = format!(
        "{} sent a renewal {} after the last that was stored, of a grant for {}: it was lost by then",
        named(call),
        seconds(after),
        seconds(duration)
    );
    let about = About {
        lease: Some(grant.lease),
        calls: &[call.id],
        from: sent.at - after - READINGS,
        at: sent.at,
    };
    Some(story.violation(RULE, about, what))
}

/// A request to replace, patch or delete a Lease that does not say which.
fn unconditional(story: &Story<'_>, sent: &Sent) -> Option<Violation> {
    let lease = matched::changed_by(sent)?;
    let body = Record(&sent.body);
    let names = |field: &str| {
        let at = match sent.method.as_str() {
            "DELETE" => format!("/preconditions/{field}"),
            _ => format!("/metadata/{field}"),
        };
        let named = sent.body.pointer(&at).and_then(serde_json::Value::as_str);
        named.is_some_and(|named| !named.is_empty())
    };
    let missing = ["resourceVersion", "uid"]
        .into_iter()
        .find(|field| !names(field))?;
    let by = body.holder().and_then(|holder| story.owner(holder));
    let calls: Vec<u32> = by.iter().map(|call| call.id).collect();
    let about = About {
        lease: Some(lease),
        calls: &calls,
        from: sent.at - Duration::from_millis(500),
        at: sent.at,
    };
    let what = format!(
        "contender {} sent a {} without a {missing}: it would change whatever is there",
        sent.contender, sent.method
    );
    Some(story.violation(RULE, about, what))
}
