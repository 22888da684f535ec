//! The list: one line a Lease, page by page, so that the first rows show before the last page has come.

mod differ;
mod room;

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::fit::{ASKED_FOR, Gives, LAST};
pub use super::marks::Counts;
use super::marks::note;
use super::{Row, age, ago, class, expires, lines, skew, state};
use crate::lease::report::State;
use crate::words::shown::{printable, shortened, value, width};
use differ::Shown;

/// How to lay a table out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// With a column for the namespace.
    pub namespaces: bool,
    /// With the columns of `-o wide`.
    pub wide: bool,
    /// With a column for all labels.
    pub labels: bool,
    /// Without the line of column names.
    pub no_headers: bool,
    /// With colours.
    pub colour: bool,
    /// The terminal's width, where there is a terminal: the table fits it.
    pub width: Option<u16>,
    /// Whether columns that were asked for may be left out too: a screen has no second line for a row.
    pub on_screen: bool,
    /// Without characters beyond ASCII of our own.
    pub ascii: bool,
    /// With one word for each span, for whoever counts fields: `5s`, and `-9m45s` for what is over.
    pub words: bool,
    /// With the transitions an hour that were seen while watching.
    pub rates: bool,
}

/// A column.
struct Column {
    name: String,
    gives: Gives,
    /// The widest text so far.
    width: usize,
}

/// Prints a table page by page.
pub struct Printer {
    layout: Layout,
    columns: Vec<Column>,
    label_columns: Vec<String>,
    /// The columns that fit, since the first page.
    shown: Option<Vec<bool>>,
    /// Whether a row so far stood out: then the last column says how.
    noted: bool,
    /// What stands in the lines so far, by the number of the column.
    known: BTreeMap<usize, Shown>,
}

/// The table library counts columns in 16 bits and fails beyond; an etcd object may hold a megabyte.
const WIDEST: usize = 65_000;

const NAMESPACE: Gives = Gives::Cuts {
    least: 9,
    shortest: 3,
    goes: true,
};
const NAME: Gives = Gives::Cuts {
    least: 12,
    shortest: 5,
    goes: false,
};
const WHO: Gives = Gives::Cuts {
    least: 10,
    shortest: 3,
    goes: false,
};

const HOLDER: &str = "HOLDER";
const STATE: &str = "STATE";
const NOTE: &str = "NOTE";

const UNKNOWN: &str = "unknown";

impl Printer {
    /// Nothing is printed yet.
    pub fn new(layout: Layout) -> Self {
        let mut header = Vec::new();
        if layout.namespaces {
            header.push(("NAMESPACE", NAMESPACE));
        }
        header.extend([
            ("NAME", NAME),
            (STATE, Gives::Nothing),
            (HOLDER, WHO),
            ("RENEWED", Gives::Nothing),
            ("EXPIRES IN", Gives::Nothing),
            ("TRANSITIONS", Gives::Goes(1)),
            ("AGE", Gives::Goes(0)),
        ]);
        if layout.rates {
            header.push(("PER HOUR", Gives::Goes(2)));
        }
        let asked_for = |order| {
            if layout.on_screen {
                Gives::Goes(order)
            } else {
                Gives::Nothing
            }
        };
        if layout.wide {
            header.extend([
                ("DURATION", asked_for(ASKED_FOR + 5)),
                ("ACQUIRED", asked_for(ASKED_FOR + 4)),
                ("CLASS", asked_for(ASKED_FOR + 2)),
                ("STRATEGY", asked_for(ASKED_FOR + 1)),
                ("SKEW", asked_for(ASKED_FOR + 3)),
                ("REASON", asked_for(ASKED_FOR)),
            ]);
        }
        let columns = header.into_iter().map(|(name, gives)| Column {
            name: name.to_owned(),
            gives,
            width: width(name),
        });
        let mut printer = Self {
            layout,
            columns: columns.collect(),
            label_columns: Vec::new(),
            shown: None,
            noted: false,
            known: BTreeMap::new(),
        };
        if layout.labels {
            printer.asked_for("LABELS".to_owned());
        }
        printer
    }

    /// With a column for each of these labels, named as kubectl names it.
    pub fn with_labels(mut self, keys: &[String]) -> Self {
        let last = self.layout.labels.then(|| self.columns.pop()).flatten();
        for key in keys {
            let name = key.rsplit('/').next().unwrap_or(key).to_uppercase();
            self.asked_for(printable(&name).into_owned());
        }
        self.columns.extend(last);
        self.label_columns = keys.to_vec();
        self
    }

    fn asked_for(&mut self, name: String) {
        let gives = if self.layout.on_screen {
            Gives::Goes(2)
        } else {
            Gives::Nothing
        };
        self.columns.push(Column {
            width: width(&name),
            name,
            gives,
        });
    }

