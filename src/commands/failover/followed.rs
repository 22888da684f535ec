//! What follows once a holder has stepped down: who takes the Lease over is waited for, and told.

use std::sync::Arc;
use std::time::Duration;

use super::Call;
use crate::clock::{Clock, SystemClock};
use crate::commands::saying::{outcome_text, say_done};
use crate::error::{Error, NotFailedOver};
use crate::exit::Exit;
use crate::lease::decide::{Next, Succession, next, succession};
use crate::lease::operate::{End, SteppedDown};
use crate::lease::record::{Lease, Record};
use crate::output::outcome::{Action, Outcome};
use crate::output::terminal;
use crate::words::{self, printable};

/// Who has it since, and how that came.
pub(super) struct Followed<'a> {
    pub(super) victim: &'a str,
    pub(super) record: &'a Record,
    /// The Lease as the takeover found it.
    pub(super) before: Option<Arc<Lease>>,
    /// How long it took until the holder must have stopped, and then until somebody had it.
    pub(super) waited: Duration,
    pub(super) vacant: Option<Duration>,
    pub(super) times: String,
}

impl Call<'_> {
    /// Waits for who takes the Lease over, and tells.
    pub(super) async fn followed(
        &self,
        victim: &str,
        before: Option<Arc<Lease>>,
        down: SteppedDown,
        patience: Duration,
    ) -> Result<Exit, Error> {
        let name = &self.subject.name;
        let report = |progress| self.report(&progress);
        let freed = down.freed_at.since(down.taken_at);
        let then = match patience {
            Duration::ZERO => "",
            _ => "; waiting for who takes it over",
        };
        terminal::say(&format!(
            "{victim:?} has stepped down: lease {name:?} is free after {}{then}",
            words::duration(freed)
        ));
        let limits = self.limits(patience);
        let has_come = |record: &Record| next(&down.taken, record);
        let awaited = self
            .operations
            .await_record(down.record.clone(), &limits, &report, |record| {
                has_come(record) != Next::Nobody
            })
            .await;
        let to = awaited.as_ref().ok().and_then(|record| record.holder());
        self.record(victim, &down.record, to);
        let come = match awaited {
            Ok(record) if has_come(&record) == Next::Unseen => {
                Err(Err(self.not(NotFailedOver::Unseen)))
            }
            Ok(record) => (self.as_wanted(victim, &record).map_err(Err)).map(|()| record),
            Err(End::Interrupted(signal)) => Err(Ok(self.interrupted(signal))),
            Err(End::TimedOut { fault: None, .. }) => {
                Err(Err(self.not(NotFailedOver::Nobody(patience))))
            }
            Err(end) => Err(Err(Error::Despite {
                why: Box::new(self.session.error(self.subject.clone(), end).await),
                then: vec![format!(
                    "lease {name:?} was released; who takes it over is not known"
                )],
            })),
        };
        let record = match come {
            Ok(record) => record,
            Err(end) => {
                let done = Outcome::new(Action::FailedOver, before, &down.record);
                self.tell_unfinished(done.after_waiting(freed)).await;
                return end;
            }
        };
        let taken = SystemClock.now().since(down.freed_at);
        let times = format!(
            "free after {}, taken {} later",
            words::duration(freed),
            words::duration(taken)
        );
        let followed = Followed {
            victim,
            record: &record,
            before,
            waited: freed,
            vacant: Some(taken),
            times,
        };
        self.tell(followed).await
    }

    /// Whether who holds it now is who should.
    pub(super) fn as_wanted(&self, victim: &str, record: &Record) -> Result<(), Error> {
        let holder = record.holder().unwrap_or_default().to_owned();
        let to = self.args.to.as_ref().map(|to| to.as_str());
        match succession(victim, to, &holder) {
            Succession::AsWanted => Ok(()),
            Succession::Again => Err(self.not(NotFailedOver::Again(holder))),
            Succession::Another => Err(self.not(NotFailedOver::Another {
                from: victim.to_owned(),
                wanted: to.unwrap_or_default().to_owned(),
                holder,
            })),
        }
    }

    /// Tells who holds it now.
    pub(super) async fn tell(&self, followed: Followed<'_>) -> Result<Exit, Error> {
        let Followed { victim, record, .. } = followed;
        let holder = record.holder().unwrap_or_default();
        let done = Action::FailedOver.word();
        let line = format!("{done} from {victim:?} to {holder:?}: {}", followed.times);
        let outcome = Outcome::new(Action::FailedOver, followed.before, record)
            .after_waiting(followed.waited)
            .said(printable(&line).into_owned());
        let outcome = match followed.vacant {
            Some(vacant) => outcome.vacant_for(vacant),
            None => outcome,
        };
        let output = &self.args.output;
        let text = outcome_text(&outcome, output.format.as_ref(), output.show_managed_fields);
        say_done(text, None, &self.interrupt, &self.subject, done).await?;
        Ok(Exit::DONE)
    }
}
