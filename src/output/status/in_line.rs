//! Who waits for a Lease in line: rows of the tickets, the first to be served first.

use serde_json::{Value, json};

use super::laid_out::laid_out;
use super::{Row, age, ago, expires};
use crate::lease::report::State;
use crate::words::cut;
use crate::words::shown::{printable, shortened, value, width};

/// So many are shown.
const MOST: usize = 10;

/// So much is shown of an identity.
const LONGEST: usize = 160;

/// Down to so many columns it is cut where a line is too long...
const SHORTEST: usize = 12;

/// ...and a reason is before it.
const SHORTEST_REASON: usize = 20;

/// What can be told of the others.
const UNSEEN: &str = "who waits without --queue is not seen";

/// As it stands in a description; cut to so many columns.
pub fn described(waiters: &Result<Vec<Row>, String>, columns: Option<usize>) -> String {
    let (first, rest) = lines(seen(waiters), MOST, columns);
    format!("{:<13}{first}\n{rest}", "In line:")
}

/// Below a table: of the Lease of this name, or of its slots.
pub fn below(name: &str, waiters: &Result<Vec<Row>, String>, columns: Option<usize>) -> String {
    let (first, rest) = lines(seen(waiters), MOST, columns);
    format!("In line for {name:?}: {first}\n{rest}")
}

/// The same on a screen of so many columns, of which it has at most so many `rows`.
pub fn on_screen(waiters: &[Row], rows: usize, columns: usize) -> Vec<String> {
    let (first, rest) = lines(Ok(waiters), rows.min(MOST), Some(columns));
    let first = [format!("In line: {first}")].into_iter();
    let rest = if rows == 0 { "" } else { &rest };
    first.chain(rest.lines().map(str::to_owned)).collect()
}

/// How many there are, or why that is not known, and a table of the first `most`.
fn lines(waiters: Result<&[Row], &str>, most: usize, columns: Option<usize>) -> (String, String) {
    let waiters = match waiters {
        Ok(waiters) => waiters,
        Err(why) => return (format!("unknown: {}", printable(why)), String::new()),
    };
    if waiters.is_empty() {
        return (format!("nobody ({UNSEEN})"), String::new());
    }
    let shown = &waiters[..waiters.len().min(most)];
    let mut table = table(shown, columns);
    if waiters.len() > shown.len() {
        table.push_str(&format!("  … and {} more\n", waiters.len() - shown.len()));
    }
    (format!("{} ({UNSEEN})", waiters.len()), table)
}

fn seen(waiters: &Result<Vec<Row>, String>) -> Result<&[Row], &str> {
    waiters.as_deref().map_err(String::as_str)
}

/// What stands in a column for a waiter, if anything does.
type Cell<'a> = &'a dyn Fn(&Row) -> Option<String>;

/// Of priorities, marks and reasons there is a column where anybody has one.
fn table(waiters: &[Row], columns: Option<usize>) -> String {
    let text = |text: &str| value(&cut(text, LONGEST)).into_owned();
    let optional: [(&str, Cell<'_>); 3] = [
        ("Priority", &|row| {
            (priority(row) != 0).then(|| priority(row).to_string())
        }),
        ("State", &|row| {
            is_expired(row).then(|| format!("expired {}", expires(&row.condition)))
        }),
        ("Reason", &|row| {
            let reason = row.lease.reason.as_deref();
            reason.map(|reason| printable(reason).into_owned())
        }),
    ];
    let optional = optional.map(|(title, cell)| {
        let cells: Vec<Option<String>> = waiters.iter().map(cell).collect();
        (title, cells)
    });
    let there = optional
        .iter()
        .filter(|(_, cells)| cells.iter().any(Option::is_some));
    let there: Vec<&(&str, Vec<Option<String>>)> = there.collect();
    let titles = ["#", "Waiter", "Since"].into_iter();
    let titles = titles.chain(there.iter().map(|(title, _)| *title));
    let titles: Vec<String> = titles.map(str::to_owned).collect();
    let rows = waiters.iter().enumerate().map(|(index, row)| {
        let since = row.age().map_or_else(|| "unknown".to_owned(), ago);
        let first = [(index + 1).to_string(), text(holder(row)), since].into_iter();
        let rest = there
            .iter()
            .map(|(title, cells)| match (&cells[index], *title) {
                (Some(cell), _) => cell.clone(),
                (None, "Priority") => "0".to_owned(),
                (None, _) => String::new(),
            });
        first.chain(rest).collect()
    });
    let mut rows: Vec<Vec<String>> = rows.collect();
    if let Some(columns) = columns {
        shorten(&titles, &mut rows, columns);
    }
    laid_out(titles, rows, columns)
}

/// Cuts the identities to what the other columns leave of the line.
fn shorten(titles: &[String], rows: &mut [Vec<String>], columns: usize) {
    let widest = |column: usize, title: &String| {
        let cells = rows.iter().map(|row| width(&row[column]));
        let widest = cells.chain([width(title)]).max().unwrap_or_default();
        // It is the last one, and cut by what is left.
        if title == "Reason" {
            widest.min(SHORTEST_REASON)
        } else {
            widest
        }
    };
    let others = titles.iter().enumerate().filter(|(column, _)| *column != 1);
    let taken: usize = others
        .map(|(column, title)| 2 + widest(column, title))
        .sum();
    let room = columns.saturating_sub(2 + taken).max(SHORTEST);
    for row in rows {
        row[1] = shortened(&row[1], room, "…");
    }
}

/// In one line: of a watch, where the line has changed.
pub fn short(name: &str, waiters: &[Row]) -> String {
    let Some(first) = waiters.first() else {
        return format!("nobody in line for {name:?}");
    };
    let since = first
        .age()
        .map_or_else(String::new, |span| format!(" for {}", age(span)));
    let expired = if is_expired(first) { ", expired" } else { "" };
    let holder = value(&cut(holder(first), LONGEST)).into_owned();
    format!(
        "{} in line for {name:?}, the first: {holder} (there{since}{expired})",
        waiters.len()
    )
}

/// What changes where the line moves: who stands there in which order, and whose place is over. Time alone, and a renewal, is
/// no change.
pub fn order(waiters: &[Row]) -> Vec<(String, bool)> {
    let key = |row: &Row| (row.lease.uid.clone(), is_expired(row));
    waiters.iter().map(key).collect()
}

/// For a document: all of them.
pub fn array(waiters: &[Row]) -> Vec<Value> {
    let one = |(index, row): (usize, &Row)| {
        let lease = &row.lease;
        json!({
            "position": index + 1,
            "holder": lease.holder,
            "since": lease.created.map(|time| time.to_string()),
            "waitingSeconds": row.age().map(|span| span.as_secs()),
            "priority": priority(row),
            "expired": is_expired(row),
            "reason": lease.reason,
            "ticket": lease.name,
        })
    };
    waiters.iter().enumerate().map(one).collect()
}

fn holder(row: &Row) -> &str {
    row.lease.holder.as_deref().unwrap_or_default()
}

fn priority(row: &Row) -> i32 {
    row.lease.standing.map_or(0, |standing| standing.priority)
}

fn is_expired(row: &Row) -> bool {
    row.condition.state == State::Expired
}
