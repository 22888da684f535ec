//! Who was inside when, by true time, and every law that was broken.

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::record::Record;
use super::clock::True;

/// One stay inside the critical section.
#[derive(Clone, Debug)]
struct Stay {
    actor: usize,
    began: True,
    /// Where its holder stops by its own clock, in true time.
    deadline: True,
    ended: Option<True>,
}

/// What happened, in numbers.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub grants: u64,
    pub takeovers: u64,
    pub steals: u64,
    pub releases: u64,
    pub renewals: u64,
    pub losses: u64,
    pub stays: u64,
    pub mishaps: u64,
    pub late_commits: u64,
    pub failed_acquires: u64,
    pub requests: u64,
    pub dry_runs: u64,
}

impl Totals {
    pub fn add(&mut self, other: &Self) {
        self.grants += other.grants;
        self.takeovers += other.takeovers;
        self.steals += other.steals;
        self.releases += other.releases;
        self.renewals += other.renewals;
        self.losses += other.losses;
        self.stays += other.stays;
        self.mishaps += other.mishaps;
        self.late_commits += other.late_commits;
        self.failed_acquires += other.failed_acquires;
        self.requests += other.requests;
        self.dry_runs += other.dry_runs;
    }
}

/// What an actor is about when it sends a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    Acquire,
    Steal,
    /// Renewing or releasing.
    Keep,
    /// Somebody who edits labels, creates or deletes.
    Outsider,
}

/// The sender of a write: client, which of its calls, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sender {
    pub client: usize,
    pub call: u64,
    pub purpose: Purpose,
}

/// The book-keeping.
#[derive(Default)]
pub struct Ledger {
    stays: Vec<Stay>,
    last_token: u64,
    /// When the tuple last changed, true time: the last sign of life of its holder.
    sign_of_life: True,
    granted_to: Option<Sender>,
    /// Calls of acquire that ended with an error and promised to leave nothing behind.
    disowned: BTreeSet<(usize, u64)>,
    /// What each client that steals was shown last, and agreed to.
    pub shown: BTreeMap<usize, Record>,
    /// Lifts the laws that protect a holder, for scenarios where a person breaks them.
    pub lawless: bool,
    /// Somebody may take its own lease anew.
    pub reenters: bool,
    /// What is stored is not what was sent: laws about who wrote what do not hold.
    pub foreign_hands: bool,
    pub totals: Totals,
    pub violations: Vec<String>,
    story: Vec<String>,
}

impl Ledger {
    pub fn note(&mut self, now: True, line: impl Into<String>) {
        self.story
            .push(format!("{:10.3}  {}", now.as_secs_f64(), line.into()));
    }

    pub fn blame(&mut self, now: True, what: impl Into<String>) {
        let what = format!("{:10.3}  VIOLATION {}", now.as_secs_f64(), what.into());
        self.story.push(what.clone());
        self.violations.push(what);
    }

    /// The last things that happened before the first violation.
    pub fn story(&self) -> String {
        let end = self
            .story
            .iter()
            .position(|line| line.contains("VIOLATION"))
            .map_or(self.story.len(), |at| at + 5)
            .min(self.story.len());
        self.story[end.saturating_sub(60)..end].join("\n")
    }

