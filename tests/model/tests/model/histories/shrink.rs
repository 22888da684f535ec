//! Cuts a history down as long as it still breaks the same rule: fewer actors, lives, faults and events, and then shorter spans
//! and plainer clocks. The same history always comes to the same end, after so many plays at most.

use std::time::Duration;

use super::play::{Broken, play_for};
use super::{ActorChoices, History, How, Life, Then, What};
use crate::clock::Wall;

/// So many shorter histories are played at most.
const PLAYS: u32 = 2000;

/// So many other seeds are tried for each single thing that could be left out.
const SEEDS: u64 = 8;

/// So many histories that break one rule are cut down: from some of them the way to a short one is barred.
const HISTORIES: usize = 4;

/// The shortest history that was found to break the rule that the first of these breaks.
pub fn shortest_of(all: impl IntoIterator<Item = (History, Broken)>) -> Option<(History, Broken)> {
    let mut all = all.into_iter().peekable();
    let rule = all.peek()?.1.rule();
    let same = all.filter(|(_, broken)| broken.rule() == rule);
    let shortest = same
        .take(HISTORIES)
        .map(|(history, broken)| shortest(history, broken));
    let best = shortest.min_by_key(|(history, _)| history.choices())?;
    assert_eq!(best.1.rule(), rule, "another rule than was broken");
    Some(best)
}

/// The shortest history that was found to break the rule that `history` breaks.
fn shortest(history: History, broken: Broken) -> (History, Broken) {
    let mut search = Search {
        rule: broken.rule(),
        best: (history, broken),
        left: PLAYS,
    };
    loop {
        let before = search.best.0.clone();
        search.drop_parts();
        search.simplify();
        search.shorten();
        if search.best.0 == before {
            search.drop_by_other_seeds();
        }
        if search.best.0 == before || search.left == 0 {
            return search.best;
        }
    }
}

struct Search {
    rule: String,
    best: (History, Broken),
    left: u32,
}

/// The list of something in a history.
type List<T> = fn(&mut History) -> &mut Vec<T>;

impl Search {
    /// Plays the best one with this change; it is the best from now on if it still breaks the rule.
    fn try_with(&mut self, change: impl FnOnce(&mut History)) -> bool {
        let mut shorter = self.best.0.clone();
        change(&mut shorter);
        if shorter == self.best.0 || self.left == 0 {
            return false;
        }
        self.left -= 1;
        // What is shorter does not take longer, as a rule.
        let most = (self.best.1.at()).map(|at| at + at / 4 + Duration::from_secs(2));
        match play_for(&shorter, most).broken {
            Some(broken) if broken.rule() == self.rule => {
                self.best = (shorter, broken);
                true
            }
            Some(_) | None => false,
        }
    }

    fn drop_parts(&mut self) {
        self.drop_of(|history| &mut history.actors);
        self.drop_of(|history| &mut history.faults);
        self.drop_of(|history| &mut history.watches);
        self.drop_of(|history| &mut history.events);
        let mut actor = 0;
        while actor < self.best.0.actors.len() {
            self.drop_from(|history| &mut history.actors[actor].lives);
            actor += 1;
        }
    }

    fn drop_of<T>(&mut self, list: List<T>) {
        self.drop_from(list);
    }

