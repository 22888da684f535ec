//! The shortest history that breaks a rule in the same way: what does not matter for that is left out, in large pieces first and
//! one by one in the end. The same history is found each time: the search is bounded by what it judges, not by a clock.

use std::collections::BTreeSet;
use std::time::Duration;

use super::story::{Story, covers};
use super::{Rule, Violation, matched, slice};
use crate::history::{Call, History};
use crate::time::At;

/// Of so many violations the shortest histories are searched for: whoever reads more reads them later.
pub const FIRST: usize = 20;

/// So many entries are judged for one violation, all tries together: less than two seconds' work.
const BUDGET: usize = 200_000;

/// What may matter may be older than what is told of a violation, and show a little later.
const BEFORE: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(2);

/// One thing of a history, by its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    Request(usize),
    Fault(usize),
    Call(usize),
    Overlap(usize),
    Left(usize),
    Work(usize),
    Commit(usize),
}

/// Tells a violation by the shortest history of it that is found.
pub fn shorten(story: &Story<'_>, rule: Rule, violation: &mut Violation) {
    let mut search = Search {
        whole: story.history,
        anchors: anchors(story, violation),
        rule,
        wanted: violation.clone(),
        left: BUDGET,
    };
    let whole = entries(story.history, |_| true);
    let window = (
        violation.history.first().map_or(violation.at, |of| of.at) - BEFORE,
        violation.at + AFTER,
    );
    let near = entries(story.history, |entry| near(story.history, entry, window));
    let touching = near.iter().copied();
    let touching = touching.filter(|entry| concerns(story.history, *entry, violation));
    let starts = [touching.collect(), near, whole.clone()];
    let Some(start) = starts.into_iter().find(|start| search.breaks(start)) else {
        return;
    };
    let kept = search.shortest(start);
    let history = search.history(&kept);
    let story = Story::of(&history);
    violation.history = slice::whole(&story);
    violation.out_of = Some(whole.len());
}

struct Search<'h> {
    whole: &'h History,
    /// What is told in any case: how those whom it is about had the lease.
    anchors: BTreeSet<Entry>,
    rule: Rule,
    wanted: Violation,
    /// How many entries may still be judged.
    left: usize,
}

impl Search<'_> {
    /// Leaves out what can be left out, by kind, then by halves down to single ones, until nothing more can.
    fn shortest(&mut self, start: Vec<Entry>) -> Vec<Entry> {
        let mut kept: Vec<Entry> = start;
        kept.retain(|entry| !self.anchors.contains(entry));
        for kind in 0..7 {
            let fewer = kept.iter().copied().filter(|entry| entry.kind() != kind);
            let fewer: Vec<Entry> = fewer.collect();
            if fewer.len() < kept.len() && self.breaks(&fewer) {
                kept = fewer;
            }
        }
        let mut size = kept.len().div_ceil(2).max(1);
        loop {
            let (mut place, before) = (0, kept.len());
            while place < kept.len() {
                let end = (place + size).min(kept.len());
                let mut fewer = kept.clone();
                fewer.drain(place..end);
                if self.breaks(&fewer) {
                    kept = fewer;
                } else {
                    place = end;
                }
            }
            match size {
                1 if kept.len() == before => return kept,
                _ => size = (size / 2).max(1),
            }
        }
    }

    /// Whether these break the rule in the same way. Nothing does once enough has been judged.
    fn breaks(&mut self, entries: &[Entry]) -> bool {
        let cost = entries.len() + self.anchors.len();
        let Some(left) = self.left.checked_sub(cost) else {
            self.left = 0;
            return false;
        };
        self.left = left;
        let history = self.history(entries);
        let found = (self.rule)(&Story::of(&history));
        found.iter().any(|found| same(found, &self.wanted))
    }

    fn history(&self, entries: &[Entry]) -> History {
        let all: BTreeSet<Entry> = entries.iter().chain(&self.anchors).copied().collect();
        let mut history = History {
            run: self.whole.run.clone(),
            ..History::default()
        };
        let whole = self.whole;
        for entry in all {
            match entry {
                Entry::Request(of) => history.requests.push(whole.requests[of].clone()),
                Entry::Fault(of) => history.faults.push(whole.faults[of].clone()),
                Entry::Call(of) => history.calls.push(whole.calls[of].clone()),
                Entry::Overlap(of) => history.overlaps.push(whole.overlaps[of].clone()),
                Entry::Left(of) => history.left.push(whole.left[of].clone()),
                Entry::Work(of) => history.work.push(whole.work[of].clone()),
                Entry::Commit(of) => history.commits.push(whole.commits[of].clone()),
            }
        }
        history
    }
}

