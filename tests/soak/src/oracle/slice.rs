//! What happened around a violation, as short as it can be told: the events of one lease and of some calls, in order.

use super::record::Record;
use super::story::{Story, Write};
use super::{faults, matched};
use crate::history::{Call, Exit, Injected, Overlap, Sent, Work};
use crate::time::At;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// When.
    pub at: At,
    /// What.
    pub text: String,
}

/// More lines than this nobody reads: the middle is left out.
const LONGEST: usize = 40;

/// The events between two instants, in order.
pub fn between(
    story: &Story<'_>,
    lease: Option<&str>,
    calls: &[u32],
    from: At,
    to: At,
) -> Vec<Moment> {
    let within = |at: At| from <= at && at <= to;
    let history = story.history;
    let all = history.calls.iter();
    let about: Vec<&Call> = all.filter(|call| calls.contains(&call.id)).collect();
    let mut all: Vec<Moment> = Vec::new();
    // When they began and how they ended is told however long ago that was.
    all.extend(about.iter().flat_map(|call| of_call(call)));
    let writes = lease.iter().flat_map(|lease| story.writes_of(lease));
    let writes = writes.filter(|write| within(write.earliest));
    all.extend(writes.map(|write| moment(write.earliest, written(write))));
    all.extend(history.requests.iter().filter_map(|sent| {
        let of = about.iter().any(|call| call.contender == sent.contender);
        let on = lease.is_none() || lease == matched::lease_of(sent);
        let told = of && on && within(sent.at) && tells(sent);
        told.then(|| moment(sent.at, request(sent)))
    }));
    let trees = story.trees.iter().filter(|tree| {
        let of = about
            .iter()
            .any(|call| call.holder.as_deref() == Some(tree.holder));
        (of || calls.is_empty()) && lease.is_none_or(|lease| lease == tree.lease)
    });
    let work = trees.flat_map(|tree| tree.processes.iter());
    let work = work.filter(|work| within(work.first) || within(work.last));
    all.extend(work.flat_map(|work| of_work(work)));
    let overlaps = history
        .overlaps
        .iter()
        .filter(|overlap| within(overlap.at) && lease.is_none_or(|lease| lease == overlap.lease));
    all.extend(overlaps.map(of_overlap));
    let faults = history.faults.iter().filter(|fault| {
        let whole =
            faults::is_stall(fault) || about.iter().any(|call| faults::touches(fault, call));
        let on = fault.lease.as_deref() == lease && lease.is_some();
        (whole || on) && fault.begun <= to && fault.over >= from
    });
    all.extend(faults.map(|fault| moment(fault.begun, injected(fault))));
    all.sort();
    all.dedup();
    shortened(all)
}

/// All that there is, in order.
pub fn whole(story: &Story<'_>) -> Vec<Moment> {
    let history = story.history;
    let mut all: Vec<Moment> = history.calls.iter().flat_map(of_call).collect();
    let several = story.of_lease.len() > 1;
    all.extend(story.writes.iter().map(|write| {
        let on = if several {
            format!("{}: ", write.commit.lease)
        } else {
            String::new()
        };
        moment(write.earliest, format!("{on}{}", written(write)))
    }));
    let requests = history.requests.iter();
    all.extend(requests.map(|sent| moment(sent.at, request(sent))));
    all.extend(history.work.iter().flat_map(of_work));
    all.extend(history.overlaps.iter().map(of_overlap));
    let faults = history.faults.iter();
    all.extend(faults.map(|fault| moment(fault.begun, injected(fault))));
    all.extend(history.left.iter().map(|left| {
        let what = format!("a {} is left: {}", left.kind, left.what);
        moment(history.run.ended, what)
    }));
    all.sort();
    all.dedup();
    shortened(all)
}

fn of_call(call: &Call) -> Vec<Moment> {
    let end = call.ended.zip(call.exit);
    let end = end.map(|(ended, exit)| moment(ended, ended_text(call, exit)));
    [moment(call.started, begun(call))]
        .into_iter()
        .chain(end)
        .collect()
}

fn of_work(work: &Work) -> [Moment; 2] {
    let who = format!(
        "{} ({} {}, token {})",
        work.part, work.holder, work.pid, work.token
    );
    let refused = match work.refused {
        0 => String::new(),
        refused => format!("; the sink refused {refused}"),
    };
    [
        moment(work.first, format!("{who} is at work")),
        moment(work.last, format!("{who} worked last{refused}")),
    ]
}

