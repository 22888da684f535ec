//! `kubectl lease acquire`

use super::saying::{listen, say_grants};
use super::waiting::Waiting;
use super::{Session, acquire_terms, identity, limits, together};
use crate::cli::{AcquireArgs, ConnectionArgs};
use crate::clock::SystemClock;
use crate::error::{Error, Subject};
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
    let subject = |name: &_| Subject {
        conflict: Some(Exit(args.grant.conflict_exit_code)),
        reenters: true,
        ..session.subject(name, Some(&holder))
    };
    let terms = |subject: &Subject| AcquireTerms {
        reenter: args.reenter,
        ..acquire_terms(subject, &args.grant, holder.clone(), DEFAULT_DURATION)
    };
    let observed_only = args.grant.proof.observed_only();
    let wanted = together::wanted(&session, &args.names, observed_only, subject, terms);
    let limits = limits(&SystemClock, args.grant.timeout, listen()?);
    let waiting = Waiting::new(&wanted[0].subject);
    let several = args.names.len() > 1;
    let told = together::acquire(&wanted, &limits, &waiting, async |held: Held<'_>| {
        waiting.over();
        let (grants, output) = (held.grants(), &args.output);
        say_grants(grants, several, "acquired", output, &limits.interrupt).await
    });
    match told.await {
        Ok(()) => Ok(Exit::DONE),
        Err(ended) => Err(session.not_all(&wanted, ended, Error::Local).await),
    }
}
