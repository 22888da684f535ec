//! Judges what happened: who was inside when, by true time, and every rule that a write or a stay has broken.

use std::collections::{BTreeMap, BTreeSet};

use lease_model::lease::record::Record;

use crate::acknowledgement::{same_beside_words, word};
use crate::clock::TrueTime;
pub use crate::counts::{Counts, Event};
use crate::reached::Reached;

/// What an actor is about when it sends a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Acquire,
    Steal,
    /// Freeing what another holds.
    Free,
    /// Renewing or releasing.
    Keep,
    /// Saying that it has stopped.
    Acknowledge,
    /// Somebody who edits labels, creates or deletes.
    Outsider,
}

/// The sender of a write: client, which of its calls, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    pub client: usize,
    pub call: u64,
    pub purpose: Purpose,
    pub passage: Passage,
}

/// How a request came to the server.
#[derive(Clone, Copy, Debug)]
pub struct Passage {
    pub sent: TrueTime,
    /// It was sent twice on the way, or held back until its sender did not wait for it any more.
    pub astray: bool,
}

/// One stay inside the critical section.
#[derive(Clone, Debug)]
struct Stay {
    actor: usize,
    began: TrueTime,
    /// Where its holder stops by its own clock, in true time.
    deadline: TrueTime,
    ended: Option<TrueTime>,
    /// Whether it goes on until its end is seen, and not at most until its deadline: that of a simulated command.
    is_seen: bool,
}

impl Stay {
    fn goes_on(&self, now: TrueTime) -> bool {
        match self.ended {
            Some(ended) => now < ended,
            None => self.is_seen || now < self.deadline,
        }
    }
}

/// The rules, what they need to know of the past, and what broke them.
#[derive(Default)]
pub struct Checker {
    stays: Vec<Stay>,
    last_token: u64,
    /// When the observed record last changed, true time: the last sign of life of its holder.
    sign_of_life: TrueTime,
    granted_to: Option<(usize, u64)>,
    /// When the Lease was deleted last.
    deleted_at: Option<TrueTime>,
    /// Calls of acquire that ended with an error and promised to leave nothing behind.
    disowned: BTreeSet<(usize, u64)>,
    /// What each client that steals or frees was shown last, and agreed to.
    pub shown: BTreeMap<usize, Record>,
    /// Lifts the rules that protect a holder, for scenarios where a person breaks them.
    pub holders_are_fair_game: bool,
    /// Somebody may take its own lease anew.
    pub reenters: bool,
    /// What is stored is not what was sent: rules about who wrote what do not hold.
    pub writes_are_altered: bool,
    pub counts: Counts,
    pub reached: Reached,
    pub violations: Vec<String>,
    story: Vec<String>,
}

impl Checker {
    pub fn note(&mut self, now: TrueTime, line: impl Into<String>) {
        let line = format!("{:10.3}  {}", now.as_secs_f64(), line.into());
        self.story.push(line);
    }

    pub fn violation(&mut self, now: TrueTime, what: impl Into<String>) {
        self.note(now, format!("VIOLATION {}", what.into()));
        self.violations.extend(self.story.last().cloned());
    }

