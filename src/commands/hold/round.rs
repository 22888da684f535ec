//! One round of a hold: from the wish for the lease to the end of the command, and what that means for the whole.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::again::Then;
use super::label::{self, PodLabel};
use super::notes::tell;
use super::outcome_file::OutcomeFile;
use super::steal::Stealing;
use super::unsaid::{if_asked, say_released, until_unsaid};
use super::{again, cleanup, ours, timing, too_short};
use crate::cli::HoldArgs;
use crate::clock::{Clock, Instant, SystemClock};
use crate::commands::asked::{Asked, NotGranted};
use crate::commands::events::Recorder;
use crate::commands::together::{self, Lease, Wanted};
use crate::commands::waiting::Waiting;
use crate::commands::{Session, exported, limits};
use crate::error::{self, Error, Subject, Unsaid};
use crate::exit::Exit;
use crate::hold::label::PodLabel as _;
use crate::hold::machine::{Ended as CommandEnded, Outcome};
use crate::hold::supervisor::{self, HoldTerms, Job, Note, Prepared, Report, Signals};
use crate::lease::decide::Loss;
use crate::lease::events::EventReason;
use crate::lease::operate::{Ended, Failure, Fate, Held, Interrupt};
use crate::lease::values::QueueName;
use crate::output::document::object_name;
use crate::output::terminal;
use crate::signals::Received;
use crate::words;

/// What a round is made of.
pub struct Round<'a> {
    pub args: &'a HoldArgs,
    pub session: &'a Session,
    pub asked: &'a Asked,
    pub label: Option<Rc<PodLabel>>,
    pub file: &'a OutcomeFile,
    pub recorder: &'a Recorder,
    /// The signals of this round.
    pub interrupt: Interrupt,
    /// Those of all rounds.
    pub all: &'a Interrupt,
    /// How many rounds there were before.
    pub restarts: u32,
}

/// A round in which there was a grant.
pub struct Done {
    /// The leases that were had.
    pub leases: Vec<String>,
    pub report: Report,
    /// What `hold` without a command could not say on stdout.
    pub unsaid: Option<Unsaid>,
    pub began: Instant,
    pub duration: Duration,
    /// Whether somebody has taken one of the leases.
    pub taken: bool,
}

