//! One Lease: everything about it.

use tokio::sync::oneshot;

use super::around::surroundings;
use super::beside::{Answer, beside};
use super::{events, keep, waiters};
use crate::cli::StatusArgs;
use crate::commands::Session;
use crate::commands::saying::is_unasked;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::events::newest;
use crate::lease::report::{Row, State};
use crate::lease::values::{LeaseName, QueueName};
use crate::output::columns;
use crate::output::document::{failed, object_name, value};
use crate::output::format::StatusFormat;
use crate::output::status::describe::{Surroundings, describe};
use crate::output::status::document::Beside;
use crate::output::status::{document, prometheus};
use crate::output::terminal;

pub async fn run(session: &Session, name: &LeaseName, args: &StatusArgs) -> Result<Exit, Error> {
    let (line, asked) = oneshot::channel();
    let looking = async {
        let mut look = session.look(name, keep(args)).await?;
        if waiters::are_wanted(args) && waiters::has_line(look.row.lease.class) {
            let _ = line.send(look.stamps);
        } else {
            drop(line);
        }
        let described = matches!(args.output, None | Some(StatusFormat::Wide));
        let mut around = Surroundings::default();
        if described {
            look = session.lease(name).look_closer(look).await;
            around = surroundings(session, &look.row, &look.record).await;
        }
        Ok((look, around))
    };
    // Over the connection on which the lease came, where that is quick: another one would take longer.
    let in_line = async {
        match asked.await {
            Ok(stamps) => waiters::of(session, &QueueName::of(name), stamps).await,
            Err(_) => Answer::Nothing,
        }
    };
    let events = events::about(session, name, args);
    let ((look, mut around), events, in_line) = match beside(looking, events, in_line).await {
        Err(error) if args.ignore_not_found && Error::exit(&error) == Exit::NOT_FOUND => {
            return Ok(Exit::DONE);
        }
        looked => looked?,
    };
    let row = &look.row;
    let newest = |all| newest(all, &row.lease.uid, events::MOST);
    let told = events.told().map(|events| events.map(newest));
    let waiters = in_line.told();
    let out = match &args.output {
        None | Some(StatusFormat::Wide) => {
            around.events = told;
            around.waiters = waiters;
            around.columns = terminal::width().map(usize::from);
            describe(row, &look.record, &around)
        }
        Some(StatusFormat::Name) => format!("{}\n", object_name(&row.lease.name)),
        Some(StatusFormat::Value(format)) => value(
            &document::of_one(row, &Beside::of(told, waiters), format),
            format,
        )?,
        Some(StatusFormat::CustomColumns(columns)) => {
            let document = document::of_one_for_templates(row, &Beside::of(told, waiters));
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
