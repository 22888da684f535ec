//! `kubectl lease release`

use super::exported::{is_kept_by_hold, ours};
use super::saying::{listen, outcome_text, say_done};
use super::several::{Errors, Next, distinct};
use super::{Session, dry_run, identity, limits, say};
use crate::cli::{ConnectionArgs, ReleaseArgs};
use crate::clock::SystemClock;
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::lease::decide::{self, Refusal};
use crate::lease::operate::{End, Limits, Released};
use crate::lease::values::{HolderIdentity, LeaseName};
use crate::output::format::ObjectFormat;
use crate::output::outcome::{self, Action, Outcome};

pub async fn run(args: ReleaseArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let holder = identity(&args.holder.holder)?;
    let session = Session::open(connection).await?.writing(&args.write);
    let limits = Limits {
        insist: true,
        ..limits(&SystemClock, Some(args.timeout), listen()?)
    };
    let names = distinct(&args.names);
    // A document of several is a list, and so is complete with the last one only.
    let document = match &args.output.format {
        Some(ObjectFormat::Value(format)) if args.names.len() > 1 => Some(format),
        Some(ObjectFormat::Value(_) | ObjectFormat::Name) | None => None,
    };
    let mut errors = Errors::default();
    let mut listed = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let subject = session.subject(name, Some(&holder));
        let done = match one(&session, name, &holder, &args, &limits, &subject).await {
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
        let mut subject = session.subject(names[0], Some(&holder));
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
    Ok(errors.exit().unwrap_or(Exit::DONE))
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
