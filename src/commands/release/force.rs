//! `kubectl lease release --force` of one lease: shows whose it is, asks, and frees it.

use super::{nothing_to_release, patient};
use crate::cli::ReleaseArgs;
use crate::commands::confirm::{columns, confirmed};
use crate::commands::saying::{listen, object_text, say_done};
use crate::commands::steal::shown::{self, Manner};
use crate::commands::{Session, say};
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::hint::freed;
use crate::lease::decide::FreeTerms;
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::values::{HolderIdentity, LeaseName};
use crate::output::terminal;

/// What is asked for, of each lease.
pub fn terms(args: &ReleaseArgs, asks: bool) -> FreeTerms {
    FreeTerms {
        if_holder: args.if_holder.as_ref().map(ToString::to_string),
        asks,
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
    let limits = patient(args, listen()?);
    let operations = session.lease(name);
    let agree = async |seen: &Observation, expiry: &Expiry| {
        let (me, columns) = (holder.as_str(), columns(args.yes));
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
        confirmed(args.yes, "Free it?", &limits.interrupt).await
    };
    let report = |progress| say(&subject, &progress);
    let terms = terms(args, !args.yes);
    let done = operations.free_from_another(None, &terms, &limits, &report, agree);
    let done = match done.await {
        Ok(done) => done,
        Err(end) => {
            let error = session.error(subject.clone(), end).await;
            return match nothing_to_release(&error).filter(|_| args.ignore_not_held) {
                Some(line) => {
                    terminal::say(&line);
                    Ok(Exit::DONE)
                }
                None => Err(error),
            };
        }
    };
    log::debug!("freed: {:?} held it", done.holder());
    let text = object_text(&done.record, "released", &args.output);
    say_done(text, None, &limits.interrupt, &subject, "released").await?;
    Ok(Exit::DONE)
}
