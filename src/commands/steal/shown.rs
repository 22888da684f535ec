//! What `steal` shows of the Lease that it would take, in the words of `status`.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Clock, SystemClock};
use crate::commands::{Session, exported, status};
use crate::hint::advised;
use crate::lease::evidence::{Expiry, Observation, Proof, Stamps};
use crate::lease::keeper::Nature;
use crate::lease::operate::Operations;
use crate::lease::record::{Keep, Record};
use crate::lease::report::{self, Row};
use crate::output::status::describe::life;
use crate::output::terminal;
use crate::server::LeaseClient;
use crate::words;
use crate::words::shown::{may_take, printable, shortened};

/// How long each object that the holder's identity names is asked for: a question does not wait for it.
const LOOK: Duration = Duration::from_secs(2);

/// The most lines of a terminal for what others have written, before a question that stands below.
const MOST: usize = 2;

/// How the Lease is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// At once.
    Now,
    /// It is freed, at once.
    Freed,
    /// It waits until the holder must have stopped.
    Waits,
    /// It waits likewise, and then the next one is to have it.
    StepsDown,
}

/// Shows it to `me`, where somebody is asked on so many `columns` what others have written in a line or two. What the
/// server's stamps are worth is asked as `status` asks it, whatever is believed as proof.
pub async fn show(
    session: &Session,
    operations: &Operations<LeaseClient, SystemClock>,
    me: &str,
    seen: &Observation,
    expiry: &Expiry,
    manner: Manner,
    columns: Option<usize>,
) {
    let date = seen.server_time(SystemClock.now());
    let matters = report::needs_version(&Keep::Facts.of(seen.record()), date);
    let stamps = match operations.stamps() {
        Stamps::Unknown | Stamps::Untrusted if matters => operations.show_stamps().await,
        stamps => stamps,
    };
    let record = seen.record();
    let row = row(record, date, stamps);
    // Nobody decides by it where nobody is asked.
    let holder_is = match columns {
        Some(_) => status::around::holder(session, &row, record, LOOK).await,
        None => None,
    };
    let cut =
        |text: &str| columns.map_or_else(|| text.to_owned(), |columns| in_lines(text, columns));
    // What a question is about is shown with it, however quiet all is.
    let say = match columns {
        Some(_) => terminal::say_always,
        None => terminal::say,
    };
    // The holder is what matters most, so the name does not take its place.
    let holder = format!("{:?}", record.holder().unwrap_or_default());
    let mine = record.holder() == Some(me);
    say(&format!(
        "lease {:?} is held by {}{}",
        record.name(),
        cut(&holder),
        if mine {
            ", which is your own identity"
        } else {
            ""
        }
    ));
    for line in lines(seen, expiry, &row, mine, manner) {
        say(&line);
    }
    if let Some(holder) = holder_is {
        say(&cut(&format!("  holder is: {holder}")));
    }
    if let Some(reason) = record.reason() {
        say(&cut(&format!("  reason: {reason}")));
    }
    let around = exported::held();
    if around.iter().any(|grant| grant.is_granted(record)) {
        say(
            "  this process already runs under it: a hold around it will stop it when the lease is taken",
        );
    }
}

/// The beginning of a text, in a line or two of so many columns.
fn in_lines(text: &str, columns: usize) -> String {
    let text = printable(text);
    // What is two columns wide does not begin in the last one.
    let lost = if text.is_ascii() { 0 } else { MOST - 1 };
    let most = (MOST * columns).saturating_sub(lost);
    let ellipsis = if terminal::is_ascii() { "..." } else { "…" };
    let cut = |room: usize| shortened(&text, room, ellipsis);
    let fitting = (0..=most).rev().map(cut);
    let mut fitting = fitting.filter(|cut| may_take(cut) <= most);
    fitting.next().unwrap_or_default()
}

/// As `status` sees it; `date` is the server's time.
fn row(record: &Record, date: Option<Timestamp>, stamps: Stamps) -> Row {
    Row::new(Keep::Facts.of(record), date, stamps)
}

