//! One Lease: everything about it.

use super::around::surroundings;
use super::events;
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
use crate::output::status::describe::{Surroundings, describe};
use crate::output::status::{document, prometheus};
use crate::output::terminal;

pub async fn run(session: &Session, name: &LeaseName, args: &StatusArgs) -> Result<Exit, Error> {
    let looking = async {
        let mut look = session.look(name, keep(args)).await?;
        let described = matches!(args.output, None | Some(StatusFormat::Wide));
        let mut around = Surroundings::default();
        if described {
            look = session.lease(name).look_closer(look).await;
            around = surroundings(session, &look.row, &look.record).await;
        }
        Ok((look, around))
    };
    let ((look, mut around), answer) = match events::beside(session, name, args, looking).await {
        Err(error) if args.ignore_not_found && Error::exit(&error) == Exit::NOT_FOUND => {
            return Ok(Exit::DONE);
        }
        looked => looked?,
    };
    let row = &look.row;
    let told = answer.of(&row.lease.uid);
    let out = match &args.output {
        None | Some(StatusFormat::Wide) => {
            around.events = told;
            around.columns = terminal::width().map(usize::from);
            describe(row, &look.record, &around)
        }
        Some(StatusFormat::Name) => format!("{}\n", object_name(&row.lease.name)),
        Some(StatusFormat::Value(format)) => {
            let known = told.and_then(Result::ok);
            value(&document::of_one(row, known.as_deref(), format), format)?
        }
        Some(StatusFormat::CustomColumns(columns)) => {
            let known = told.and_then(Result::ok);
            let document = document::of_one_for_templates(row, known.as_deref());
            columns::Printer::default()
                .page(columns, &[document], args.no_headers)
                .map_err(failed)?
        }
        Some(StatusFormat::Prometheus) => prometheus::whole(std::slice::from_ref(row)),
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
