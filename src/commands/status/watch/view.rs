//! What a watch shows: on a terminal a table that is drawn anew in place and ticks, in a pipe a line for each change.

use std::collections::BTreeSet;

use serde_json::Value;

use super::TICK;
use super::board::{Board, Change};
use crate::cli::{DocumentFormat, SortBy, StatusArgs, StatusFormat, ValueFormat};
use crate::clock::{Clock, Instant, SystemClock};
use crate::commands::status::{list, select};
use crate::error::Error;
use crate::lease::condition::State;
use crate::output::columns;
use crate::output::document::{failed, object_name, value};
use crate::output::status::table::{Layout, Printer};
use crate::output::status::{Row, document};
use crate::output::terminal;

/// What is shown, and how.
pub struct View<'a> {
    args: &'a StatusArgs,
    /// What is known.
    pub board: Board,
    lines: Printer,
    columns: columns::Printer,
    /// Whether there was a document.
    written: bool,
    /// Namespaces and names of what the lines so far say is as asked for.
    said: BTreeSet<(String, String)>,
    on_screen: bool,
    /// Whether there was a first list.
    pub begun: bool,
    /// When time is looked at again.
    pub next_tick: Instant,
    drawn: usize,
}

impl<'a> View<'a> {
    /// Nothing is shown yet.
    pub fn new(args: &'a StatusArgs) -> Self {
        let table = matches!(args.output, None | Some(StatusFormat::Wide));
        let layout = Layout {
            width: None,
            colour: false,
            ..list::layout(args)
        };
        Self {
            args,
            columns: columns::Printer::default(),
            written: false,
            board: Board::default(),
            lines: Printer::new(layout).with_labels(&args.label_columns),
            said: BTreeSet::new(),
            on_screen: table && terminal::moves_the_cursor(),
            begun: false,
            next_tick: SystemClock.now() + TICK,
            drawn: 0,
        }
    }

    /// Time has passed.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub async fn tick(&mut self) -> Result<(), Error> {
        self.next_tick = SystemClock.now() + TICK;
        if !self.begun {
            return Ok(());
        }
        let changes = self.board.tick(SystemClock.now());
        self.show(changes).await?;
        if self.on_screen {
            self.draw().await
        } else {
            Ok(())
        }
    }

    /// Shows what changed; at the first call that is everything.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub async fn show(&mut self, changes: Vec<Change>) -> Result<(), Error> {
        let first = !std::mem::replace(&mut self.begun, true);
        if self.on_screen {
            return if first { self.draw().await } else { Ok(()) };
        }
        let mut rows: Vec<Row> = changes.into_iter().map(|change| change.row).collect();
        rows.retain(|row| self.concerns(row));
        if first {
            select::sort(&mut rows, &self.args.sort_by)?;
        }
        if rows.is_empty() {
            return Ok(());
        }
        let text = self.lines(&rows)?;
        terminal::print_meanwhile(text).await
    }

    /// Changes in the format asked for, one after the other.
    fn lines(&mut self, rows: &[Row]) -> Result<String, Error> {
        match &self.args.output {
            None | Some(StatusFormat::Wide) => Ok(self.lines.page(rows, &[])),
            Some(StatusFormat::Name) => Ok(rows
                .iter()
                .map(|row| format!("{}\n", object_name(&row.lease.name)))
                .collect()),
            Some(StatusFormat::Value(ValueFormat::Document(DocumentFormat::Json))) => Ok(rows
                .iter()
                .map(|row| document::line(&document::one(row)))
                .collect()),
            Some(StatusFormat::Value(format)) => rows
                .iter()
                .map(|row| {
                    let text = value(&document::for_format(row, format), format)?;
                    // As kubectl: a document begins with a line that ends the one before.
                    let yaml = *format == ValueFormat::Document(DocumentFormat::Yaml);
                    let first = !std::mem::replace(&mut self.written, true);
                    Ok(if yaml && !first {
                        format!("---\n{text}")
                    } else {
                        text
                    })
                })
                .collect(),
            Some(StatusFormat::CustomColumns(columns)) => {
                let items: Vec<Value> = rows.iter().map(document::for_templates).collect();
                self.columns
                    .page(columns, &items, self.args.no_headers)
                    .map_err(failed)
            }
        }
    }

    /// Whether a change is said: of what is asked for, and once more of what is not any longer. A table drawn anew drops
    /// that row; whoever reads lines must be told.
    fn concerns(&mut self, row: &Row) -> bool {
        let key = (row.lease.namespace.clone(), row.lease.name.clone());
        if row.condition.state != State::Deleted && select::wanted(row, self.args) {
            self.said.insert(key);
            true
        } else {
            self.said.remove(&key)
        }
    }

    /// The whole table, over the one that is there.
    async fn draw(&mut self) -> Result<(), Error> {
        let now = SystemClock.now();
        let mut rows: Vec<(Row, Option<f64>)> = self
            .board
            .rows(now)
            .filter(|(row, _)| select::wanted(row, self.args))
            .collect();
        if self.args.sort_by != SortBy::Name {
            let mut sorted: Vec<Row> = rows.iter().map(|(row, _)| row.clone()).collect();
            select::sort(&mut sorted, &self.args.sort_by)?;
            rows = sorted
                .into_iter()
                .map(|row| {
                    let rate = self.board.rate(&row.lease, now);
                    (row, rate)
                })
                .collect();
        }
        let all = rows.len();
        let room = usize::from(terminal::height().unwrap_or(24))
            .saturating_sub(3)
            .max(1);
        rows.truncate(room);
        let layout = Layout {
            rates: rows.iter().any(|(_, rate)| rate.is_some()),
            on_screen: true,
            ..list::layout(self.args)
        };
        let (rows, rates): (Vec<Row>, Vec<Option<f64>>) = rows.into_iter().unzip();
        let ellipsis = if layout.ascii { "..." } else { "…" };
        let mut text = if all == 0 {
            "No leases found\n".to_owned()
        } else {
            Printer::new(layout)
                .with_labels(&self.args.label_columns)
                .page(&rows, &rates)
        };
        if all > room {
            text.push_str(&format!("{ellipsis} and {} more\n", all - room));
        }
        let width = usize::from(terminal::width().unwrap_or(u16::MAX));
        let up = if self.drawn > 0 {
            format!("\x1b[{}A", self.drawn)
        } else {
            String::new()
        };
        self.drawn = text.lines().count();
        // Up to the first line; each line cleared and drawn, never wider than the screen, where it would take two; and
        // what is below cleared.
        let lines: String = text
            .lines()
            .map(|line| format!("\x1b[2K{}\n", console::truncate_str(line, width, "")))
            .collect();
        terminal::print_meanwhile(format!("{up}\r{lines}\x1b[J")).await
    }
}
