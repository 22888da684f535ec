//! `kubectl lease status`

pub mod around;
mod beside;
mod events;
mod gone;
pub mod list;
mod one;
pub mod select;
mod several;
mod slots;
mod waiters;
mod watch;

use crate::cli::{ConnectionArgs, StatusArgs};
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::api::Fault;
use crate::lease::operate::list::Listed;
use crate::lease::record::Keep;
use crate::output::format::{StatusFormat, ValueFormat};
use crate::server::{LeasesClient, Selection};

use super::Session;
use super::saying::is_unasked;
use super::several::distinct;

pub async fn run(args: StatusArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let names = distinct(&args.names);
    if names.len() > 1 {
        alone(&args, names.len())?;
    }
    if args.watch && args.output == Some(StatusFormat::Prometheus) {
        let why =
            "-o prometheus is how things are once: leave -w out, and run it from time to time";
        return Err(Error::Usage(why.to_owned()));
    }
    if args.watch && args.holder_gone {
        let why = "--holder-gone looks once at the cluster's Pods and Nodes: leave -w out, or --holder-gone";
        return Err(Error::Usage(why.to_owned()));
    }
    if args.watch && is_unasked(&args.output) {
        let why = "-q leaves nothing of -w to be shown: give a format (-o)";
        return Err(Error::Usage(why.to_owned()));
    }
    if args.slots && !args.watch {
        let session = Session::open(connection).await?;
        return slots::run(&session, names[0], &args).await;
    }
    let session = Session::open(connection).await?;
    match (names.as_slice(), args.watch) {
        ([] | [_], true) => watch::run(&session, &args).await,
        ([], false) => list::run(&session, &args).await,
        ([name], false) if args.names.len() == 1 => one::run(&session, name, &args).await,
        (names, _) => several::run(&session, names, &args).await,
    }
}

/// What only makes sense with one name.
fn alone(args: &StatusArgs, count: usize) -> Result<(), Error> {
    let why = match (args.watch, args.exit_code) {
        _ if args.slots => "--slots shows those of one name",
        (true, _) => {
            "-w follows one lease, or all that -l, --field-selector and the other filters leave"
        }
        (false, true) => "--exit-code tells the state of one lease",
        (false, false) => return Ok(()),
    };
    Err(Error::Usage(format!("{why}, and {count} are named")))
}

fn leases(session: &Session, args: &StatusArgs) -> LeasesClient {
    session.leases(Selection {
        namespace: (!args.all_namespaces).then(|| session.namespace.clone()),
        label_selector: args.selector.clone(),
        field_selector: match args.names.first() {
            // They have names of their own.
            Some(_) if args.slots => None,
            Some(name) => Some(format!("metadata.name={name}")),
            None => args.field_selector.clone(),
        },
    })
}

fn listed(session: &Session, args: &StatusArgs) -> Listed {
    Listed {
        keep: keep(args),
        page_size: args.chunk_size,
        limit: session.request_limit,
    }
}

/// A list failed, or what follows it.
fn list_error(session: &Session, args: &StatusArgs, fault: Fault) -> Error {
    Error::Api {
        namespace: (!args.all_namespaces).then(|| session.namespace.clone()),
        fault,
    }
}

/// What is kept of each Lease for what is printed. As in kubectl, a template finds the managed fields in any case.
fn keep(args: &StatusArgs) -> Keep {
    let document = matches!(
        args.output,
        Some(StatusFormat::Value(ValueFormat::Document(_)))
    );
    match (args.needs_objects(), document && !args.show_managed_fields) {
        (false, _) => Keep::Facts,
        (true, true) => Keep::Objects,
        (true, false) => Keep::ObjectsWhole,
    }
}
