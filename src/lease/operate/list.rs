//! Lists Leases: each page is decoded while the next one is fetched, and handed out before the last has come.

use std::time::Duration;

use futures::stream::{self, LocalBoxStream, Stream, StreamExt};
use jiff::Timestamp;

use super::super::api::{Fault, Leases, Page, RejectionKind};
use super::super::evidence::Stamps;
use super::super::record::Keep;
use super::super::report::{self, Row};
use super::super::summary::{self, SummaryPage};

/// Leases asked for at once: few at first, to show them soon, and then many, because each page costs the server a look-up.
/// Not all the rest at once: the server sends nothing of an answer before it has the whole, and meanwhile there would be
/// nothing to decode; and it would not be fetched in 24 MiB.
pub const FIRST_PAGE: u32 = 500;
/// The same of a later page, where the server does not say how many are left.
pub const USUAL_PAGE: u32 = 4000;
const LARGEST_PAGE: u32 = 6500;

/// How to list.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// What is kept of each Lease.
    pub keep: Keep,
    /// How many a page has, 0 for all; `None` for what is fastest.
    pub page_size: Option<u32>,
    /// How long each request may take.
    pub limit: Duration,
}

/// A page of a list, decoded.
pub struct FactsPage {
    /// Its Leases, and the resourceVersion of the list.
    pub facts: SummaryPage,
    /// The server's `Date`.
    pub date: Option<Timestamp>,
    /// Where they stand.
    pub place: Place,
}

/// Where the Leases of a page stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Whether the server had forgotten the list before: this is the first page of another, and what the pages before it
    /// said is obsolete.
    pub anew: bool,
    /// How many are to come, where the server says so.
    pub left: Option<u32>,
}

/// The facts of all, page by page. A fault is the last.
pub fn facts<A: Leases>(api: A, listed: Listed) -> impl Stream<Item = Result<FactsPage, Fault>> {
    let fetch = Fetch {
        api: api.clone(),
        limit: listed.limit,
        fixed: listed.page_size,
        size: listed.page_size.unwrap_or(FIRST_PAGE),
        from: None,
        over: false,
    };
    let fetched = stream::unfold(fetch, async |mut fetch| Some((fetch.page().await?, fetch)));
    fetched
        .map(move |fetched| decode(api.clone(), fetched, listed.keep))
        .buffered(2)
}

/// The first page alone, and whether it is all there is.
///
/// # Errors
/// As every request.
pub async fn first_page<A: Leases>(api: A, listed: Listed) -> Result<(FactsPage, bool), Fault> {
    let page = api.page(FIRST_PAGE, None, listed.limit).await?;
    let all = summary::next_page(&page.body).is_none();
    let page = decode(api, Ok((page, Place::default())), listed.keep).await?;
    Ok((page, all))
}

/// Fetches page after page while the ones before are decoded and shown.
struct Fetch<A> {
    api: A,
    limit: Duration,
    fixed: Option<u32>,
    size: u32,
    from: Option<String>,
    over: bool,
}

impl<A: Leases> Fetch<A> {
    async fn page(&mut self) -> Option<Result<(Page, Place), Fault>> {
        if self.over {
            return None;
        }
        let (api, from, limit) = (&self.api, self.from.take(), self.limit);
        let mut page = api.page(self.size, from.as_deref(), limit).await;
        // A list that takes very long: once more from the start.
        let rejected = page.as_ref().err().and_then(Fault::rejected);
        let anew = from.is_some() && rejected == Some(RejectionKind::Gone);
        if anew {
            let size = self.fixed.unwrap_or(USUAL_PAGE);
            page = api.page(size, None, limit).await;
        }
        let next = page.as_ref().ok();
        let next = next.and_then(|page| summary::next_page(&page.body));
        let left = next.as_ref().and_then(|next| next.left);
        if self.fixed.is_none() && next.is_some() {
            self.size = page_size(left);
        }
        let next = next.map(|next| next.from);
        // A list that is told to go on from where this page began would never end.
        if next.is_some() && next == from && !anew {
            page = page.and_then(|page| Err(api.foreign(&page.body)));
        }
        self.from = next.filter(|_| page.is_ok());
        self.over = self.from.is_none();
        Some(page.map(|page| (page, Place { anew, left })))
    }
}

/// The size of the next page when so many are left. The last one is the smaller part: nothing is fetched any more while
/// it is decoded.
fn page_size(left: Option<u32>) -> u32 {
    match left {
        Some(left) if left > USUAL_PAGE => (left / 5 * 3).min(LARGEST_PAGE),
        Some(_) | None => USUAL_PAGE,
    }
}

async fn decode(
    api: impl Leases,
    fetched: Result<(Page, Place), Fault>,
    keep: Keep,
) -> Result<FactsPage, Fault> {
    let (Page { body, date }, place) = fetched?;
    let bytes = body.clone();
    let decoding = tokio::task::spawn_blocking(move || keep.page(&bytes));
    let decoded = decoding
        .await
        .map_err(|bug| Fault::Unknown(bug.to_string()))?;
    Ok(FactsPage {
        facts: decoded.map_err(|_| api.foreign(&body))?,
        date,
        place,
    })
}

/// A list as it comes, with what there is to say about each Lease.
pub struct Listing<A> {
    api: A,
    limit: Duration,
    pages: LocalBoxStream<'static, Result<FactsPage, Fault>>,
    /// How many Leases came.
    pub count: usize,
    /// The resourceVersion of the list.
    pub resource_version: String,
    /// The server's `Date` of the last page.
    pub date: Option<Timestamp>,
    /// What the server's stamps are worth; asked for only if it decides a state.
    pub stamps: Stamps,
}

impl<A: Leases> Listing<A> {
    /// Nothing is asked for yet.
    pub fn new(api: A, listed: Listed) -> Self {
        Self {
            pages: facts(api.clone(), listed).boxed_local(),
            api,
            limit: listed.limit,
            count: 0,
            resource_version: String::new(),
            date: None,
            stamps: Stamps::Unknown,
        }
    }

    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// As every request.
    pub async fn next(&mut self) -> Result<Option<(Vec<Row>, Place)>, Fault> {
        let Some(page) = self.pages.next().await.transpose()? else {
            return Ok(None);
        };
        let FactsPage { facts, date, place } = page;
        let unsure = |lease| report::needs_version(lease, date);
        if self.stamps == Stamps::Unknown && facts.items.iter().any(unsure) {
            self.stamps = Stamps::by_version(self.api.version(self.limit).await);
        }
        self.count += facts.items.len();
        self.date = date;
        self.resource_version = facts.resource_version;
        let row = |lease| Row::new(lease, date, self.stamps);
        Ok(Some((facts.items.into_iter().map(row).collect(), place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_come_in_three_pages_of_which_the_last_is_not_the_largest() {
        let mut left = 10_000 - FIRST_PAGE;
        let mut pages = vec![FIRST_PAGE];
        while left > 0 {
            pages.push(page_size(Some(left)).min(left));
            left -= pages[pages.len() - 1];
        }
        assert_eq!(pages, [500, 5700, 3800]);
        assert_eq!(page_size(Some(49_500)), LARGEST_PAGE);
        assert_eq!(page_size(None), USUAL_PAGE);
    }
}
