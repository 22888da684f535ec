//! I6, of those who are no contenders: people and other clients write what they like, and each of their writes is one that
//! somebody noted, by the lease, the time and what it did. A write that nobody noted has no author: who wrote this?

use std::time::Duration;

use super::Violation;
use super::author::Author;
use super::record::Record;
use super::story::{About, Story, Write};
use crate::history::Injected;

const RULE: &str = "I6";

/// The server's log has a clock of its own; its times are turned into the hardware's.
const READINGS: Duration = Duration::from_millis(100);

/// Whoever had no answer does not know when its request was carried out, if ever: a server that stood still carries it out later.
const UNANSWERED: Duration = Duration::from_secs(60);

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let foreign = story
        .writes
        .iter()
        .filter(|write| !is_explained(story, write));
    let found = foreign.map(|write| {
        let user = write.commit.user.as_deref();
        let what = format!(
            "revision {} was written by {}, and nobody was to write that: who wrote this?",
            write.commit.revision,
            user.unwrap_or("a user whom the log does not tell")
        );
        let about = About {
            lease: Some(&write.commit.lease),
            calls: &[],
            from: write.earliest - Duration::from_secs(1),
            at: write.earliest,
        };
        story.violation(RULE, about, what)
    });
    found.collect()
}

/// Whether it is a contender's, or one that people or another client were to make. What was there before anybody was started
/// is the stage.
pub fn is_explained(story: &Story<'_>, write: &Write<'_>) -> bool {
    let mut calls = story.history.calls.iter();
    let mut faults = story.history.faults.iter();
    write.author != Author::Foreign
        || calls.all(|call| write.latest <= call.started)
        || faults.any(|fault| explains(story, fault, write))
}

fn explains(story: &Story<'_>, fault: &Injected, write: &Write<'_>) -> bool {
    let after = if fault.detail.contains("no answer") {
        UNANSWERED
    } else {
        READINGS
    };
    fault.family == "people"
        && fault.lease.as_deref() == Some(write.commit.lease.as_str())
        && fault.begun <= write.latest + READINGS
        && write.earliest <= fault.over + after
        && does(story, &fault.kind, write)
}

/// Whether this is what such a one does.
fn does(story: &Story<'_>, kind: &str, write: &Write<'_>) -> bool {
    let (Some(before), Some(after)) = (write.before(), write.after()) else {
        return match kind {
            "deleted" => write.after().is_none(),
            "recreated" => true,
            _ => false,
        };
    };
    let same_grant = before.key() == after.key() && before.renewed() == after.renewed();
    let (was, is) = (before.duration(), after.duration());
    match kind {
        "labelled" => before.observed() == after.observed(),
        "duration-removed" => same_grant && is.is_none(),
        "duration-shorter" => same_grant && is.is_some() && was.is_none_or(|was| is <= Some(was)),
        "duration-longer" => same_grant && is.is_some(),
        "holder-blanked" => after.holder().is_none() && before.renewed() == after.renewed(),
        "led-by-another-client" => {
            let other = |record: Record<'_>| record.holder().map(|it| story.owner(it).is_none());
            // It takes, renews and frees in a name of its own.
            other(after).or(other(before)) == Some(true)
        }
        _ => false,
    }
}
