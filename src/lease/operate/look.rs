//! Look: reads a Lease once, for what there is to say about it.

use super::super::api::{Api, Fault, Found};
use super::super::decide::Seen;
use super::super::evidence::{Observation, Stamps};
use super::super::record::{Keep, Record};
use super::super::report::{self, Row};
use super::Operations;
use crate::clock::{Clock, Instant};

/// A Lease as one reply showed it.
pub struct Look {
    /// The Lease.
    pub record: Record,
    /// What there is to say about it.
    pub row: Row,
    /// What its server's stamps are worth, as far as that was asked.
    pub stamps: Stamps,
}

impl Look {
    /// The same as an observation, made at `at` at the latest.
    pub fn seen(&self, at: Instant) -> Seen {
        Seen::Lease(Observation::first(self.record.clone(), at, self.row.date))
    }
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Reads it; `None` if it is not there. What its server's stamps are worth is asked only if that decides its state.
    ///
    /// # Errors
    /// As every request.
    pub async fn look(&self, keep: Keep) -> Result<Option<Look>, Fault> {
        let Found::Lease { record, date } = self.api.get(self.read_limit).await? else {
            self.contacted.set(true);
            return Ok(None);
        };
        self.contacted.set(true);
        let lease = keep.of(&record);
        let stamps = if report::needs_version(&lease, date) {
            self.show_stamps().await
        } else {
            Stamps::Unknown
        };
        let row = Row::new(lease, date, stamps);
        Ok(Some(Look {
            record,
            row,
            stamps,
        }))
    }

    /// A description says who wrote it last and when. That is a stamp, which may be an old one, so its worth is asked
    /// where the holder's time does not confirm it.
    pub async fn look_closer(&self, mut look: Look) -> Look {
        let told = look.stamps != Stamps::Unknown || look.row.condition.stamped;
        if !told && look.record.last_writer().is_some() {
            look.stamps = self.show_stamps().await;
            look.row = Row::new(look.row.lease, look.row.date, look.stamps);
        }
        look
    }

    /// What the server's stamps are worth for what is shown, whatever is believed as proof.
    pub async fn show_stamps(&self) -> Stamps {
        Stamps::by_version(self.api.version(self.read_limit).await)
    }
}
