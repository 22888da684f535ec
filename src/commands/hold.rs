//! `kubectl lease hold`

mod command;
mod notes;
mod unsaid;

use std::time::Duration;

use tokio::sync::oneshot;

use super::saying::{deaf, start};
use super::waiting::Waiting;
use super::{Session, acquire_terms, exported, identity, limits, together};
use crate::cli::{ConnectionArgs, HoldArgs};
use crate::clock::SystemClock;
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::hold::machine::{Ended as CommandEnded, Outcome};
use crate::hold::supervisor::{self, HoldTerms, Job, Prepared, Signals};
use crate::hold::timing::Timing;
use crate::lease::decide::{AcquireTerms, Refusal};
use crate::lease::operate::together::{Missed, NotAll};
use crate::lease::operate::{End, Failure, Fate, Held, Interrupt};
use crate::lease::values::LeaseName;
use crate::output::document::object_name;
use crate::output::terminal;
use crate::signals;
use crate::words;
use command::{find, no_command_among, readable};
use notes::tell;
use unsaid::{say_released, until_unsaid};

/// Recorded when none is asked for and the Lease has none, seconds.
const DEFAULT_DURATION: u32 = 15;

pub async fn run(args: HoldArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let identity = identity(&args.grant.holder.holder)?;
    // Two holds never share a grant, unless somebody wants to.
    let holder = if args.grant.holder.holder.is_some() {
        identity
    } else {
        identity.unique()
    };
    find(&args.command)?;
    let names = together::in_order(&args.names);
    if args.command.is_empty() {
        no_command_among(&args.names)?;
    }
    if let Some(duration) = args.grant.duration {
        timing(duration.as_duration(), &args)?;
    }
    let min_duration =
        Timing::min_duration(args.kill_after, args.renew_every).map_err(Error::Usage)?;
    // Before there is a lease that would have to be given back.
    let prepared = (!args.command.is_empty()).then(Prepared::new).transpose();
    let prepared = prepared.map_err(Error::Hold)?;
    let session = Session::open(connection).await?;
    let subject = |name: &_| Subject {
        conflict: Some(Exit(args.grant.conflict_exit_code)),
        ..session.subject(name, Some(&holder))
    };
    let terms = |subject: &Subject| AcquireTerms {
        min_duration: Some(min_duration),
        ..acquire_terms(subject, &args.grant, holder.clone(), DEFAULT_DURATION)
    };
    let observed_only = args.grant.proof.observed_only();
    let wanted = together::wanted(&session, &args.names, observed_only, subject, terms);
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
    let waiting = Waiting::new(&wanted[0].subject);
    let leases = together::leases(&wanted);
    let note = |number: Option<usize>, note| match number {
        Some(number) => tell(&together::leases(&wanted[number..=number]), note),
        None => tell(&leases, note),
    };
    let (tell_unsaid, mut unsaid) = oneshot::channel();
    let holding = together::acquire(&wanted, &limits, &waiting, async |held: Held<'_>| {
        if let Some(waited) = waiting.over() {
            let waited = words::duration(waited);
            terminal::say(&format!("{leases} acquired after {waited}"));
        }
        // The shortest counts for all: the first that is lost loses them.
        let durations = held
            .grants()
            .iter()
            .map(|grant| grant.duration().as_duration());
        let duration = durations.min().unwrap_or_default();
        let order = HoldTerms {
            environment: exported::environment(held.grants(), exported::KeptBy::Hold),
            command: args.command.clone(),
            // Checked before anything is written; an answer may still change the duration.
            timing: timing(duration, &args).map_err(ours)?,
            on_lost: args.on_lost,
        };
        crate::server::lease_is_held(order.timing.duration);
        let job = Job::new(!args.command.is_empty());
        let to_end = if args.command.is_empty() {
            let acquired = terminal::deliver(each(&names, "acquired"))
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
        let operations: Vec<_> = wanted.iter().map(|one| &one.operations).collect();
        Ok(supervisor::hold(&operations, held, &order, prepared, signals, &note).await)
    });
    let report = match holding.await {
        Ok(report) => report,
        // Only the Lease knew its duration; nothing was written.
        Err(NotAll {
            why: Missed::Ungranted(_, End::Refused(Refusal::TooShort(duration))),
            fates,
        }) if fates.is_empty() => {
            return Err(timing(duration.as_duration(), &args)
                .err()
                .unwrap_or_else(|| {
                    Error::Usage(format!("a lease duration of {duration} is too short"))
                }));
        }
        Err(ended) => return Err(session.not_all(&wanted, ended, Error::Hold).await),
    };
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
        // What became of them was said already, unless they were given back.
        let fate = |number| match report.released.contains(&number) {
            true => Fate::Free,
            false => Fate::None,
        };
        let all = wanted.iter().enumerate().rev();
        let fates: Vec<_> = all
            .map(|(number, one)| (&one.subject, fate(number)))
            .collect();
        let why = Failure::Failed(Error::Unsaid(unsaid));
        return Err(Error::all_given_up(why, &fates, Error::Hold));
    }
    if args.command.is_empty() && report.released.len() == names.len() {
        say_released(each(&names, "released"))?;
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

/// What became of each, a line each, as kubectl says it.
fn each(names: &[&LeaseName], verb: &str) -> String {
    let line = |name: &&LeaseName| format!("{} {verb}\n", object_name(name.as_str()));
    names.iter().map(line).collect()
}

fn timing(duration: Duration, args: &HoldArgs) -> Result<Timing, Error> {
    Timing::new(duration, args.kill_after, args.renew_every).map_err(Error::Usage)
}
