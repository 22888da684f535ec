//! What a watch shows: on a terminal a table that is drawn anew in place and ticks, in a pipe a line for each change.

use std::collections::BTreeSet;

use serde_json::Value;

use super::TICK;
use super::board::{Board, RowChange};
use super::footer;
use super::silence::Silence;
use crate::cli::{SortBy, StatusArgs};
use crate::clock::{Clock, Instant, SystemClock};
use crate::commands::status::{list, select};
use crate::error::Error;
use crate::lease::api::Fault;
use crate::lease::condition::State;
use crate::output::columns;
use crate::output::document::{failed, object_name, value};
use crate::output::format::{DocumentFormat, StatusFormat, ValueFormat};
use crate::output::status::table::{Layout, Printer};
use crate::output::status::{Row, document};
use crate::output::terminal;
use crate::words;

/// From here on a terminal ends a line at its edge, and goes on in the next line again.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

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
    /// When the server was last heard.
    pub silence: Silence,
    /// What stays in the way, and what is done instead: it is said below the table.
    note: Option<(String, String)>,
    drawn: usize,
}

impl<'a> View<'a> {
    /// Nothing is shown yet.
    pub fn new(args: &'a StatusArgs) -> Self {
        let table = matches!(args.output, None | Some(StatusFormat::Wide));
        let layout = Layout {
            // A terminal that cannot be drawn over has one line for a row all the same.
            on_screen: terminal::is_there(),
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
            silence: Silence::new(SystemClock.now()),
            note: None,
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
        if self.silence.begins(SystemClock.now()) {
            self.say_silence(self.silence.heard_at(), true).await?;
        }
        let changes = self.board.tick(self.silence.heard_at());
        self.show(changes).await?;
        if self.on_screen {
            self.draw().await
        } else {
            Ok(())
        }
    }

    /// The server was heard: what is known is how things were at this instant.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub async fn heard(&mut self, at: Instant) -> Result<(), Error> {
        match self.silence.heard(at, SystemClock.now()) {
            Some(since) => self.say_silence(since, false).await,
            None => Ok(()),
        }
    }

    /// Something is in the way; it is tried again.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub async fn trouble(&mut self, fault: &Fault) -> Result<(), Error> {
        let first = self.silence.failed(fault.to_string(), SystemClock.now());
        if !self.begun {
            return Ok(());
        }
        if self.on_screen {
            return self.draw().await;
        }
        if first {
            terminal::say(&format!("{fault}; trying again"));
        }
        Ok(())
    }

    /// Says what stays in the way, and what is done instead.
    pub fn remark(&mut self, fault: &Fault, instead: String) {
        if self.on_screen {
            self.note = Some((fault.to_string(), instead));
        } else {
            terminal::say(&format!("{fault}; {instead}"));
        }
    }

    /// Whether to ask the server how things are.
    pub fn must_ask(&self) -> bool {
        let now = SystemClock.now();
        // Where events come all the time, the next one tells soon enough.
        let quiet = now.since(self.silence.heard_at()) >= TICK;
        self.silence.must_ask(now, quiet && self.board.is_due(now))
    }

    /// Says that nothing has been known since then, or that it is over. The screen has it below the table meanwhile.
    async fn say_silence(&self, since: Instant, unknown: bool) -> Result<(), Error> {
        if self.on_screen {
            return Ok(());
        }
        let (date, silent) = (self.board.date(since), SystemClock.now().since(since));
        let fault = self.silence.fault();
        let json = StatusFormat::Value(ValueFormat::Document(DocumentFormat::Json));
        if self.args.output.as_ref() == Some(&json) {
            let document = document::silence(date, silent, unknown, fault);
            terminal::print_meanwhile(document::line(&document)).await?;
        }
        terminal::say(&if unknown {
            document::silence_words(date, silent, fault)
        } else {
            let silent = words::duration(silent);
            format!("The server is heard again. Nothing was known for {silent}.")
        });
        Ok(())
    }

    /// Shows what changed; at the first call that is everything.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub async fn show(&mut self, changes: Vec<RowChange>) -> Result<(), Error> {
        let first = !std::mem::replace(&mut self.begun, true);
        if self.on_screen {
            return if first { self.draw().await } else { Ok(()) };
        }
        let mut rows: Vec<Row> = changes.into_iter().map(|change| change.row).collect();
        rows.retain(|row| self.concerns(row));
        if first {
            select::sort(&mut rows, self.args.order())?;
        }
        if rows.is_empty() {
            return Ok(());
        }
        let text = self.lines(&rows)?;
        Ok(terminal::print_meanwhile(text).await?)
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
                let page = self.columns.page(columns, &items, self.args.no_headers);
                Ok(page.map_err(failed)?)
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
        let heard = self.silence.heard_at();
        let unknown = self.silence.is_unknown();
        // Nothing goes on where nothing is known.
        let now = if unknown { heard } else { SystemClock.now() };
        let footer = self.footer();
        let mut rows: Vec<(Row, Option<f64>)> = self
            .board
            .rows(now, heard)
            .filter(|(row, _)| select::wanted(row, self.args))
            .collect();
        if *self.args.order() != SortBy::Name {
            let mut sorted: Vec<Row> = rows.iter().map(|(row, _)| row.clone()).collect();
            select::sort(&mut sorted, self.args.order())?;
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
            .saturating_sub(3 + footer.len())
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
        for line in footer {
            text.push_str(&line);
            text.push('\n');
        }
        let width = screen_width();
        let up = if self.drawn > 0 {
            format!("\x1b[{}A", self.drawn)
        } else {
            String::new()
        };
        self.drawn = text.lines().count();
        // Up to the first line; each line cleared and drawn, never wider than the screen, where it would take two, whatever
        // the terminal makes of an emoji; and what is below cleared.
        let lines: String = text
            .lines()
            .map(|line| format!("\x1b[2K{}\n", console::truncate_str(line, width, "")))
            .collect();
        let screen = format!("{NO_WRAP}{up}\r{lines}\x1b[J{WRAP}");
        Ok(terminal::print_meanwhile(screen).await?)
    }

    /// Leaves the screen as it was found: the end of what was drawn last may have been thrown away with a Ctrl-C.
    pub fn leave(&self) {
        if self.drawn > 0 {
            terminal::send(WRAP.to_owned());
        }
    }

    /// What is to be read below the table: that nothing is known, or what is in the way, and what stays so.
    fn footer(&self) -> Vec<String> {
        let since = self.silence.heard_at();
        let (date, silent) = (self.board.date(since), SystemClock.now().since(since));
        let (width, most) = (screen_width(), footer::most(terminal::height()));
        let mut lines = match (self.silence.is_unknown(), self.silence.fault()) {
            (true, fault) => {
                let short = format!(
                    "Nothing is known for {}; trying again",
                    words::duration(silent)
                );
                let said = |fault: Option<&str>| document::silence_words(date, silent, fault);
                footer::within(said, fault, &short, width, most)
            }
            (false, Some(fault)) => {
                let said = |fault: Option<&str>| {
                    format!(
                        "{}; trying again",
                        fault.unwrap_or("the server is not reached")
                    )
                };
                footer::within(said, Some(fault), &said(None), width, most)
            }
            (false, None) => Vec::new(),
        };
        if let Some((fault, instead)) = &self.note {
            let said = |fault: Option<&str>| {
                let fault = fault.map_or_else(String::new, |fault| format!("{fault}; "));
                fault + instead
            };
            lines.extend(footer::within(said, Some(fault), instead, width, most));
        }
        lines
    }
}

fn screen_width() -> usize {
    usize::from(terminal::width().unwrap_or(80))
}
