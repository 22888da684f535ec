//! `kubectl lease hold`

mod command;
mod notes;
mod outcome_file;
mod unsaid;

use std::time::Duration;

use tokio::sync::oneshot;

use super::saying::{deaf, outcome_text, start};
use super::waiting::Waiting;
use super::{Session, acquire_terms, dry_run, exported, identity, limits, say};
use crate::cli::{ConnectionArgs, HoldArgs};
use crate::clock::SystemClock;
use crate::error::Error;
use crate::exit::Exit;
use crate::hold::machine::{Ended as CommandEnded, Outcome};
use crate::hold::supervisor::{self, HoldTerms, Job, Prepared, Signals};
use crate::hold::timing::Timing;
use crate::lease::decide::{AcquireTerms, Refusal};
use crate::lease::operate::{End, Ended, Failure, Fate, Held, Interrupt};
use crate::lease::values::LeaseDuration;
use crate::output::document::object_name;
use crate::output::outcome::{self, Action};
use crate::output::terminal;
use crate::signals;
use crate::words;
use command::{find, readable};
use notes::tell;
use outcome_file::OutcomeFile;
use unsaid::{if_asked, say_released, until_unsaid};

/// Recorded when none is asked for and the Lease has none, seconds.
const DEFAULT_DURATION: u32 = 15;

pub async fn run(args: HoldArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    find(&args.command)?;
    if let Some(duration) = args.grant.duration {
        timing(duration.as_duration(), &args)?;
    }
    // A dry run leaves nothing.
    let path = args.outcome_file.as_deref();
    let path = path.filter(|_| args.grant.write.dry_run.asked().is_none());
    let file = OutcomeFile::prepare(path)?;
    let ended = run_with(args, connection, &file).await;
    let exit = match &ended {
        Ok(exit) => *exit,
        Err(error) => error.exit(),
    };
    file.ended(exit).await;
    ended
}

async fn run_with(
    args: HoldArgs,
    connection: &ConnectionArgs,
    file: &OutcomeFile,
) -> Result<Exit, Error> {
    let identity = identity(&args.grant.holder.holder)?;
    // Two holds never share a grant, unless somebody wants to.
    let holder = if args.grant.holder.holder.is_some() {
        identity
    } else {
        identity.unique()
    };
    let min_duration =
        Timing::min_duration(args.kill_after, args.renew_every).map_err(Error::Usage)?;
    // Before there is a lease that would have to be given back.
    let prepared = (!args.command.is_empty()).then(Prepared::new).transpose();
    let prepared = prepared.map_err(Error::Hold)?;
    let session = Session::open(connection).await?.writing(&args.grant.write);
    let mut subject = session.subject(&args.name, Some(&holder));
    subject.conflict = Some(Exit(args.grant.conflict_exit_code));
    let terms = AcquireTerms {
        min_duration: Some(min_duration),
        ..acquire_terms(&subject, &args.grant, holder, DEFAULT_DURATION)
    };
    let operations = session
        .lease(&args.name)
        .observed_only(args.grant.proof.observed_only());
    if let Some(dry_run) = args.grant.write.dry_run.asked() {
        let limits = dry_run::patience(args.grant.timeout);
        let report = |progress| say(&subject, &progress);
        let tried = operations
            .try_acquire(&terms, dry_run, &limits, &report)
            .await;
        if let Err(End::Refused(Refusal::TooShort(duration))) = tried {
            return Err(too_short(duration, &args));
        }
        let text = |outcome: &outcome::Outcome| outcome_text(outcome, None, false);
        return dry_run::tell(&session, subject, Action::Acquired, dry_run, tried, text).await;
    }
    start().map_err(ours)?;
    let unheard = |error| ours(deaf(error));
    let for_command = signals::listen_for_command().map_err(unheard)?;
    let signals = signals::listen().map_err(unheard)?;
    #[cfg(target_os = "linux")]
    crate::hold::supervisor::orphans::reap();
    let limits = limits(
        &SystemClock,
        args.grant.timeout,
        Interrupt::new(signals.clone()),
    );
    let waiting = Waiting::new(&subject);
    let progress = |progress| waiting.report(&progress);
    let name = object_name(args.name.as_str());
    let note = |note| {
        file.hear(&note);
        tell(args.name.as_str(), note);
    };
    let (tell_unsaid, mut unsaid) = oneshot::channel();
    let holding = operations.acquire(&terms, &limits, &progress, async |held: Held<'_>| {
        let waited = waiting.over();
        if let Some(waited) = waited {
            terminal::say(&format!(
                "lease {:?} acquired after {}",
                args.name.as_str(),
                words::duration(waited)
            ));
        }
        file.held(held.grant(), waited.unwrap_or_default()).await;
        let duration = held.grant().duration().as_duration();
        let order = HoldTerms {
            environment: exported::environment(held.grant(), exported::KeptBy::Hold),
            command: args.command.clone(),
            // Checked before anything is written; an answer may still change the duration.
            timing: timing(duration, &args).map_err(ours)?,
            on_lost: args.on_lost,
        };
        crate::server::lease_is_held(order.timing.duration);
        let job = Job::new(!args.command.is_empty());
        let to_end = if args.command.is_empty() {
            let acquired = terminal::deliver(if_asked(format!("{name} acquired\n")))
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
        Ok(supervisor::hold(&operations, held, &order, prepared, signals, &note).await)
    });
    let held = waiting.reminding(holding).await;
    let report = match held {
        Ok(report) => report,
        // Nothing was written.
        Err(Ended::Ungranted(End::Refused(Refusal::TooShort(duration)))) => {
            return Err(too_short(duration, &args));
        }
        Err(ended) => return Err(session.ended(subject, ended, Error::Hold).await),
    };
    file.released(report.released);
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
    if let Ok(unsaid) = unsaid.try_recv() {
        // What became of it was said already, unless it was given back.
        let fate = if report.released {
            Fate::Free
        } else {
            Fate::None
        };
        let why = Failure::Failed(Error::Unsaid(unsaid));
        return Err(Error::given_up(&subject, why, &fate, Error::Hold));
    }
    if args.command.is_empty() && report.released {
        say_released(&name)?;
    }
    match report.outcome {
        Outcome::Ended(CommandEnded::Exited(status)) => Ok(Exit(status)),
        Outcome::Ended(CommandEnded::Signalled(signal)) | Outcome::Signalled(signal) => {
            Ok(Exit::signal(signal))
        }
        Outcome::EndUnseen => Err(Error::Hold(
            "the command has ended, and its exit status is unknown".to_owned(),
        )),
        Outcome::Lost => Ok(Exit::LOST),
        Outcome::NotStarted => Err(Error::Command {
            words: readable(&args.command),
            why: std::io::Error::from_raw_os_error(report.errno.unwrap_or_default()),
        }),
    }
}

/// What stands in the way of a hold on this machine, and is neither the lease nor the command.
fn ours(error: Error) -> Error {
    Error::Hold(
        error
            .lines()
            .iter()
            .map(|line| line.trim_start_matches("error: "))
            .collect::<Vec<_>>()
            .join("; "),
    )
}

/// Only the Lease knew its duration.
fn too_short(duration: LeaseDuration, args: &HoldArgs) -> Error {
    let why = timing(duration.as_duration(), args).err();
    why.unwrap_or_else(|| Error::Usage(format!("a lease duration of {duration} is too short")))
}

fn timing(duration: Duration, args: &HoldArgs) -> Result<Timing, Error> {
    Timing::new(duration, args.kill_after, args.renew_every).map_err(Error::Usage)
}
