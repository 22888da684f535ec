//! `kubectl lease acquire`

use super::saying::{listen, say_grant};
use super::waiting::Waiting;
use super::{Session, acquire_terms, identity, limits};
use crate::cli::{AcquireArgs, ConnectionArgs};
use crate::clock::SystemClock;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::decide::AcquireTerms;
use crate::lease::operate::Held;

/// Recorded when none is asked for and the Lease has none, seconds.
const DEFAULT_DURATION: u32 = 60;

pub async fn run(args: AcquireArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let identity = identity(&args.grant.holder.holder)?;
    let holder = if args.unique {
        identity.unique()
    } else {
        identity
    };
    let session = Session::open(connection).await?;
    let mut subject = session.subject(&args.name, Some(&holder));
    subject.conflict = Some(Exit(args.grant.conflict_exit_code));
    subject.reenters = true;
    let terms = AcquireTerms {
        reenter: args.reenter,
        ..acquire_terms(&subject, &args.grant, holder, DEFAULT_DURATION)
    };
    let operations = session
        .lease(&args.name)
        .observed_only(args.grant.proof.observed_only());
    let limits = limits(&SystemClock, args.grant.timeout, listen()?);
    let waiting = Waiting::new(&subject);
    let report = |progress| waiting.report(&subject, &progress);
    let acquiring = operations.acquire(&terms, &limits, &report, async |held: Held<'_>| {
        waiting.over();
        say_grant(held.grant(), "acquired", &args.output, &limits.interrupt).await
    });
    let told = waiting.reminding(acquiring).await;
    match told {
        Ok(()) => Ok(Exit::DONE),
        Err(ended) => Err(session.ended(subject, ended, Error::Local).await),
    }
}
