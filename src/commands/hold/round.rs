//! One round of a hold: from the wish for the lease to the end of the command, and what that means for the whole.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::label::{self, PodLabel};
use super::notes::tell;
use super::outcome_file::OutcomeFile;
use super::steal::Stealing;
use super::unsaid::{if_asked, until_unsaid};
use super::{again, cleanup, ours, say_released, timing, too_short};
use crate::cli::HoldArgs;
use crate::clock::{Clock, Instant, SystemClock};
use crate::commands::events::Recorder;
use crate::commands::slots::{Asked, Lease, NotGranted};
use crate::commands::waiting::Waiting;
use crate::commands::{Session, exported, limits};
use crate::error::{self, Error, Subject, Unsaid};
use crate::exit::Exit;
use crate::hold::label::PodLabel as _;
use crate::hold::machine::{Ended as CommandEnded, Outcome};
use crate::hold::supervisor::{self, HoldTerms, Job, Note, Prepared, Report, Signals};
use crate::lease::decide::{Loss, Refusal};
use crate::lease::events::EventReason;
use crate::lease::operate::{End, Ended, Failure, Fate, Held, Interrupt};
use crate::output::document::object_name;
use crate::output::terminal;
use crate::signals::Received;
use crate::words;

/// What a round is made of.
pub struct Round<'a> {
    pub args: &'a HoldArgs,
    pub session: &'a Session,
    pub asked: &'a Asked,
    pub subject: &'a Subject,
    pub label: Option<Rc<PodLabel>>,
    pub file: &'a OutcomeFile,
    pub recorder: &'a Recorder,
    pub interrupt: Interrupt,
    /// How many rounds there were before.
    pub restarts: u32,
}

/// A round in which there was a grant.
pub struct Done {
    /// The lease that was had, of several that were asked for.
    pub lease: String,
    pub report: Report,
    /// What `hold` without a command could not say on stdout.
    pub unsaid: Option<Unsaid>,
    pub began: Instant,
    pub duration: Duration,
}

impl Done {
    /// Whether a command that would have run on was stopped, because the lease was lost, or did not begin for want of an
    /// answer: the next round may do better.
    pub fn may_do_better(&self) -> bool {
        let report = &self.report;
        match report.outcome {
            Outcome::Lost => !report.watchdog_died && !report.ended_by_itself && !report.detached,
            Outcome::Unlabelled => (report.unlabelled.as_ref())
                .is_some_and(|trouble| report.released && !trouble.is_final()),
            Outcome::Ended(_)
            | Outcome::EndUnseen
            | Outcome::Signalled(_)
            | Outcome::NotStarted => false,
        }
    }
}

