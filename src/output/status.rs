//! Conditions of Leases as a table, a description, or a versioned document.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::words::{duration, printable};
use crate::lease::condition::{Basis, Condition, State, magnitude};
use crate::lease::record::Record;

/// The version of the documents `-o json` and `-o yaml` print.
pub const API_VERSION: &str = "kubectl-lease/v1";

/// A Lease and what can be said of it.
pub struct Row<'a> {
    /// The Lease.
    pub record: &'a Record,
    /// What can be said of it.
    pub condition: Condition,
    /// The server's `Date`, for the age.
    pub date: Option<Timestamp>,
}

/// How to lay a table out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// With a column for the namespace.
    pub namespaces: bool,
    /// With the columns of `-o wide`.
    pub wide: bool,
    /// The terminal's width, where there is a terminal: long holders are shortened to fit.
    pub width: Option<u16>,
}

/// A table of Leases, with a final newline.
pub fn table(rows: &[Row<'_>], layout: Layout) -> String {
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
    if layout.wide {
        header.extend(["DURATION", "ACQUIRED", "SKEW", "REASON"]);
    }
    let full: Vec<Vec<String>> = rows.iter().map(|row| cells(row, layout)).collect();
    let holder = header
        .iter()
        .position(|name| *name == "HOLDER")
        .unwrap_or_default();
    let room = layout
        .width
        .map(|width| holder_room(&header, &full, holder, usize::from(width)));
    let mut table = Table::new();
    table
        .load_preset(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for mut row in full {
        if let Some(room) = room {
            row[holder] = shortened(&row[holder], room);
        }
        table.add_row(row);
    }
    let count = table.column_count();
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index + 1 == count { 0 } else { 3 }));
    }
    let mut text = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n");
    text.push('\n');
    text
}

/// What is left for the holder once every other column has its width.
fn holder_room(header: &[&str], rows: &[Vec<String>], holder: usize, width: usize) -> usize {
    let others: usize = header
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != holder)
        .map(|(index, name)| {
            let longest = rows
                .iter()
                .map(|row| row[index].chars().count())
                .max()
                .unwrap_or(0);
            longest.max(name.len()) + 3
        })
        .sum();
    width.saturating_sub(others + 3).max(12)
}

/// `text` cut in its middle to `room` characters.
fn shortened(text: &str, room: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= room {
        return text.to_owned();
    }
    let tail = (room - 1) / 2;
    let head = room - 1 - tail;
    let begin: String = characters[..head].iter().collect();
    let end: String = characters[characters.len() - tail..].iter().collect();
    format!("{begin}…{end}")
}

fn cells(row: &Row<'_>, layout: Layout) -> Vec<String> {
    let record = row.record;
    let safe = |text: &str| printable(text).into_owned();
    let mut cells = Vec::new();
    if layout.namespaces {
        cells.push(safe(record.namespace()));
    }
    cells.extend([
        safe(record.name()),
        state(row.condition.state).to_owned(),
        record.holder().map_or_else(|| "-".to_owned(), safe),
        row.condition
            .renewed_ago
            .map_or_else(|| "-".to_owned(), ago),
        expires(&row.condition),
        record.transitions().to_string(),
        record.created().zip(row.date).map_or_else(
            || "-".to_owned(),
            |(created, date)| age(date.duration_since(created)),
        ),
    ]);
    if layout.wide {
        cells.extend([
            record
                .duration()
                .map_or_else(|| "-".to_owned(), |duration| duration.to_string()),
            record.acquire_time().map_or_else(|| "-".to_owned(), safe),
            row.condition.skew.map_or_else(|| "-".to_owned(), skew),
            record.reason().map_or_else(|| "-".to_owned(), safe),
        ]);
    }
    cells
}

fn state(state: State) -> &'static str {
    match state {
        State::Free => "Free",
        State::Held | State::HeldWithoutExpiry => "Held",
        State::Expired => "Expired",
        State::Terminating => "Terminating",
    }
}

fn age(span: SignedDuration) -> String {
    duration(std::time::Duration::from_secs(
        magnitude(span.max(SignedDuration::ZERO)).as_secs(),
    ))
}

fn ago(span: SignedDuration) -> String {
    let whole = std::time::Duration::from_secs(magnitude(span).as_secs());
    if span < SignedDuration::from_secs(-1) {
        format!("in {}", duration(whole))
    } else {
        format!(
            "{} ago",
            if span.is_negative() {
                "0s".to_owned()
            } else {
                duration(whole)
            }
        )
    }
}

