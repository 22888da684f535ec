//! The list: one line a Lease, page by page, so that the first rows show before the last page has come.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, Width};
use jiff::SignedDuration;

use super::{Row, WIDEST, age, ago, class, expires, shortened, skew, state};
use crate::lease::condition::{Condition, State, since};
use crate::output::words::printable;

/// How to lay a table out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// With a column for the namespace.
    pub namespaces: bool,
    /// With the columns of `-o wide`.
    pub wide: bool,
    /// Without the line of column names.
    pub no_headers: bool,
    /// With colours.
    pub colour: bool,
    /// The terminal's width, where there is a terminal: long holders are shortened to fit.
    pub width: Option<u16>,
    /// With the transitions an hour that were seen while watching.
    pub rates: bool,
    /// Every span is one word, for programs that split lines at blanks: `5s` ago, `-5s` where it is the other way.
    pub words: bool,
}

/// Prints a table page by page.
pub struct Printer {
    layout: Layout,
    header: Vec<&'static str>,
    widths: Vec<u16>,
    begun: bool,
    /// Whether a row so far had a note: then there is a column of them, the last.
    noted: bool,
}

/// Between columns, as kubectl.
const GAP: u16 = 3;

/// As much as most cells lack.
const BLANKS: &str = "                                ";

/// The holder is never made shorter than this.
const SHORTEST_HOLDER: usize = 12;

impl Printer {
    /// Nothing is printed yet.
    pub fn new(layout: Layout) -> Self {
        let mut header = Vec::new();
        if layout.namespaces {
            header.push("NAMESPACE");
        }
        header.extend([
            "NAME",
            "STATE",
            "HOLDER",
            "RENEWED",
            "EXPIRES IN",
            "TRANSITIONS",
            "AGE",
        ]);
        if layout.rates {
            header.push("PER HOUR");
        }
        if layout.wide {
            header.extend([
                "DURATION", "ACQUIRED", "CLASS", "STRATEGY", "SKEW", "REASON",
            ]);
        }
        let widths = header.iter().map(|name| width(name)).collect();
        Self {
            layout,
            header,
            widths,
            begun: false,
            noted: false,
        }
    }

    /// The next rows, and before the first ones the column names. `rates` are transitions an hour, row by row.
    pub fn page(&mut self, rows: &[Row], rates: &[Option<f64>]) -> String {
        let mut cells: Vec<Vec<String>> = rows
            .iter()
            .enumerate()
            .map(|(index, row)| self.cells(row, rates.get(index).copied().flatten()))
            .collect();
        self.add_notes(rows, &mut cells);
        let holder = self
            .header
            .iter()
            .position(|name| *name == "HOLDER")
            .unwrap_or_default();
        if let Some(room) = self
            .layout
            .width
            .map(|room| self.holder_room(&cells, holder, room))
        {
            for row in &mut cells {
                row[holder] = shortened(&row[holder], room);
            }
        }
        for row in &cells {
            for (known, cell) in self.widths.iter_mut().zip(row) {
                *known = (*known).max(width(cell));
            }
        }
        let header = !self.begun && !self.layout.no_headers;
        self.begun = true;
        if self.layout.colour {
            self.coloured(rows, cells, header)
        } else {
            self.plain(&cells, header)
        }
    }

    /// What stands out, in a last column that is there from the first such row on: it moves no other.
    fn add_notes(&mut self, rows: &[Row], cells: &mut [Vec<String>]) {
        let notes: Vec<String> = rows.iter().map(note).collect();
        if !self.noted && notes.iter().any(|note| !note.is_empty()) {
            self.noted = true;
            let name = if self.begun { "" } else { "NOTE" };
            self.header.push(name);
            self.widths.push(width(name));
        }
        if self.noted {
            for (cells, note) in cells.iter_mut().zip(notes) {
                cells.push(note);
            }
        }
    }

