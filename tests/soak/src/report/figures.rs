//! The figures of a run: what was granted, handed over, done to them, lost and returned, each as a table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use crate::history::{Exit, History, Injected};
use crate::oracle::{Cause, Handover, Story, handovers, is_stall, losses};

/// How much there was.
pub struct Counted {
    pub grants: usize,
    pub faults: usize,
    pub kinds: usize,
    /// How long handovers after a release took, half of them at most and 99 of 100 at most.
    pub handover: Option<(Duration, Duration)>,
}

pub fn counted(history: &History) -> Counted {
    let faults: Vec<&Injected> = done(history).collect();
    let kinds: BTreeSet<&str> = faults.iter().map(|fault| fault.kind.as_str()).collect();
    let story = Story::of(history);
    let all = handovers(&story).into_iter();
    let released = all.filter(|(kind, _)| *kind == Handover::Release);
    let mut released: Vec<Duration> = released.map(|(_, took)| took).collect();
    released.sort();
    Counted {
        handover: share(&released, 50).zip(share(&released, 99)),
        grants: story.grants.len(),
        faults: faults.len(),
        kinds: kinds.len(),
    }
}

/// By when so many of a hundred were over, of what is sorted.
fn share(sorted: &[Duration], of: usize) -> Option<Duration> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get(last * of / 100).copied()
}

/// What the soak did. That the machine stood still was not its doing, what met nobody does not count, and who is told at the
/// end that it is over is not put to the test.
fn done(history: &History) -> impl Iterator<Item = &Injected> {
    let all = history.faults.iter();
    all.filter(|fault| {
        let mut words = fault.detail.split([' ', ',', ';']);
        let over = fault.family == "process" && fault.begun >= history.run.starts_ended;
        !is_stall(fault) && !over && !words.any(|word| word == "met=0")
    })
}

pub fn stalls(history: &History) -> Vec<Duration> {
    let all = history.faults.iter().filter(|fault| is_stall(fault));
    all.map(|fault| fault.over.since(fault.begun)).collect()
}

/// Each with its title.
pub fn tables(history: &History) -> [(&'static str, String); 5] {
    let story = Story::of(history);
    [
        ("Grants by lease:", grants(&story)),
        (
            "Handovers, from the last work to the next first, where nothing was done to either:",
            handed_over(&story),
        ),
        ("Faults:", faults(history)),
        ("Grants that were lost:", lost(&story)),
        ("Ends of calls:", ends(history)),
    ]
}

fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    if text.is_empty() {
        return text;
    }
    let rule = vec!["---"; heads.len()].join(" | ");
    format!("| {} |\n| {rule} |\n{text}", heads.join(" | "))
}

fn grants(story: &Story<'_>) -> String {
    let mut by_lease: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for grant in &story.grants {
        let counts = by_lease.entry(grant.lease).or_default();
        counts[0] += 1;
        counts[1] += usize::from(story.tree(grant).is_some());
        counts[2] += usize::from(grant.call.is_none());
    }
    let rows = by_lease.into_iter().map(|(lease, [all, worked, foreign])| {
        vec![
            lease.to_owned(),
            all.to_string(),
            worked.to_string(),
            foreign.to_string(),
        ]
    });
    table(&["lease", "grants", "with work", "of other clients"], rows)
}

fn handed_over(story: &Story<'_>) -> String {
    let mut by_kind: BTreeMap<Handover, Vec<Duration>> = BTreeMap::new();
    for (kind, took) in handovers(story) {
        by_kind.entry(kind).or_default().push(took);
    }
    let rows = by_kind.into_iter().map(|(kind, mut all)| {
        all.sort();
        let at = |of: usize| {
            let share = share(&all, of).unwrap_or_default();
            format!("{:.3} s", share.as_secs_f64())
        };
        let kind = match kind {
            Handover::Release => "after a release",
            Handover::Expiry => "after an expiry",
        };
        vec![
            kind.to_owned(),
            all.len().to_string(),
            at(50),
            at(99),
            at(100),
        ]
    });
    table(&["", "handovers", "p50", "p99", "longest"], rows)
}

fn faults(history: &History) -> String {
    let mut by_family: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for fault in done(history) {
        let kinds = by_family.entry(&fault.family).or_default();
        *kinds.entry(&fault.kind).or_default() += 1;
    }
    let rows = by_family.into_iter().map(|(family, kinds)| {
        let all: usize = kinds.values().sum();
        let each = kinds.iter().map(|(kind, count)| format!("{kind} {count}"));
        let each: Vec<String> = each.collect();
        vec![family.to_owned(), all.to_string(), each.join(", ")]
    });
    table(&["family", "faults", "kinds"], rows)
}

fn lost(story: &Story<'_>) -> String {
    let mut by_cause: BTreeMap<&str, usize> = BTreeMap::new();
    for cause in losses(story) {
        let words = match cause {
            Some(Cause::Others) => "taken, freed, deleted or shortened by others",
            Some(Cause::Harm) => "processes stopped, killed or signalled",
            Some(Cause::Outage) => "no way to the server for half of the duration",
            Some(Cause::Stall) => "the machine stood still",
            Some(Cause::Command) => "the command left no time, or stopped itself",
            None => "no cause",
        };
        *by_cause.entry(words).or_default() += 1;
    }
    let rows = by_cause.into_iter();
    let rows = rows.map(|(cause, count)| vec![cause.to_owned(), count.to_string()]);
    table(&["cause", "grants"], rows)
}

fn ends(history: &History) -> String {
    let mut by_role: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for call in &history.calls {
        let end = match call.exit {
            Some(Exit::Code(code)) => format!("{code:>3}"),
            Some(Exit::Signal(signal)) => format!("signal {signal}"),
            None => "never".to_owned(),
        };
        let ends = by_role.entry(format!("{:?}", call.role)).or_default();
        *ends.entry(end).or_default() += 1;
    }
    let rows = by_role.into_iter().map(|(role, ends)| {
        let all: usize = ends.values().sum();
        let each = ends
            .iter()
            .map(|(end, count)| format!("{}: {count}", end.trim()));
        let each: Vec<String> = each.collect();
        vec![role, all.to_string(), each.join(", ")]
    });
    table(&["call", "calls", "ends"], rows)
}
