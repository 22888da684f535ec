//! `kubectl lease wait`

mod words;

use std::cell::RefCell;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};

use super::saying::{listen, object_text};
use super::several::{Errors, Next, distinct, next};
use super::{Session, limits, say};
use crate::cli::{ConnectionArgs, WaitArgs};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::lease::decide::Seen;
use crate::lease::operate::{End, Limits};
use crate::lease::record::Record;
use crate::lease::values::LeaseName;
use crate::output::format::ObjectFormat;
use crate::output::{Failure, document, terminal};

pub async fn run(args: WaitArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let session = Session::open(connection).await?;
    let limits = limits(&SystemClock, Some(args.timeout), listen()?);
    let names = distinct(&args.names);
    // A document of several is a list, and so is complete with the last one only.
    let document = match &args.output.format {
        Some(ObjectFormat::Value(format)) if args.names.len() > 1 => Some(format),
        Some(ObjectFormat::Value(_) | ObjectFormat::Name) | None => None,
    };
    let mut waits: FuturesUnordered<_> = (names.iter().enumerate())
        .map(async |(index, name)| (index, one(&session, name, &args, &limits).await))
        .collect();
    let mut errors = Errors::default();
    let mut met: Vec<(usize, Record)> = Vec::new();
    // The signal that ends it for all of them, whatever became of some.
    let mut ended = None;
    while let Some((index, waited)) = waits.next().await {
        let said = match waited {
            Ok(Some(record)) if document.is_some() => {
                met.push((index, record));
                continue;
            }
            Ok(record) => print(text(record.as_ref(), names[index], &args)).await,
            Err(error) => Err(error),
        };
        let then = said
            .as_ref()
            .map_or_else(|error| errors.say_of(index, error), |()| Next::GoOn);
        // It is the same for the others, and is said once.
        let signal = limits.interrupt.received();
        ended = signal.map(Exit::signal);
        if signal.is_some() || then == Next::Stop {
            break;
        }
    }
    // What was met by then is told all the same.
    while let Some(Some((index, waited))) = waits.next().now_or_never() {
        match waited {
            Ok(Some(record)) if document.is_some() => met.push((index, record)),
            Ok(record) => {
                let said = print(text(record.as_ref(), names[index], &args)).await;
                if let Err(error) = said {
                    let _ = errors.say_of(index, &error);
                }
            }
            Err(error) if next(&error) == Next::GoOn && ended.is_none() => {
                let _ = errors.say_of(index, &error);
            }
            Err(_) => {}
        }
    }
    if let Some(format) = document
        && !met.is_empty()
    {
        met.sort_by_key(|(index, _)| *index);
        let met: Vec<Record> = met.into_iter().map(|(_, record)| record).collect();
        let text = document::list(&met, format, args.output.show_managed_fields);
        if let Err(error) = print(text).await {
            let _ = errors.say(&error);
        }
    }
    Ok(ended.or(errors.exit()).unwrap_or(Exit::DONE))
}

/// Waits for one of them.
async fn one(
    session: &Session,
    name: &LeaseName,
    args: &WaitArgs,
    limits: &Limits,
) -> Result<Option<Record>, Error> {
    let subject = Subject {
        only_asks: true,
        ..session.subject(name, None)
    };
    let awaited = &args.awaited;
    let last = RefCell::new(None);
    let told = RefCell::new(String::new());
    let standing = |seen: &Seen| {
        let now = words::standing(awaited, seen, SystemClock.now());
        // A renewal is nothing new.
        if !limits.once && told.replace(now.brief.clone()) != now.brief {
            terminal::say(&format!(
                "waiting for lease \"{name}\" {}: {}",
                words::to_be(awaited),
                now.text
            ));
        }
        last.replace(Some(now));
    };
    let report = |progress| say(&subject, &progress);
    let operations = session
        .lease(name)
        .observed_only(args.proof.observed_only());
    let end = match operations.wait(awaited, limits, &standing, &report).await {
        // Nothing was ever seen of it: perhaps one looks in the wrong place.
        Ok(None) if session.namespace_is_missing(session.request_limit).await => {
            return Err(Error::NamespaceMissing(session.namespace.clone()));
        }
        Ok(record) => return Ok(record),
        Err(end) => end,
    };
    let last = last.take();
    let not_met = |lines, exit| Err(Error::NotMet { lines, exit });
    match end {
        End::TimedOut { fault, since, .. } => {
            let first = match limits.once {
                true => format!("error: condition not met for leases/{name}"),
                false => format!("error: timed out waiting for the condition on leases/{name}"),
            };
            let then = words::instead(&subject, last.as_ref(), fault.as_ref(), since);
            let lines = [vec![first], then].concat();
            not_met(lines, Exit(args.conflict_exit_code.into()))
        }
        End::Interrupted(signal) => {
            let line = format!("interrupted: the condition was not met on leases/{name}");
            not_met(vec![line], Exit::signal(signal))
        }
        end => Err(session.error(subject, end).await),
    }
}

fn text(record: Option<&Record>, name: &LeaseName, args: &WaitArgs) -> Result<String, Failure> {
    let said = "condition met";
    match (record, &args.output.format) {
        (Some(record), _) => object_text(record, said, &args.output),
        // Deleted before it was looked for.
        (None, None) if terminal::is_quiet() => Ok(String::new()),
        (None, None) => Ok(format!("{} {said}\n", document::object_name(name.as_str()))),
        (None, Some(ObjectFormat::Name)) => {
            Ok(format!("{}\n", document::object_name(name.as_str())))
        }
        (None, Some(ObjectFormat::Value(_))) => Ok(String::new()),
    }
}

/// What is waited for is known by the exit status too: nobody has to read it.
async fn print(text: Result<String, Failure>) -> Result<(), Error> {
    match terminal::print_meanwhile(text?).await.map_err(Error::from) {
        Err(Error::BrokenPipe) => Ok(()),
        said => said,
    }
}
