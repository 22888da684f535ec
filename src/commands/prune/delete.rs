//! Deletes what was found, some at a time, each once its expiry is proven; or has the server check that it may.

use std::cell::Cell;
use std::time::Duration;

use jiff::SignedDuration;

use super::find::{Candidate, Found};
use super::words::{failed, left, subject, text};
use crate::cli::{DryRun, PruneArgs};
use crate::clock::{Clock, SystemClock};
use crate::commands::batch::{Batch, Became};
use crate::commands::chosen::some;
use crate::commands::events::Recorder;
use crate::commands::several::{Errors, next_after};
use crate::commands::{SHORT_PATIENCE, Session, identity, limits, say};
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::events::EventReason;
use crate::lease::evidence::Stamps;
use crate::lease::operate::{self, Deleted, End, Interrupt, Operations, Patience, Pruned};
use crate::lease::record::Record;
use crate::output::format::ObjectFormat;
use crate::output::outcome::{self, Action, Outcome};
use crate::output::{Failure, terminal};
use crate::server::LeaseClient;
use crate::words;

/// Deletes them, or has the server check it.
///
/// # Errors
/// When what was done cannot be said.
pub async fn delete(
    args: &PruneArgs,
    session: &Session,
    found: Found,
    interrupt: &Interrupt,
    errors: &mut Errors,
) -> Result<Exit, Error> {
    let by = identity(&None);
    let recorder = by.as_ref().ok().filter(|_| args.dry_run != DryRun::Server);
    let recorder = recorder.map(|by| Recorder::new(session, args.events, by.as_str(), None));
    let deleting = delete_each(args, session, found, interrupt, errors, recorder.as_ref());
    match &recorder {
        Some(recorder) => recorder.beside(deleting, interrupt).await,
        None => deleting.await,
    }
}

async fn delete_each(
    args: &PruneArgs,
    session: &Session,
    found: Found,
    interrupt: &Interrupt,
    errors: &mut Errors,
    recorder: Option<&Recorder>,
) -> Result<Exit, Error> {
    let stamps = match args.proof.observed_only() {
        true => Stamps::Untrusted,
        false => found.stamps,
    };
    let dry_run = args.dry_run == DryRun::Server;
    let batch = Batch::new(interrupt);
    let patience = Patience {
        proof: SystemClock.now() + args.timeout,
        deletion: SHORT_PATIENCE,
        interrupt: interrupt.clone(),
        waiting: batch.no_more(),
    };
    let longest = longest(&found.candidates, args.timeout);
    let said = Cell::new(false);
    let watches = || {
        if !said.replace(true) {
            terminal::say(&format!(
                "watching the leases for {}: a holder that is alive renews in that time",
                words::duration(longest)
            ));
        }
    };
    let document = matches!(args.output.format, Some(ObjectFormat::Value(_)));
    let work = async |candidate: &Candidate| {
        let record = candidate.seen.record();
        let became = match dry_run {
            true => check(session, record, interrupt).await,
            false => prune(session, candidate, stamps, &patience, &watches).await,
        };
        match became {
            Ok(Pruned::Done) => {
                if let Some(recorder) = recorder {
                    recorder.record(reason(record, candidate.row.condition.expires_in), record);
                }
                Became::Done(Pruned::Done)
            }
            Ok(other) => Became::Done(other),
            Err(End::Interrupted(_)) => Became::NotTried,
            Err(end) => {
                let next = next_after(&end);
                Became::Failed(failed(session, record, end).await, next)
            }
        }
    };
    let (mut pruned, mut not_tried) = (Vec::new(), Vec::new());
    let tell = async |candidate: &Candidate, became| {
        let record = candidate.seen.record();
        let error = match became {
            Became::Done(Pruned::Done) => {
                let outcome = Outcome::of_deletion(Action::Pruned, record);
                let outcome = match dry_run {
                    true => outcome.tried(operate::DryRun::Server),
                    false => outcome,
                };
                let said = match document {
                    true => Ok(()),
                    false => print(text(&outcome, args)).await,
                };
                pruned.push(outcome);
                // It is done, only not said, and so are the others.
                said.err()
            }
            Became::Done(other) => left(record, other),
            Became::Failed(error, _) => Some(error),
            Became::NotTried => {
                not_tried.push(label(args, record));
                None
            }
        };
        if let Some(error) = error {
            let _ = errors.say_of(candidate.place, &error);
        }
    };
    batch.each(&found.candidates, work, tell).await;
    let is_cut_short = interrupt.received().is_some() || errors.exit().is_some();
    if let (Some(ObjectFormat::Value(format)), false) =
        (&args.output.format, pruned.is_empty() && is_cut_short)
    {
        print(outcome::list(
            &pruned,
            format,
            args.output.show_managed_fields,
        ))
        .await?;
    }
    if not_tried.is_empty() {
        return Ok(errors.exit().unwrap_or(Exit::DONE));
    }
    let interrupted = interrupt.received();
    terminal::say_always(&match interrupted {
        Some(_) => format!(
            "interrupted: {} of {} were pruned",
            pruned.len(),
            found.candidates.len()
        ),
        None => format!("error: not tried after that: {}", some(&not_tried)),
    });
    let exit = interrupted.map(Exit::signal).or(errors.exit());
    Ok(exit.unwrap_or(Exit::DONE))
}