impl Round<'_> {
    /// Gets the lease and holds it.
    ///
    /// # Errors
    /// When nothing was run.
    pub async fn held(
        &self,
        prepared: Option<Prepared>,
        signals: Received,
        for_command: Received,
    ) -> Result<Done, NotGranted> {
        let args = self.args;
        let waiting = Waiting::new(self.subject);
        let progress = |progress| waiting.report(&progress);
        let (tell_unsaid, mut unsaid) = oneshot::channel();
        let place = self.label.as_deref().map(PodLabel::place);
        let victim = Cell::new(None);
        let hold = async |operations: &Lease, held: Held<'_>| {
            let lease = held.grant().record.name().to_owned();
            let granted = held.grant().record.clone();
            self.recorder.record(
                match victim.take() {
                    Some(from) => EventReason::Stolen { from },
                    None => EventReason::Acquired,
                },
                &granted,
            );
            let note = |note| {
                self.file.hear(&note);
                if let Note::Lost(loss) = &note {
                    let how = EventReason::Lost(error::loss_text(loss));
                    self.recorder.record(how, &granted);
                }
                tell(&lease, place, note);
            };
            let waited = waiting.over();
            self.say_acquired(&lease, waited);
            self.file
                .held(held.grant(), waited.unwrap_or_default())
                .await;
            let duration = held.grant().duration().as_duration();
            let label = self.label.clone();
            let order = HoldTerms {
                environment: exported::environment(held.grant(), exported::KeptBy::Hold),
                command: args.command.clone(),
                // Checked before anything is written; an answer may still change the duration.
                timing: timing(duration, args).map_err(ours)?,
                on_lost: args.on_lost,
                detaches: args.around.detach_children,
                label: label.map(|label| label as Rc<dyn crate::hold::label::PodLabel>),
            };
            crate::server::lease_is_held(order.timing.duration);
            let job = Job::new(!args.command.is_empty());
            let to_end = if args.command.is_empty() {
                let acquired = format!("{} acquired\n", object_name(&lease));
                let acquired = terminal::deliver(if_asked(acquired))
                    .map_err(|error| Error::Unsaid(error.into()))?;
                until_unsaid(signals, acquired, tell_unsaid)
            } else {
                signals
            };
            let signals = Signals {
                to_end,
                for_command,
                job,
            };
            let began = SystemClock.now();
            let report = supervisor::hold(operations, held, &order, prepared, signals, &note).await;
            Ok((lease, report, began, duration))
        };
        let (lease, report, began, duration) = if let Some(operations) = self.steals() {
            let ended = |ended| NotGranted {
                subject: self.subject.clone(),
                ended,
            };
            let stealing = Stealing {
                session: self.session,
                operations,
                args: &args.takeover,
                terms: self.asked.terms(),
                timeout: args.grant.timeout,
                interrupt: &self.interrupt,
            };
            let grant = waiting.reminding(stealing.grant(&progress)).await;
            let (grant, from) = grant.map_err(ended)?;
            victim.set(from);
            let hold = async |held: Held<'_>| hold(operations, held).await;
            let holding = operations.hand_out(&grant, &self.interrupt, hold);
            waiting.reminding(holding).await.map_err(ended)?
        } else {
            let limits = limits(&SystemClock, args.grant.timeout, self.interrupt.clone());
            self.asked.acquire(&limits, &waiting, hold).await?
        };
        Ok(Done {
            lease,
            report,
            unsaid: unsaid.try_recv().ok(),
            began,
            duration,
        })
    }

    /// Once: two that take it from each other again and again help nobody.
    fn steals(&self) -> Option<&Lease> {
        let steals = self.args.takeover.steal && self.restarts == 0;
        self.asked.one().filter(|_| steals)
    }

    fn say_acquired(&self, name: &str, waited: Option<Duration>) {
        let after = waited.map(|waited| format!(" after {}", words::duration(waited)));
        let again = match self.restarts {
            0 => None,
            restarts => Some(format!("; running the command again (restart {restarts})")),
        };
        if after.is_some() || again.is_some() {
            let (after, again) = (after.unwrap_or_default(), again.unwrap_or_default());
            terminal::say(&format!("lease {name:?} acquired{after}{again}"));
        }
    }

    /// What a round was, as the end of all.
    ///
    /// # Errors
    /// When the hold itself failed, or nothing was run.
    pub async fn conclude(
        &self,
        held: Result<Done, NotGranted>,
        signals: &Received,
    ) -> Result<Exit, Error> {
        let args = self.args;
        let Done {
            lease,
            report,
            unsaid,
            ..
        } = match held {
            Ok(done) => done,
            // Nothing was written.
            Err(NotGranted {
                ended: Ended::Ungranted(End::Refused(Refusal::TooShort(duration))),
                ..
            }) => return Err(too_short(duration, args)),
            Err(ended) => return Err(ended.error(self.session, Error::Hold).await),
        };
        let subject = &Subject {
            name: lease,
            ..self.subject.clone()
        };
        self.file.released(report.released);
        let mut deleted = false;
        if args.around.cleanup
            && report.released
            && report.outcome != Outcome::Lost
            && let (Some(grant), Some(operations)) = (&report.grant, self.asked.one())
        {
            let interrupt = Interrupt::new(again::from(signals, again::heard(signals)));
            deleted = cleanup::clean_up(operations, grant, interrupt).await;
        }
        if let Some(error) = report.no_watchdog
            && report.outcome == Outcome::NotStarted
        {
            return Err(Error::Hold(error));
        }
        if report.watchdog_died {
            return Err(Error::Hold(
                "the watchdog process died, so the command was killed".to_owned(),
            ));
        }
        if let Some(unsaid) = unsaid {
            // What became of it was said already, unless it was given back.
            let fate = if report.released {
                Fate::Free
            } else {
                Fate::None
            };
            let why = Failure::Failed(Error::Unsaid(unsaid));
            return Err(Error::given_up(subject, why, &fate, Error::Hold));
        }
        if let (Some(label), Some(trouble)) = (&self.label, &report.unlabelled)
            && report.outcome == Outcome::Unlabelled
        {
            let why = Failure::Failed(label::error(label.place(), trouble));
            let fate = if report.released {
                Fate::Free
            } else {
                Fate::None
            };
            return Err(Error::given_up(subject, why, &fate, Error::Hold));
        }
        if args.command.is_empty() && report.released {
            let what = if deleted { "deleted" } else { "released" };
            say_released(&object_name(&subject.name), what)?;
        }
        match report.outcome {
            Outcome::Ended(CommandEnded::Exited(status)) => Ok(Exit(status)),
            Outcome::Ended(CommandEnded::Signalled(signal)) | Outcome::Signalled(signal) => {
                Ok(Exit::signal(signal))
            }
            Outcome::EndUnseen => Err(Error::Hold(
                "the command has ended, and its exit status is unknown".to_owned(),
            )),
            Outcome::Unlabelled => Err(Error::Hold("the pod could not be labelled".to_owned())),
            Outcome::Lost => Ok(Exit::LOST),
            Outcome::NotStarted => Err(Error::Command {
                words: super::command::readable(&args.command),
                why: std::io::Error::from_raw_os_error(report.errno.unwrap_or_default()),
            }),
        }
    }
}

/// A loss that comes before there was a command.
pub fn lost(name: &str, loss: &Loss) -> String {
    format!("lease {name:?} lost: {}", error::loss_text(loss))
}

/// What is said when a command is to be run again.
pub fn runs_again(name: &str, pause: Duration) -> String {
    let next = match pause {
        Duration::ZERO => String::new(),
        pause => format!("; next try in {}", words::duration(pause)),
    };
    format!("lease {name:?}: the command runs again once the lease is acquired{next}")
}

/// What is said when it is not.
pub fn enough(name: &str, restarts: u32) -> String {
    format!("lease {name:?}: the command is not run again: --max-restarts {restarts} is used up")
}
