//! What became of a Lease before, in lines for people: from whom it was taken, and the Events about it as
//! `kubectl describe` lays them out, but the newest first.

use jiff::Timestamp;

use super::laid_out::laid_out;
use super::metadata::Line;
use super::{Row, age, ago};
use crate::lease::events::Recorded;
use crate::lease::record::{Previous, Record, Taken};
use crate::lease::report::since;
use crate::words::cut;
use crate::words::shown::{printable, value};

/// So much is shown of a reason and of an identity.
const LONGEST: usize = 160;

/// From whom it was taken last, if it ever was.
pub fn previous(row: &Row, record: &Record) -> Option<Line> {
    let Previous {
        holder,
        reason,
        taken,
        by,
        because,
        at,
        transitions,
        ..
    } = record.previous()?;
    let current = transitions == record.transitions() && record.holder() == Some(&*by);
    let span = at.and_then(|at| match current {
        true => row.ago(at),
        false => Some(since(at, row.date?)),
    });
    let when = match (span, at) {
        (Some(span), _) => format!(" {}", ago(span)),
        (None, Some(at)) => format!(" at {at}"),
        (None, None) => String::new(),
    };
    let by = value(&by).into_owned();
    let taken = match taken {
        Taken::Expired => format!("expired, and acquired by {by}"),
        Taken::Stolen => format!("stolen by {by}"),
        Taken::FailedOver => format!("failed over by {by}"),
        Taken::ForceReleased => format!("released by {by}, who was not its holder,"),
    };
    let later = match record.transitions().saturating_sub(transitions) {
        ..=0 => String::new(),
        1 => "; granted once since".to_owned(),
        count => format!("; granted {count} times since"),
    };
    let (reason, because) = (given(reason), given(because));
    let holder = value(&holder).into_owned();
    Some((
        "Previous",
        format!("{holder}{reason}: {taken}{when}{because}{later}"),
    ))
}

fn given(reason: Option<String>) -> String {
    reason.map_or_else(String::new, |reason| {
        format!(" (reason: {})", cut(&reason, LONGEST))
    })
}

/// The Events at the server's time `date`, each in a line of so many columns at most.
pub fn events(
    events: &Result<Vec<Recorded>, String>,
    date: Option<Timestamp>,
    columns: Option<usize>,
) -> String {
    let events = match events {
        Ok(events) if events.is_empty() => return line("Events:", "<none>"),
        Ok(events) => events,
        Err(why) => return line("Events:", &format!("unknown: {}", printable(why))),
    };
    let titles = ["Type", "Reason", "Age", "From", "Message"].map(str::to_owned);
    let rows = events.iter().map(|event| {
        let shown = |text: &str| value(&cut(text, LONGEST)).into_owned();
        vec![
            shown(&event.kind),
            shown(&event.reason),
            seen(event, date),
            shown(&event.controller),
            printable(&event.note).into_owned(),
        ]
    });
    format!(
        "Events:\n{}",
        laid_out(titles.to_vec(), rows.collect(), columns)
    )
}

fn line(label: &str, text: &str) -> String {
    format!("{label:<13}{text}\n")
}

/// How long ago it was seen last, and how often in how long.
fn seen(event: &Recorded, date: Option<Timestamp>) -> String {
    let span = |time: Option<Timestamp>| Some(age(since(time?, date?)));
    let Some(last) = span(event.last) else {
        return "<unknown>".to_owned();
    };
    match span(event.time).filter(|_| event.count > 1) {
        Some(first) => format!("{last} (x{} over {first})", event.count),
        None => last,
    }
}
