//! `kubectl lease prune`

mod delete;
mod find;
mod scope;
mod words;

use super::Session;
use super::saying::{is_unasked, listen, outcomes_of_nothing};
use super::several::Errors;
use crate::cli::{ConnectionArgs, DryRun, PruneArgs};
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::operate;
use crate::lease::record::Record;
use crate::lease::report::Row;
use crate::lease::summary::Class;
use crate::output::format::{ObjectFormat, ValueFormat};
use crate::output::outcome::{self, Action, Outcome};
use crate::output::status::table::{Layout, Printer};
use crate::output::{document, terminal};
use delete::delete;
use find::{Found, find};

pub async fn run(args: PruneArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let session = Session::open(connection).await?;
    scope::check(&args, connection, &session)?;
    let interrupt = listen()?;
    let mut errors = Errors::default();
    let found = tokio::select! {
        biased;
        signal = interrupt.arrived() => return Ok(Exit::signal(signal)),
        found = find(&session, &args, &mut errors) => found?,
    };
    if found.candidates.is_empty() {
        // What is left was said already.
        if args.names.is_empty() && found.left.is_empty() && errors.exit().is_none() {
            nothing(&session, &args, found.count).await?;
        }
        if errors.exit().is_none() {
            nothing_done(&args)?;
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

/// A document of nothing is one too.
fn nothing_done(args: &PruneArgs) -> Result<(), Error> {
    match &args.output.format {
        Some(ObjectFormat::Value(format)) if args.deletes() => Ok(outcomes_of_nothing(format)?),
        Some(ObjectFormat::Value(format @ ValueFormat::Document(_))) => {
            let none: [Record; 0] = [];
            let text = document::list(&none, format, false)?;
            Ok(terminal::print(&text)?)
        }
        Some(ObjectFormat::Value(_) | ObjectFormat::Name) | None => Ok(()),
    }
}

async fn nothing(session: &Session, args: &PruneArgs, count: usize) -> Result<(), Error> {
    let so_long = format!(
        "No leases to prune that expired more than {} ago",
        crate::words::duration(args.older_than)
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
            let whole = args.output.show_managed_fields;
            match args.deletes() {
                true => {
                    let pruned = records.iter().map(|record| {
                        Outcome::of_deletion(Action::Pruned, record).tried(operate::DryRun::Client)
                    });
                    outcome::list(&pruned.collect::<Vec<_>>(), format, whole)?
                }
                false => document::list(&records, format, whole)?,
            }
        }
    };
    if !is_unasked(&args.output.format) {
        terminal::print_meanwhile(text).await?;
    }
    let waiters = rows.iter().filter(|row| row.lease.class == Class::Waiter);
    let waiters = waiters.count();
    if waiters > 0 {
        terminal::say(&format!(
            "Places in line that nobody renews any more: {waiters}"
        ));
    }
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
