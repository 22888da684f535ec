//! The arithmetic of one hold: when to renew, when to begin to stop the command, and when it must be dead.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::lease::values::LeaseDuration;
use crate::words::exact as words;

/// Spans of one hold. All count from just before the last acknowledged renewal was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The recorded lease duration: when others may prove the lease expired.
    pub duration: Duration,
    /// When the next renewal is due.
    pub renew_every: Duration,
    /// The longest one renewal attempt may take.
    pub attempt: Duration,
    /// Between asking the command to stop and killing it.
    pub kill_after: Duration,
    /// When to ask the command to stop unless a renewal was acknowledged.
    pub renew_deadline: Duration,
    /// When to kill it: what is left until `dead_after` is for the kernel and for us to see it gone.
    pub kill_at: Duration,
    /// When it must be dead: 5 % before the lease can expire, for clocks that run at different rates.
    pub dead_after: Duration,
}

/// The longest default grace between asking and killing.
const LONGEST_GRACE: Duration = Duration::from_secs(5);

impl Timing {
    /// Checks the spans against each other.
    ///
    /// # Errors
    /// With the arithmetic and what to change.
    pub fn new(
        duration: Duration,
        kill_after: Option<Duration>,
        renew_every: Option<Duration>,
    ) -> Result<Self, String> {
        let spans = Spans::new(duration, kill_after, renew_every);
        if spans.renew_every.is_zero() {
            return Err("--renew-every must be longer than 0s".to_owned());
        }
        match spans.renew_deadline() {
            Some(renew_deadline) => Ok(Self {
                duration,
                renew_every: spans.renew_every,
                attempt: spans.attempt,
                kill_after: spans.kill_after,
                renew_deadline,
                kill_at: renew_deadline + spans.kill_after,
                dead_after: spans.dead_after,
            }),
            None => Err(format!(
                "the times do not fit: a lease duration of {} leaves {} for renewals \
                 (less {} for clocks that run at different rates, {} to kill, --kill-after {}), \
                 but a renewal every {}, up to a tenth late, that may take {} needs {}; choose {}",
                words(duration),
                words(whole_hundredths(spans.left().unwrap_or_default())),
                words(duration - spans.dead_after),
                words(spans.kill_time),
                words(spans.kill_after),
                words(spans.renew_every),
                words(spans.attempt),
                words(whole_hundredths(
                    spans
                        .needed()
                        .saturating_add(Duration::from_nanos(9_999_999))
                )),
                what_fits(duration, kill_after, renew_every),
            )),
        }
    }

    /// The shortest whole number of seconds in which these spans fit.
    ///
    /// # Errors
    /// With the arithmetic, where even the longest duration is not long enough.
    pub fn min_duration(
        kill_after: Option<Duration>,
        renew_every: Option<Duration>,
    ) -> Result<LeaseDuration, String> {
        let fits =
            |duration: LeaseDuration| Self::new(duration.as_duration(), kill_after, renew_every);
        // What fits a duration fits every longer one.
        let (mut short, mut least) = (0, LeaseDuration::LONGEST);
        fits(least)?;
        while let Some(middle) =
            LeaseDuration::from_secs(i64::midpoint(short, least.as_secs().into()))
                .filter(|middle| i64::from(middle.as_secs()) > short)
        {
            if fits(middle).is_ok() {
                least = middle
            } else {
                short = middle.as_secs().into()
            }
        }
        Ok(least)
    }

    /// When the next renewal is due after one was sent: a tenth more than `renew_every`, so that a minute at D = 15 s
    /// costs ten renewals, less a little by chance (`jitter` in 0..1), so that many holders do not renew in step. Never
    /// much more, because without a watch it is the renewal that notices a loss, within D/3 and a second.
    pub fn renewal_due(&self, jitter: f64) -> Duration {
        let late = (self.renew_every / 10).min(Duration::from_millis(500));
        (self.renew_every + late).mul_f64(1.0 - jitter / 140.0)
    }

    /// The longest the next attempt may take: shorter and shorter towards the deadline, so that a server that comes
    /// back late still finds a fresh attempt.
    pub fn attempt_limit(&self, sent_at: Instant, now: Instant) -> Duration {
        let left = (sent_at + self.renew_deadline).since(now);
        (left / 2).clamp(Duration::from_millis(100).min(self.attempt), self.attempt)
    }

    /// The pause before another attempt after `failures` in a row, within what is left.
    pub fn pause(
        &self,
        sent_at: Instant,
        now: Instant,
        failures: u32,
        asked_for: Option<Duration>,
    ) -> Duration {
        let left = (sent_at + self.renew_deadline).since(now);
        let shortest =
            (self.duration / 100).clamp(Duration::from_millis(20), Duration::from_millis(250));
        let doubled = shortest * (1 << failures.min(3));
        asked_for.unwrap_or(doubled).min(left / 6).max(shortest)
    }
}

/// The spans that must fit into one duration.
struct Spans {
    renew_every: Duration,
    attempt: Duration,
    kill_after: Duration,
    kill_time: Duration,
    dead_after: Duration,
}

impl Spans {
    fn new(
        duration: Duration,
        kill_after: Option<Duration>,
        renew_every: Option<Duration>,
    ) -> Self {
        Self {
            renew_every: renew_every.unwrap_or(duration / 3),
            attempt: duration / 6,
            // Renewals are due by 0.37 D and must survive an outage of D/2: that leaves 0.13 D, less the margin and the kill.
            kill_after: kill_after.unwrap_or((duration * 11 / 200).min(LONGEST_GRACE)),
            kill_time: (duration / 100)
                .clamp(Duration::from_millis(20), Duration::from_millis(250)),
            dead_after: duration - duration / 20,
        }
    }

    /// What renewals need. As long as somebody may ask for: nothing here may overflow.
    fn needed(&self) -> Duration {
        self.renew_every
            .saturating_add(self.renew_every / 10)
            .saturating_add(self.attempt)
    }

    /// What remains for them; `None` where the rest takes more than there is.
    fn left(&self) -> Option<Duration> {
        self.dead_after
            .checked_sub(self.kill_after.saturating_add(self.kill_time))
    }

    /// What remains for them, if it is enough.
    fn renew_deadline(&self) -> Option<Duration> {
        self.left().filter(|left| *left >= self.needed())
    }
}

/// Rounded down to what is shown, so that too little never looks like enough.
fn whole_hundredths(span: Duration) -> Duration {
    span.saturating_sub(Duration::from_nanos(
        (span.subsec_nanos() % 10_000_000).into(),
    ))
}

/// Which of the spans that somebody chose could be changed so that all fit, in words.
fn what_fits(
    duration: Duration,
    kill_after: Option<Duration>,
    renew_every: Option<Duration>,
) -> String {
    let fit = |duration, kill_after, renew_every| {
        Spans::new(duration, kill_after, renew_every)
            .renew_deadline()
            .is_some()
    };
    let (longest, none) = (LeaseDuration::LONGEST.as_duration(), Some(Duration::ZERO));
    let alone = [
        (fit(longest, kill_after, renew_every), "a longer --duration"),
        (fit(duration, none, renew_every), "a shorter --kill-after"),
        (fit(duration, kill_after, none), "a shorter --renew-every"),
    ];
    let alone: Vec<&str> = alone
        .into_iter()
        .filter_map(|(fits, words)| fits.then_some(words))
        .collect();
    match alone.split_last() {
        None => "a shorter --kill-after and a shorter --renew-every".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

#[cfg(test)]
#[path = "timing_tests.rs"]
mod tests;
