//! One Lease: everything about it.

use jiff::Timestamp;

use super::around::surroundings;
use super::{keep, stamps};
use crate::cli::StatusArgs;
use crate::commands::Session;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::api::{Api, Found};
use crate::lease::condition::{self, State};
use crate::lease::decide::Refusal;
use crate::lease::evidence::Stamps;
use crate::lease::operate::End;
use crate::lease::record::Keep;
use crate::lease::record::Record;
use crate::lease::values::LeaseName;
use crate::output::columns;
use crate::output::document::{failed, object_name, value};
use crate::output::format::StatusFormat;
use crate::output::status::describe::describe;
use crate::output::status::{Row, document};
use crate::output::terminal;

/// A Lease as one reply showed it.
pub struct Reading {
    record: Record,
    row: Row,
    stamps: Stamps,
}

impl Reading {
    /// The Lease.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The Lease as a row of a list.
    pub fn into_row(self) -> Row {
        self.row
    }

    /// A description says who wrote it last and when. That is a stamp, which may be an old one, so its worth is asked
    /// where the holder's time does not confirm it.
    async fn settle(&mut self, session: &Session) {
        let row = &mut self.row;
        let told = self.stamps != Stamps::Unknown || row.condition.stamped;
        if !told && self.record.last_writer().is_some() {
            self.stamps = stamps(session).await;
            row.condition = condition::of(&row.lease, row.date, self.stamps);
        }
    }
}

pub async fn run(session: &Session, name: &LeaseName, args: &StatusArgs) -> Result<Exit, Error> {
    let mut reading = match read_keeping(session, name, keep(args)).await {
        Err(error) if args.ignore_not_found && error.exit() == Exit::NOT_FOUND => {
            return Ok(Exit::DONE);
        }
        reading => reading?,
    };
    if matches!(args.output, None | Some(StatusFormat::Wide)) {
        reading.settle(session).await;
    }
    let row = &reading.row;
    let out = match &args.output {
        None | Some(StatusFormat::Wide) => {
            let around = surroundings(session, row, &reading.record).await;
            describe(row, &reading.record, &around)
        }
        Some(StatusFormat::Name) => format!("{}\n", object_name(&row.lease.name)),
        Some(StatusFormat::Value(format)) => value(&document::for_format(row, format), format)?,
        Some(StatusFormat::CustomColumns(columns)) => columns::Printer::default()
            .page(columns, &[document::for_templates(row)], args.no_headers)
            .map_err(failed)?,
    };
    terminal::print(&out)?;
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

/// Reads one Lease; what its server stamps are worth is asked only if that decides its state.
///
/// # Errors
/// When it is not there, or cannot be read.
pub async fn read(session: &Session, name: &LeaseName) -> Result<Reading, Error> {
    read_keeping(session, name, Keep::Facts).await
}

pub async fn read_keeping(
    session: &Session,
    name: &LeaseName,
    keep: Keep,
) -> Result<Reading, Error> {
    let subject = || session.subject(name, None);
    let failed = |fault| Error::lease(subject(), End::Fault(fault));
    let operations = session.lease(name);
    match operations
        .api()
        .get(session.request_limit)
        .await
        .map_err(failed)?
    {
        Found::Absent => Err(session
            .error(subject(), End::Refused(Refusal::NotFound))
            .await),
        Found::Lease { record, date } => Ok(reading(session, record, date, keep).await),
    }
}

async fn reading(
    session: &Session,
    record: Record,
    date: Option<Timestamp>,
    keep: Keep,
) -> Reading {
    let lease = keep.of(&record);
    let stamps = if condition::needs_version(&lease, date) {
        stamps(session).await
    } else {
        Stamps::Unknown
    };
    Reading {
        stamps,
        record,
        row: Row {
            condition: condition::of(&lease, date, stamps),
            lease,
            date,
        },
    }
}
