//! Everything about one Lease, laid out as `kubectl describe` does.

use jiff::Timestamp;

use super::{Row, age, ago, class, expires, history, in_line, metadata, state};
use crate::hint;
use crate::hint::advised::{self, From};
use crate::lease::events::Recorded;
use crate::lease::evidence::stamped_expiry;
use crate::lease::keeper::{Nature, Other};
use crate::lease::record::{Record, Writer};
use crate::lease::report::{self, Basis, State};
use crate::words::shown::value;
use crate::words::{self, printable};

/// What other objects say about a Lease.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The object that the holder's identity names, and how it is.
    pub holder: Option<String>,
    /// The candidates of a coordinated election.
    pub candidates: Vec<String>,
    /// The fencing token of the grant, where it is known.
    pub token: Option<String>,
    /// The newest Events about it, or why they are not known; `None` where nothing is to be said of them.
    pub events: Option<Result<Vec<Recorded>, String>>,
    /// Who waits for it in line, the first to be served first, or why that is not known; `None` where nothing is to be said of
    /// them.
    pub waiters: Option<Result<Vec<Row>, String>>,
    /// The columns that these are cut to.
    pub columns: Option<usize>,
}

/// The description.
pub fn describe(row: &Row, record: &Record, around: &Surroundings) -> String {
    let (lease, condition) = (&row.lease, &row.condition);
    let none = || "<none>".to_owned();
    let since = |text: Option<&str>, left_behind: bool| {
        let Some(text) = text else { return none() };
        if left_behind {
            return format!("<none> ({text} is of an earlier grant)");
        }
        let time = text.parse::<Timestamp>().ok();
        let span = time.and_then(|time| row.ago(time));
        span.map_or_else(|| text.to_owned(), |span| format!("{text} ({})", ago(span)))
    };
    let mut lines = vec![
        ("Name", lease.name.clone()),
        ("Namespace", lease.namespace.clone()),
        ("Class", class(lease.class).to_owned()),
        ("State", format!("{}{}", state(condition.state), basis(row))),
        (
            "Holder",
            lease
                .holder
                .as_deref()
                .map_or_else(none, |holder| value(holder).into_owned()),
        ),
    ];
    if let Some(holder) = &around.holder {
        lines.push(("Holder is", holder.clone()));
    }
    if let Some(lease) = record.in_line_for() {
        lines.push(("In line for", lease.to_owned()));
    }
    if let Some(info) = record.lock_info() {
        lines.extend(metadata::lock(&info, lease.holder.as_deref(), row.date));
    }
    lines.push(("Reason", lease.reason.clone().unwrap_or_else(none)));
    lines.extend(history::previous(row, record));
    lines.extend([
        (
            "Acquired",
            since(record.acquire_time(), lease.left_behind.acquired),
        ),
        (
            "Renewed",
            since(record.renew_time(), lease.left_behind.renewed),
        ),
        (
            "Duration",
            match (lease.duration, record.left_over_duration()) {
                (Some(duration), _) => duration.to_string(),
                (None, Some(left)) => {
                    format!("<none> ({left} is recorded, and is not its holder's)")
                }
                (None, None) => none(),
            },
        ),
        ("Expires in", arithmetic(row, record)),
        ("Transitions", transitions(row)),
    ]);
    if let Some(amount) = condition.skew {
        let (span, direction) = (
            age(amount),
            if amount.is_negative() {
                "behind"
            } else {
                "ahead of"
            },
        );
        let least = if condition.skew_is_least {
            "at least "
        } else {
            ""
        };
        lines.push((
            "Skew",
            format!("the holder's clock is {least}{span} {direction} the server's"),
        ));
    }
    if let Some(strategy) = &lease.strategy {
        lines.push(("Strategy", strategy.clone()));
        let candidates = if around.candidates.is_empty() {
            none()
        } else {
            around.candidates.join(", ")
        };
        lines.push(("Candidates", candidates));
    }
    if let Some(preferred) = &lease.preferred {
        lines.push(("Preferred", preferred.clone()));
    }
    // Older servers leave a stamp alone while the fields stay the same ones: it does not tell the last write.
    if let Some(Writer {
        manager,
        operation,
        time,
    }) = record.last_writer().filter(|_| condition.stamped)
    {
        lines.push((
            "Last write",
            format!("{manager}, {operation}, {time} by the server's clock"),
        ));
    }
    if let Some(owner) = record.owner() {
        lines.push(("Owner", owner));
    }
    let finalizers = record.finalizers();
    if lease.terminating || !finalizers.is_empty() {
        lines.push(("Finalizers", finalizers.join(", ")));
    }
    lines.push(("Age", row.age().map_or_else(none, age)));
    if let Some(token) = &around.token {
        lines.push((
            "Token",
            format!("{token} (of the grant that this runs under)"),
        ));
    }
    lines.extend(metadata::of(record));
    let mut text: String = lines
        .into_iter()
        .map(|(label, text)| {
            let label = if label.is_empty() {
                String::new()
            } else {
                format!("{label}:")
            };
            format!("{label:<13}{}\n", printable(&text))
        })
        .collect();
    if let Some(waiters) = &around.waiters {
        text.push_str(&in_line::described(waiters, around.columns));
    }
    if let Some(events) = &around.events {
        text.push_str(&history::events(events, row.date, around.columns));
    }
    for line in advice(row, record) {
        text.push_str(&printable(&line));
        text.push('\n');
    }
    text
}

