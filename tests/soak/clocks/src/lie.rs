//! What a clock is made to show, and how long what is waited for by it takes in truth: arithmetic alone.

/// A second, in nanoseconds.
pub const SECOND: i64 = 1_000_000_000;

/// How the clocks are wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lie {
    /// CLOCK_REALTIME is ahead by this, in nanoseconds.
    pub offset: i64,
    /// The clocks that NTP slews run at 1 + this many millionths.
    pub slew: i64,
    /// They were right when CLOCK_MONOTONIC_RAW showed this, in nanoseconds.
    pub origin: i64,
}

impl Lie {
    /// By what a clock is ahead that NTP slews, in nanoseconds, once the hardware's shows `raw`.
    pub fn ahead(&self, raw: i64) -> i64 {
        let since = i128::from(raw) - i128::from(self.origin);
        narrowed(since * i128::from(self.slew) / 1_000_000)
    }

    /// By what CLOCK_REALTIME is ahead then.
    pub fn wall_ahead(&self, raw: i64) -> i64 {
        self.ahead(raw).saturating_add(self.offset)
    }

    /// How long it takes in truth until such a clock has gone on by `span`. Rounded up: a timer is never early.
    pub fn lasts(&self, span: i64) -> i64 {
        let rate = i128::from(1_000_000 + self.slew).max(1);
        narrowed((i128::from(span) * 1_000_000 + rate - 1).div_euclid(rate))
    }

    /// What the true clock shows when a wrong one shows `time`; they show `shown` and `truth` now.
    pub fn in_truth(&self, time: i64, shown: i64, truth: i64) -> i64 {
        truth.saturating_add(self.lasts(time.saturating_sub(shown)))
    }
}

fn narrowed(nanoseconds: i128) -> i64 {
    i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Lie = Lie {
        offset: 3_600 * SECOND,
        slew: 80_000,
        origin: 100 * SECOND,
    };

    #[test]
    fn a_clock_is_right_at_the_origin_and_runs_at_its_rate_from_there() {
        assert_eq!(FAST.ahead(100 * SECOND), 0);
        assert_eq!(FAST.ahead(200 * SECOND), 8 * SECOND);
        let slow = Lie {
            slew: -80_000,
            ..FAST
        };
        assert_eq!(slow.ahead(200 * SECOND), -8 * SECOND);
        assert_eq!(FAST.wall_ahead(200 * SECOND), 3_608 * SECOND);
        assert_eq!(Lie::default().wall_ahead(i64::MAX), 0);
    }

    #[test]
    fn what_is_waited_for_comes_when_the_wrong_clock_shows_it() {
        for slew in [-80_000, -1, 0, 1, 80_000] {
            let lie = Lie { slew, ..FAST };
            // The true clock is the hardware's here.
            let (now, time) = (150 * SECOND, 160 * SECOND);
            let at = lie.in_truth(time, now + lie.ahead(now), now);
            let shown = at + lie.ahead(at);
            assert!(
                (0..10).contains(&(shown - time)),
                "{slew}: {}",
                shown - time
            );
        }
    }

    #[test]
    fn spans_are_rounded_up_and_what_has_passed_stays_past() {
        assert_eq!(FAST.lasts(108), 100);
        assert_eq!(FAST.lasts(109), 101);
        assert_eq!(FAST.lasts(0), 0);
        assert!(FAST.lasts(-SECOND) < 0);
        assert_eq!(FAST.lasts(i64::MAX), 8_540_159_293_384_051_674);
    }
}
