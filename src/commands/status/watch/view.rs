//! What a watch shows: on a terminal a table that is drawn anew in place and ticks, in a pipe a line for each change.

use std::collections::BTreeSet;

use serde_json::Value;

use super::footer;
use crate::cli::{SortBy, StatusArgs};
use crate::clock::{Clock, Instant, SystemClock};
use crate::commands::status::{list, select};
use crate::error::Error;
use crate::lease::operate::follow::{Known, News, PAUSE};
use crate::lease::report::{Row, State};
use crate::output::columns;
use crate::output::document::{failed, object_name, value};
use crate::output::format::{DocumentFormat, StatusFormat, ValueFormat};
use crate::output::status::table::{Layout, Printer};
use crate::output::status::{document, in_line, prometheus};
use crate::output::terminal;
use crate::words;

/// From here on a terminal ends a line at its edge, and goes on in the next line again.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// What is shown, and how.
pub struct View<'a> {
    args: &'a StatusArgs,
    namespace: &'a str,
    lines: Printer,
    columns: columns::Printer,
    /// Whether there was a document.
    written: bool,
    /// Namespaces and names of what the lines so far say is as asked for.
    said: BTreeSet<(String, String)>,
    on_screen: bool,
    /// Whether there was a first list.
    pub begun: bool,
    /// What stays in the way, and what is done instead: it is said below the table.
    note: Option<(String, String)>,
    drawn: usize,
    /// Who waits for it in line, where that is known.
    pub waiters: Option<Vec<Row>>,
    /// What was said of them.
    order: Vec<(String, bool)>,
}

impl<'a> View<'a> {
    /// Nothing is shown yet.
    pub fn new(args: &'a StatusArgs, namespace: &'a str) -> Self {
        let table = matches!(args.output, None | Some(StatusFormat::Wide));
        let layout = Layout {
            // A terminal that cannot be drawn over has one line for a row all the same.
            on_screen: terminal::is_there(),
            colour: false,
            ..list::layout(args)
        };
        Self {
            args,
            namespace,
            waiters: None,
            order: Vec::new(),
            columns: columns::Printer::default(),
            written: false,
            lines: Printer::new(layout).with_labels(&args.label_columns),
            said: BTreeSet::new(),
            on_screen: table && terminal::moves_the_cursor(),
            begun: false,
            note: None,
            drawn: 0,
        }
    }

