//! The list of Leases: each page is decoded while the next one is fetched, and shown before the last has come.

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc;

use super::select::{sort, wanted};
use super::{selection, stamps};
use crate::cli::{SortBy, StatusArgs};
use crate::commands::Session;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::api::{Fault, RejectionKind};
use crate::lease::condition;
use crate::lease::evidence::Stamps;
use crate::lease::summary::{self, SummaryPage};
use crate::output::columns::{self, Columns};
use crate::output::document::{failed, object_name, value};
use crate::output::format::{StatusFormat, ValueFormat};
use crate::output::status::document::ListWriter;
use crate::output::status::table::{Counts, Layout, Printer};
use crate::output::status::{Row, document};
use crate::output::terminal;
use crate::server::{Page, Selection};

/// Leases asked for at once: few at first, to show them soon, and then many, because each page costs the server a look-up.
/// Not all the rest at once: the server sends nothing of an answer before it has the whole, and meanwhile there would be
/// nothing to decode; and it would not be fetched in 24 MiB.
pub const FIRST_PAGE: u32 = 500;
const LARGEST_PAGE: u32 = 6500;
const USUAL_PAGE: u32 = 4000;

/// A table of no more rows than this is laid out as a whole: two requests bring them. Of a longer one the first page shows
/// at once, and the columns of the later ones may only be wider.
const AT_ONCE: usize = (FIRST_PAGE + USUAL_PAGE) as usize;

pub async fn run(session: &Session, args: &StatusArgs) -> Result<Exit, Error> {
    let mut output = Output::new(args);
    let mut last: Option<String> = None;
    let mut passing_over = false;
    let listing = all(session, &selection(session, args), |mut rows, place| {
        passing_over |= place.begin == Begin::Anew;
        if passing_over && let Some(last) = &last {
            rows.retain(|row| key(row) > *last);
        }
        last = rows.last().map(key).or(last.take());
        rows.retain(|row| wanted(row, args));
        output.page(rows, place.left)
    })
    .await;
    if listing.is_err() {
        // As much as came.
        output.show_kept()?;
    }
    let listing = listing?;
    if listing.count == 0 && matches!(output.form, Form::Table(_)) {
        if !args.ignore_not_found {
            nothing(session, args).await?;
        }
        return Ok(Exit::DONE);
    }
    output.end()?;
    Ok(Exit::DONE)
}

/// Where a Lease stands in a list: etcd sorts by the bytes of the whole key, so that `a-b/x` comes before `a/x`.
fn key(row: &Row) -> String {
    format!("{}/{}", row.lease.namespace, row.lease.name)
}

/// How the rows of a page follow those of the page before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// They come after them.
    Next,
    /// The server had forgotten that list: this is the first page of another.
    Anew,
}

/// Where the rows of a page stand.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// How they follow those of the page before.
    pub begin: Begin,
    /// How many are to come, where the server says so.
    pub left: Option<u32>,
}

/// What is known after a list.
pub struct Listing {
    /// How many Leases there are.
    pub count: usize,
    /// The resourceVersion of the list.
    pub resource_version: String,
    /// The server's `Date` of the last page.
    pub date: Option<Timestamp>,
    /// What the server's stamps are worth; asked for only if it decides a state.
    pub stamps: Stamps,
}

