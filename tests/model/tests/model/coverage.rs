//! Whether all histories together reach what can be reached. What cannot is listed here, each with its reason.

use std::collections::BTreeSet;

use crate::expected::{List, RARE, STEPS, UNREACHABLE};
use crate::histories::{Draw, played};
use crate::random::seeds;
use crate::reached::{
    EFFECTS, EVENTS, LOSSES, REQUEST_FAULTS, Reached, STATES, TREES, WATCH_FAULTS,
};

/// A table with its rows and columns; without columns each row must be reached in some column.
struct Table {
    name: &'static str,
    rows: &'static [&'static str],
    columns: &'static [&'static str],
}

const TABLES: [Table; 7] = [
    Table {
        name: "state",
        rows: &STATES,
        columns: &EVENTS,
    },
    Table {
        name: "tree",
        rows: &TREES,
        columns: &EVENTS,
    },
    Table {
        name: "effect",
        rows: &EFFECTS,
        columns: &[],
    },
    Table {
        name: "loss",
        rows: &LOSSES,
        columns: &[],
    },
    Table {
        name: "request",
        rows: &REQUEST_FAULTS,
        columns: &["Get", "Create", "Replace", "DryRun", "Version"],
    },
    Table {
        name: "watch",
        rows: &WATCH_FAULTS,
        columns: &[],
    },
    Table {
        name: "decide",
        rows: &STEPS,
        columns: &[],
    },
];

impl Table {
    /// The places that are to be reached.
    fn places(&self) -> Vec<(&'static str, &'static str)> {
        let columns = match self.columns {
            [] => &["*"],
            columns => columns,
        };
        let rows = self.rows.iter().copied();
        rows.flat_map(|row| columns.iter().map(move |column| (row, *column)))
            .collect()
    }
}

fn count(reached: &Reached, table: &str, row: &str, column: &str) -> u64 {
    let here = reached
        .0
        .iter()
        .filter(|((in_table, in_row, in_column), _)| {
            *in_table == table && *in_row == row && (column == "*" || *in_column == column)
        });
    here.map(|(_, count)| count).sum()
}

/// Why it is not expected, if that is so.
fn reason(list: List, table: &str, row: &str, column: &str) -> Option<&'static str> {
    let fits =
        |pattern: &str, name: &str| pattern == "*" || pattern.split('|').any(|one| one == name);
    let found = list.iter().find(|(in_table, in_row, in_column, _)| {
        *in_table == table && fits(in_row, row) && fits(in_column, column)
    });
    found.map(|(_, _, _, reason)| *reason)
}

/// All tables, as text: what was reached how often, and after them why the rest cannot be.
fn tables(reached: &Reached) -> String {
    let mut names: Vec<&str> = reached.0.keys().map(|(table, _, _)| *table).collect();
    names.dedup();
    let mut text = String::new();
    for name in names {
        let places = reached.0.keys().filter(|(table, _, _)| *table == name);
        let (mut rows, mut columns) = (BTreeSet::new(), BTreeSet::new());
        for (_, row, column) in places {
            rows.insert(*row);
            columns.insert(*column);
        }
        if let Some(table) = TABLES.iter().find(|table| table.name == name) {
            rows.extend(table.rows);
            columns.extend(table.columns);
        }
        text.push_str(&format!("\n{name:20}"));
        rows.iter()
            .for_each(|row| text.push_str(&format!("{row:>19}")));
        text.push('\n');
        for column in columns {
            text.push_str(&format!("{column:20}"));
            for row in &rows {
                let shown = match (
                    count(reached, name, row, column),
                    reason(UNREACHABLE, name, row, column),
                ) {
                    (0, Some(_)) => "-".to_owned(),
                    (0, None) => ".".to_owned(),
                    (count, _) => count.to_string(),
                };
                text.push_str(&format!("{shown:>19}"));
            }
            text.push('\n');
        }
    }
    text.push_str("\nwhat cannot be reached (-):\n");
    for (table, row, column, reason) in UNREACHABLE {
        text.push_str(&format!("  {table}: {row} and {column}: {reason}\n"));
    }
    text.push_str("\nrare, and expected by nobody:\n");
    for (table, row, column, takes) in RARE {
        text.push_str(&format!("  {table}: {row} and {column}: {takes}\n"));
    }
    text
}

#[test]
#[expect(clippy::disallowed_macros, reason = "what a test has to say")]
fn coverage_all_that_can_be_reached_is_reached() {
    let mut reached = Reached::default();
    for draw in Draw::ALL {
        reached.add_all(&played(draw).1);
    }
    println!("{}", tables(&reached));
    if seeds().is_some() {
        // Of a few seeds nothing is expected.
        return;
    }
    let mut wrong = Vec::new();
    for table in &TABLES {
        for (row, column) in table.places() {
            let place = format!("{} {row} {column}", table.name);
            let rare = reason(RARE, table.name, row, column).is_some();
            let reason = reason(UNREACHABLE, table.name, row, column);
            match count(&reached, table.name, row, column) {
                0 if reason.is_none() && !rare => wrong.push(format!("{place} is not reached")),
                0 => {}
                _ => wrong.extend(reason.map(|why| format!("{place} is reached, though: {why}"))),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