impl Done {
    /// Whether a command that would have run on was stopped, because the lease was lost, or did not begin for want of an
    /// answer: the next round may do better.
    pub fn may_do_better(&self) -> bool {
        let report = &self.report;
        match report.outcome {
            Outcome::Lost => !report.watchdog_died && !report.ended_by_itself && !report.detached,
            Outcome::Unlabelled => (report.unlabelled.as_ref())
                .is_some_and(|trouble| report.all_released() && !trouble.is_final()),
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
        let subject = self.asked.subject();
        let waiting = Waiting::new(subject);
        let (tell_unsaid, mut unsaid) = oneshot::channel();
        let place = self.label.as_deref().map(PodLabel::place);
        let (victim, taken) = (Cell::new(None), Cell::new(false));
        let losing = Cell::new(false);
        let heard = signals.clone();
        let hold = async |operations: &[&Lease], held: Held<'_>| {
            let grants: Vec<_> = held.grants().iter().map(|one| one.record.clone()).collect();
            let leases: Vec<_> = grants.iter().map(|one| one.name().to_owned()).collect();
            for granted in &grants {
                let how = match victim.take() {
                    Some(from) => EventReason::Stolen { from },
                    None => EventReason::Acquired,
                };
                self.recorder.record(how, granted);
            }
            let note = |lease: Option<usize>, note| {
                self.file.hear(lease, &note);
                if let (Some(lease), Note::Lost(loss)) = (lease, &note) {
                    taken.set(taken.get() || loss.is_takeover());
                    if !losing.replace(true) {
                        self.recorder.end_begins(self.all.count());
                    }
                    let how = EventReason::Lost(error::loss_text(loss));
                    self.recorder.record(how, &grants[lease]);
                }
                let about = lease.map_or(0..leases.len(), |lease| lease..lease + 1);
                let free = lease.filter(|_| matches!(note, Note::Kept)).map(|lease| {
                    let name = leases[lease].clone();
                    let subject = self.asked.subject().clone();
                    Subject { name, ..subject }.freed_beside()
                });
                tell(&together::leases(&leases[about]), place, note);
                if let Some(free) = free {
                    terminal::say_always(&free);
                }
            };
            let waited = waiting.over();
            self.say_acquired(&leases, waited);
            self.file
                .held(held.grants(), waited.unwrap_or_default())
                .await;
            // The shortest counts for all: the first that is lost loses them.
            let durations = held.grants().iter().map(|one| one.duration().as_duration());
            let duration = durations.min().unwrap_or_default();
            let label = self.label.clone();
            let order = HoldTerms {
                environment: exported::environment(held.grants(), exported::KeptBy::Hold),
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
                let acquired = terminal::deliver(if_asked(each(&leases, "acquired")))
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
            // A HUP was for the command.
            if report.outcome != Outcome::Lost && !again::asked_to_end(&heard, 0) {
                self.recorder.end_begins(self.all.count());
            }
            Ok((leases, report, began, duration))
        };
        let (leases, report, began, duration) = if let Some(one) = self.steals() {
            let operations = &one.operations;
            let ended = |ended: Ended<Error>| NotGranted::of_one(subject, ended.into());
            let progress = |progress| waiting.report(subject, &progress);
            let stealing = Stealing {
                session: self.session,
                operations,
                args: &args.takeover,
                terms: &one.terms,
                timeout: args.grant.timeout,
                interrupt: &self.interrupt,
            };
            let grant = waiting.reminding(stealing.grant(&progress)).await;
            let (grant, from) = grant.map_err(ended)?;
            victim.set(from);
            let hold = async |held: Held<'_>| hold(&[operations], held).await;
            let holding = operations.hand_out(&grant, &self.interrupt, hold);
            waiting.reminding(holding).await.map_err(ended)?
        } else {
            let limits = limits(&SystemClock, args.grant.timeout, self.interrupt.clone());
            self.asked.acquire(&limits, &waiting, hold).await?
        };
        Ok(Done {
            leases,
            report,
            unsaid: unsaid.try_recv().ok(),
            began,
            duration,
            taken: taken.get(),
        })
    }

    /// Once: two that take it from each other again and again help nobody.
    fn steals(&self) -> Option<&Wanted> {
        let steals = self.args.takeover.steal && self.restarts == 0;
        self.asked.one().filter(|_| steals)
    }

    fn say_acquired(&self, leases: &[String], waited: Option<Duration>) {
        let leases = together::leases(leases);
        let after = waited.map(|waited| format!(" after {}", words::duration(waited)));
        let again = match self.restarts {
            0 => None,
            restarts => Some(format!("; running the command again (restart {restarts})")),
        };
        if after.is_some() || again.is_some() {
            let (after, again) = (after.unwrap_or_default(), again.unwrap_or_default());
            terminal::say(&format!("{leases} acquired{after}{again}"));
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
            leases,
            report,
            unsaid,
            ..
        } = match held {
            Ok(done) => done,
            Err(ended) => {
                return Err(match ended.too_short() {
                    Some(duration) => too_short(duration, args),
                    None => ended.error(self.session, Error::Hold).await,
                });
            }
        };
        self.file.released(&report.released);
        let mut deleted = false;
        if args.around.cleanup
            && report.all_released()
            && report.outcome != Outcome::Lost
            && let ([grant], Some(one)) = (&report.grants[..], self.asked.one())
            && let [name] = &args.names[..]
        {
            let queue = self.session.queue(&QueueName::of(name));
            let interrupt = Interrupt::new(again::from(signals, again::heard(signals)));
            deleted = cleanup::clean_up(&one.operations, grant, &queue, interrupt).await;
        }
        if let Some(error) = &report.no_watchdog
            && report.outcome == Outcome::NotStarted
        {
            return Err(Error::Hold(error.clone()));
        }
        if report.watchdog_died {
            return Err(Error::Hold(
                "the watchdog process died, so the command was killed".to_owned(),
            ));
        }
        if let Some(unsaid) = unsaid {
            return Err(self.given_up(&leases, &report, Error::Unsaid(unsaid)));
        }
        if let (Some(label), Some(trouble)) = (&self.label, &report.unlabelled)
            && report.outcome == Outcome::Unlabelled
        {
            let why = label::error(label.place(), trouble);
            return Err(self.given_up(&leases, &report, why));
        }
        let lost = report.outcome == Outcome::Lost;
        if args.command.is_empty() && !lost && report.all_released() {
            let what = if deleted { "deleted" } else { "released" };
            say_released(each(&leases, what))?;
        }
        match report.outcome {
            Outcome::Ended(CommandEnded::Exited(status)) => Ok(Exit::of_command(status)),
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

impl Round<'_> {
    /// What was held, for nothing. What became of it was said already, unless it was given back.
    fn given_up(&self, leases: &[String], report: &Report, why: Error) -> Error {
        let subject = |name: &String| Subject {
            name: name.clone(),
            ..self.asked.subject().clone()
        };
        let subjects: Vec<_> = leases.iter().map(subject).collect();
        let lost = report.outcome == Outcome::Lost;
        let fate = |number| match !lost && report.released.contains(&number) {
            true => Fate::Free,
            false => Fate::None,
        };
        let all = subjects.iter().enumerate().rev();
        let fates: Vec<_> = all
            .map(|(number, subject)| (subject, fate(number)))
            .collect();
        Error::all_given_up(Failure::Failed(why), &fates, Error::Hold)
    }
}

/// What became of each, a line each, as kubectl says it.
fn each(leases: &[String], verb: &str) -> String {
    let line = |name: &String| format!("{} {verb}\n", object_name(name));
    leases.iter().map(line).collect()
}

/// A loss that comes before there was a command.
pub fn lost(name: &str, loss: &Loss) -> String {
    format!("lease {name:?} lost: {}", error::loss_text(loss))
}

/// What is said when a command is to be run again.
pub fn runs_again(leases: &str, then: Then) -> String {
    let what = match leases.starts_with("leases") {
        true => "they are",
        false => "the lease is",
    };
    let next = match then {
        Then::Restart(Duration::ZERO) | Then::Enough(_) | Then::End => String::new(),
        Then::Restart(pause) => format!("; next try in {}", words::duration(pause)),
        Then::StandBack(pause) => format!(
            "; next try in {}, so that another can take over first",
            words::duration(pause)
        ),
    };
    format!("{leases}: the command runs again once {what} acquired{next}")
}

/// What is said when it is not.
pub fn enough(leases: &str, restarts: u32) -> String {
    format!("{leases}: the command is not run again: --max-restarts {restarts} is used up")
}