/// What is known of its life, below who holds it. `mine` says whether that is who asks.
fn lines(
    seen: &Observation,
    expiry: &Expiry,
    row: &Row,
    mine: bool,
    manner: Manner,
) -> Vec<String> {
    let record = seen.record();
    let alive = match mine {
        true => "what you run under it may be alive",
        false => "it may be alive",
    };
    let mut lines = vec![format!("  {}", life(row, record))];
    let shown_expired = row.condition.state == report::State::Expired;
    match expiry {
        Expiry::Free => {}
        Expiry::Expired(Proof::ServerStamped { age }) => lines.push(format!(
            "  the server's own stamps prove it: it has not changed for {}",
            words::duration(*age)
        )),
        Expiry::Expired(Proof::Observed { unchanged }) => lines.push(format!(
            "  proven: it has not changed for {} while it was watched",
            words::duration(*unchanged)
        )),
        // Nothing tells when it stops, and that is said when it is taken.
        Expiry::Unproven {
            observed_at: None, ..
        } => {}
        // The wait for a holder that looks alive needs no explanation.
        Expiry::Unproven { .. } if !shown_expired => {
            if let Some(life) = lines.last_mut() {
                life.push_str(&format!(": {alive}"));
            }
        }
        Expiry::Unproven { .. } => {
            let wait = record.duration().and_then(|duration| match manner {
                Manner::Now | Manner::Freed => None,
                Manner::Waits => Some(format!(
                    ", so the takeover waits up to {duration} for it to stop (--now does not)"
                )),
                Manner::StepsDown => {
                    Some(format!(", so this waits up to {duration} for it to stop"))
                }
            });
            let why = match row.condition.stamped {
                true => "the clocks of API servers may differ",
                false => "the holder's clock may be wrong",
            };
            lines.push(format!(
                "  not certain, because {why}: {alive}{}",
                wait.unwrap_or_default()
            ));
        }
    }
    let warnings = match (manner, Nature::of(record)) {
        // That its leader works on for a while is what is waited for.
        (Manner::StepsDown | Manner::Freed, Nature::Election) => Vec::new(),
        _ => advised::warnings(record, shown_expired),
    };
    lines.extend(warnings.into_iter().map(|line| format!("  {line}")));
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
        let takeover = if waits { Manner::Waits } else { Manner::Now };
        lines(&seen, expiry, &row, false, takeover).join("\n")
    }

    #[test]
    fn a_lease_that_status_calls_expired_is_called_that_and_why_it_is_waited_for() {
        let text = shown(&UNPROVEN, Some("2020-01-01T03:00:00Z"), true);
        assert_eq!(
            text,
            "  Expired (by the holder's renewTime against the server's clock), acquired 3h ago, expired 179m ago (renewed 3h ago, for 60s)\n  \
             not certain, because the holder's clock may be wrong: it may be alive, so the takeover waits up to 60s for it to stop (--now does not)"
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
    fn a_lease_of_ones_own_is_not_somebody_who_may_be_alive() {
        let seen = Observation::first(held("me", 60), at(1.0), None);
        let row = row(seen.record(), None, Stamps::Untrusted);
        let text = lines(&seen, &UNPROVEN, &row, true, Manner::Waits).join("\n");
        assert!(
            text.ends_with("unknown: what you run under it may be alive"),
            "{text}"
        );
    }

    #[test]
    fn what_others_have_written_takes_two_lines_at_most_however_wide_its_characters_are() {
        for text in ["a word ".repeat(90), "漢字 ".repeat(90), "👍🏽".repeat(90)] {
            for columns in [20, 40, 41, 80] {
                let cut = in_lines(&text, columns);
                assert!(may_take(&cut) <= 2 * columns, "{columns}: {cut}");
                assert!(may_take(&cut) > columns, "{columns}: {cut}");
            }
        }
        assert_eq!(in_lines("short", 40), "short");
    }

    #[test]
    fn a_proof_is_said_to_be_one() {
        let date = Some("2020-01-01T03:00:00Z");
        let stamped = Expiry::Expired(Proof::ServerStamped {
            age: seconds(10_800.25),
        });
        let text = shown(&stamped, date, true);
        assert!(
            text.ends_with("the server's own stamps prove it: it has not changed for 3h"),
            "{text}"
        );
        let observed = Expiry::Expired(Proof::Observed {
            unchanged: seconds(61.123_456),
        });
        let text = shown(&observed, date, true);
        assert!(
            text.ends_with("proven: it has not changed for 61s while it was watched"),
            "{text}"
        );
    }
}
