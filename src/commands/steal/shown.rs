//! What `steal` shows of the Lease that it would take, in the words of `status`.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Clock, SystemClock};
use crate::commands::{Session, exported, status};
use crate::lease::condition;
use crate::lease::evidence::{Expiry, Observation, Proof, Stamps};
use crate::lease::record::Record;
use crate::lease::summary;
use crate::output::status::Row;
use crate::output::status::describe::life;
use crate::output::{advised, terminal, words};

/// How long each object that the holder's identity names is asked for: a question does not wait for it.
const LOOK: Duration = Duration::from_secs(2);

/// Shows it, where somebody is asked each thing in at most `room` characters. What the server's stamps are worth is asked as
/// `status` asks it, whatever is believed as proof.
pub async fn show(
    session: &Session,
    stamps: Stamps,
    seen: &Observation,
    expiry: &Expiry,
    waits: bool,
    room: Option<usize>,
) {
    let date = seen.server_time(SystemClock.now());
    let matters =
        summary::of(seen.record()).is_ok_and(|lease| condition::needs_version(&lease, date));
    let stamps = match stamps {
        Stamps::Trusted => stamps,
        Stamps::Unknown | Stamps::Untrusted if matters => status::stamps(session).await,
        Stamps::Unknown | Stamps::Untrusted => stamps,
    };
    let record = seen.record();
    let row = row(record, date, stamps);
    // Nobody decides by it where nobody is asked.
    let holder_is = match &row {
        Ok(row) if room.is_some() => status::around::holder(session, row, record, LOOK).await,
        Ok(_) | Err(_) => None,
    };
    let room = room.unwrap_or(usize::MAX);
    // The holder is what matters most, so the name does not take its place.
    let holder = format!("{:?}", record.holder().unwrap_or_default());
    terminal::say(&format!(
        "lease {:?} is held by {}",
        record.name(),
        words::cut(&holder, room)
    ));
    for line in lines(seen, expiry, &row, holder_is, waits) {
        terminal::say(&words::cut(&line, room));
    }
}

/// As `status` sees it; `date` is the server's time.
fn row(record: &Record, date: Option<Timestamp>, stamps: Stamps) -> Result<Row, serde_json::Error> {
    let lease = summary::of(record)?;
    let condition = condition::of(&lease, date, stamps);
    Ok(Row {
        lease,
        condition,
        date,
    })
}

/// The lines below who holds it. `holder_is` is what the cluster knows of the holder; `waits` says whether the takeover
/// waits until the holder must have stopped.
fn lines(
    seen: &Observation,
    expiry: &Expiry,
    row: &Result<Row, serde_json::Error>,
    holder_is: Option<String>,
    waits: bool,
) -> Vec<String> {
    let record = seen.record();
    let mut lines = Vec::new();
    let shown_expired = match row {
        Ok(row) => {
            let life = life(row, record);
            lines.push(format!("  {life}"));
            row.condition.state == condition::State::Expired
        }
        Err(error) => {
            lines.push(format!("  it cannot be read whole: {error}"));
            false
        }
    };
    match expiry {
        Expiry::Free => {}
        Expiry::Expired(Proof::ServerStamped { age }) => lines.push(format!(
            "  the server's own stamps prove it: nothing of it has changed for {}",
            words::duration(*age)
        )),
        Expiry::Expired(Proof::Observed { unchanged }) => lines.push(format!(
            "  proven: nothing of it has changed for {} while it was watched",
            words::duration(*unchanged)
        )),
        // Nothing tells when it stops, and that is said when it is taken.
        Expiry::Unproven {
            observed_at: None, ..
        } => {}
        // The wait for a holder that looks alive needs no explanation.
        Expiry::Unproven { .. } if !shown_expired => {
            if let Some(life) = lines.last_mut() {
                life.push_str(": it may be alive");
            }
        }
        Expiry::Unproven { .. } => {
            let wait = record.duration().filter(|_| waits).map(|duration| {
                format!(", so the takeover waits up to {duration} for it to stop (--now does not)")
            });
            lines.push(format!(
                "  that is no proof, because the holder's clock may be wrong: it may be alive{}",
                wait.unwrap_or_default()
            ));
        }
    }
    let warnings = advised::warnings(record, shown_expired);
    lines.extend(warnings.into_iter().map(|line| format!("  {line}")));
    lines.extend(holder_is.map(|holder| format!("  holder is: {holder}")));
    if let Some(reason) = record.reason() {
        lines.push(format!("  reason: {reason}"));
    }
    let around = exported::grants();
    if around.iter().any(|grant| grant.is_granted(record)) {
        lines.push(
            "  this very process runs under it: a hold around it will stop it when the lease is taken"
                .to_owned(),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::evidence::Ask;
    use crate::lease::testing::{at, held, seconds, wall};

    const UNPROVEN: Expiry = Expiry::Unproven {
        observed_at: Some(crate::clock::Instant::from_origin(
            std::time::Duration::ZERO,
        )),
        ask: Ask::Nothing,
    };

    fn shown(expiry: &Expiry, date: Option<&str>, waits: bool) -> String {
        let seen = Observation::first(held("me", 60), at(1.0), None);
        let row = row(seen.record(), date.map(wall), Stamps::Untrusted);
        lines(&seen, expiry, &row, None, waits).join("\n")
    }

    #[test]
    fn a_lease_that_status_calls_expired_is_called_that_and_why_it_is_waited_for() {
        let text = shown(&UNPROVEN, Some("2020-01-01T03:00:00Z"), true);
        assert_eq!(
            text,
            "  Expired (by the holder's renewTime against the server's clock), acquired 3h ago, expired 179m ago (renewed 3h ago, for 60s)\n  \
             that is no proof, because the holder's clock may be wrong: it may be alive, so the takeover waits up to 60s for it to stop (--now does not)"
        );
        let text = shown(&UNPROVEN, Some("2020-01-01T03:00:00Z"), false);
        assert!(text.ends_with("it may be alive"), "{text}");
    }

    #[test]
    fn a_live_holder_is_shown_with_what_is_left_of_its_time() {
        let text = shown(&UNPROVEN, Some("2020-01-01T00:00:20Z"), false);
        assert_eq!(
            text,
            "  Held (by the holder's renewTime against the server's clock), acquired 20s ago, expires in 40s (renewed 20s ago, for 60s): it may be alive"
        );
    }

    #[test]
    fn without_the_servers_time_nothing_is_claimed_and_nothing_is_shown_to_the_microsecond() {
        let text = shown(&UNPROVEN, None, false);
        assert_eq!(
            text,
            "  Held, acquired at an unknown time, when it expires is unknown: it may be alive"
        );
    }

    #[test]
    fn a_proof_is_said_to_be_one() {
        let date = Some("2020-01-01T03:00:00Z");
        let stamped = Expiry::Expired(Proof::ServerStamped {
            age: seconds(10_800.25),
        });
        let text = shown(&stamped, date, true);
        assert!(
            text.ends_with("the server's own stamps prove it: nothing of it has changed for 3h"),
            "{text}"
        );
        let observed = Expiry::Expired(Proof::Observed {
            unchanged: seconds(61.123_456),
        });
        let text = shown(&observed, date, true);
        assert!(
            text.ends_with("proven: nothing of it has changed for 61s while it was watched"),
            "{text}"
        );
    }
}
