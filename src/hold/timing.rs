//! The arithmetic of one hold: when to renew, when to begin to stop the command, and when it must be dead.

use std::time::Duration;

use crate::clock::Instant;
use crate::lease::values::LeaseDuration;
use crate::output::words::exact as words;

/// Spans of one hold. All count from just before the last acknowledged renewal was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    pub fence_after: Duration,
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
        let margin = duration / 20;
        let kill_time =
            (duration / 100).clamp(Duration::from_millis(20), Duration::from_millis(250));
        // Renewals are due by 0.37 D and must survive an outage of D/2: that leaves 0.13 D, less the margin and the kill.
        let kill_after = kill_after.unwrap_or((duration * 11 / 200).min(LONGEST_GRACE));
        let renew_every = renew_every.unwrap_or(duration / 3);
        let attempt = duration / 6;
        let dead_after = duration - margin;
        // As long as somebody may ask for: nothing here may overflow.
        let needed = renew_every
            .saturating_add(renew_every / 10)
            .saturating_add(attempt);
        let left = dead_after.checked_sub(kill_after.saturating_add(kill_time));
        match left.filter(|left| *left >= needed && !renew_every.is_zero()) {
            Some(fence_after) => Ok(Self {
                duration,
                renew_every,
                attempt,
                kill_after,
                fence_after,
                kill_at: fence_after + kill_after,
                dead_after,
            }),
            None => Err(format!(
                "the times do not fit: of a lease duration of {} there remain {} for renewals \
                 (less {} for clocks that run at different rates, {} to kill, --kill-after {}), \
                 but a renewal every {} that may take {} needs {}; \
                 choose a longer --duration, a shorter --kill-after or a shorter --renew-every",
                words(duration),
                words(left.unwrap_or_default()),
                words(margin),
                words(kill_time),
                words(kill_after),
                words(renew_every),
                words(attempt),
                words(needed),
            )),
        }
    }

    /// The shortest whole number of seconds in which these spans fit.
    ///
    /// # Errors
    /// With the arithmetic, where even the longest duration is not long enough.
    pub fn least_duration(
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
        let left = (sent_at + self.fence_after).since(now);
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
        let left = (sent_at + self.fence_after).since(now);
        let shortest =
            (self.duration / 100).clamp(Duration::from_millis(20), Duration::from_millis(250));
        let doubled = shortest * (1 << failures.min(3));
        asked_for.unwrap_or(doubled).min(left / 6).max(shortest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::testing::at;

    fn of(seconds: u64) -> Timing {
        Timing::new(Duration::from_secs(seconds), None, None).expect("the defaults fit")
    }

    #[test]
    fn the_defaults_fit_every_duration_from_one_second_up() {
        for seconds in (1..200).chain([3600, 86_400, i32::MAX as u64]) {
            let timing = of(seconds);
            assert!(timing.kill_at < timing.dead_after && timing.dead_after < timing.duration);
            assert!(timing.kill_after <= Duration::from_secs(5));
        }
    }

    #[test]
    fn any_outage_shorter_than_half_the_duration_ends_before_the_fence() {
        for seconds in [2, 5, 15, 60] {
            let timing = of(seconds);
            assert!(
                timing.fence_after > timing.renewal_due(0.0) + timing.duration / 2,
                "{seconds}s"
            );
        }
    }

    #[test]
    fn a_renewal_notices_a_loss_within_a_third_of_the_duration_and_a_second() {
        for seconds in (2..200).chain([3600]) {
            let timing = of(seconds);
            let noticed = timing.renewal_due(0.0);
            assert!(
                noticed < timing.duration / 3 + Duration::from_secs(1),
                "{seconds}s: {noticed:?}"
            );
        }
    }

    #[test]
    fn the_command_is_dead_five_percent_before_the_lease_can_expire() {
        assert_eq!(of(60).dead_after, Duration::from_secs(57));
    }

    #[test]
    fn spans_that_do_not_fit_are_refused_with_the_numbers() {
        let error = Timing::new(Duration::from_secs(15), Some(Duration::from_secs(10)), None)
            .expect_err("10s of grace do not fit in 15s");
        for part in ["15s", "--kill-after 10s", "every 5s", "longer --duration"] {
            assert!(error.contains(part), "{part:?} is not in: {error}");
        }
        assert!(Timing::new(Duration::from_secs(15), None, Some(Duration::from_secs(14))).is_err());
        assert!(Timing::new(Duration::from_secs(15), None, Some(Duration::ZERO)).is_err());
        assert!(Timing::new(Duration::from_secs(15), Some(Duration::from_secs(60)), None).is_err());
    }

    #[test]
    fn the_least_duration_is_the_first_that_fits() {
        let grace = Some(Duration::from_secs(10));
        let least = Timing::least_duration(grace, None).expect("some duration");
        let fits = |seconds: u32| {
            Timing::new(Duration::from_secs(u64::from(seconds)), grace, None).is_ok()
        };
        assert!(
            fits(least.as_secs()) && !fits(least.as_secs() - 1),
            "{least}"
        );
        assert_eq!(
            Timing::least_duration(None, None),
            Ok(LeaseDuration::constant(1))
        );
    }

    #[test]
    fn spans_that_fit_no_duration_at_all_are_refused_whatever_their_size() {
        let whole = Duration::from_secs(u64::MAX);
        for (kill_after, renew_every) in [
            (None, Some(Duration::ZERO)),
            (None, Some(whole)),
            (Some(whole), None),
            (Some(Duration::MAX), Some(Duration::MAX)),
            (None, Some(Duration::MAX / 4)),
        ] {
            let refusal = Timing::least_duration(kill_after, renew_every)
                .expect_err("nothing is long enough");
            assert!(refusal.contains("the times do not fit"), "{refusal}");
        }
    }

    #[test]
    fn attempts_get_shorter_towards_the_fence_and_never_vanish() {
        let timing = of(15);
        assert_eq!(timing.attempt_limit(at(0.0), at(5.0)), timing.attempt);
        let late = timing.attempt_limit(at(0.0), at(12.5));
        assert!(late < Duration::from_millis(500), "{late:?}");
        assert_eq!(
            timing.attempt_limit(at(0.0), at(14.0)),
            Duration::from_millis(100)
        );
    }

    #[test]
    fn a_retry_after_is_cut_to_what_is_left() {
        let timing = of(15);
        let pause = timing.pause(at(0.0), at(5.0), 0, Some(Duration::from_secs(32)));
        assert!(pause < Duration::from_secs(2), "{pause:?}");
    }
}
