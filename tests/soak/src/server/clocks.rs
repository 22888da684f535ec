//! From the clocks of others to the soak's own: all are looked at together now and then, since NTP slews and steps the others.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::time::At;

/// More often than that tells nothing new.
const PERIOD: Duration = Duration::from_secs(1);

const TRIES: u32 = 5;

/// What the clocks showed, by the order of time.
pub struct Clocks(Vec<Look>);

#[derive(Clone, Copy)]
struct Look {
    at: At,
    instant: Instant,
    /// In nanoseconds since 1970.
    wall: i128,
}

impl Clocks {
    /// With a first look.
    pub fn new() -> Clocks {
        Clocks(vec![Look::now()])
    }

    /// One more look.
    pub fn look(&mut self) {
        let now = Look::now();
        let last = self.0.last().map(|look| now.at.since(look.at));
        if last.is_none_or(|passed| passed >= PERIOD) {
            self.0.push(now);
        }
    }

    /// An instant of CLOCK_MONOTONIC.
    pub fn of(&self, instant: Instant) -> At {
        let nearest = self.nearest(|look| look.instant <= instant);
        match instant.checked_duration_since(nearest.instant) {
            Some(later) => nearest.at + later,
            None => nearest.at - nearest.instant.duration_since(instant),
        }
    }

    /// A time of the wall clock, in nanoseconds since 1970.
    pub fn of_wall(&self, wall: i128) -> At {
        let nearest = self.nearest(|look| look.wall <= wall);
        let apart = Duration::from_nanos(
            u64::try_from((wall - nearest.wall).unsigned_abs()).unwrap_or(u64::MAX),
        );
        match wall >= nearest.wall {
            true => nearest.at + apart,
            false => nearest.at - apart,
        }
    }

    /// The last look that was not later, else the first.
    fn nearest(&self, not_later: impl Fn(&Look) -> bool) -> Look {
        let after = self.0.partition_point(not_later);
        self.0[after.saturating_sub(1)]
    }
}

impl Look {
    /// The quickest of a few: between two clocks the processor may go to another process.
    fn now() -> Look {
        let looks = (0..TRIES).map(|_| Look::once());
        let (_, look) = looks
            .min_by_key(|(took, _)| *took)
            .unwrap_or_else(Look::once);
        look
    }

    /// And how long it took.
    #[allow(clippy::disallowed_methods, reason = "the clocks that others go by")]
    fn once() -> (Duration, Look) {
        let (begun, instant) = (At::now(), Instant::now());
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        let took = At::now().since(begun);
        let look = Look {
            at: begun + took / 2,
            instant,
            wall: wall.map_or(0, |since| i128::try_from(since.as_nanos()).unwrap_or(0)),
        };
        (took, look)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clocks, Look};
    use crate::time::At;
    use std::time::Duration;

    #[test]
    fn a_time_is_told_by_the_last_look_before_it_however_the_others_were_stepped_since() {
        let second = Duration::from_secs(1);
        let first = Look::now();
        // The wall clock is set an hour back in the meantime, and the monotonic one was slewed.
        let later = Look {
            at: first.at + 10 * second,
            instant: first.instant + Duration::from_millis(10_005),
            wall: first.wall - 3_600_000_000_000,
        };
        let clocks = Clocks(vec![first, later]);
        let millis = |at: At| at.since(first.at).as_millis();
        assert_eq!(millis(clocks.of(first.instant + 3 * second)), 3000);
        assert_eq!(millis(clocks.of(later.instant + second)), 11_000);
        assert_eq!(millis(clocks.of_wall(later.wall + 2_000_000_000)), 12_000);
        assert_eq!(clocks.of(first.instant - second), first.at - second);
    }
}
