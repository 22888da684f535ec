//! `kubectl lease status`

pub mod around;
mod list;
mod one;
mod select;
mod several;
mod watch;

use crate::cli::{ConnectionArgs, StatusArgs};
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::api::Api;
use crate::lease::evidence::Stamps;
use crate::lease::record::Keep;
use crate::output::format::{StatusFormat, ValueFormat};
use crate::server::Selection;

use super::Session;
use super::several::distinct;

pub use one::read;

pub async fn run(args: StatusArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let names = distinct(&args.names);
    if names.len() > 1 {
        alone(&args, names.len())?;
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
        (true, _) => {
            "-w follows one lease, or all that -l, --field-selector and the other filters leave"
        }
        (false, true) => "--exit-code tells the state of one lease",
        (false, false) => return Ok(()),
    };
    Err(Error::Usage(format!("{why}, and {count} are named")))
}

fn selection(session: &Session, args: &StatusArgs) -> Selection {
    Selection {
        namespace: (!args.all_namespaces).then(|| session.namespace.clone()),
        label_selector: args.selector.clone(),
        field_selector: match args.names.first() {
            Some(name) => Some(format!("metadata.name={name}")),
            None => args.field_selector.clone(),
        },
        page_size: args.chunk_size,
        keep: keep(args),
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

/// What the server's stamps are worth. A version that cannot be had counts as old.
pub async fn stamps(session: &Session) -> Stamps {
    let api = session.store.lease(&session.namespace, "");
    match api.version(session.request_limit).await {
        Ok(Some(version)) if version >= (1, 25) => Stamps::Trusted,
        Ok(_) | Err(_) => Stamps::Untrusted,
    }
}
