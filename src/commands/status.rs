//! `kubectl lease status`

use jiff::Timestamp;

use super::Session;
use crate::cli::{ConnectionArgs, DocumentFormat, StatusArgs, StatusFormat};
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::lease::api::{Api, Fault, Found};
use crate::lease::condition::{self, Condition};
use crate::lease::decide::Refusal;
use crate::lease::evidence::Stamps;
use crate::lease::operate::End;
use crate::lease::record::Record;
use crate::lease::store::Selection;
use crate::lease::values::LeaseName;
use crate::output::document::{self, object_name};
use crate::output::status::{self, Layout, Row};
use crate::output::terminal;

/// Leases asked for at once.
const PAGE: u32 = 500;

/// A Lease as one reply showed it.
pub struct Reading {
    record: Record,
    date: Option<Timestamp>,
    stamps: Stamps,
}

impl Reading {
    /// The Lease.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// What can be said of it.
    pub fn condition(&self) -> Condition {
        condition::of(&self.record, self.date, self.stamps)
    }

    fn row(&self) -> Row<'_> {
        Row {
            record: &self.record,
            condition: self.condition(),
            date: self.date,
        }
    }
}

pub async fn run(args: StatusArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let session = Session::open(connection).await?;
    match &args.name {
        Some(name) => {
            let reading = read(&session, name).await?;
            terminal::print(&one(&reading, args.output)?)?;
        }
        None => {
            let readings = list(&session, &args).await?;
            if readings.is_empty()
                && args
                    .output
                    .is_none_or(|format| format == StatusFormat::Wide)
            {
                nothing(&session, &args).await?;
            } else {
                terminal::print(&many(&readings, &args)?)?;
            }
        }
    }
    Ok(Exit::DONE)
}

/// Reads one Lease; what its server stamps are worth is asked only if that decides its state.
pub async fn read(session: &Session, name: &LeaseName) -> Result<Reading, Error> {
    let operations = session.lease(name);
    let subject = || session.subject(name, None);
    let failed = |fault| Error::Lease {
        subject: subject(),
        end: End::Fault(fault),
    };
    match operations
        .api()
        .get(session.request_limit)
        .await
        .map_err(failed)?
    {
        Found::Absent => Err(session
            .error(subject(), End::Refused(Refusal::NotFound))
            .await),
        Found::Lease { record, date } => {
            let needed = condition::needs_version(&record, date);
            let stamps = stamps(session, &subject(), needed).await;
            Ok(Reading {
                record,
                date,
                stamps,
            })
        }
    }
}

async fn stamps(session: &Session, subject: &Subject, needed: bool) -> Stamps {
    if !needed {
        return Stamps::Unknown;
    }
    let api = session.store.lease(&subject.namespace, &subject.name);
    match api.version(session.request_limit).await {
        Ok(Some(version)) if version >= (1, 25) => Stamps::Trusted,
        Ok(_) | Err(_) => Stamps::Untrusted,
    }
}

async fn list(session: &Session, args: &StatusArgs) -> Result<Vec<Reading>, Error> {
    let selection = Selection {
        namespace: (!args.all_namespaces).then(|| session.namespace.clone()),
        label_selector: args.selector.clone(),
    };
    let failed = |fault: Fault| Error::Api {
        namespace: selection.namespace.clone(),
        verb: "list",
        fault,
    };
    let mut readings: Vec<Reading> = Vec::new();
    let mut from: Option<String> = None;
    loop {
        let page = session
            .store
            .list(
                &selection,
                Some(PAGE),
                from.as_deref(),
                session.request_limit,
            )
            .await
            .map_err(failed)?;
        let date = page.date;
        readings.extend(page.records.into_iter().map(|record| Reading {
            record,
            date,
            stamps: Stamps::Unknown,
        }));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let needed = readings
        .iter()
        .any(|reading| condition::needs_version(&reading.record, reading.date));
    let subject = Subject {
        namespace: session.namespace.clone(),
        name: String::new(),
        holder: None,
        conflict: Exit::NOT_ACQUIRED,
    };
    let stamps = stamps(session, &subject, needed).await;
    for reading in &mut readings {
        reading.stamps = stamps;
    }
    let key = |reading: &Reading| {
        (
            reading.record.namespace().to_owned(),
            reading.record.name().to_owned(),
        )
    };
    readings.sort_by_cached_key(key);
    Ok(readings)
}

async fn nothing(session: &Session, args: &StatusArgs) -> Result<(), Error> {
    if args.all_namespaces {
        terminal::say("No leases found");
        return Ok(());
    }
    if session
        .store
        .namespace_exists(&session.namespace, session.request_limit)
        .await
        == Some(false)
    {
        return Err(Error::NamespaceMissing(session.namespace.clone()));
    }
    terminal::say(&format!(
        "No leases found in {} namespace.",
        session.namespace
    ));
    Ok(())
}

fn one(reading: &Reading, format: Option<StatusFormat>) -> Result<String, Error> {
    let row = reading.row();
    match format {
        None | Some(StatusFormat::Wide) => Ok(status::description(&row)),
        Some(StatusFormat::Name) => Ok(format!("{}\n", object_name(reading.record.name()))),
        Some(StatusFormat::Json) => document::text(&status::document(&row), DocumentFormat::Json),
        Some(StatusFormat::Yaml) => document::text(&status::document(&row), DocumentFormat::Yaml),
    }
}

fn many(readings: &[Reading], args: &StatusArgs) -> Result<String, Error> {
    let rows: Vec<Row<'_>> = readings.iter().map(Reading::row).collect();
    let layout = Layout {
        namespaces: args.all_namespaces,
        wide: args.output == Some(StatusFormat::Wide),
        width: terminal::width(),
    };
    match args.output {
        None | Some(StatusFormat::Wide) => Ok(status::table(&rows, layout)),
        Some(StatusFormat::Name) => Ok(readings
            .iter()
            .map(|reading| format!("{}\n", object_name(reading.record.name())))
            .collect()),
        Some(StatusFormat::Json) => {
            document::text(&status::list_document(&rows), DocumentFormat::Json)
        }
        Some(StatusFormat::Yaml) => {
            document::text(&status::list_document(&rows), DocumentFormat::Yaml)
        }
    }
}
