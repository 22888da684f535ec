//! The acknowledgement of a holder that was robbed: it has stopped, for whoever waits for that.

use std::time::Duration;

use super::super::api::{Api, Fault};
use super::super::decide::{self, Seen, StoppedStep};
use super::super::evidence::Observation;
use super::super::record::Record;
use super::write::Written;
use super::{Grant, Operations};
use crate::clock::Clock;

/// For so long it is tried: the exit of a command that was stopped does not wait for it any longer.
const PATIENCE: Duration = Duration::from_millis(900);

/// How long one request may take: another try fits in.
const ATTEMPT: Duration = Duration::from_millis(400);

/// The pauses between tries: others write too.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// It is stored.
    Said,
    /// Nobody waits for it.
    Nobody,
    /// It was not said, which costs whoever waits nothing but the wait.
    Unsaid(WhyNot),
}

/// Why it was not said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// Who held it before may still run.
    NotAlone,
    /// It is too late to be of use, or was tried for long enough.
    Late,
    /// The server does not take it.
    Fault(Fault),
    /// The server does not store it.
    Dropped,
}

impl<A: Api, C: Clock> Operations<A, C> {
    /// Says that nothing runs any more under `grant`, and never will again, to whoever has robbed it and waits: one write on top
    /// of what was `shown` or is read. Only for a caller that is certain of it. Nothing is changed but an annotation.
    ///
    /// It is true from now on whatever happens: a write that lands late does no harm. No renewal of the grant can come after
    /// it: each was sent on top of a state that is gone.
    pub async fn say_stopped(&self, grant: &Grant, shown: Option<Record>) -> Acknowledged {
        let now = self.clock.now();
        if !grant.is_alone(now) {
            return Acknowledged::Unsaid(WhyNot::NotAlone);
        }
        // After that it is known without being said.
        let until = (now + PATIENCE).min(grant.expires_at());
        let mut seen = shown.map(|record| Seen::Lease(Observation::first(record, now, None)));
        let mut pause = FIRST_PAUSE;
        let mut last = WhyNot::Late;
        loop {
            let now = self.clock.now();
            if now >= until {
                return Acknowledged::Unsaid(last);
            }
            let limit = until.since(now).min(ATTEMPT);
            let known = match seen.take() {
                Some(seen) => Ok(seen),
                None => self.read(None, limit).await,
            };
            let step = known.map(|seen| decide::say_stopped(&grant.record, &seen));
            let fault = match step {
                Ok(StoppedStep::Said) => return Acknowledged::Said,
                Ok(StoppedStep::Nobody) => return Acknowledged::Nobody,
                Ok(StoppedStep::Say(record)) => match self.replace(&record, limit).await {
                    Ok(Written::Done(stored) | Written::Altered(stored, _)) => {
                        return match stored.says_stopped(&grant.record) {
                            true => Acknowledged::Said,
                            false => Acknowledged::Unsaid(WhyNot::Dropped),
                        };
                    }
                    Ok(Written::Conflict(fault)) | Err(fault) => fault,
                },
                Err(fault) => fault,
            };
            if !fault.is_transient() {
                return Acknowledged::Unsaid(WhyNot::Fault(fault));
            }
            last = WhyNot::Fault(fault);
            let next = self.clock.now() + pause;
            pause *= 2;
            self.clock.sleep_until(next.min(until)).await;
        }
    }
}

impl std::fmt::Display for WhyNot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAlone => f.write_str("whoever held it before may still run"),
            Self::Late => f.write_str("its time is over"),
            Self::Fault(fault) => write!(f, "{fault}"),
            Self::Dropped => f.write_str("the server does not store the annotation"),
        }
    }
}
