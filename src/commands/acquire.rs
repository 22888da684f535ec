//! `kubectl lease acquire`

use super::asked::Asked;
use super::events::Recorder;
use super::saying::{listen, outcomes_text, say_grants};
use super::slots::slots;
use super::waiting::Waiting;
use super::{Session, acquire_terms, dry_run, identity, limits};
use crate::cli::{AcquireArgs, ConnectionArgs};
use crate::clock::SystemClock;
use crate::error::{Error, Subject};
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
    let slots = slots(&args.names, &args.grant)?;
    let session = Session::open(connection).await?.writing(&args.grant.write);
    let subject = |name: &_| Subject {
        conflict: Some(Exit(args.grant.conflict_exit_code.into())),
        reenters: true,
        ..session.subject(name, Some(&holder))
    };
    let terms = |subject: &Subject| AcquireTerms {
        reenter: args.reenter,
        ..acquire_terms(subject, &args.grant, holder.clone(), DEFAULT_DURATION)
    };
    let recorder = Recorder::new(
        &session,
        args.grant.events,
        holder.as_str(),
        args.grant.reason.as_deref(),
    );
    let (names, grant) = (&args.names, &args.grant);
    let asked = Asked::new(&session, names, slots, grant, subject, terms);
    let several = args.names.len() > 1;
    if let Some(dry_run) = args.grant.write.dry_run.asked() {
        let format = dry_run::format(&args.output)?;
        let timeout = args.grant.timeout;
        let trying = asked.try_each(&session, dry_run, timeout, |_| None);
        let outcomes = trying.await?;
        let managed_fields = args.output.show_managed_fields;
        dry_run::print(outcomes_text(&outcomes, several, format, managed_fields))?;
        return Ok(Exit::DONE);
    }
    let limits = limits(&SystemClock, args.grant.timeout, listen()?);
    let waiting = Waiting::new(asked.subject());
    let told = asked.acquire(&limits, &waiting, async |_, held: Held<'_>| {
        let waited = waiting.over().unwrap_or_default();
        let acquired = |grant: &_| Outcome::of_grant(Action::Acquired, grant).after_waiting(waited);
        let outcomes: Vec<_> = held.grants().iter().map(acquired).collect();
        let (grants, output) = (held.grants(), &args.output);
        say_grants(grants, &outcomes, several, output, &limits.interrupt).await?;
        for grant in grants {
            recorder.hurry(&grant.record);
            recorder.record(EventReason::Acquired, &grant.record);
        }
        Ok(())
    });
    match recorder.beside(told, &limits.interrupt).await {
        Ok(()) => Ok(Exit::DONE),
        Err(ended) => Err(ended.error(&session, Error::Local).await),
    }
}