    /// The lines with colours, laid out by the table library.
    fn coloured(&self, rows: &[Row], cells: Vec<Vec<String>>, header: bool) -> String {
        let mut table = Table::new();
        table
            .load_preset(NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .enforce_styling();
        if header {
            table.set_header(self.header.clone());
        }
        let state_at = usize::from(self.layout.namespaces) + 1;
        for (row, texts) in rows.iter().zip(cells) {
            table.add_row(texts.into_iter().enumerate().map(|(index, text)| {
                let cell = Cell::new(text);
                if index == state_at {
                    coloured(cell, row.condition.state)
                } else {
                    cell
                }
            }));
        }
        let last = self.widths.len().saturating_sub(1);
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if index == last { 0 } else { GAP }));
            if index != last
                && let Some(width) = self.widths.get(index)
            {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width + GAP)));
            }
        }
        let mut text = String::new();
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// The same lines without colours. The table library takes longer over a cell than decoding its Lease does, and a
    /// pipe may get a line for each node of a large cluster.
    fn plain(&self, cells: &[Vec<String>], header: bool) -> String {
        let mut text = String::new();
        if header {
            self.line(&mut text, &self.header);
        }
        for row in cells {
            self.line(&mut text, row);
        }
        text
    }

    fn line(&self, text: &mut String, cells: &[impl AsRef<str>]) {
        let begin = text.len();
        for (cell, column) in cells.iter().map(AsRef::as_ref).zip(&self.widths) {
            text.push_str(cell);
            let mut blank = usize::from((column + GAP).saturating_sub(width(cell)));
            while blank > 0 {
                let some = blank.min(BLANKS.len());
                text.push_str(&BLANKS[..some]);
                blank -= some;
            }
        }
        text.truncate(begin + text[begin..].trim_end().len());
        text.push('\n');
    }

    /// What is left for the holder once every other column has its width.
    fn holder_room(&self, rows: &[Vec<String>], holder: usize, room: u16) -> usize {
        let last = self.header.len() - 1;
        let others: usize = (0..self.header.len())
            .filter(|index| *index != holder)
            .map(|index| {
                let longest = rows.iter().map(|row| width(&row[index])).max().unwrap_or(0);
                let gap = if index == last { 0 } else { GAP };
                usize::from(longest.max(self.widths[index])) + usize::from(gap)
            })
            .sum();
        usize::from(room)
            .saturating_sub(others + usize::from(GAP))
            .max(SHORTEST_HOLDER)
    }

    fn cells(&self, row: &Row, rate: Option<f64>) -> Vec<String> {
        let lease = &row.lease;
        let none = || "-".to_owned();
        let safe = |text: &str| printable(text).into_owned();
        let [ago, skew] = if self.layout.words {
            [word, |span: SignedDuration| skew(span).replace(' ', "-")]
        } else {
            [ago, skew]
        };
        let expires = |condition: &Condition| match condition.expires_in {
            Some(left) if self.layout.words && condition.state == State::Expired => {
                format!("-{}", age(left))
            }
            _ => expires(condition),
        };
        let mut cells = Vec::with_capacity(self.header.len());
        if self.layout.namespaces {
            cells.push(safe(&lease.namespace));
        }
        cells.extend([
            safe(&lease.name),
            state(row.condition.state).to_owned(),
            lease.holder.as_deref().map_or_else(none, safe),
            row.condition.renewed_ago.map_or_else(none, ago),
            expires(&row.condition),
            lease.transitions.to_string(),
            row.age().map_or_else(none, age),
        ]);
        if self.layout.rates {
            cells.push(rate.map_or_else(none, |rate| format!("{rate:.0}")));
        }
        if self.layout.wide {
            cells.extend([
                lease
                    .duration
                    .map_or_else(none, |duration| duration.to_string()),
                lease
                    .acquired
                    .zip(row.date)
                    .map_or_else(none, |(acquired, date)| ago(since(acquired, date))),
                class(lease.class).to_owned(),
                lease.strategy.as_deref().map_or_else(none, safe),
                row.condition.skew.map_or_else(none, skew),
                lease.reason.as_deref().map_or_else(none, safe),
            ]);
        }
        for cell in cells.iter_mut().filter(|cell| cell.len() > WIDEST) {
            *cell = shortened(cell, WIDEST);
        }
        cells
    }
}

/// What stands out about a row, in one word.
fn note(row: &Row) -> String {
    let skewed = row.condition.skew.map(|_| "skewed");
    let flapping = row.flaps_per_hour().map(|_| "flapping");
    let notes: Vec<&str> = skewed.into_iter().chain(flapping).collect();
    notes.join(",")
}

/// How long ago, in one word; negative if it is still to come.
fn word(span: SignedDuration) -> String {
    let sign = if span.is_negative() { "-" } else { "" };
    format!("{sign}{}", age(span))
}

/// Columns on a terminal.
fn width(text: &str) -> u16 {
    if text.is_ascii() {
        // Nothing in a cell is unprintable.
        return u16::try_from(text.len()).unwrap_or(u16::MAX);
    }
    u16::try_from(console::measure_text_width(text)).unwrap_or(u16::MAX)
}

fn coloured(cell: Cell, state: State) -> Cell {
    match state {
        State::Held | State::HeldWithoutExpiry => cell.fg(Color::Green),
        State::Expired => cell.fg(Color::Red),
        State::Terminating => cell.fg(Color::Yellow),
        State::Free | State::Deleted => cell.add_attribute(Attribute::Dim),
    }
}

/// Counts what stands out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    all: usize,
    expired: usize,
    skewed: usize,
    flapping: usize,
}

impl Counts {
    /// Takes a row into account.
    pub fn add(&mut self, row: &Row) {
        self.all += 1;
        self.expired += usize::from(row.condition.state == State::Expired);
        self.skewed += usize::from(row.condition.skew.is_some());
        self.flapping += usize::from(row.flaps_per_hour().is_some());
    }

    /// One line; `None` if nothing stands out.
    pub fn line(&self) -> Option<String> {
        let parts: Vec<String> = [
            (self.expired, "expired"),
            (self.skewed, "skewed"),
            (self.flapping, "flapping"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        let leases = if self.all == 1 { "lease" } else { "leases" };
        (!parts.is_empty()).then(|| format!("Of {} {leases}: {}", self.all, parts.join(", ")))
    }
}
