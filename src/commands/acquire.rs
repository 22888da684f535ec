//! `kubectl lease acquire`

use super::{Session, exported, grant_terms, limits, say};
use crate::cli::{AcquireArgs, ConnectionArgs, GrantFormat};
use crate::clock::SystemClock;
use crate::error::Error;
use crate::exit::Exit;
use crate::identity::Sources;
use crate::lease::decide::AcquireTerms;
use crate::lease::operate::{Grant, Interrupt};
use crate::output::words::shell;
use crate::output::{document, terminal};
use crate::signals;

/// Recorded when none is asked for and the Lease has none, seconds.
const DEFAULT_DURATION: u32 = 60;

pub async fn run(args: AcquireArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let identity = Sources::from_process(args.grant.holder.holder.clone())
        .identity()
        .map_err(Error::Usage)?;
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
        namespace: session.namespace.clone(),
        name: args.name.to_string(),
        grant: grant_terms(&args.grant, holder, DEFAULT_DURATION),
        create: args.grant.create,
        reenter: args.reenter,
        least_duration: None,
        ancestors: exported::grants(),
    };
    let operations = session
        .lease(&args.name)
        .observed_only(args.grant.proof.observed_only());
    let limits = limits(
        &SystemClock,
        args.grant.timeout,
        Interrupt::new(signals::listen()?),
    );
    match operations
        .acquire(&terms, &limits, &|progress| say(&subject, &progress))
        .await
    {
        Ok(grant) => {
            print(&grant, "acquired", args.output)?;
            Ok(Exit::DONE)
        }
        Err(end) => Err(session.error(subject, end).await),
    }
}

/// Prints a grant in the format asked for.
pub fn print(grant: &Grant, verb: &str, format: Option<GrantFormat>) -> Result<(), Error> {
    let text = match format {
        Some(GrantFormat::Env) => exported::environment(grant)
            .iter()
            .map(|(name, value)| format!("export {name}={}\n", shell(value)))
            .collect(),
        Some(format) => document::done(&grant.record, verb, format.into())?,
        None => document::done(&grant.record, verb, None)?,
    };
    terminal::print(&text)?;
    if format.is_none() {
        let (name, namespace) = (grant.record.name(), grant.record.namespace());
        terminal::hint(&format!(
            "yours for {} unless renewed: kubectl lease renew {name} -n {namespace}   (hold renews by itself)",
            grant.duration()
        ));
    }
    Ok(())
}
