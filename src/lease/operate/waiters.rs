//! Reads who waits for a Lease in line, for what there is to say of it.

use std::time::Duration;

use super::super::api::{Fault, Leases};
use super::super::decide::in_line;
use super::super::evidence::Stamps;
use super::super::record::Keep;
use super::super::report::{self, Row};
use super::super::summary;

/// So many are asked for at a time, and so many pages at most.
const PAGE: u32 = 500;
const PAGES: usize = 10;

/// All that stand in line, the first to be served first; `None` if they are too many to read. `tickets` are those of one queue;
/// `stamps` is what the server's are worth, as far as it was asked.
///
/// # Errors
/// As every request.
pub async fn waiters(
    tickets: &impl Leases,
    mut stamps: Stamps,
    limit: Duration,
) -> Result<Option<Vec<Row>>, Fault> {
    let mut rows: Vec<Row> = Vec::new();
    let mut from: Option<String> = None;
    for _ in 0..PAGES {
        let page = tickets.page(PAGE, from.as_deref(), limit).await?;
        let (next, date) = (summary::next_page(&page.body), page.date);
        // Mostly there are none, or a few: they are decoded here and now.
        let facts = Keep::Facts.page(&page.body);
        let facts = facts.map_err(|_| tickets.foreign(&page.body))?.items;
        let unsure = |ticket| report::needs_version(ticket, date);
        if stamps == Stamps::Unknown && facts.iter().any(unsure) {
            stamps = Stamps::by_version(tickets.version(limit).await);
        }
        let row = |ticket| Row::new(ticket, date, stamps);
        rows.extend(facts.into_iter().map(row));
        match next.map(|next| next.from) {
            Some(next) if from.as_ref() != Some(&next) => from = Some(next),
            Some(_) | None => return Ok(Some(in_line(rows.into_iter()))),
        }
    }
    Ok(None)
}