fn expires(condition: &Condition) -> String {
    match (condition.state, condition.expires_in) {
        (State::Free | State::Terminating, _) => "-".to_owned(),
        (State::HeldWithoutExpiry, _) => "never".to_owned(),
        (State::Held, None) => "unknown".to_owned(),
        (State::Held, Some(left)) => duration(magnitude(left.max(SignedDuration::ZERO))),
        (State::Expired, left) => format!(
            "{} ago",
            duration(magnitude(
                left.unwrap_or_default().min(SignedDuration::ZERO)
            ))
        ),
    }
}

fn skew(skew: SignedDuration) -> String {
    let direction = if skew.is_negative() {
        "behind"
    } else {
        "ahead"
    };
    format!("{} {direction}", duration(magnitude(skew)))
}

/// Everything about one Lease, as `kubectl describe` lays things out.
pub fn description(row: &Row<'_>) -> String {
    let record = row.record;
    let condition = &row.condition;
    let none = || "<none>".to_owned();
    let known = |basis| match basis {
        Basis::ServerStamp => " (by the server's own stamp of the last renewal)",
        Basis::RenewTime => " (by the holder's renewTime against the server's clock)",
        Basis::None => "",
    };
    let with_ago = |text: Option<&str>, span: Option<SignedDuration>| match (text, span) {
        (Some(text), Some(span)) => format!("{text} ({})", ago(span)),
        (Some(text), None) => text.to_owned(),
        (None, _) => none(),
    };
    let since = |text: Option<&str>| {
        let time: Timestamp = text?.parse().ok()?;
        Some(row.date?.duration_since(time))
    };
    let mut lines = vec![
        ("Name", record.name().to_owned()),
        ("Namespace", record.namespace().to_owned()),
        (
            "State",
            format!("{}{}", state(condition.state), known(condition.basis)),
        ),
        ("Holder", record.holder().map_or_else(none, str::to_owned)),
        ("Reason", record.reason().map_or_else(none, str::to_owned)),
        (
            "Acquired",
            with_ago(record.acquire_time(), since(record.acquire_time())),
        ),
        (
            "Renewed",
            with_ago(record.renew_time(), since(record.renew_time())),
        ),
        (
            "Duration",
            record.duration().map_or_else(
                || "<none>: never expires by itself".to_owned(),
                |duration| duration.to_string(),
            ),
        ),
        ("Expires in", expires(condition)),
        ("Transitions", record.transitions().to_string()),
    ];
    if let Some(amount) = condition.skew {
        lines.push((
            "Skew",
            format!(
                "the holder's clock is {} the server's",
                skew(amount)
                    .replace("behind", "behind")
                    .replace("ahead", "ahead of")
            ),
        ));
    }
    if let Some(strategy) = record.strategy() {
        lines.push(("Strategy", strategy.to_owned()));
    }
    let finalizers = record.finalizers();
    if condition.state == State::Terminating {
        lines.push(("Finalizers", finalizers.join(", ")));
    }
    lines.push((
        "Age",
        record
            .created()
            .zip(row.date)
            .map_or_else(none, |(created, date)| age(date.duration_since(created))),
    ));
    lines.push((
        "Token",
        format!("{} (resourceVersion)", record.resource_version()),
    ));
    lines
        .into_iter()
        .map(|(label, text)| format!("{:<13}{}\n", format!("{label}:"), printable(&text)))
        .collect()
}

/// One Lease as a versioned document.
pub fn document(row: &Row<'_>) -> Value {
    let mut item = item(row);
    item["apiVersion"] = json!(API_VERSION);
    item["kind"] = json!("LeaseStatus");
    item
}

/// A list as a versioned document.
pub fn list_document(rows: &[Row<'_>]) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "LeaseStatusList",
        "items": rows.iter().map(item).collect::<Vec<_>>(),
    })
}

fn item(row: &Row<'_>) -> Value {
    let record = row.record;
    let condition = &row.condition;
    let seconds = |span: Option<SignedDuration>| span.map(|span| span.as_millis() as f64 / 1000.0);
    json!({
        "metadata": {
            "name": record.name(),
            "namespace": record.namespace(),
            "uid": record.uid(),
            "resourceVersion": record.resource_version(),
            "creationTimestamp": record.created().map(|time| time.to_string()),
        },
        "state": match condition.state {
            State::HeldWithoutExpiry => "HeldWithoutExpiry",
            other => state(other),
        },
        "proof": match condition.basis {
            Basis::ServerStamp => Some("ServerStamp"),
            Basis::RenewTime => Some("RenewTime"),
            Basis::None => None,
        },
        "holder": record.holder(),
        "acquireTime": record.acquire_time(),
        "renewTime": record.renew_time(),
        "durationSeconds": record.duration().map(|duration| duration.as_secs()),
        "transitions": record.transitions(),
        "renewedSecondsAgo": seconds(condition.renewed_ago),
        "expiresInSeconds": seconds(condition.expires_in),
        "skewSeconds": seconds(condition.skew),
        "reason": record.reason(),
        "strategy": record.strategy(),
    })
}