    /// A write was stored.
    pub fn stored(
        &mut self,
        now: True,
        sender: Sender,
        name: &str,
        before: Option<&Record>,
        after: &Record,
    ) {
        if sender.purpose == Purpose::Outsider || self.foreign_hands {
            if before.is_none_or(|before| before.observed_record() != after.observed_record()) {
                self.sign_of_life = now;
            }
            return;
        }
        let holder_before = before.and_then(|record| record.holder());
        let new_grant =
            before.is_none_or(|before| !after.same_grant(before)) && after.holder().is_some();
        self.note(now, format!(
            "stored {sender:?} rv {} uid {} holder {:?} -> {:?} transitions {} D {:?} renew {:?}",
            after.resource_version(), after.uid(), holder_before.unwrap_or_default(), after.holder().unwrap_or_default(),
            after.transitions(), after.duration().map(|d| d.as_secs()), after.renew_time(),
        ));
        let before_transitions = before.map_or(0, |record| record.transitions());
        let expected = before_transitions + i64::from(new_grant);
        if after.transitions() != expected {
            self.blame(
                now,
                format!(
                    "transitions {before_transitions} -> {}",
                    after.transitions()
                ),
            );
        }
        if new_grant {
            self.totals.grants += 1;
            if after.holder() != Some(name) {
                self.blame(now, format!("{name} made a grant to {:?}", after.holder()));
            }
            if !matches!(sender.purpose, Purpose::Acquire | Purpose::Steal) {
                self.blame(now, format!("a grant while {:?}", sender.purpose));
            }
            if let (Some(holder), Some(before)) = (holder_before, before) {
                let live_until = before
                    .duration()
                    .map(|duration| self.sign_of_life + duration.as_duration().mul_f64(0.975));
                if sender.purpose == Purpose::Steal {
                    self.totals.steals += 1;
                    let shown = self.shown.get(&sender.client);
                    if shown.is_some_and(|shown| !shown.same_grant(before)) {
                        self.blame(now, format!("{name} stole another grant than it was shown"));
                    }
                } else {
                    self.totals.takeovers += 1;
                    let allowed = self.lawless || (self.reenters && holder == name);
                    if !allowed && live_until.is_none_or(|until| now < until) {
                        self.blame(now, format!(
                            "{name} replaced the live record of {holder}: last changed at {:?}, {:?}", self.sign_of_life, before.duration(),
                        ));
                    }
                }
            }
            if self.disowned.contains(&(sender.client, sender.call)) {
                self.blame(
                    now,
                    format!("a ghost: a write of {name} came after its acquire had failed"),
                );
            }
            self.granted_to = Some(sender);
        } else if after.holder().is_none() {
            self.totals.releases += 1;
            if holder_before != Some(name) {
                self.blame(now, format!("{name} released what {holder_before:?} held"));
            }
            self.granted_to = None;
        } else {
            self.totals.renewals += 1;
            if holder_before != Some(name) {
                self.blame(now, format!("{name} renewed what {holder_before:?} held"));
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
                if before.as_json().pointer(place) != after.as_json().pointer(place) {
                    self.blame(now, format!("{place} was changed by {name}"));
                }
            }
            if before.renew_time() == after.renew_time() && !new_grant {
                self.blame(now, "a renewal with the same renewTime");
            }
        }
        self.sign_of_life = now;
    }

    /// An acquire ended with an error and leaves nothing behind, it says.
    pub fn failed(
        &mut self,
        now: True,
        client: usize,
        call: u64,
        name: &str,
        stored: Option<&Record>,
        settled: bool,
    ) {
        self.totals.failed_acquires += 1;
        if !settled {
            return;
        }
        self.disowned.insert((client, call));
        let ours = self
            .granted_to
            .is_some_and(|to| (to.client, to.call) == (client, call));
        if ours && stored.and_then(|record| record.holder()) == Some(name) {
            self.blame(
                now,
                format!("a ghost: acquire failed, and {name} holds the lease"),
            );
        }
    }

    /// `actor` begins its critical section.
    pub fn enter(&mut self, now: True, actor: usize, token: &str, deadline: True) {
        self.note(
            now,
            format!(
                "actor {actor} ENTERS, token {token}, until {:.3}",
                deadline.as_secs_f64()
            ),
        );
        self.totals.stays += 1;
        let token = token.parse::<u64>().unwrap_or(0);
        if token <= self.last_token {
            self.blame(
                now,
                format!("fencing token {token} after {}", self.last_token),
            );
        }
        self.last_token = token;
        let others: Vec<Stay> = self
            .stays
            .iter()
            .filter(|stay| stay.actor != actor && now < stay.ended.unwrap_or(stay.deadline))
            .cloned()
            .collect();
        for other in others {
            if !self.lawless {
                self.blame(
                    now,
                    format!("actor {actor} is inside together with {other:?}"),
                );
            }
        }
        self.stays.retain(|stay| stay.ended.is_none());
        self.stays.push(Stay {
            actor,
            began: now,
            deadline,
            ended: None,
        });
    }

    /// Its grant was renewed in time.
    pub fn extend(&mut self, now: True, actor: usize, deadline: True) {
        let stay = self
            .stays
            .iter_mut()
            .rev()
            .find(|stay| stay.actor == actor && stay.ended.is_none());
        match stay {
            Some(stay) if now <= stay.deadline => stay.deadline = stay.deadline.max(deadline),
            _ => self.blame(now, format!("actor {actor} renewed a stay that was over")),
        }
    }

    /// It left, or was stopped at its deadline if that came first.
    pub fn leave(&mut self, now: True, actor: usize, why: &str) {
        self.note(now, format!("actor {actor} leaves: {why}"));
        if let Some(stay) = self
            .stays
            .iter_mut()
            .rev()
            .find(|stay| stay.actor == actor && stay.ended.is_none())
        {
            stay.ended = Some(now.min(stay.deadline).max(stay.began));
        }
    }
}
