//! One Lease: everything about it.

use super::around::surroundings;
use super::keep;
use crate::cli::StatusArgs;
use crate::commands::Session;
use crate::commands::saying::is_unasked;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::report::{Row, State};
use crate::lease::values::LeaseName;
use crate::output::columns;
use crate::output::document::{failed, object_name, value};
use crate::output::format::StatusFormat;
use crate::output::status::describe::describe;
use crate::output::status::{document, prometheus};
use crate::output::terminal;

pub async fn run(session: &Session, name: &LeaseName, args: &StatusArgs) -> Result<Exit, Error> {
    let mut look = match session.look(name, keep(args)).await {
        Err(error) if args.ignore_not_found && error.exit() == Exit::NOT_FOUND => {
            return Ok(Exit::DONE);
        }
        look => look?,
    };
    if matches!(args.output, None | Some(StatusFormat::Wide)) {
        look = session.lease(name).look_closer(look).await;
    }
    let row = &look.row;
    let out = match &args.output {
        None | Some(StatusFormat::Wide) => {
            let around = surroundings(session, row, &look.record).await;
            describe(row, &look.record, &around)
        }
        Some(StatusFormat::Name) => format!("{}\n", object_name(&row.lease.name)),
        Some(StatusFormat::Value(format)) => value(&document::for_format(row, format), format)?,
        Some(StatusFormat::Prometheus) => prometheus::whole(std::slice::from_ref(row)),
        Some(StatusFormat::CustomColumns(columns)) => columns::Printer::default()
            .page(columns, &[document::for_templates(row)], args.no_headers)
            .map_err(failed)?,
    };
    if !is_unasked(&args.output) {
        terminal::print(&out)?;
    }
    Ok(if args.exit_code {
        exit_of(row)
    } else {
        Exit::DONE
    })
}

/// For a shell's `if`.
fn exit_of(row: &Row) -> Exit {
    match row.condition.state {
        State::Held | State::HeldWithoutExpiry => Exit::DONE,
        State::Expired => Exit::EXPIRED,
        State::Free | State::Deleted => Exit::FREE,
        State::Terminating if row.lease.holder.is_some() => Exit::DONE,
        State::Terminating => Exit::FREE,
    }
}
