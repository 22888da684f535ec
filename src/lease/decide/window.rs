//! How many Leases can be kept renewed at once, as fast as the server has written lately. One more than that would be lost.

use std::time::Duration;

use crate::lease::values::LeaseDuration;

/// The share of the time until a renewal is due, a third of the duration, that it takes to renew all: half. What a server that
/// becomes slower takes beyond that is there, and the second third.
const SHARE: u32 = 2;

/// How much of the mean a new time makes up: an eighth, as of TCP's round trips (RFC 6298).
const GAIN: u32 = 8;

/// The Leases that are kept, and how many more may be.
#[derive(Clone, Debug)]
pub struct Window {
    /// So many writes are under way at a time.
    at_once: u32,
    /// How long a write takes on average.
    write: Option<Duration>,
    kept: u32,
    /// The shortest duration among those that were kept since none was.
    shortest: Option<LeaseDuration>,
}

impl Window {
    /// Nothing is kept; the renewals take turns, so many at a time.
    pub fn new(at_once: u32) -> Self {
        Self {
            at_once: at_once.max(1),
            write: None,
            kept: 0,
            shortest: None,
        }
    }

    /// A write took so long.
    pub fn wrote(&mut self, took: Duration) {
        self.write = Some(match self.write {
            Some(mean) => (mean * (GAIN - 1) + took) / GAIN,
            None => took,
        });
    }

    /// How long a write takes on average; `None` until there was one.
    pub fn write(&self) -> Option<Duration> {
        self.write
    }

    /// Whether one more of this duration can be kept with the others. One always can.
    pub fn has_room(&self, duration: LeaseDuration) -> bool {
        let shortest = self.shortest.map_or(duration, |one| one.min(duration));
        let due = shortest.as_duration() / 3;
        let needed = match self.write {
            // As many as do not wait for each other.
            None if self.kept < self.at_once => Duration::ZERO,
            None => due,
            Some(write) => write * (self.kept + 1) / self.at_once,
        };
        self.kept == 0 || needed <= due / SHARE
    }

    /// Keeps one more.
    pub fn keep(&mut self, duration: LeaseDuration) {
        self.kept += 1;
        let shortest = self.shortest.map_or(duration, |one| one.min(duration));
        self.shortest = Some(shortest);
    }

    /// One is kept no longer: it was not taken after all, or is lost, or was handed out.
    pub fn let_go(&mut self) {
        self.kept = self.kept.saturating_sub(1);
        if self.kept == 0 {
            self.shortest = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u32) -> LeaseDuration {
        LeaseDuration::constant(seconds)
    }

    fn fills(window: &mut Window, duration: LeaseDuration) -> u32 {
        let mut count = 0;
        while count < 10_000 && window.has_room(duration) {
            window.keep(duration);
            count += 1;
        }
        count
    }

    #[test]
    fn no_more_are_kept_than_can_be_renewed_in_half_the_time_until_they_are_due() {
        for (millis, duration, expected) in [
            (350, 10, 76),
            (350, 60, 457),
            (5, 15, 8000),
            (500, 3, 16),
            // Slower than the lease lasts: as if it were alone.
            (20_000, 3, 1),
        ] {
            let mut window = Window::new(16);
            window.wrote(Duration::from_millis(millis));
            let count = fills(&mut window, seconds(duration));
            assert_eq!(count, expected, "{millis} ms of {duration} s");
            let round = window.write().unwrap_or_default() * count / 16;
            assert!(count == 1 || round <= seconds(duration).as_duration() / 6);
        }
    }

    #[test]
    fn a_write_takes_as_long_as_the_first_and_then_an_eighth_of_each_next_one() {
        let mut window = Window::new(16);
        assert_eq!(window.write(), None);
        window.wrote(Duration::from_millis(800));
        assert_eq!(window.write(), Some(Duration::from_millis(800)));
        window.wrote(Duration::from_millis(1600));
        assert_eq!(window.write(), Some(Duration::from_millis(900)));
    }

    #[test]
    fn until_a_write_was_measured_none_is_taken_that_would_wait_for_another() {
        assert_eq!(fills(&mut Window::new(16), seconds(15)), 16);
    }

    #[test]
    fn the_shortest_of_them_counts_until_all_are_let_go() {
        let mut window = Window::new(16);
        window.wrote(Duration::from_millis(100));
        assert_eq!(fills(&mut window, seconds(2)), 53);
        assert!(!window.has_room(seconds(60)));
        window.let_go();
        assert!(window.has_room(seconds(60)));
        window.keep(seconds(60));
        assert!(!window.has_room(seconds(60)), "the short ones still count");
        for _ in 0..53 {
            window.let_go();
        }
        for _ in 0..200 {
            window.keep(seconds(60));
        }
        assert!(window.has_room(seconds(60)));
        assert!(
            !window.has_room(seconds(2)),
            "it would wait for the long ones"
        );
    }

    #[test]
    fn a_server_that_becomes_slower_closes_it_and_one_answer_does_not() {
        let mut window = Window::new(16);
        for _ in 0..20 {
            window.wrote(Duration::from_millis(10));
        }
        for _ in 0..100 {
            window.keep(seconds(10));
        }
        window.wrote(Duration::from_secs(1));
        assert!(window.has_room(seconds(10)));
        for _ in 0..20 {
            window.wrote(Duration::from_secs(1));
        }
        assert!(!window.has_room(seconds(10)));
        for _ in 0..40 {
            window.wrote(Duration::from_millis(10));
        }
        assert!(window.has_room(seconds(10)));
    }
}
