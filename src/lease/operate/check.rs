//! Check: is a Lease ours, and is that certain?

use super::super::api::{Api, Fault, Found, Write};
use super::super::decide::Ours;
use super::super::evidence;
use super::super::record::{CLOCK_MANAGER, Record};
use super::{Operations, write_limit};
use crate::clock::{Clock, Instant};

/// So many dry runs may be overtaken by renewals.
const TRIES: u32 = 3;

/// What is known of a Lease and us.
#[derive(Clone, Debug)]
pub enum Checked {
    /// It is ours, and nobody can have proven otherwise until then; `None` if it never expires by itself.
    Held(Option<Instant>),
    /// There is none.
    Absent,
    /// It is another's, or nobody's.
    NotOurs(Record),
    /// It was stolen, and nobody waited until this victim must have stopped: it may still run.
    VictimMayRun(String),
    /// It is ours as it is recorded, but not renewed for its duration by any clock that there is.
    Over,
    /// It is ours as it is recorded, and its last renewal may be older than its duration.
    Unproven {
        /// Why the server's time is not known, if that is what is missing.
        why: Option<Fault>,
    },
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Reads the Lease, and where it is ours has the server try a renewal without storing it: the stamp in the reply is the
    /// server's time, which nothing on the way can rewrite as it can a `Date`.
    ///
    /// # Errors
    /// When the Lease cannot be read.
    pub async fn check(&self, ours: &Ours) -> Result<Checked, Fault> {
        let mut tries = 0;
        loop {
            let (record, date) = match self.api.get(self.read_limit).await? {
                Found::Absent => return Ok(Checked::Absent),
                Found::Lease { record, date } => (record, date),
            };
            if !ours.holds(&record) {
                return Ok(Checked::NotOurs(record));
            }
            if let Some(victim) = record.victim() {
                return Ok(Checked::VictimMayRun(victim.to_owned()));
            }
            let Some(duration) = record.duration() else {
                return Ok(Checked::Held(None));
            };
            tries += 1;
            let renewal = record.renewed(self.clock.wall());
            let limit = write_limit(Some(duration)).min(self.read_limit);
            let sent_at = self.clock.now();
            let (told, why) = match self.api.try_replace(&renewal, CLOCK_MANAGER, limit).await {
                Ok(Write::Done(reply)) => {
                    (reply.stamp_of_write(&record, &renewal, CLOCK_MANAGER), None)
                }
                Ok(Write::Conflict(_) | Write::Absent(_) | Write::Exists(_)) if tries < TRIES => {
                    continue;
                }
                Ok(Write::Conflict(_) | Write::Absent(_) | Write::Exists(_)) => (None, None),
                Err(fault) => (None, Some(fault)),
            };
            let alive = told.and_then(|now| evidence::alive_for(&record, now));
            if let Some(until) = alive.map(|span| sent_at + span)
                && self.clock.now() < until
            {
                return Ok(Checked::Held(Some(until)));
            }
            // The holder's own clock, and a Date that may be anybody's, are good enough to say no by.
            let renewed = record.renew_time().and_then(|text| text.parse().ok());
            let over = told.or(date).zip(renewed).is_some_and(|(now, renewed)| {
                now.duration_since(renewed).as_secs() >= i64::from(duration.as_secs())
            });
            return Ok(if over {
                Checked::Over
            } else {
                Checked::Unproven { why }
            });
        }
    }
}
