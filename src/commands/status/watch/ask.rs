//! Asks the server how things are while a watch is silent: a name is read, of a list the first page.

use std::time::Duration;

use jiff::Timestamp;

use super::super::list::FIRST_PAGE;
use super::silence::ANSWER;
use crate::clock::{Clock, Instant, SystemClock};
use crate::commands::Session;
use crate::lease::api::{Api, Fault, Found};
use crate::lease::record::Keep;
use crate::lease::summary::{self, Summary, SummaryPage};
use crate::lease::values::LeaseName;
use crate::server::{Page, Selection};

/// How things are.
pub struct Answer {
    /// When it was asked: things are at least as new as that.
    pub asked_at: Instant,
    /// The Leases.
    pub leases: Vec<Summary>,
    /// Whether these are all.
    pub all: bool,
    /// From where to watch; empty where there is nothing yet.
    pub resource_version: String,
    /// The server's `Date`.
    pub date: Option<Timestamp>,
}

/// One question, answered soon or not at all.
///
/// # Errors
/// As every request.
pub async fn ask(
    session: &Session,
    selection: &Selection,
    name: Option<&LeaseName>,
) -> Result<Answer, Fault> {
    let limit = session.request_limit.min(ANSWER);
    match name {
        Some(name) => one(session, name, selection.keep, limit).await,
        None => first_page(session, selection, limit).await,
    }
}

/// One Lease by its name, which takes no permission to list.
///
/// # Errors
/// As every request.
pub async fn one(
    session: &Session,
    name: &LeaseName,
    keep: Keep,
    limit: Duration,
) -> Result<Answer, Fault> {
    let asked_at = SystemClock.now();
    let lease = session.store.lease(&session.namespace, name.as_str());
    let mut answer = Answer {
        asked_at,
        leases: Vec::new(),
        all: true,
        resource_version: String::new(),
        date: None,
    };
    if let Found::Lease { record, date } = lease.get(limit).await? {
        let lease = keep.of(&record);
        answer.resource_version.clone_from(&lease.resource_version);
        answer.leases.push(lease);
        answer.date = date;
    }
    Ok(answer)
}

async fn first_page(
    session: &Session,
    selection: &Selection,
    limit: Duration,
) -> Result<Answer, Fault> {
    let asked_at = SystemClock.now();
    let (store, size) = (&session.store, FIRST_PAGE);
    let Page { body, date } = store.list(selection, size, None, limit).await?;
    let SummaryPage {
        items,
        resource_version,
    } = selection
        .keep
        .page(&body)
        .map_err(|_| store.foreign(&body, "a list of Leases"))?;
    Ok(Answer {
        asked_at,
        leases: items,
        all: summary::next_page(&body).is_none(),
        resource_version,
        date,
    })
}
