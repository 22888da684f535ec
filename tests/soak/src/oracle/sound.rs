//! Whether the history itself can be right, and has enough to judge: an oracle that is told nothing finds nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Violation;
use super::author::Author;
use super::grants;
use super::record::Record;
use super::story::{About, Story, Write};
use crate::history::Exit;
use crate::time::At;

const RULE: &str = "history";

/// Times of the server's log are wall times, turned into the hardware's by one difference for the whole run: NTP may slew
/// the wall clock by so much within an hour.
const DRIFT: Duration = Duration::from_millis(100);

/// A hold that ended as its command did has been at work; of so many in a hundred the sink may have missed it.
const UNHEARD_OF: usize = 2;

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let mut found = empty(story);
    found.extend(chain(story));
    found.extend(
        story
            .writes
            .iter()
            .filter_map(|write| impossible(story, write)),
    );
    found.extend(strangers(story));
    found.extend(silent(story));
    found.extend(order(story));
    found
}

fn broken(story: &Story<'_>, lease: Option<&str>, at: At, what: String) -> Violation {
    let about = About {
        lease,
        calls: &[],
        from: at - Duration::from_millis(500),
        at,
    };
    story.violation(RULE, about, what)
}

fn empty(story: &Story<'_>) -> Vec<Violation> {
    let history = story.history;
    let nothing = [
        (history.calls.is_empty(), "no calls"),
        (history.commits.is_empty(), "no writes that were stored"),
        (history.requests.is_empty(), "no requests"),
        (history.work.is_empty(), "no work"),
        (story.grants.is_empty(), "no grants"),
    ];
    let nothing = nothing.iter().filter(|(so, _)| *so);
    let what = |what: &str| format!("there are {what}: nothing can be judged");
    nothing
        .map(|(_, of)| broken(story, None, history.run.started, what(of)))
        .collect()
}

/// Each write of a lease follows the one before it, and says of itself which it is.
fn chain(story: &Story<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut last = 0;
    for write in &story.writes {
        let commit = write.commit;
        let wrong = |what: String| broken(story, Some(&commit.lease), write.earliest, what);
        if commit.revision <= last {
            found.push(wrong(format!(
                "revision {} is told after {last}",
                commit.revision
            )));
        }
        last = commit.revision;
        let earlier = story.before(write).map(|earlier| &earlier.commit.after);
        if earlier.is_some_and(|after| *after != commit.before) {
            found.push(wrong(format!(
                "revision {} was made from something else than the write before it left",
                commit.revision
            )));
        }
        let of = write.after().map(Record::version);
        if of.is_some_and(|version| version != commit.revision.to_string()) {
            found.push(wrong(format!(
                "revision {} says that it is {}",
                commit.revision,
                of.unwrap_or_default()
            )));
        }
        let uids = (
            write.before().map(Record::uid),
            write.after().map(Record::uid),
        );
        if let (Some(one), Some(other)) = uids
            && one != other
        {
            found.push(wrong(format!(
                "revision {} is of another object than the one before, which nobody deleted",
                commit.revision
            )));
        }
    }
    found
}

/// A write that was answered before it was asked for: two clocks do not agree.
fn impossible(story: &Story<'_>, write: &Write<'_>) -> Option<Violation> {
    let (commit, sent) = (write.commit, write.sent.map(|sent| sent.at));
    let answered = commit.answered?;
    let asked = commit.received.into_iter().chain(sent).max()?;
    // Not by the writes before it: of an attempt that was not answered and its repetition the log does not tell which was stored.
    let off = asked.since(answered);
    (off > DRIFT).then(|| {
        let what = format!(
            "revision {} was answered {} before it was asked for: two clocks differ",
            commit.revision,
            super::seconds(off)
        );
        broken(story, Some(&commit.lease), answered, what)
    })
}

/// Grants, work and overlaps of nobody who was started.
fn strangers(story: &Story<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let unknown = story.grants.iter().filter(|grant| {
        grant.call.is_none() && grant.begun(&story.writes).author != Author::Foreign
    });
    for grant in unknown {
        let at = grant.begun(&story.writes).earliest;
        let what = format!("{} was granted it, and no call is that", grant.key.holder);
        found.push(broken(story, Some(grant.lease), at, what));
    }
    let workers = story
        .trees
        .iter()
        .filter(|tree| story.owner(tree.holder).is_none());
    found.extend(workers.map(|tree| {
        let what = format!("{} was at work, and no call is that", tree.holder);
        broken(story, Some(tree.lease), tree.first, what)
    }));
    let mut holders = BTreeSet::new();
    for call in &story.history.calls {
        let Some(holder) = call
            .holder
            .as_deref()
            .filter(|_| !super::author::frees(call))
        else {
            continue;
        };
        if !holders.insert(holder) {
            let what = format!("{holder} is two calls, {} the later", call.id);
            found.push(broken(story, None, call.started, what));
        }
    }
    found
}

/// Holds that ended as their commands do, and of which nobody was at work: the sink hears too little.
fn silent(story: &Story<'_>) -> Option<Violation> {
    let ended = story.history.calls.iter().filter(|call| {
        let command = call.command.as_ref().filter(|_| grants::holds(call));
        let own = command.map(|command| command.exit);
        let told = own.is_some_and(|own| {
            call.exit == Some(own)
                || matches!((own, call.exit), (Exit::Signal(of), Some(Exit::Code(code))) if code == 128 + of)
        });
        told && command.is_some_and(|command| command.works > 0)
    });
    let (mut all, mut silent) = (0, Vec::new());
    for call in ended {
        all += 1;
        if story.trees_of(call).next().is_none() {
            silent.push(call.id);
        }
    }
    (silent.len() * 100 > all * UNHEARD_OF && silent.len() > 1).then(|| {
        let what = format!(
            "of {all} calls that ended as their commands do {} did no work that was heard of: {silent:?}",
            silent.len()
        );
        broken(story, None, story.history.run.ended, what)
    })
}

/// The course of the run, and of each call.
fn order(story: &Story<'_>) -> Vec<Violation> {
    let run = &story.history.run;
    let mut found = Vec::new();
    if !(run.started <= run.faults_ended
        && run.faults_ended <= run.starts_ended
        && run.starts_ended <= run.ended)
    {
        let what = "the run ended before it began, in some order".to_owned();
        found.push(broken(story, None, run.started, what));
    }
    for call in &story.history.calls {
        if call.ended.is_some_and(|ended| ended < call.started) {
            let what = format!("call {} ended before it began", call.id);
            found.push(broken(story, None, call.started, what));
        }
    }
    found
}
