//! What is said of many leases that are being taken: whom is waited for, which are ours, and which were not tried.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::fate::{Fate, Fates, Victim, say_not_tried};
use super::taken::Taking;
use super::text::text;
use crate::commands::chosen::some;
use crate::commands::saying::{good_until, say_by};
use crate::commands::several::Errors;
use crate::error::Error;
use crate::exit::Exit;
use crate::hint;
use crate::lease::operate::{self, Grant};
use crate::output::Failure;
use crate::output::outcome::{Action, Outcome};
use crate::output::terminal;
use crate::words;

impl Taking<'_> {
    /// Says how long it takes until all must have stopped, and who may run on for ever.
    pub(super) fn say_waiting(&self, victims: &[Option<Victim>]) {
        let all = || victims.iter().flatten();
        let waits = all()
            .map(|victim| victim.wait)
            .filter(|wait| !wait.is_zero());
        let waits: Vec<Duration> = waits.collect();
        if let Some(longest) = waits.iter().max() {
            let holders = match waits.len() {
                1 => "the earlier holder of one of them".to_owned(),
                count => format!("{count} earlier holders"),
            };
            terminal::say(&format!(
                "waiting {} until {holders} must have stopped; all of them are kept renewed (--now skips this)",
                words::duration(*longest)
            ));
        }
        let untold = all().flat_map(|victim| &victim.untold);
        let untold: Vec<String> = untold.map(|holder| format!("{holder:?}")).collect();
        if !untold.is_empty() {
            terminal::say(&format!(
                "these holders had no duration, so they may still run: make sure that they have stopped: {}",
                some(&untold)
            ));
        }
    }

    /// Says that so many are taken first, and so many later.
    pub(super) fn say_wave(&self, now: usize, later: usize) {
        let write = self.turns.window().write().unwrap_or_default();
        terminal::say(&format!(
            "taking {now} of them first, {later} after that: a write takes {} ms, so that more could not be kept renewed; each is renewed until its part is told as stolen",
            write.as_millis().max(1)
        ));
    }

    /// After a signal: which leases are ours, and beside whom. With how the process ends.
    pub(super) fn say_interrupted(&self, wave: Range<usize>, fates: &Fates) -> Option<Exit> {
        let signal = self.bulk.interrupt.received()?;
        let is_ended = |fate: &Option<Fate>| matches!(fate, Some(Fate::Kept | Fate::GivenBack));
        if !fates.all[wave.clone()].iter().any(is_ended) {
            return None;
        }
        let mut beside: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut given_back = Vec::new();
        for at in wave.clone() {
            let chosen = &self.choice.all[at];
            let label = self.choice.label(chosen);
            match (&fates.all[at], &fates.victims[at]) {
                (Some(Fate::Kept), Some(victim)) => {
                    let record = chosen.record();
                    let names = beside.entry(record.namespace()).or_default();
                    names.push(record.name());
                    terminal::say_always(&format!(
                        "interrupted: lease {label} stays yours until it expires; {:?} may still be running",
                        victim.holder
                    ));
                }
                (Some(Fate::Kept | Fate::Ours(_)), _) => terminal::say_always(&format!(
                    "interrupted: lease {label} stays yours until it expires"
                )),
                (Some(Fate::GivenBack), _) => given_back.push(label),
                (Some(Fate::Failed(_)) | None, _) => {}
            }
        }
        if !given_back.is_empty() {
            terminal::say_always(&format!(
                "interrupted: not yours any more, and nothing has begun under them: {}",
                some(&given_back)
            ));
        }
        for (namespace, names) in beside {
            let command = |verb| hint::lease(verb, &names.join(" "), namespace);
            terminal::say_always(&format!(
                "To wait for that and acquire what stays yours again: {} --reenter. If its earlier holders are known to have stopped: {} --now",
                command("acquire"),
                command("release")
            ));
        }
        let not_tried = self.choice.all[wave.end..].iter();
        let not_tried = not_tried.map(|chosen| self.choice.label(chosen));
        let _ = say_not_tried(&not_tried.collect::<Vec<_>>(), Some(signal));
        Some(Exit::signal(signal))
    }

    /// Says those that are ours, all at once. What could not be said is ours all the same.
    pub(super) async fn say_ours(
        &self,
        wave: Range<usize>,
        fates: &[Option<Fate>],
        waited: Duration,
        errors: &mut Errors,
    ) {
        let (mut grants, mut places) = (Vec::new(), Vec::new());
        let is_first = wave.start == 0;
        for at in wave {
            match &fates[at] {
                Some(Fate::Ours(grant)) => {
                    grants.push(grant);
                    places.push(at);
                }
                Some(Fate::Kept | Fate::GivenBack | Fate::Failed(_)) | None => {}
            }
        }
        let Some(until) = grants.iter().map(|grant| good_until(grant)).min() else {
            return;
        };
        let said = match self.text(&grants, waited, is_first) {
            Ok(text) => say_by(text, until, &self.bulk.interrupt)
                .await
                .map_err(Error::Unsaid),
            Err(why) => Err(why.into()),
        };
        if let Err(why) = said {
            self.stop();
            let given_up = grants.iter().zip(&places).map(async |(grant, at)| {
                let interrupt = &self.bulk.interrupt;
                let giving = self.operations[*at].give_up_in_turn(grant, &self.turns, interrupt);
                (self.choice.label(&self.choice.all[*at]), giving.await)
            });
            let then = self.given_up(futures::future::join_all(given_up).await);
            let why = Box::new(why);
            let _ = errors.say(&Error::Despite { why, then });
        }
    }

    /// What became of those that nobody heard of.
    fn given_up(&self, fates: Vec<(String, operate::Fate)>) -> Vec<String> {
        let (mut over, mut held, mut open, mut why) = (Vec::new(), Vec::new(), Vec::new(), None);
        for (label, fate) in fates {
            match fate {
                operate::Fate::None | operate::Fate::Free | operate::Fate::Gone => over.push(label),
                operate::Fate::Kept | operate::Fate::Shields => held.push(label),
                operate::Fate::Open(fault) => {
                    why = why.or(fault);
                    open.push(label);
                }
            }
        }
        let me = self.bulk.terms.grant.holder.as_str();
        let lines = [
            (&over, "given back".to_owned()),
            (&held, format!("held by {me:?} anyway, until they expire")),
            (
                &open,
                match why {
                    Some(fault) => format!("these may be held by {me:?} ({fault})"),
                    None => format!("these may be held by {me:?}"),
                },
            ),
        ];
        let lines = lines.into_iter().filter(|(labels, _)| !labels.is_empty());
        let mut lines: Vec<String> = lines
            .map(|(labels, what)| format!("{what}: {}", some(labels)))
            .collect();
        if !(held.is_empty() && open.is_empty()) {
            lines.push(format!("Look: {}", hint::kubectl("lease status")));
        }
        lines
    }

    fn text(&self, grants: &[&Grant], waited: Duration, is_first: bool) -> Result<String, Failure> {
        let outcomes = grants.iter().map(|grant| {
            let outcome = Outcome::of_grant(Action::Stolen, grant);
            outcome.after_waiting(waited)
        });
        text(
            &outcomes.collect::<Vec<_>>(),
            self.choice,
            &self.bulk.args.output,
            is_first,
        )
    }
}
