//! `kubectl lease release --force` of one lease: shows whose it is, asks, and frees it.

use std::sync::Arc;

use super::{nothing_done, nothing_to_release, patient};
use crate::cli::ReleaseArgs;
use crate::commands::confirm::{columns, confirmed};
use crate::commands::dry_run;
use crate::commands::events::Recorder;
use crate::commands::saying::{listen, outcome_text, say_done};
use crate::commands::steal::shown::{self, Manner};
use crate::commands::{Session, say};
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::hint::freed;
use crate::lease::decide::FreeTerms;
use crate::lease::events::EventReason;
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::operate::Freed;
use crate::lease::values::{HolderIdentity, LeaseName};
use crate::output::outcome::{Action, Outcome};
use crate::output::terminal;

/// What is asked for, of each lease.
pub fn terms(args: &ReleaseArgs, holder: &HolderIdentity, asks: bool) -> FreeTerms {
    FreeTerms {
        if_holder: args.if_holder.as_ref().map(ToString::to_string),
        asks,
        by: holder.to_string(),
        reason: args.reason.clone(),
    }
}

/// Which lease, for whoever frees it.
pub fn subject(
    args: &ReleaseArgs,
    session: &Session,
    name: &LeaseName,
    holder: &HolderIdentity,
) -> Subject {
    Subject {
        if_holder: args.if_holder.as_ref().map(ToString::to_string),
        frees: true,
        ..session.subject(name, Some(holder))
    }
}

pub async fn run(
    args: &ReleaseArgs,
    session: &Session,
    name: &LeaseName,
    holder: &HolderIdentity,
) -> Result<Exit, Error> {
    let subject = subject(args, session, name, holder);
    let operations = session.lease(name);
    let show = async |seen: &Observation, expiry: &Expiry, columns: Option<usize>| {
        let me = holder.as_str();
        shown::show(
            session,
            &operations,
            me,
            seen,
            expiry,
            Manner::Freed,
            columns,
        )
        .await;
        if !matches!(expiry, Expiry::Expired(_)) {
            for line in freed::warnings(seen.record()) {
                terminal::say(&format!("  {line}"));
            }
        }
    };
    let report = |progress| say(&subject, &progress);
    let terms = terms(args, holder, !args.yes);
    let text = |outcome: &Outcome| {
        let output = &args.output;
        outcome_text(outcome, output.format.as_ref(), output.show_managed_fields)
    };
    if let Some(dry_run) = args.write.dry_run.asked() {
        let limits = dry_run::patience(Some(args.timeout));
        let show = async |seen: &Observation, expiry: &Expiry| show(seen, expiry, None).await;
        let tried = operations
            .try_free(None, &terms, dry_run, &limits, &report, show)
            .await;
        let action = Action::Released;
        let tried = dry_run::tell(session, subject, action, dry_run, tried, text).await;
        return tried.or_else(|error| ignored(args, error));
    }
    let limits = patient(args, listen()?);
    let recorder = Recorder::new(
        session,
        args.events,
        holder.as_str(),
        args.reason.as_deref(),
    );
    let agree = async |seen: &Observation, expiry: &Expiry| {
        show(seen, expiry, columns(args.yes)).await;
        confirmed(args.yes, "Free it?", &limits.interrupt).await
    };
    let freeing = async {
        let done = operations.free_from_another(None, &terms, &limits, &report, agree);
        let done = match done.await {
            Ok(done) => done,
            Err(end) => return ignored(args, session.error(subject.clone(), end).await),
        };
        log::debug!("freed: {:?} held it", done.holder());
        record(&recorder, &done);
        let text = text(&outcome(&done));
        say_done(text, None, &limits.interrupt, &subject, "released").await?;
        Ok(Exit::DONE)
    };
    recorder.beside(freeing, &limits.interrupt).await
}

/// Tells others whose grant was ended, if it was anybody's.
pub fn record(recorder: &Recorder, freed: &Freed) {
    if let Some(from) = freed.before.holder().map(str::to_owned) {
        recorder.record(EventReason::ForceReleased { from }, &freed.record);
    }
}

/// What was done.
pub fn outcome(freed: &Freed) -> Outcome {
    let before = Arc::new((*freed.before).clone());
    Outcome::new(Action::Released, Some(before), &freed.record)
}

/// There may be nothing to free, where that is no error.
fn ignored(args: &ReleaseArgs, error: Error) -> Result<Exit, Error> {
    match nothing_to_release(&error).filter(|_| args.ignore_not_held) {
        Some(line) => {
            terminal::say(&line);
            nothing_done(args)?;
            Ok(Exit::DONE)
        }
        None => Err(error),
    }
}