/// Whether its holder is alive, in one line, for whoever is to decide about it.
pub fn life(row: &Row, record: &Record) -> String {
    // Terraform notes it elsewhere.
    let locked = || {
        let info = record.lock_info().filter(|_| record.duration().is_none())?;
        let is_holders = Some(info.id.as_str()) == record.holder();
        info.created.parse().ok().filter(|_| is_holders)
    };
    let acquired = row.lease.acquired.or_else(locked);
    let acquired = acquired.and_then(|time| row.ago(time));
    let acquired = acquired.map_or_else(|| "at an unknown time".to_owned(), ago);
    let ends = match (row.condition.state, row.condition.expires_in) {
        (State::Expired, _) => format!("expired {}", arithmetic(row, record)),
        (State::HeldWithoutExpiry, _) => format!("expires {}", arithmetic(row, record)),
        (State::Held, None) => format!("when it expires is {}", arithmetic(row, record)),
        (State::Held, Some(_)) => format!("expires in {}", arithmetic(row, record)),
        (State::Free | State::Terminating | State::Deleted, _) => "nothing to expire".to_owned(),
    };
    let (state, basis) = (state(row.condition.state), basis(row));
    format!("{state}{basis}, acquired {acquired}, {ends}")
}

fn basis(row: &Row) -> &'static str {
    match row.condition.basis {
        Basis::ServerStamp if row.lease.stamp == row.lease.renew_stamp => {
            " (by the server's own stamp of the last renewal)"
        }
        // Somebody wrote another field alone.
        Basis::ServerStamp => " (by the server's own stamp of the last change)",
        Basis::RenewTime => " (by the holder's renewTime against the server's clock)",
        Basis::None => "",
    }
}

fn arithmetic(row: &Row, record: &Record) -> String {
    let condition = &row.condition;
    match (condition.state, row.lease.duration, condition.renewed_ago) {
        (State::Held | State::Expired, Some(duration), Some(renewed)) => {
            format!(
                "{} (renewed {}, for {duration})",
                expires(condition),
                ago(renewed)
            )
        }
        (State::Held, Some(_), None) if condition.skew_is_least => {
            "unknown, because a clock is wrong: renewTime is in the future".to_owned()
        }
        (State::HeldWithoutExpiry, ..) => {
            let nature = Nature::of(record);
            let (why, ended) = (
                advised::endless_because(&nature),
                advised::ended_by(&nature),
            );
            format!("never: {why}; {ended}")
        }
        _ => expires(condition),
    }
}

fn transitions(row: &Row) -> String {
    match row.flaps_per_hour() {
        Some(rate) => format!("{} (flapping: {rate:.0} an hour)", row.lease.transitions),
        None => row.lease.transitions.to_string(),
    }
}

/// What would free it, where that is a lock that somebody may want to have and cannot.
fn advice(row: &Row, record: &Record) -> Vec<String> {
    let lease = &row.lease;
    let Some(other) = Other::of(record) else {
        return Vec::new();
    };
    match (row.condition.state, &other.nature) {
        // To take one of these stops a component, or says that a node or an API server lives.
        (_, Nature::Election | Nature::Kept(_)) => Vec::new(),
        (State::Expired | State::HeldWithoutExpiry, Nature::Exhausted) => {
            vec![advised::exhausted(&lease.name, &lease.namespace)]
        }
        (_, Nature::Exhausted) => Vec::new(),
        (state, Nature::Lock | Nature::Terraform) => match state {
            State::Free | State::Held | State::Terminating | State::Deleted => Vec::new(),
            State::Expired => vec![format!(
                "Whoever waits takes it. To take it: {}   ({})",
                hint::lease("acquire", &lease.name, &lease.namespace),
                proof_takes(row)
            )],
            State::HeldWithoutExpiry => {
                vec![
                    match advised::steal(&other, &lease.name, &lease.namespace, From::Holder) {
                        Ok(steal) => format!("If its holder is gone: {steal}"),
                        Err(instead) => instead,
                    },
                ]
            }
        },
    }
}

/// How long an expired lease takes to be acquired.
fn proof_takes(row: &Row) -> String {
    let Some(duration) = row.lease.duration else {
        return String::new();
    };
    match row.condition.basis {
        Basis::ServerStamp => {
            let age = row.condition.renewed_ago.map(report::magnitude);
            let left = stamped_expiry(duration).saturating_sub(age.unwrap_or_default());
            if left.is_zero() {
                "at once".to_owned()
            } else {
                let left = words::duration(left.min(duration.as_duration()));
                format!("within {left}, as long as the proof takes")
            }
        }
        Basis::RenewTime | Basis::None if row.lease.stamp.is_none() => {
            format!(
                "within {duration}: no timestamp of the server proves it, so acquire has to watch it that long"
            )
        }
        Basis::RenewTime | Basis::None => {
            format!("within {duration}, as long as the proof takes on this server")
        }
    }
}
