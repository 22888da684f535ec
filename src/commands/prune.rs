//! `kubectl lease prune`

mod find;
mod scope;

use std::cell::Cell;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;

use super::saying::{listen, object_text};
use super::several::{Errors, Next};
use super::{SHORT_PATIENCE, Session, limits, say};
use crate::cli::{ConnectionArgs, DryRun, PruneArgs};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::hint;
use crate::lease::evidence::Stamps;
use crate::lease::operate::{Deleted, End, Interrupt, Operations, Patience, Pruned};
use crate::lease::record::Record;
use crate::lease::report::Row;
use crate::output::format::ObjectFormat;
use crate::output::status::table::{Layout, Printer};
use crate::output::{Failure, document, terminal};
use crate::words;
use find::{Candidate, Found, find};

/// So many are looked after at a time.
const AT_ONCE: usize = 8;

pub async fn run(args: PruneArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let session = Session::open(connection).await?;
    scope::check(&args, connection, &session)?;
    let interrupt = listen()?;
    let mut errors = Errors::default();
    let found = tokio::select! {
        biased;
        signal = interrupt.arrived(1) => return Ok(Exit::signal(signal)),
        found = find(&session, &args, &mut errors) => found?,
    };
    if found.candidates.is_empty() {
        if args.names.is_empty() {
            nothing(&session, &args, found.count).await?;
        }
        return Ok(errors.exit().unwrap_or(Exit::DONE));
    }
    match (args.dry_run, args.yes) {
        (DryRun::Client, _) | (DryRun::None, false) => {
            list(&args, &session, &found).await?;
            Ok(errors.exit().unwrap_or(Exit::DONE))
        }
        (DryRun::Server, _) | (DryRun::None, true) => {
            delete(&args, &session, found, &interrupt, &mut errors).await
        }
    }
}

async fn nothing(session: &Session, args: &PruneArgs, count: usize) -> Result<(), Error> {
    let so_long = format!(
        "No leases to prune that expired more than {} ago",
        words::duration(args.older_than)
    );
    if args.all_namespaces {
        terminal::say(&so_long);
        return Ok(());
    }
    let namespace = &session.namespace;
    if count == 0 && session.namespace_is_missing(session.request_limit).await {
        return Err(Error::NamespaceMissing(namespace.clone()));
    }
    terminal::say(&format!("{so_long} in {namespace} namespace."));
    Ok(())
}

/// Shows what would be deleted.
async fn list(args: &PruneArgs, session: &Session, found: &Found) -> Result<(), Error> {
    let rows: Vec<Row> = found.candidates.iter().map(|one| one.row.clone()).collect();
    let names = rows.iter();
    let text = match &args.output.format {
        None => Printer::new(layout(args)).page(&rows, &[]),
        Some(ObjectFormat::Name) => names
            .map(|row| format!("{}\n", document::object_name(&row.lease.name)))
            .collect(),
        Some(ObjectFormat::Value(format)) => {
            let candidates = found.candidates.iter();
            let records: Vec<Record> = candidates.map(|one| one.seen.record().clone()).collect();
            document::list(&records, format, args.output.show_managed_fields)?
        }
    };
    terminal::print_meanwhile(text).await?;
    let these = match rows.len() {
        1 => "it".to_owned(),
        count => format!("these {count}"),
    };
    terminal::say(&format!(
        "Nothing was deleted. To delete {these}: {} --yes",
        scope::again(args, &session.namespace)
    ));
    Ok(())
}

fn layout(args: &PruneArgs) -> Layout {
    Layout {
        namespaces: args.all_namespaces,
        colour: terminal::colours(),
        width: terminal::width(),
        ascii: terminal::is_ascii(),
        words: !terminal::is_there(),
        ..Layout::default()
    }
}

/// Deletes them, or has the server check it.
async fn delete(
    args: &PruneArgs,
    session: &Session,
    found: Found,
    interrupt: &Interrupt,
    errors: &mut Errors,
) -> Result<Exit, Error> {
    let stamps = match args.proof.observed_only() {
        true => Stamps::Untrusted,
        false => found.stamps,
    };
    let dry_run = args.dry_run == DryRun::Server;
    let verb = if dry_run {
        "pruned (server dry run)"
    } else {
        "pruned"
    };
    let patience = Patience {
        proof: SystemClock.now() + args.timeout,
        deletion: SHORT_PATIENCE,
        interrupt: interrupt.clone(),
    };
    let longest = longest(&found.candidates, args.timeout);
    let said = Cell::new(false);
    let watches = || {
        if !said.replace(true) {
            terminal::say(&format!(
                "watching the leases for {}: a holder that is alive renews in that time",
                words::duration(longest)
            ));
        }
    };
    let all = found.candidates.len();
    let document = matches!(args.output.format, Some(ObjectFormat::Value(_)));
    let pruning = stream::iter(found.candidates).map(async |candidate: Candidate| {
        let record = candidate.seen.record().clone();
        let pruned = match dry_run {
            true => check(session, &record, interrupt).await,
            false => prune(session, candidate, stamps, &patience, &watches).await,
        };
        (record, pruned)
    });
    let mut pruning = std::pin::pin!(pruning.buffered(AT_ONCE));
    let mut pruned = Vec::new();
    let mut interrupted = false;
    while let Some((record, outcome)) = pruning.next().await {
        let error = match outcome {
            Ok(Pruned::Done) => {
                let said = match document {
                    true => Ok(()),
                    false => print(text(&record, verb, args)).await,
                };
                pruned.push(record);
                match said {
                    Ok(()) => continue,
                    // It is done, only not said, and so are the others.
                    Err(error) => {
                        let _ = errors.say(&error);
                        continue;
                    }
                }
            }
            Ok(other) => match left(&record, other) {
                Some(error) => error,
                None => continue,
            },
            Err(End::Interrupted(_)) => {
                interrupted = true;
                continue;
            }
            Err(end) => failed(session, &record, end).await,
        };
        if errors.say(&error) == Next::Stop {
            break;
        }
    }
    if let (Some(ObjectFormat::Value(format)), false) = (&args.output.format, pruned.is_empty()) {
        print(document::list(
            &pruned,
            format,
            args.output.show_managed_fields,
        ))
        .await?;
    }
    if let Some(signal) = interrupt.received().filter(|_| interrupted) {
        terminal::say(&format!(
            "interrupted: {} of {all} were pruned",
            pruned.len()
        ));
        return Ok(Exit::signal(signal));
    }
    Ok(errors.exit().unwrap_or(Exit::DONE))
}

