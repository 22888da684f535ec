//! `kubectl lease release`

mod bulk;
mod force;

use super::chosen;
use super::exported::{is_kept_by_hold, ours};
use super::saying::{listen, outcome_text, outcomes_of_nothing, say_done};
use super::several::{Errors, Next, distinct};
use super::{Session, dry_run, identity, limits, say};
use crate::cli::{ConnectionArgs, ReleaseArgs};
use crate::clock::SystemClock;
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::lease::decide::{self, Refusal};
use crate::lease::operate::{End, Interrupt, Limits, Released};
use crate::lease::values::{HolderIdentity, LeaseName};
use crate::output::format::ObjectFormat;
use crate::output::outcome::{self, Action, Outcome};
use crate::output::terminal;

pub async fn run(args: ReleaseArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    chosen::check(&args.selection, args.force)?;
    let holder = identity(&args.holder.holder)?;
    let session = Session::open(connection).await?.writing(&args.write);
    let names = distinct(&args.names);
    match (names.as_slice(), args.force) {
        ([name], true) => force::run(&args, &session, name, &holder).await,
        ([_, ..], false) => own(&args, &session, &names, &holder).await,
        ([], _) | ([_, ..], true) => bulk::run(&args, &session, &names, &holder).await,
    }
}

/// How long it goes on.
fn patient(args: &ReleaseArgs, interrupt: Interrupt) -> Limits {
    Limits {
        insist: true,
        ..limits(&SystemClock, Some(args.timeout), interrupt)
    }
}

/// What is said of an error that is none where there may be nothing to release (`--ignore-not-held`).
fn nothing_to_release(error: &Error) -> Option<String> {
    let Error::Lease(error) = error else {
        return None;
    };
    let subject = &error.subject;
    let (name, me) = (&subject.name, subject.holder.as_deref().unwrap_or_default());
    let whose = subject.if_holder.as_deref().unwrap_or(me);
    let end = match &error.end {
        // Whether it was by our release or not, it is not held by whom it was to be released for.
        End::Unsettled { end, .. } => end,
        end => end,
    };
    match end {
        End::Refused(Refusal::NotFound) => {
            Some(format!("lease {name:?} is not there: nothing to release"))
        }
        End::Refused(Refusal::HolderIs(None)) => {
            Some(format!("lease {name:?} is free: nothing to release"))
        }
        End::Refused(Refusal::HolderIs(Some(other))) if other.holder == whose => Some(format!(
            "lease {name:?} belongs to a newer grant of {whose:?}: nothing to release"
        )),
        End::Refused(Refusal::HolderIs(Some(other))) => Some(format!(
            "lease {name:?} is held by {:?}, not by {whose:?}: nothing to release",
            other.holder
        )),
        _ => None,
    }
}

/// Releases those of these names that are ours.
async fn own(
    args: &ReleaseArgs,
    session: &Session,
    names: &[&LeaseName],
    holder: &HolderIdentity,
) -> Result<Exit, Error> {
    let limits = patient(args, listen()?);
    // A document of several is a list, and so is complete with the last one only.
    let document = match &args.output.format {
        Some(ObjectFormat::Value(format)) if args.names.len() > 1 => Some(format),
        Some(ObjectFormat::Value(_) | ObjectFormat::Name) | None => None,
    };
    let mut errors = Errors::default();
    let mut listed = Vec::new();
    let mut told = false;
    for (index, name) in names.iter().enumerate() {
        let subject = session.subject(name, Some(holder));
        let done = match one(session, name, holder, args, &limits, &subject).await {
            Ok(released) if document.is_some() => {
                listed.push(released);
                continue;
            }
            Ok(released) => {
                let text = outcome_text(
                    &released,
                    args.output.format.as_ref(),
                    args.output.show_managed_fields,
                );
                match args.write.dry_run.asked() {
                    Some(_) => dry_run::print(text),
                    None => say_done(text, None, &limits.interrupt, &subject, "released").await,
                }
            }
            Err(error) => Err(error),
        };
        told |= done.is_ok();
        let ignored = done.as_ref().err().and_then(nothing_to_release);
        if let Some(line) = ignored.filter(|_| args.ignore_not_held) {
            terminal::say(&line);
            continue;
        }
        if let Err(error) = done
            && errors.say(&error) == Next::Stop
        {
            errors.left_out(&names[index + 1..]);
            break;
        }
    }
    if let Some(format) = document
        && !listed.is_empty()
    {
        let mut subject = session.subject(names[0], Some(holder));
        let all: Vec<&str> = listed.iter().map(|one| one.lease().name()).collect();
        subject.name = all.join(", ");
        let text = outcome::list(&listed, format, args.output.show_managed_fields);
        let said = match args.write.dry_run.asked() {
            Some(_) => dry_run::print(text),
            None => say_done(text, None, &limits.interrupt, &subject, "released").await,
        };
        if let Err(error) = said {
            let _ = errors.say(&error);
        }
    }
    if !told && listed.is_empty() && errors.exit().is_none() {
        nothing_done(args)?;
    }
    Ok(errors.exit().unwrap_or(Exit::DONE))
}

/// Of nothing that was done there is a document too, which has no items: who reads it expects one.
fn nothing_done(args: &ReleaseArgs) -> Result<(), Error> {
    match &args.output.format {
        Some(ObjectFormat::Value(format)) => Ok(outcomes_of_nothing(format)?),
        Some(ObjectFormat::Name) | None => Ok(()),
    }
}

async fn one(
    session: &Session,
    name: &LeaseName,
    holder: &HolderIdentity,
    args: &ReleaseArgs,
    limits: &Limits,
    subject: &Subject,
) -> Result<Outcome, Error> {
    let failed = async |end| Err(session.error(subject.clone(), end).await);
    if let Some(signal) = limits.interrupt.received() {
        return failed(End::Interrupted(signal)).await;
    }
    let ours = ours(session, name, holder.clone());
    if is_kept_by_hold(&ours) {
        return failed(End::Refused(Refusal::KeptByHold)).await;
    }
    let operations = session.lease(name);
    let report = |progress| say(subject, &progress);
    if let Some(dry_run) = args.write.dry_run.asked() {
        let decide = if args.now {
            decide::release
        } else {
            decide::release_ours
        };
        let tried = operations
            .try_if_ours(&ours, decide, dry_run, limits, &report)
            .await;
        return dry_run::outcome(session, subject.clone(), Action::Released, dry_run, tried).await;
    }
    match operations.release(&ours, args.now, limits, &report).await {
        Ok(Released { record, before }) => Ok(Outcome::new(Action::Released, before, &record)),
        Err(end) => failed(end).await,
    }
}