    /// Drops all of a list, halves of it, quarters, and so on to single ones.
    fn drop_from<T>(&mut self, list: impl Fn(&mut History) -> &mut Vec<T>) {
        let mut size = list(&mut self.best.0).len();
        while size > 0 {
            let mut from = 0;
            while from < list(&mut self.best.0).len() {
                let dropped = self.try_with(|history| {
                    let all = list(history);
                    let to = (from + size).min(all.len());
                    all.drain(from..to);
                });
                if !dropped {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    /// What is left out changes the times of all that follows: with another seed they may fit again.
    fn drop_by_other_seeds(&mut self) {
        for actor in 0..self.best.0.actors.len() {
            self.drop_each(|history| &mut history.actors[actor].lives);
        }
        self.drop_each(|history| &mut history.events);
    }

    fn drop_each<T>(&mut self, list: impl Fn(&mut History) -> &mut Vec<T>) {
        let mut at = 0;
        while at < list(&mut self.best.0).len() {
            let dropped = (0..SEEDS).any(|seed| {
                self.try_with(|history| {
                    list(history).remove(at);
                    history.seed = seed;
                })
            });
            at += usize::from(!dropped);
        }
    }

    /// What is exact, near and plain instead of what is not.
    fn simplify(&mut self) {
        self.try_with(|history| {
            let server = &mut history.server;
            (server.version, server.restamps) = (Some((1, 33)), true);
        });
        self.try_with(|history| history.server.date = Some(0));
        self.try_with(|history| history.server.refuses_dry_run = false);
        self.try_with(|history| history.server.observed_only = false);
        self.try_with(|history| history.unprotected = false);
        self.try_with(|history| history.seed = 0);
        for actor in 0..self.best.0.actors.len() {
            let mut with = |change: fn(&mut ActorChoices)| {
                self.try_with(|history| change(&mut history.actors[actor]));
            };
            with(|actor| actor.rate = 1_000_000);
            with(|actor| actor.wall = Wall::Skewed(0));
            with(|actor| actor.watches = true);
            for life in 0..self.best.0.actors[actor].lives.len() {
                let mut with = |change: fn(&mut Life)| {
                    self.try_with(|history| change(&mut history.actors[actor].lives[life]));
                };
                with(|life| life.how = How::Acquire);
                with(|life| life.within = None);
                with(|life| life.interrupted = None);
                with(|life| life.fresh = true);
                with(|life| life.duration = Some(2));
                with(|life| {
                    if let Then::Hold(job) = &mut life.then {
                        (job.label, job.detaches) = (None, false);
                    }
                });
                with(|life| {
                    if let Then::Hold(job) = &mut life.then
                        && let Some(command) = &mut job.command
                    {
                        command.leaves = 0;
                    }
                });
            }
        }
    }

    /// Every number as small as it can be.
    fn shorten(&mut self) {
        let mut number = 0;
        while let Some(value) = self.best.0.spans().get(number).map(|span| **span) {
            for smaller in [
                0,
                value / 4,
                value / 2,
                value - value % 1000,
                value - value % 100,
            ] {
                let done = self.try_with(|history| *history.spans()[number] = smaller);
                if done {
                    break;
                }
            }
            number += 1;
        }
    }
}

impl History {
    /// How much happens in it: actors, and all that they do and that happens to them.
    pub fn choices(&self) -> usize {
        let lives: usize = self.actors.iter().map(|actor| actor.lives.len()).sum();
        self.actors.len() + lives + self.faults.len() + self.watches.len() + self.events.len()
    }

    /// All its spans.
    fn spans(&mut self) -> Vec<&mut u64> {
        let server = &mut self.server;
        let mut spans = vec![
            &mut self.calm_from,
            &mut server.skew,
            &mut server.latency,
            &mut server.late,
        ];
        for actor in &mut self.actors {
            spans.push(&mut actor.lingers);
            for life in &mut actor.lives {
                spans.push(&mut life.pause);
                spans.extend(life.within.as_mut());
                match &mut life.then {
                    Then::Stay { span, .. } => spans.push(span),
                    Then::Hold(job) => {
                        spans.push(&mut job.until);
                        if let Some(command) = &mut job.command {
                            spans.push(&mut command.runs);
                            spans.extend(command.obeys.as_mut());
                        }
                    }
                }
            }
        }
        for event in &mut self.events {
            spans.push(&mut event.at);
            spans.extend(event.what.span());
        }
        spans
    }
}

impl What {
    /// How long it lasts.
    fn span(&mut self) -> Option<&mut u64> {
        match self {
            Self::CutOff { span, .. }
            | Self::Freeze { span, .. }
            | Self::FreezeWatchdog { span, .. } => Some(span),
            Self::EditLabels { times } => Some(times),
            Self::Kill { .. }
            | Self::KillWatchdog { .. }
            | Self::Signal { .. }
            | Self::Delete
            | Self::Claim
            | Self::ForgeWord { .. }
            | Self::Blank
            | Self::EditDuration { .. } => None,
        }
    }
}
