//! Asks the server how things are: a name is read, of all the rest there is a list, and of that the first page may do.

use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use jiff::Timestamp;

use super::super::super::api::{Fault, Found, Leases, Lines};
use super::super::super::evidence::Stamps;
use super::super::super::summary::Summary;
use super::super::super::values::LeaseName;
use super::super::list::{FactsPage, Listed, Listing, first_page};
use super::super::look::facts;
use super::silence::ANSWER;
use crate::clock::Instant;

/// What is followed, and how it is asked for.
#[derive(Clone)]
pub struct Asking<A> {
    /// The Leases.
    pub api: A,
    /// The one that was named.
    pub name: Option<LeaseName>,
    /// How to list them.
    pub listed: Listed,
}

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
    /// What its stamps are worth, if that was asked.
    pub stamps: Stamps,
}

impl<A: Leases> Asking<A> {
    /// All of it.
    ///
    /// # Errors
    /// As every request.
    pub(super) fn whole(&self, now: Instant) -> LocalBoxFuture<'static, Result<Answer, Fault>> {
        let asking = self.clone();
        match self.name {
            Some(_) => one(asking, now).boxed_local(),
            None => all(asking, now).boxed_local(),
        }
    }

    /// As much as is answered soon.
    ///
    /// # Errors
    /// As every request.
    pub(super) fn soon(&self, now: Instant) -> LocalBoxFuture<'static, Result<Answer, Fault>> {
        let mut asking = self.clone();
        asking.listed.limit = self.listed.limit.min(ANSWER);
        match self.name {
            Some(_) => one(asking, now).boxed_local(),
            None => some(asking, now).boxed_local(),
        }
    }

    /// What the server's stamps are worth.
    pub(super) fn stamps(&self) -> LocalBoxFuture<'static, Stamps> {
        let Self { api, listed, .. } = self.clone();
        async move { Stamps::by_version(api.version(listed.limit).await) }.boxed_local()
    }

    /// The changes after `resource_version`.
    ///
    /// # Errors
    /// As every request.
    pub(super) fn watch(
        &self,
        resource_version: String,
        opening: Duration,
    ) -> LocalBoxFuture<'static, Result<Lines, Fault>> {
        let Self { api, listed, .. } = self.clone();
        let opening = listed.limit.min(opening);
        async move { api.watch(&resource_version, opening).await }.boxed_local()
    }
}

async fn all<A: Leases>(asking: Asking<A>, asked_at: Instant) -> Result<Answer, Fault> {
    let mut listing = Listing::new(asking.api, asking.listed);
    let mut leases = Vec::new();
    while let Some((rows, place)) = listing.next().await? {
        if place.anew {
            leases.clear();
        }
        leases.extend(rows.into_iter().map(|row| row.lease));
    }
    Ok(Answer {
        asked_at,
        leases,
        all: true,
        resource_version: listing.resource_version,
        date: listing.date,
        stamps: listing.stamps,
    })
}

async fn some<A: Leases>(asking: Asking<A>, asked_at: Instant) -> Result<Answer, Fault> {
    let (page, all) = first_page(asking.api, asking.listed).await?;
    let FactsPage {
        leases,
        resource_version,
        date,
        ..
    } = page;
    Ok(Answer {
        asked_at,
        leases,
        all,
        resource_version,
        date,
        stamps: Stamps::Unknown,
    })
}

async fn one<A: Leases>(asking: Asking<A>, asked_at: Instant) -> Result<Answer, Fault> {
    let mut answer = Answer {
        asked_at,
        leases: Vec::new(),
        all: true,
        resource_version: String::new(),
        date: None,
        stamps: Stamps::Unknown,
    };
    let name = asking.name.as_ref().map_or("", LeaseName::as_str);
    if let Found::Lease { record, date } = asking.api.get(name, asking.listed.limit).await? {
        let lease = facts(asking.listed.keep, &record)?;
        answer.resource_version.clone_from(&lease.resource_version);
        answer.leases.push(lease);
        answer.date = date;
    }
    Ok(answer)
}
