//! `kubectl lease acquire`

use super::events::Recorder;
use super::saying::{listen, outcome_text, say_grant};
use super::slots::{Asked, slots};
use super::waiting::Waiting;
use super::{Session, acquire_terms, dry_run, identity, limits, say};
use crate::cli::{AcquireArgs, ConnectionArgs};
use crate::clock::SystemClock;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::decide::AcquireTerms;
use crate::lease::events::EventReason;
use crate::lease::operate::Held;
use crate::output::outcome::{Action, Outcome};

/// Recorded when none is asked for and the Lease has none, seconds.
const DEFAULT_DURATION: u32 = 60;

pub async fn run(args: AcquireArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let identity = identity(&args.grant.holder.holder)?;
    let holder = if args.unique {
        identity.unique()
    } else {
        identity
    };
    let slots = slots(&args.name, &args.grant)?;
    if slots.is_some() && args.grant.write.dry_run.asked().is_some() {
        return Err(Error::Usage(super::slots::NO_DRY_RUN.to_owned()));
    }
    let session = Session::open(connection).await?.writing(&args.grant.write);
    let mut subject = session.subject(&args.name, Some(&holder));
    subject.conflict = Some(Exit(args.grant.conflict_exit_code));
    subject.reenters = true;
    let terms = AcquireTerms {
        reenter: args.reenter,
        ..acquire_terms(&subject, &args.grant, holder, DEFAULT_DURATION)
    };
    let recorder = Recorder::new(
        &session,
        args.grant.events,
        terms.grant.holder.as_str(),
        args.grant.reason.as_deref(),
    );
    let asked = Asked::new(&session, &args.name, slots, &args.grant, terms);
    if let (Some(operations), Some(dry_run)) = (asked.one(), args.grant.write.dry_run.asked()) {
        let format = dry_run::format(&args.output)?;
        let limits = dry_run::patience(args.grant.timeout);
        let report = |progress| say(&subject, &progress);
        let tried = operations
            .try_acquire(asked.terms(), dry_run, &limits, &report)
            .await;
        let managed_fields = args.output.show_managed_fields;
        let text = |outcome: &Outcome| outcome_text(outcome, format, managed_fields);
        return dry_run::tell(&session, subject, Action::Acquired, dry_run, tried, text).await;
    }
    let limits = limits(&SystemClock, args.grant.timeout, listen()?);
    let waiting = Waiting::new(&subject);
    let told = asked.acquire(&limits, &waiting, async |_, held: Held<'_>| {
        let waited = waiting.over().unwrap_or_default();
        let acquired = Outcome::of_grant(Action::Acquired, held.grant()).after_waiting(waited);
        say_grant(held.grant(), &acquired, &args.output, &limits.interrupt).await?;
        recorder.hurry(&held.grant().record);
        recorder.record(EventReason::Acquired, &held.grant().record);
        Ok(())
    });
    match recorder.beside(told, &limits.interrupt).await {
        Ok(()) => Ok(Exit::DONE),
        Err(ended) => Err(ended.error(&session, Error::Local).await),
    }
}