    /// Says what there is to say, when this is known.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub async fn tell(&mut self, known: &Known, news: News) -> Result<(), Error> {
        match news {
            News::Changed(rows) => {
                self.show(known, rows).await?;
                self.tell_line(known).await
            }
            News::Ticked | News::Failed { .. } if self.on_screen => self.draw(known).await,
            News::Silent(since) => self.say_silence(known, since, true).await,
            News::Heard(since) => self.say_silence(known, since, false).await,
            News::Failed { fault, first: true } => {
                terminal::say(&format!("{fault}; trying again"));
                Ok(())
            }
            News::Refused(fault) => {
                let doing = match self.args.names.is_empty() || self.args.slots {
                    true => "listing",
                    false => "reading it",
                };
                let instead = format!("{doing} every {} s instead", PAUSE.as_secs());
                if self.on_screen {
                    self.note = Some((fault.to_string(), instead));
                } else {
                    terminal::say(&format!("{fault}; {instead}"));
                }
                Ok(())
            }
            // Time alone ends a place.
            News::Ticked => self.tell_line(known).await,
            News::Failed { .. } | News::Absent => Ok(()),
        }
    }

    /// Says how the line has moved: the screen has it below the table.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub async fn tell_line(&mut self, known: &Known) -> Result<(), Error> {
        let waiters = self.waiters.as_deref().filter(|_| self.begun);
        let Some(waiters) = waiters else {
            return Ok(());
        };
        let order = in_line::order(waiters);
        if order == self.order {
            return Ok(());
        }
        self.order = order;
        if self.on_screen {
            return self.draw(known).await;
        }
        let Some(name) = self.args.names.first() else {
            return Ok(());
        };
        let document = || document::waiters(self.namespace, name.as_str(), Some(waiters));
        let text = match &self.args.output {
            None | Some(StatusFormat::Wide) => {
                terminal::say(&in_line::short(name.as_str(), waiters));
                return Ok(());
            }
            Some(StatusFormat::Value(ValueFormat::Document(DocumentFormat::Json))) => {
                document::line(&document())
            }
            Some(StatusFormat::Value(format @ ValueFormat::Document(DocumentFormat::Yaml))) => {
                let text = value(&document(), format)?;
                self.after_another(text)
            }
            Some(StatusFormat::Value(_))
            | Some(
                StatusFormat::Name | StatusFormat::Prometheus | StatusFormat::CustomColumns(_),
            ) => {
                return Ok(());
            }
        };
        Ok(terminal::print_meanwhile(text).await?)
    }

    /// As kubectl: a document in YAML begins with a line that ends the one before.
    fn after_another(&mut self, text: String) -> String {
        match std::mem::replace(&mut self.written, true) {
            true => format!("---\n{text}"),
            false => text,
        }
    }

    /// Says that nothing has been known since then, or that it is over. The screen has it below the table meanwhile.
    async fn say_silence(&self, known: &Known, since: Instant, unknown: bool) -> Result<(), Error> {
        if self.on_screen {
            return Ok(());
        }
        let (date, silent) = (known.board.date(since), SystemClock.now().since(since));
        let fault = known.silence.fault();
        let json = StatusFormat::Value(ValueFormat::Document(DocumentFormat::Json));
        if self.args.output.as_ref() == Some(&json) {
            let document = document::silence(date, silent, unknown, fault);
            terminal::print_meanwhile(document::line(&document)).await?;
        }
        terminal::say(&if unknown {
            document::silence_words(date, silent, fault)
        } else {
            let silent = words::duration(silent);
            format!("The server answers again. Nothing was known for {silent}.")
        });
        Ok(())
    }

    /// Shows what changed; at the first call that is everything.
    async fn show(&mut self, known: &Known, mut rows: Vec<Row>) -> Result<(), Error> {
        let first = !std::mem::replace(&mut self.begun, true);
        if self.on_screen {
            return if first {
                self.draw(known).await
            } else {
                Ok(())
            };
        }
        rows.retain(|row| self.concerns(row));
        if first {
            select::sort(&mut rows, self.args.order())?;
            if self.args.slots && self.args.sort_by.is_none() {
                rows.sort_by_key(|row| select::slot(row, self.args));
            }
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
            Some(StatusFormat::Prometheus) => Ok(prometheus::whole(rows)),
            Some(StatusFormat::Name) => Ok(rows
                .iter()
                .map(|row| format!("{}\n", object_name(&row.lease.name)))
                .collect()),
            Some(StatusFormat::Value(ValueFormat::Document(DocumentFormat::Json))) => Ok(rows
                .iter()
                .map(|row| document::line(&document::one(row)))
                .collect()),
            Some(StatusFormat::Value(format)) => {
                let mut texts = String::new();
                for row in rows {
                    let text = value(&document::for_format(row, format), format)?;
                    texts.push_str(&match format {
                        ValueFormat::Document(DocumentFormat::Yaml) => self.after_another(text),
                        _ => text,
                    });
                }
                Ok(texts)
            }
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
    async fn draw(&mut self, known: &Known) -> Result<(), Error> {
        let now = match known.silence.is_unknown() {
            // Nothing goes on where nothing is known.
            true => known.silence.heard_at(),
            false => SystemClock.now(),
        };
        let footer = self.footer(known);
        let line = self.line();
        let rows = known.board.rows(now, known.silence.heard_at());
        let mut rows: Vec<Row> = rows.filter(|row| select::wanted(row, self.args)).collect();
        if self.args.slots && self.args.sort_by.is_none() {
            rows.sort_by_key(|row| select::slot(row, self.args));
        } else if *self.args.order() != SortBy::Name {
            select::sort(&mut rows, self.args.order())?;
        }
        let all = rows.len();
        let room = usize::from(terminal::height().unwrap_or(24))
            .saturating_sub(3 + footer.len() + line.len())
            .max(1);
        rows.truncate(room);
        let rates = rows.iter().map(|row| known.board.rate(&row.lease, now));
        let rates: Vec<Option<f64>> = rates.collect();
        let layout = Layout {
            rates: rates.iter().any(Option::is_some),
            on_screen: true,
            ..list::layout(self.args)
        };
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
        for line in line.into_iter().chain(footer) {
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

    /// Who waits in line, in at most half of the screen.
    fn line(&self) -> Vec<String> {
        let Some(waiters) = &self.waiters else {
            return Vec::new();
        };
        let half = usize::from(terminal::height().unwrap_or(24)) / 2;
        // What says how many, titles, the line below them, and how many more.
        let most = half.saturating_sub(4);
        in_line::on_screen(waiters, most, screen_width())
    }

    /// What is to be read below the table: that nothing is known, or what is in the way, and what stays so.
    fn footer(&self, known: &Known) -> Vec<String> {
        let since = known.silence.heard_at();
        let (date, silent) = (known.board.date(since), SystemClock.now().since(since));
        let (width, most) = (screen_width(), footer::most(terminal::height()));
        let mut lines = match (known.silence.is_unknown(), known.silence.fault()) {
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