impl Entry {
    /// Which kind, those that matter most seldom first.
    fn kind(self) -> usize {
        match self {
            Entry::Request(_) => 0,
            Entry::Fault(_) => 1,
            Entry::Call(_) => 2,
            Entry::Overlap(_) => 3,
            Entry::Left(_) => 4,
            Entry::Work(_) => 5,
            Entry::Commit(_) => 6,
        }
    }
}

/// The same in every word: what leads to another figure is another history.
fn same(one: &Violation, other: &Violation) -> bool {
    (one.rule, &one.lease, &one.calls, one.at) == (other.rule, &other.lease, &other.calls, other.at)
        && one.what == other.what
}

fn entries(history: &History, wanted: impl Fn(Entry) -> bool) -> Vec<Entry> {
    let all = (0..history.requests.len()).map(Entry::Request);
    let all = all.chain((0..history.faults.len()).map(Entry::Fault));
    let all = all.chain((0..history.calls.len()).map(Entry::Call));
    let all = all.chain((0..history.overlaps.len()).map(Entry::Overlap));
    let all = all.chain((0..history.left.len()).map(Entry::Left));
    let all = all.chain((0..history.work.len()).map(Entry::Work));
    let all = all.chain((0..history.commits.len()).map(Entry::Commit));
    all.filter(|entry| wanted(*entry)).collect()
}

/// How each call that a violation is about came to the lease, kept it last and lost it: a rule may not need that, and a reader
/// does.
fn anchors(story: &Story<'_>, violation: &Violation) -> BTreeSet<Entry> {
    let history = story.history;
    let place = |revision: u64| {
        let mut all = history.commits.iter();
        all.position(|commit| commit.revision == revision)
    };
    let mut anchors = BTreeSet::new();
    let calls = history.calls.iter();
    for call in calls.filter(|call| violation.calls.contains(&call.id)) {
        let of_lease = story.grants_of(call).filter(|grant| {
            Some(grant.lease) == violation.lease.as_deref()
                && grant.begun(&story.writes).earliest <= violation.at
        });
        let Some(grant) = of_lease.last() else {
            continue;
        };
        let (begun, renewed) = (
            grant.begun(&story.writes),
            grant.last_renewal(&story.writes),
        );
        let told = [Some(begun), Some(renewed), grant.ended(&story.writes)];
        let told = told.into_iter().flatten();
        anchors.extend(
            told.filter_map(|write| place(write.commit.revision))
                .map(Entry::Commit),
        );
    }
    anchors
}

/// Whether it was about then.
fn near(history: &History, entry: Entry, (from, to): (At, At)) -> bool {
    let during = |begun: At, over: At| begun <= to && over >= from;
    match entry {
        Entry::Request(of) => during(history.requests[of].at, history.requests[of].at),
        Entry::Fault(of) => during(history.faults[of].begun, history.faults[of].over),
        Entry::Call(of) => {
            let call = &history.calls[of];
            during(call.started, call.ended.unwrap_or(At(u64::MAX)))
        }
        Entry::Overlap(of) => during(history.overlaps[of].at, history.overlaps[of].at),
        Entry::Work(of) => during(history.work[of].first, history.work[of].last),
        Entry::Commit(of) => {
            let commit = &history.commits[of];
            let received = commit.received.or(commit.answered);
            received.is_none_or(|at| during(at, commit.answered.unwrap_or(at)))
        }
        Entry::Left(_) => true,
    }
}

/// Whether it is of a lease or a call that a violation is about.
fn concerns(history: &History, entry: Entry, violation: &Violation) -> bool {
    let calls = || {
        let all = history.calls.iter();
        all.filter(|call| violation.calls.contains(&call.id))
    };
    let on = |lease: &str| {
        violation.lease.as_deref().is_none_or(|of| of == lease)
            || calls().any(|call: &Call| call.leases.iter().any(|name| covers(name, lease)))
    };
    match entry {
        Entry::Request(of) => {
            let sent = &history.requests[of];
            calls().any(|call| call.contender == sent.contender)
                || matched::lease_of(sent).is_some_and(on)
        }
        Entry::Fault(_) | Entry::Call(_) | Entry::Left(_) => true,
        Entry::Overlap(of) => on(&history.overlaps[of].lease),
        Entry::Work(of) => on(&history.work[of].lease),
        Entry::Commit(of) => on(&history.commits[of].lease),
    }
}