/// For how long is watched at most, where that proves it in time.
fn longest(candidates: &[Candidate], timeout: Duration) -> Duration {
    let durations = candidates.iter();
    let durations = durations.filter_map(|one| Some(one.seen.record().duration()?.as_duration()));
    let in_time = durations.filter(|duration| *duration <= timeout);
    in_time.max().unwrap_or_default()
}

fn operations(
    session: &Session,
    record: &Record,
) -> Operations<crate::server::LeaseClient, SystemClock> {
    let lease = session.store.lease(record.namespace(), record.name());
    Operations::new(lease, SystemClock, session.request_limit)
}

async fn prune(
    session: &Session,
    candidate: Candidate,
    stamps: Stamps,
    patience: &Patience,
    watches: &dyn Fn(),
) -> Result<Pruned, End> {
    let Candidate { seen, .. } = candidate;
    let subject = subject(seen.record());
    let operations = operations(session, seen.record()).knowing(stamps);
    let report = |progress| say(&subject, &progress);
    operations.prune(seen, patience, watches, &report).await
}

async fn check(session: &Session, record: &Record, interrupt: &Interrupt) -> Result<Pruned, End> {
    let subject = subject(record);
    let limits = limits(&SystemClock, Some(SHORT_PATIENCE), interrupt.clone());
    if let Some(signal) = interrupt.received() {
        return Err(End::Interrupted(signal));
    }
    let report = |progress| say(&subject, &progress);
    let operations = operations(session, record);
    let deleted = operations.delete(record, true, &limits, &report).await?;
    Ok(match deleted {
        Deleted::Done => Pruned::Done,
        Deleted::Absent => Pruned::Absent,
        Deleted::Changed(_) => Pruned::Renewed,
    })
}

fn subject(record: &Record) -> Subject {
    Subject {
        namespace: record.namespace().to_owned(),
        name: record.name().to_owned(),
        holder: None,
        only_asks: false,
        conflict: None,
        reenters: false,
        if_holder: None,
        frees: false,
    }
}

/// Says why one is left; what is no good end is an error.
fn left(record: &Record, why: Pruned) -> Option<Error> {
    let (name, namespace) = (record.name(), record.namespace());
    let said = match why {
        Pruned::Done => return None,
        Pruned::Absent => format!("lease {name:?} was gone already"),
        Pruned::Renewed => format!("lease {name:?} is left: it has changed since it was listed"),
        Pruned::Unproven(span) => {
            let span = words::exact(span);
            let lines = vec![
                format!(
                    "error: lease {name:?} is left: only watching it for {span} proves that nobody renews it"
                ),
                format!(
                    "Give it the time with --timeout {span}. What is known of it: {}",
                    hint::lease("status", name, namespace)
                ),
            ];
            let exit = Exit::NOT_ACQUIRED;
            return Some(Error::NotMet { lines, exit });
        }
    };
    terminal::say(&said);
    None
}

async fn failed(session: &Session, record: &Record, end: End) -> Error {
    let subject = subject(record);
    if let End::Unsettled { fault, .. } = &end {
        let (name, namespace) = (record.name(), record.namespace());
        let why = fault
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| end.why());
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        let lines = vec![
            format!("error: it is not known whether lease {name:?} was deleted{why}"),
            format!("Look: {}", hint::lease("status", name, namespace)),
        ];
        let exit = Exit::API;
        return Error::NotMet { lines, exit };
    }
    session.error(subject, end).await
}

fn text(record: &Record, verb: &str, args: &PruneArgs) -> Result<String, Failure> {
    match args.all_namespaces {
        true => {
            let verb = format!("{verb} from {} namespace", record.namespace());
            object_text(record, &verb, &args.output)
        }
        false => object_text(record, verb, &args.output),
    }
}

/// What was begun goes on, whoever reads of it.
async fn print(text: Result<String, Failure>) -> Result<(), Error> {
    match terminal::print_meanwhile(text?).await.map_err(Error::from) {
        Err(Error::BrokenPipe) => Ok(()),
        said => said,
    }
}
