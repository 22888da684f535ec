//! Labels, annotations and what Terraform says of its lock, in lines for people.

use jiff::Timestamp;

use super::ago;
use crate::lease::record::{LockInfo, Record};
use crate::lease::report::since;
use crate::words::printable;

/// A line of a description.
pub type Line = (&'static str, String);

/// So many of them are shown: an object may have thousands, and `-o yaml` of kubectl shows them all.
const MOST: usize = 20;

/// So much is shown of a value.
const LONGEST: usize = 160;

/// kubectl's own, with the whole object in it; `kubectl describe` leaves it out too.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Who has locked a state, and for what.
pub fn lock(info: &LockInfo, holder: Option<&str>, date: Option<Timestamp>) -> Vec<Line> {
    let time = info.created.parse::<Timestamp>().ok().zip(date);
    let created = time.map_or_else(
        || info.created.clone(),
        |(time, date)| format!("{} ({})", info.created, ago(since(time, date))),
    );
    let id = if holder == Some(info.id.as_str()) {
        info.id.clone()
    } else {
        // The next holder has written none, or the last one has not removed its own.
        format!(
            "{} (left by an earlier lock: it is not the holder)",
            info.id
        )
    };
    [
        ("Lock ID", id),
        ("Operation", info.operation.clone()),
        ("Who", info.who.clone()),
        ("Created", created),
        ("Path", info.path.clone()),
        ("Info", info.info.clone()),
        ("Version", info.version.clone()),
    ]
    .into_iter()
    .filter(|(_, text)| !text.is_empty())
    .map(|(label, text)| (label, cut(&text)))
    .collect()
}

/// Labels and annotations, one a line, the label on the first of each.
pub fn of(record: &Record) -> Vec<Line> {
    let labels = (record.labels()).map(|(key, value)| format!("{key}={value}"));
    let annotations = (record.other_annotations())
        .filter(|(key, _)| *key != LAST_APPLIED)
        .map(|(key, value)| format!("{key}: {value}"));
    let mut lines = block("Labels", labels.collect());
    lines.extend(block("Annotations", annotations.collect()));
    lines
}

fn block(label: &'static str, texts: Vec<String>) -> Vec<Line> {
    let more = texts.len().saturating_sub(MOST);
    let mut lines: Vec<Line> = texts
        .iter()
        .take(MOST)
        .map(|text| ("", cut(text)))
        .collect();
    if more > 0 {
        lines.push(("", format!("… and {more} more")));
    }
    if let Some(first) = lines.first_mut() {
        first.0 = label;
    }
    lines
}

/// Printable, with its end left out where it is long.
fn cut(text: &str) -> String {
    let beginning: String = text.chars().take(LONGEST).collect();
    let shown = printable(&beginning);
    let mut kept: String = shown.chars().take(LONGEST).collect();
    let left = text.chars().count().saturating_sub(LONGEST);
    if left > 0 || kept.len() < shown.len() {
        kept.push_str(&format!("… ({} bytes)", text.len()));
    }
    kept
}