/// Lists page by page. A page that begins anew makes what the pages before it said obsolete.
///
/// # Errors
/// As every request, and whatever `each` says.
pub async fn all(
    session: &Session,
    selection: &Selection,
    mut each: impl FnMut(Vec<Row>, Place) -> Result<(), Error>,
) -> Result<Listing, Error> {
    let failed = |fault: Fault| Error::Api {
        namespace: selection.namespace.clone(),
        fault,
    };
    let (sender, mut pages) = mpsc::channel(1);
    let fetching = fetch(session, selection, sender);
    let showing = async {
        let mut listing = Listing {
            count: 0,
            resource_version: String::new(),
            date: None,
            stamps: Stamps::Unknown,
        };
        while let Some(page) = pages.recv().await {
            let (page, place): (Page, Place) = page.map_err(failed)?;
            let date = page.date;
            let body = page.body.clone();
            let keep = selection.keep;
            let decoded = tokio::task::spawn_blocking(move || keep.page(&page.body)).await;
            let SummaryPage {
                items,
                resource_version,
            } = decoded
                .map_err(|error| Error::Local(error.to_string()))?
                .map_err(|_| failed(session.store.foreign(&body, "a list of Leases")))?;
            let unsure = || {
                items
                    .iter()
                    .any(|lease| condition::needs_version(lease, date))
            };
            if listing.stamps == Stamps::Unknown && unsure() {
                listing.stamps = stamps(session).await;
            }
            listing.count += items.len();
            listing.date = date;
            listing.resource_version = resource_version;
            let row = |lease| Row {
                condition: condition::of(&lease, date, listing.stamps),
                lease,
                date,
            };
            each(items.into_iter().map(row).collect(), place)?;
        }
        Ok(listing)
    };
    // Whoever cannot show any more does not wait for the pages that are still to come.
    tokio::select! {
        listing = showing => listing,
        never = async { fetching.await; std::future::pending().await } => never,
    }
}

