//! `kubectl lease hold`

mod again;
mod cleanup;
mod command;
mod label;
mod notes;
mod outcome_file;
mod round;
mod several;
mod steal;
mod unsaid;

use std::cell::Cell;
use std::time::Duration;

use super::asked::{Asked, NotGranted};
use super::events::Recorder;
use super::saying::{deaf, outcome_text, outcomes_text, start};
use super::slots::slots;
use super::{Session, acquire_terms, dry_run, identity, say};
use crate::cli::{ConnectionArgs, HoldArgs};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Subject, TakesBy};
use crate::exit::Exit;
use crate::hold::supervisor::{Prepared, Preparing};
use crate::hold::timing::Timing;
use crate::lease::decide::{AcquireTerms, Refusal};
use crate::lease::operate::{End, Interrupt};
use crate::lease::values::LeaseDuration;
use crate::output::outcome::{Action, Outcome};
use crate::output::terminal;
use crate::signals;
use again::{Again, Then};
use command::{find, no_command_among};
use outcome_file::OutcomeFile;
use round::Round;
use several::one_at_a_time;
use steal::Stealing;

/// Recorded when none is asked for and the Lease has none, seconds.
const DEFAULT_DURATION: u32 = 15;

pub async fn run(args: HoldArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    // Before all else that can end it: no earlier hold's file is taken for one of this. A dry run leaves nothing and takes nothing.
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
    check(&args)?;
    let identity = identity(&args.grant.holder.holder)?;
    // Two holds never share a grant, unless somebody wants to.
    let holder = if args.grant.holder.holder.is_some() {
        identity
    } else {
        identity.unique()
    };
    let min_duration =
        Timing::min_duration(args.kill_after, args.renew_every).map_err(Error::Usage)?;
    let slots = slots(&args.names, &args.grant)?;
    let begin = || {
        let preparing = (!args.command.is_empty()).then(Preparing::begin);
        preparing.transpose().map_err(Error::Hold)
    };
    let ready = |preparing: Option<Preparing>| {
        let prepared = preparing.map(Preparing::ready);
        prepared.transpose().map_err(Error::Hold)
    };
    // It gets ready while we read what the connection is made of.
    let preparing = begin()?;
    let session = Session::open(connection).await?.writing(&args.grant.write);
    // Before there is a lease that would have to be given back.
    let mut prepared: Option<Prepared> = ready(preparing)?;
    let subject = |name: &_| Subject {
        conflict: Some(Exit(args.grant.conflict_exit_code.into())),
        takes_by: TakesBy::Hold,
        beside: args.takeover.steal,
        if_holder: args.takeover.if_holder.as_ref().map(ToString::to_string),
        ..session.subject(name, Some(&holder))
    };
    let terms = |subject: &Subject| AcquireTerms {
        min_duration: Some(min_duration),
        deletes: args.around.cleanup,
        ..acquire_terms(subject, &args.grant, holder.clone(), DEFAULT_DURATION)
    };
    let recorder = Recorder::new(
        &session,
        args.grant.events,
        holder.as_str(),
        args.grant.reason.as_deref(),
    );
    let (names, grant) = (&args.names, &args.grant);
    let mut asked = Asked::new(&session, names, slots, grant, subject, terms);
    if let (Some(one), Some(dry_run)) = (asked.one(), args.grant.write.dry_run.asked())
        && args.takeover.steal
    {
        let report = |progress| say(&one.subject, &progress);
        let limits = dry_run::patience(args.grant.timeout);
        let tried = one
            .operations
            .try_acquire(&one.terms, dry_run, &limits, &report);
        let (tried, action) = match tried.await {
            Err(End::TimedOut {
                obstacle: Some(_), ..
            }) => {
                let never = Interrupt::never();
                let stealing = Stealing {
                    session: &session,
                    operations: &one.operations,
                    args: &args.takeover,
                    terms: &one.terms,
                    timeout: args.grant.timeout,
                    interrupt: &never,
                };
                (stealing.tried(dry_run, &report).await, Action::Stolen)
            }
            tried => (tried, Action::Acquired),
        };
        if let Err(End::Refused(Refusal::TooShort(duration))) = tried {
            return Err(too_short(duration, &args));
        }
        let text = |outcome: &Outcome| outcome_text(outcome, None, false);
        let subject = one.subject.clone();
        return dry_run::tell(&session, subject, action, dry_run, tried, text).await;
    }
    if let Some(dry_run) = args.grant.write.dry_run.asked() {
        let refused = |end: &End| match end {
            End::Refused(Refusal::TooShort(duration)) => Some(too_short(*duration, &args)),
            _ => None,
        };
        let timeout = args.grant.timeout;
        let outcomes = asked.try_each(&session, dry_run, timeout, refused).await?;
        dry_run::print(outcomes_text(&outcomes, outcomes.len() > 1, None, false))?;
        return Ok(Exit::DONE);
    }
    let (leases, subject) = (asked.leases(), asked.subject().clone());
    let label = label::of(&args.around, &session)?;
    start().map_err(ours)?;
    let unheard = |error| ours(deaf(error));
    let for_command = signals::listen_for_command().map_err(unheard)?;
    let signals = signals::listen().map_err(unheard)?;
    #[cfg(target_os = "linux")]
    crate::hold::supervisor::orphans::reap();
    let mut runs = Again::new(&args.around);
    let mut seen = 0;
    // Whether a grant of an earlier round may still stand.
    let mut stands = false;
    let asked_to_end = Cell::new(None);
    let all = Interrupt::new(signals.clone());
    let rounds = async {
        let ended = async {
            loop {
                let heard = again::from(&signals, seen);
                let interrupt = Interrupt::new(heard.clone());
                asked_to_end.set(None);
                if let Some(label) = &label {
                    let insists = runs.restarts() > 0;
                    label::prepare(label, &interrupt, insists).await.map_err(
                        |stop| match stop {
                            label::Stop::Signal(signal) => {
                                Error::lease(subject.clone(), End::Interrupted(signal))
                            }
                            label::Stop::Failed(error) => error,
                        },
                    )?;
                }
                let round = Round {
                    args: &args,
                    session: &session,
                    asked: &asked,
                    label: label.clone(),
                    file,
                    recorder: &recorder,
                    interrupt,
                    all: &all,
                    restarts: runs.restarts(),
                };
                let held = Box::pin(round.held(prepared.take(), heard, for_command.clone()));
                let held = again::noting(&round.interrupt, &asked_to_end, held).await;
                // Of what was granted no earlier grant is left.
                stands = held.is_err();
                // One that comes from here on is for the next round.
                let seen_by_now = again::heard(&signals);
                // What follows a loss; whatever else it is, it is the end.
                let lost = |ended: &NotGranted| ended.lost().map(|(_, loss)| loss.is_takeover());
                let (ran, duration, taken) = match &held {
                    Ok(held) if held.may_do_better() => {
                        let ran = SystemClock.now().since(held.began);
                        (ran, held.duration, held.taken)
                    }
                    Err(ended) if args.around.again && lost(ended).is_some() => {
                        let taken = lost(ended).unwrap_or_default();
                        (Duration::ZERO, Duration::ZERO, taken)
                    }
                    Ok(_) | Err(_) => return round.conclude(held, &signals).await,
                };
                if again::asked_to_end(&signals, seen) {
                    return round.conclude(held, &signals).await;
                }
                let then = runs.after_loss(ran, duration, taken);
                let pause = match then {
                    Then::Restart(pause) | Then::StandBack(pause) => pause,
                    Then::Enough(restarts) => {
                        terminal::say(&round::enough(&leases, restarts));
                        return round.conclude(held, &signals).await;
                    }
                    Then::End => return round.conclude(held, &signals).await,
                };
                match &held {
                    Ok(held) => {
                        asked.follows(held.report.replaceable.clone());
                        stands = true;
                    }
                    // What was had before and not acquired again may still stand.
                    Err(ended) => {
                        if let Some((subject, loss)) = ended.lost() {
                            terminal::say(&round::lost(&subject.name, loss));
                        }
                    }
                }
                seen = seen_by_now;
                terminal::say(&round::runs_again(&leases, then));
                let interrupt = Interrupt::new(again::from(&signals, seen));
                tokio::select! {
                    biased;
                    signal = interrupt.arrived() => {
                        asked_to_end.set(Some(SystemClock.now()));
                        return Err(Error::lease(subject, End::Interrupted(signal)));
                    }
                    () = SystemClock.sleep_until(SystemClock.now() + pause) => {}
                }
                prepared = ready(begin()?)?;
            }
        }
        .await;
        match ended {
            Ok(exit) => Ok(exit),
            Err(error) if !stands => Err(error),
            Err(error) => {
                // Signals that ended the rounds have been heard: another ends this too.
                let interrupt = Interrupt::new(again::from(&signals, seen));
                let since = asked_to_end.get();
                Err(asked.give_up_ended(error, since, &interrupt).await)
            }
        }
    };
    recorder.beside(rounds, &all).await
}

/// What is wrong with the call itself, before anything is asked.
fn check(args: &HoldArgs) -> Result<(), Error> {
    find(&args.command)?;
    if args.command.is_empty() {
        no_command_among(&args.names)?;
    }
    one_at_a_time(args)?;
    if let Some(duration) = args.grant.duration {
        timing(duration.as_duration(), args)?;
    }
    if cfg!(not(unix)) && args.around.detach_children {
        let why = "--detach-children is not to be had on this system: what a command leaves behind is not found";
        return Err(Error::Usage(why.to_owned()));
    }
    Ok(())
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