/// What a Lease is called among the others.
fn label(args: &PruneArgs, record: &Record) -> String {
    match args.all_namespaces {
        true => format!("{:?} in namespace {}", record.name(), record.namespace()),
        false => format!("{:?}", record.name()),
    }
}

/// As others are told.
fn reason(record: &Record, expires_in: Option<SignedDuration>) -> EventReason {
    let expired = expires_in.unwrap_or_default().unsigned_abs();
    EventReason::Pruned {
        from: record.holder().map(str::to_owned),
        expired: words::duration(expired),
    }
}

/// For how long is watched at most, where that proves it in time.
fn longest(candidates: &[Candidate], timeout: Duration) -> Duration {
    let durations = candidates.iter();
    let durations = durations.filter_map(|one| Some(one.seen.record().duration()?.as_duration()));
    let in_time = durations.filter(|duration| *duration <= timeout);
    in_time.max().unwrap_or_default()
}

fn operations(session: &Session, record: &Record) -> Operations<LeaseClient, SystemClock> {
    let lease = session.store.lease(record.namespace(), record.name());
    Operations::new(lease, SystemClock, session.request_limit)
}

async fn prune(
    session: &Session,
    candidate: &Candidate,
    stamps: Stamps,
    patience: &Patience,
    watches: &dyn Fn(),
) -> Result<Pruned, End> {
    let seen = &candidate.seen;
    let subject = subject(seen.record());
    let operations = operations(session, seen.record()).knowing(stamps);
    let report = |progress| say(&subject, &progress);
    operations
        .prune(seen.clone(), patience, watches, &report)
        .await
}

async fn check(session: &Session, record: &Record, interrupt: &Interrupt) -> Result<Pruned, End> {
    let subject = subject(record);
    let limits = limits(&SystemClock, Some(SHORT_PATIENCE), interrupt.clone());
    if let Some(signal) = interrupt.received() {
        return Err(End::Interrupted(signal));
    }
    let report = |progress| say(&subject, &progress);
    let operations = operations(session, record);
    let deleted = operations.delete(record, true, &limits, &report).await?;
    Ok(match deleted {
        Deleted::Done => Pruned::Done,
        Deleted::Absent => Pruned::Absent,
        Deleted::Changed(_) => Pruned::Renewed,
    })
}

/// What was begun goes on, whoever reads of it.
async fn print(text: Result<String, Failure>) -> Result<(), Error> {
    match terminal::print_meanwhile(text?).await.map_err(Error::from) {
        Err(Error::BrokenPipe) => Ok(()),
        said => said,
    }
}