    fn require(&mut self, now: TrueTime, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.violation(now, otherwise());
        }
    }

    /// The last things that happened before the first violation.
    pub fn story(&self) -> String {
        let first = (self.story.iter()).position(|line| line.contains("VIOLATION"));
        let end = first.map_or(self.story.len(), |at| (at + 5).min(self.story.len()));
        self.story[end.saturating_sub(60)..end].join("\n")
    }

    /// The Lease was deleted.
    pub fn deleted(&mut self, now: TrueTime) {
        self.deleted_at = Some(now);
    }

    /// A write was stored.
    pub fn stored(
        &mut self,
        now: TrueTime,
        sender: Sender,
        name: &str,
        before: Option<&Record>,
        after: &Record,
    ) {
        if sender.purpose == Purpose::Outsider || self.writes_are_altered {
            if before.is_none_or(|before| before.observed_record() != after.observed_record()) {
                self.sign_of_life = now;
            }
            return;
        }
        self.note(
            now,
            format!(
                "{name} {:?} stores {}",
                sender.purpose,
                after.as_json()["spec"]
            ),
        );
        let same = before.is_some_and(|before| same_beside_words(before, after));
        let says = before.is_some_and(|before| word(before) != word(after));
        // Whoever finds out that it was robbed where nothing runs yet says so, whatever it is about.
        if sender.purpose == Purpose::Acknowledge || (same && says) {
            self.counts.add(Event::Acknowledge);
            self.require(now, same, || format!("the word of {name} touches more"));
            return;
        }
        let holder_before = before.and_then(|record| record.holder());
        let new_grant =
            after.holder().is_some() && before.is_none_or(|before| !after.same_grant(before));
        let transitions = before.map_or(0, |record| record.transitions());
        let expected = transitions + i64::from(new_grant);
        self.require(now, after.transitions() == expected, || {
            format!("transitions {transitions} -> {}", after.transitions())
        });
        self.reached
            .stored(sender.purpose, new_grant, before.is_some());
        if new_grant {
            self.granted(now, sender, name, before, after);
        } else {
            let freed = after.holder().is_none();
            let (event, did) = match freed {
                true => (Event::Release, "released"),
                false => (Event::Renewal, "renewed"),
            };
            self.counts.add(event);
            if freed && sender.purpose == Purpose::Free {
                self.freed(now, sender, name, before);
            } else {
                self.require(now, holder_before == Some(name), || {
                    format!("{name} {did} what {holder_before:?} held")
                });
            }
            if freed {
                self.granted_to = None;
            }
        }
        if let Some(before) = before {
            for place in [
                "/metadata/labels",
                "/metadata/finalizers",
                "/metadata/uid",
                "/spec/x-unknown",
                "/x-unknown",
            ] {
                let kept = before.as_json().pointer(place) == after.as_json().pointer(place);
                self.require(now, kept, || format!("{place} was changed by {name}"));
            }
            let renewed = new_grant || before.renew_time() != after.renew_time();
            self.require(now, renewed, || "a renewal with the same renewTime".into());
        }
        self.sign_of_life = now;
    }

    /// Another's grant was ended: the one that was agreed to, and by a call that has not said that it ended none.
    fn freed(&mut self, now: TrueTime, sender: Sender, name: &str, before: Option<&Record>) {
        self.counts.add(Event::Freed);
        let shown = self.shown.get(&sender.client);
        let as_shown = shown
            .zip(before)
            .is_some_and(|(shown, before)| shown.same_grant(before));
        self.require(now, as_shown, || {
            format!("{name} freed another grant than it was shown")
        });
        let disowned = self.disowned.contains(&(sender.client, sender.call));
        self.require(now, !disowned, || {
            format!("a ghost: {name} freed it after it had failed")
        });
    }

    /// A call has failed, and promised that nothing of it follows.
    pub fn disown(&mut self, call: (usize, u64)) {
        self.disowned.insert(call);
    }

    fn granted(
        &mut self,
        now: TrueTime,
        sender: Sender,
        name: &str,
        before: Option<&Record>,
        after: &Record,
    ) {
        self.counts.add(Event::Grant);
        self.require(now, after.holder() == Some(name), || {
            format!("{name} made a grant to {:?}", after.holder())
        });
        let grants = matches!(sender.purpose, Purpose::Acquire | Purpose::Steal);
        self.require(now, grants, || {
            format!("a grant while {:?}", sender.purpose)
        });
        let taken_from = before.and_then(|before| Some((before, before.holder()?)));
        match taken_from {
            Some((before, _)) if sender.purpose == Purpose::Steal => {
                self.counts.add(Event::Steal);
                let shown = self.shown.get(&sender.client);
                let as_shown = shown.is_none_or(|shown| shown.same_grant(before));
                self.require(now, as_shown, || {
                    format!("{name} stole another grant than it was shown")
                });
            }
            Some((before, holder)) => {
                self.counts.add(Event::Takeover);
                let since = self.sign_of_life;
                let expired = before
                    .duration()
                    .is_some_and(|duration| now >= since + duration.as_duration().mul_f64(0.975));
                // Who has left a grant of its own and knows it needs no proof.
                let left = holder == name
                    && self
                        .stays
                        .iter()
                        .all(|stay| stay.ended.is_some() || stay.actor != sender.client);
                let allowed =
                    self.holders_are_fair_game || (self.reenters && holder == name) || left;
                self.require(now, allowed || expired, || {
                    format!(
                        "{name} replaced the live record of {holder}, last changed at {since:?}"
                    )
                });
            }
            None => {}
        }
        let call = (sender.client, sender.call);
        // A creation that is held back until the Lease is deleted cannot be made impossible; it expires by itself.
        let Passage { sent, astray } = sender.passage;
        let was_deleted = self.deleted_at.is_some_and(|deleted| deleted >= sent);
        let excused = before.is_none() && astray && was_deleted;
        let disowned = self.disowned.contains(&call);
        self.require(now, excused || !disowned, || {
            format!("a ghost: a write of {name} came after its acquire had failed")
        });
        self.granted_to = Some(call);
    }

    /// An acquire ended with an error; if it is `settled` it promises that it leaves nothing behind.
    pub fn failed(
        &mut self,
        now: TrueTime,
        call: (usize, u64),
        name: &str,
        stored: Option<&Record>,
        settled: bool,
    ) {
        self.counts.add(Event::FailedAcquire);
        if !settled {
            return;
        }
        self.disowned.insert(call);
        let holds = self.granted_to == Some(call)
            && stored.and_then(|record| record.holder()) == Some(name);
        self.require(now, !holds, || {
            format!("a ghost: acquire failed, and {name} holds the lease")
        });
    }

    /// `actor` begins its critical section.
    pub fn enter(&mut self, now: TrueTime, actor: usize, token: &str, deadline: TrueTime) {
        self.begin(now, actor, token, deadline, false);
    }

    /// The command of `actor` begins, and goes on until it is seen to be over.
    pub fn start(&mut self, now: TrueTime, actor: usize, token: &str, deadline: TrueTime) {
        self.begin(now, actor, token, deadline, true);
    }

    fn begin(
        &mut self,
        now: TrueTime,
        actor: usize,
        token: &str,
        deadline: TrueTime,
        is_seen: bool,
    ) {
        let until = deadline.as_secs_f64();
        self.note(
            now,
            format!("actor {actor} ENTERS, token {token}, until {until:.3}"),
        );
        self.counts.add(Event::Stay);
        let (last, token) = (self.last_token, token.parse().unwrap_or(0));
        self.require(now, token > last, || {
            format!("fencing token {token} after {last}")
        });
        self.last_token = token;
        // Another process of the same actor is another holder, where it runs commands.
        let inside = (self.stays.iter())
            .find(|stay| (stay.actor != actor || stay.is_seen) && stay.goes_on(now));
        if let Some(other) = inside.cloned().filter(|_| !self.holders_are_fair_game) {
            self.violation(
                now,
                format!("actor {actor} is inside together with {other:?}"),
            );
        }
        self.stays.retain(|stay| stay.ended.is_none());
        self.stays.push(Stay {
            actor,
            began: now,
            deadline,
            ended: None,
            is_seen,
        });
    }

    fn stay(&mut self, actor: usize) -> Option<&mut Stay> {
        let mut stays = self.stays.iter_mut().rev();
        stays.find(|stay| stay.actor == actor && stay.ended.is_none())
    }

    /// Its grant was renewed in time.
    pub fn extend(&mut self, now: TrueTime, actor: usize, deadline: TrueTime) {
        match self.stay(actor) {
            Some(stay) if now <= stay.deadline => stay.deadline = stay.deadline.max(deadline),
            _ => self.violation(now, format!("actor {actor} renewed a stay that was over")),
        }
    }

    /// The same of its command, which may not have begun.
    pub fn prolong(&mut self, actor: usize, deadline: TrueTime) {
        if let Some(stay) = self.stay(actor) {
            stay.deadline = stay.deadline.max(deadline);
        }
    }

    /// Nothing of its command runs any more: in time, 5 % before the lease can be proven to have expired.
    pub fn end(&mut self, now: TrueTime, actor: usize) {
        self.note(now, format!("all of actor {actor}'s command is gone"));
        let Some(stay) = self.stay(actor) else { return };
        stay.ended = Some(now);
        let deadline = stay.deadline;
        self.require(now, now <= deadline, || {
            format!("actor {actor}'s command ran on after its deadline, {deadline:?}")
        });
    }

    /// It left, or was stopped at its deadline if that came first.
    pub fn leave(&mut self, now: TrueTime, actor: usize, why: &str) {
        self.note(now, format!("actor {actor} leaves: {why}"));
        if let Some(stay) = self.stay(actor) {
            stay.ended = Some(now.min(stay.deadline).max(stay.began));
        }
    }
}