fn of_overlap(overlap: &Overlap) -> Moment {
    let text = format!(
        "{} (token {}) finds the lock taken by {:?}",
        overlap.holder, overlap.token, overlap.beside
    );
    moment(overlap.at, text)
}

fn shortened(mut all: Vec<Moment>) -> Vec<Moment> {
    if all.len() > LONGEST {
        let tail = all.split_off(all.len() - LONGEST / 2);
        let left = all.split_off(LONGEST / 2);
        if let Some(first) = left.first() {
            let text = format!("… {} more …", left.len());
            all.push(moment(first.at, text));
        }
        all.extend(tail);
    }
    all
}

fn moment(at: At, text: String) -> Moment {
    Moment { at, text }
}

fn begun(call: &Call) -> String {
    let words: Vec<&str> = call.words.iter().map(String::as_str).collect();
    let words = words.split(|word| *word == "--").next().unwrap_or_default();
    format!(
        "call {} begins: {:?} {} as {}",
        call.id,
        call.role,
        words.join(" "),
        call.holder.as_deref().unwrap_or("nobody")
    )
}

fn ended_text(call: &Call, exit: Exit) -> String {
    let how = match exit {
        Exit::Code(code) => format!("code {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
    };
    let said = call.stderr.lines().last().unwrap_or_default();
    format!("call {} ended, {how}: {said:?}", call.id)
}

fn written(write: &Write<'_>) -> String {
    let revision = write.commit.revision;
    let by = match (&write.commit.user, write.call) {
        (Some(user), Some(call)) => format!("{user}, call {}", call.id),
        (Some(user), None) => user.clone(),
        (None, _) => "nobody knows whom".to_owned(),
    };
    let (before, after) = (write.before(), write.after());
    let what = match (before.and_then(Record::holder), after.map(Record::holder)) {
        (_, None) => "deleted".to_owned(),
        (Some(before), Some(Some(after))) if write.grants() => {
            format!("granted to {after}, from {before}")
        }
        (None, Some(Some(after))) => format!("granted to {after}"),
        (Some(before), Some(None)) => format!("freed, from {before}"),
        (None, Some(None)) => "written, free".to_owned(),
        (Some(_), Some(Some(after))) => {
            let renewed = |record: Option<Record<'_>>| record.map(|of| of.renewed().to_owned());
            let changed = |what: &str| format!("{what}, of {after}");
            if renewed(before) != renewed(write.after()) {
                changed("renewed")
            } else if before.and_then(Record::stopped) != write.after().and_then(Record::stopped) {
                changed("acknowledged")
            } else {
                changed("changed beside the grant")
            }
        }
    };
    let duration = after.and_then(Record::duration);
    let duration = duration.map_or_else(
        || "no duration".to_owned(),
        |of| format!("{}s", of.as_secs()),
    );
    format!("revision {revision}: {what} ({duration}, by {by})")
}

/// Whether a request says more than the write that came of it.
fn tells(sent: &Sent) -> bool {
    sent.method != "GET"
        && !sent.query.contains("dryRun")
        && (sent.fault.is_some() || sent.status.is_none_or(|status| status >= 300))
}

fn request(sent: &Sent) -> String {
    let status =
        |status: Option<u16>| status.map_or_else(|| "nothing".to_owned(), |of| of.to_string());
    format!(
        "contender {} sends {}: {} of the server, {} told, {}",
        sent.contender,
        sent.method,
        status(sent.upstream_status),
        status(sent.status),
        sent.fault.as_deref().unwrap_or("no fault")
    )
}

fn injected(fault: &Injected) -> String {
    let length = fault.over.since(fault.begun);
    let to = match (fault.call, &fault.lease) {
        (Some(call), _) => format!("call {call}"),
        (None, Some(lease)) => lease.clone(),
        (None, None) if fault.contenders.is_empty() => "everybody".to_owned(),
        (None, None) => format!("contenders {:?}", fault.contenders),
    };
    let detail = match fault.detail.as_str() {
        "" => String::new(),
        detail => format!(": {detail}"),
    };
    format!(
        "fault {} to {to} for {}{detail}",
        fault.kind,
        super::seconds(length)
    )
}
