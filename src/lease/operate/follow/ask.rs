//! Asks the server how things are: a name is read, of all the rest there is a list, and of that the first page may do.

use jiff::Timestamp;

use super::super::super::api::{Fault, Found, Leases};
use super::super::super::evidence::Stamps;
use super::super::super::summary::Summary;
use super::super::super::values::LeaseName;
use super::super::list::{Listed, Listing, first_page};
use super::silence::ANSWER;
use crate::clock::Instant;

/// What is followed, and how it is asked for.
#[derive(Clone)]
pub struct Followed<A> {
    /// The Leases.
    pub api: A,
    /// The one that was named.
    pub name: Option<LeaseName>,
    /// How to list them.
    pub listed: Listed,
    /// Whether the server is asked how things are where a watch is silent.
    pub asks_if_silent: bool,
}

/// How things are.
#[derive(Default)]
pub(super) struct Answer {
    /// When it was asked: things are at least as new as that.
    pub asked_at: Instant,
    pub leases: Vec<Summary>,
    /// Whether there may be others.
    pub is_part: bool,
    /// From where to watch; empty where there is nothing yet.
    pub resource_version: String,
    pub date: Option<Timestamp>,
    /// What the server's stamps are worth, if that was asked.
    pub stamps: Stamps,
}

impl<A: Leases> Followed<A> {
    /// Asks for all of it, or for as much as is answered `soon`.
    pub(super) async fn ask(self, asked_at: Instant, soon: bool) -> Result<Answer, Fault> {
        let Self {
            api,
            name,
            mut listed,
            ..
        } = self;
        let mut answer = Answer {
            asked_at,
            ..Answer::default()
        };
        if soon {
            listed.limit = listed.limit.min(ANSWER);
        }
        if let Some(name) = name {
            if let Found::Lease { record, date } = api.get(name.as_str(), listed.limit).await? {
                let lease = listed.keep.of(&record);
                answer.resource_version.clone_from(&lease.resource_version);
                answer.leases.push(lease);
                answer.date = date;
            }
        } else if soon {
            let (page, all) = first_page(api, listed).await?;
            answer.is_part = !all;
            answer.leases = page.facts.items;
            answer.resource_version = page.facts.resource_version;
            answer.date = page.date;
        } else {
            let mut listing = Listing::new(api, listed);
            while let Some((rows, place)) = listing.next().await? {
                if place.anew {
                    answer.leases.clear();
                }
                answer.leases.extend(rows.into_iter().map(|row| row.lease));
            }
            answer.resource_version = listing.resource_version;
            answer.date = listing.date;
            answer.stamps = listing.stamps;
        }
        Ok(answer)
    }
}
