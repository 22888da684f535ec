//! The list of Leases, shown before the last page of it has come.

use serde_json::Value;

use super::gone::Cluster;
use super::select::{sort, wanted};
use super::{leases, list_error, listed};
use crate::cli::{SortBy, StatusArgs};
use crate::commands::Session;
use crate::commands::saying::is_unasked;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::operate::list::{FIRST_PAGE, Listing, USUAL_PAGE};
use crate::lease::report::Row;
use crate::output::columns::{self, Columns};
use crate::output::document::{failed, object_name, value};
use crate::output::format::{StatusFormat, ValueFormat};
use crate::output::status::document::{self, ListWriter};
use crate::output::status::prometheus::Exposition;
use crate::output::status::table::{Counts, Layout, Printer};
use crate::output::terminal;

/// A table of no more rows than this is laid out as a whole: two requests bring them. Of a longer one the first page shows
/// at once, and the columns of the later ones may only be wider.
const AT_ONCE: usize = (FIRST_PAGE + USUAL_PAGE) as usize;

pub async fn run(session: &Session, args: &StatusArgs) -> Result<Exit, Error> {
    let mut output = Output::new(args);
    let mut last: Option<String> = None;
    let mut passing_over = false;
    let mut cluster = args.holder_gone.then(|| Cluster::new(session, args));
    let mut listing = Listing::new(leases(session, args), listed(session, args));
    loop {
        let (mut rows, place) = match listing.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break,
            Err(fault) => {
                // As much as came.
                output.show_kept()?;
                return Err(list_error(session, args, fault));
            }
        };
        passing_over |= place.anew;
        if passing_over && let Some(last) = &last {
            rows.retain(|row| key(row) > *last);
        }
        last = rows.last().map(key).or(last.take());
        output.count_in_line(&rows);
        rows.retain(|row| wanted(row, args));
        if let Some(cluster) = &mut cluster {
            cluster.retain(&mut rows).await;
        }
        output.page(rows, place.left)?;
    }
    if listing.count == 0 && matches!(output.form, Form::Table(_)) {
        if !args.ignore_not_found {
            nothing(session, args.all_namespaces).await?;
        }
        return Ok(Exit::DONE);
    }
    output.end()?;
    Ok(cluster.map_or(Exit::DONE, |cluster| cluster.exit()))
}

/// Where a Lease stands in a list: etcd sorts by the bytes of the whole key, so that `a-b/x` comes before `a/x`.
fn key(row: &Row) -> String {
    format!("{}/{}", row.lease.namespace, row.lease.name)
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
    Samples(Exposition),
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
                Some(StatusFormat::Prometheus) => Form::Samples(Exposition::default()),
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

    /// Counts who waits in line among these, where all that there are were asked for.
    fn count_in_line(&mut self, rows: &[Row]) {
        let args = self.args;
        let narrowed = args.holder.is_some() || args.holder_gone || !args.state.is_empty();
        if args.class.is_empty() && !narrowed {
            let there = rows.iter().filter_map(|row| row.lease.standing);
            let there = there.filter(|standing| standing.is_there);
            self.counts.add_in_line(there.count());
        }
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
            Form::Table(_) if is_unasked(&self.args.output) => return Ok(()),
            Form::Table(printer) => printer.page(rows, &[]),
            Form::Names => rows
                .iter()
                .map(|row| format!("{}\n", object_name(&row.lease.name)))
                .collect(),
            Form::Document(writer) => writer.page(rows)?,
            Form::Samples(exposition) => exposition.page(rows),
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
            Form::Samples(exposition) => {
                for part in std::mem::take(exposition).end() {
                    terminal::print(&part)?;
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

/// Says that there is none at all, of the session's namespace or of any.
///
/// # Errors
/// When that is because there is no such namespace.
pub async fn nothing(session: &Session, all_namespaces: bool) -> Result<(), Error> {
    if all_namespaces {
        terminal::say("No leases found");
        return Ok(());
    }
    if session.namespace_is_missing(session.request_limit).await {
        return Err(Error::NamespaceMissing(session.namespace.clone()));
    }
    terminal::say(&format!(
        "No leases found in {} namespace.",
        session.namespace
    ));
    Ok(())
}