/// Fetches page after page while the ones before are decoded and shown.
async fn fetch(
    session: &Session,
    selection: &Selection,
    pages: mpsc::Sender<Result<(Page, Place), Fault>>,
) {
    let (store, limit) = (&session.store, session.request_limit);
    let mut from: Option<String> = None;
    let fixed = selection.page_size;
    let mut size = fixed.unwrap_or(FIRST_PAGE);
    loop {
        let mut begin = Begin::Next;
        let mut page = store.list(selection, size, from.as_deref(), limit).await;
        if from.is_some()
            && let Err(fault) = &page
            && fault.rejected() == Some(RejectionKind::Gone)
        {
            // The server has forgotten the state that the list began with: once more from the start.
            begin = Begin::Anew;
            page = store
                .list(selection, fixed.unwrap_or(USUAL_PAGE), None, limit)
                .await;
        }
        let next = page
            .as_ref()
            .ok()
            .and_then(|page| summary::next_page(&page.body));
        if fixed.is_none() {
            size = next.as_ref().map_or(size, |next| page_size(next.left));
        }
        let left = next.as_ref().and_then(|next| next.left);
        from = next.map(|next| next.from);
        let page = page.map(|page| (page, Place { begin, left }));
        if pages.send(page).await.is_err() || from.is_none() {
            return;
        }
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

/// How the rows come out: at once where format and order allow it, else at the end.
pub struct Output<'a> {
    args: &'a StatusArgs,
    form: Form<'a>,
    kept: Vec<Row>,
    /// Whether rows were printed.
    begun: bool,
    counts: Counts,
}

enum Form<'a> {
    Table(Printer),
    Names,
    Document(ListWriter),
    Template(&'a ValueFormat),
    Columns(&'a Columns),
}

impl<'a> Output<'a> {
    /// Nothing is printed yet.
    pub fn new(args: &'a StatusArgs) -> Self {
        Self {
            args,
            form: match &args.output {
                None | Some(StatusFormat::Wide) => Form::Table(printer(args)),
                Some(StatusFormat::Name) => Form::Names,
                Some(StatusFormat::Value(ValueFormat::Document(format))) => {
                    Form::Document(ListWriter::new(*format))
                }
                Some(StatusFormat::Value(format)) => Form::Template(format),
                Some(StatusFormat::CustomColumns(columns)) => Form::Columns(columns),
            },
            kept: Vec::new(),
            begun: false,
            counts: Counts::default(),
        }
    }

    /// Whether rows can be printed before all are known.
    fn flows(&self) -> bool {
        let is_in_order = match self.args.names.is_empty() {
            true => *self.args.order() == SortBy::Name,
            false => self.args.sort_by.is_none(),
        };
        is_in_order && !matches!(self.form, Form::Template(_) | Form::Columns(_))
    }

    /// The next rows, of which so many more are to come, where the server says so.
    ///
    /// # Errors
    /// When they cannot be written down or printed.
    pub fn page(&mut self, rows: Vec<Row>, left: Option<u32>) -> Result<(), Error> {
        rows.iter().for_each(|row| self.counts.add(row));
        if !self.flows() {
            self.kept.extend(rows);
            return Ok(());
        }
        if !matches!(self.form, Form::Table(_)) {
            return self.print(&rows);
        }
        self.kept.extend(rows);
        let left = left.map_or(0, |left| usize::try_from(left).unwrap_or(usize::MAX));
        self.begun |= self.kept.len().saturating_add(left) > AT_ONCE;
        if self.begun { self.show_kept() } else { Ok(()) }
    }

    /// Shows the rows that waited for others to be laid out with.
    ///
    /// # Errors
    /// As [`Self::page`].
    fn show_kept(&mut self) -> Result<(), Error> {
        if !self.flows() || self.kept.is_empty() {
            return Ok(());
        }
        let kept = std::mem::take(&mut self.kept);
        self.print(&kept)
    }

    fn print(&mut self, rows: &[Row]) -> Result<(), Error> {
        let text = match &mut self.form {
            Form::Table(_) | Form::Names if rows.is_empty() => return Ok(()),
            Form::Table(printer) => printer.page(rows, &[]),
            Form::Names => rows
                .iter()
                .map(|row| format!("{}\n", object_name(&row.lease.name)))
                .collect(),
            Form::Document(writer) => writer.page(rows)?,
            Form::Template(format) => value(&document::list_for_templates(rows), format)?,
            Form::Columns(columns) => {
                let items: Vec<Value> = rows.iter().map(document::for_templates).collect();
                columns::Printer::default()
                    .page(columns, &items, self.args.no_headers)
                    .map_err(failed)?
            }
        };
        Ok(terminal::print(&text)?)
    }

    /// What is still to be printed.
    ///
    /// # Errors
    /// As [`Self::page`].
    pub fn end(&mut self) -> Result<(), Error> {
        if !self.flows() {
            let mut kept = std::mem::take(&mut self.kept);
            if self.args.names.is_empty() || self.args.sort_by.is_some() {
                sort(&mut kept, self.args.order())?;
            }
            self.print(&kept)?;
        }
        self.show_kept()?;
        match &mut self.form {
            Form::Document(writer) => Ok(terminal::print(writer.end())?),
            Form::Table(_) => {
                if let Some(line) = self.counts.line() {
                    terminal::say(&line);
                }
                Ok(())
            }
            Form::Names | Form::Template(_) | Form::Columns(_) => Ok(()),
        }
    }
}

/// How a table is laid out for these arguments and this terminal.
pub fn layout(args: &StatusArgs) -> Layout {
    Layout {
        namespaces: args.all_namespaces,
        wide: args.output == Some(StatusFormat::Wide),
        no_headers: args.no_headers,
        labels: args.show_labels,
        colour: terminal::colours(),
        width: terminal::width(),
        on_screen: false,
        ascii: terminal::is_ascii(),
        words: !terminal::is_there(),
        rates: false,
    }
}

/// A printer of tables for these arguments and this terminal.
fn printer(args: &StatusArgs) -> Printer {
    Printer::new(layout(args)).with_labels(&args.label_columns)
}

async fn nothing(session: &Session, args: &StatusArgs) -> Result<(), Error> {
    if args.all_namespaces {
        terminal::say("No leases found");
        return Ok(());
    }
    let exists = session
        .store
        .namespace_exists(&session.namespace, session.request_limit)
        .await;
    if exists == Some(false) {
        return Err(Error::NamespaceMissing(session.namespace.clone()));
    }
    terminal::say(&format!(
        "No leases found in {} namespace.",
        session.namespace
    ));
    Ok(())
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