    /// The next rows, and before the first ones the column names. `rates` are transitions an hour, row by row.
    pub fn page(&mut self, rows: &[Row], rates: &[Option<f64>]) -> String {
        let mut cells: Vec<Vec<String>> = rows
            .iter()
            .enumerate()
            .map(|(index, row)| self.cells(row, rates.get(index).copied().flatten()))
            .collect();
        let begun = self.shown.is_some();
        self.add_notes(rows, &mut cells);
        let fitted = self.fit_page(rows, &mut cells);
        if self.shown.is_none() {
            self.shown = Some(fitted.widths.iter().map(Option::is_some).collect());
        }
        let mut lines: Vec<Vec<String>> = Vec::with_capacity(cells.len() + 1);
        let header = !begun && !self.layout.no_headers;
        if header {
            let names = self.columns.iter().zip(&fitted.widths);
            lines.push(
                names
                    .map(|(column, room)| match room {
                        Some(room) if self.layout.width.is_some() => {
                            shortened(&column.name, *room, "")
                        }
                        Some(_) | None => column.name.clone(),
                    })
                    .collect(),
            );
        }
        lines.extend(cells);
        if self.layout.colour {
            let states = rows.iter().map(|row| row.condition.state);
            let state_at = self.columns.iter().position(|column| column.name == STATE);
            lines::coloured(states, state_at, lines, header, &fitted)
        } else {
            lines::plain(&lines, &fitted)
        }
    }

    /// What stands out, in a last column from the first such row on: it moves no other.
    fn add_notes(&mut self, rows: &[Row], cells: &mut [Vec<String>]) {
        let notes: Vec<String> = rows.iter().map(note).collect();
        if !self.noted && notes.iter().any(|note| !note.is_empty()) {
            self.noted = true;
            let name = if self.shown.is_some() { "" } else { NOTE };
            self.columns.push(Column {
                name: name.to_owned(),
                gives: Gives::Goes(LAST),
                width: width(name),
            });
        }
        if self.noted {
            for (cells, note) in cells.iter_mut().zip(notes) {
                cells.push(note);
            }
        }
    }

    /// Where there is no room for notes, the state of a row that has one is marked.
    fn mark_states(&self, cells: &mut [Vec<String>]) {
        let Some(state) = self.columns.iter().position(|column| column.name == STATE) else {
            return;
        };
        for row in cells
            .iter_mut()
            .filter(|row| row.last().is_some_and(|note| !note.is_empty()))
        {
            if let Some(cell) = row.get_mut(state) {
                cell.push('!');
            }
        }
    }

    fn cells(&self, row: &Row, rate: Option<f64>) -> Vec<String> {
        let lease = &row.lease;
        let none = || "-".to_owned();
        let safe = |text: &str| value(text).into_owned();
        let passed = |span: SignedDuration| {
            // There is no age of what is still to come.
            if span.is_negative() {
                UNKNOWN.to_owned()
            } else if self.layout.words {
                signed(span)
            } else {
                ago(span)
            }
        };
        let mut cells = Vec::with_capacity(self.columns.len());
        if self.layout.namespaces {
            cells.push(safe(&lease.namespace));
        }
        cells.extend([
            safe(&lease.name),
            state(row.condition.state).to_owned(),
            lease.holder.as_deref().map_or_else(none, safe),
            match row.condition.renewed_ago {
                Some(span) => passed(span),
                None if row.condition.skew_is_least => UNKNOWN.to_owned(),
                None => none(),
            },
            match row.condition.state {
                State::Expired if self.layout.words => {
                    row.condition.expires_in.map_or_else(none, signed)
                }
                _ => expires(&row.condition),
            },
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
                    .and_then(|acquired| row.ago(acquired))
                    .map_or_else(none, passed),
                class(lease.class).to_owned(),
                lease.strategy.as_deref().map_or_else(none, safe),
                row.condition.skew.map_or_else(none, |span| {
                    let words = skew(span);
                    if self.layout.words {
                        words.replace(' ', "-")
                    } else {
                        words
                    }
                }),
                lease.reason.as_deref().map_or_else(none, safe),
            ]);
        }
        let labels = || {
            let object = lease.object.as_deref();
            object.and_then(|object| object.get("metadata")?.get("labels")?.as_object())
        };
        for key in &self.label_columns {
            let label = labels().and_then(|labels| labels.get(key)?.as_str());
            cells.push(printable(label.unwrap_or_default()).into_owned());
        }
        if self.layout.labels {
            let all: Vec<String> = labels()
                .into_iter()
                .flatten()
                .map(|(key, label)| format!("{key}={}", label.as_str().unwrap_or_default()))
                .collect();
            cells.push(match all.is_empty() {
                true => "<none>".to_owned(),
                false => printable(&all.join(",")).into_owned(),
            });
        }
        for cell in cells.iter_mut().filter(|cell| cell.len() > WIDEST) {
            *cell = shortened(cell, WIDEST, "…");
        }
        cells
    }
}

/// A span with its sign, where it has one.
fn signed(span: SignedDuration) -> String {
    let sign = if span.as_secs() < 0 { "-" } else { "" };
    format!("{sign}{}", age(span))
}
