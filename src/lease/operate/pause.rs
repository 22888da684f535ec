//! Pauses between two tries.

use std::time::Duration;

/// The first pause after a transient fault; it doubles up to [`LONGEST_PAUSE`].
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The longest Retry-After that is obeyed.
const LONGEST_WISH: Duration = Duration::from_secs(30);

/// Pauses that double, each cut short by chance so that many waiters do not come back at once.
#[derive(Default)]
pub(super) struct Pause(u32);

impl Pause {
    pub(super) fn is_first(&self) -> bool {
        self.0 == 0
    }

    pub(super) fn next(&mut self, asked_for: Option<Duration>) -> Duration {
        let doubled = FIRST_PAUSE
            .saturating_mul(1 << self.0.min(8))
            .min(LONGEST_PAUSE);
        self.0 += 1;
        // Who says 0 is asked again soon, and not at once.
        asked_for
            .map(|asked| asked.clamp(FIRST_PAUSE, LONGEST_WISH))
            .unwrap_or_else(|| doubled.mul_f64(0.5 + fastrand::f64() / 2.0))
    }
}

#[cfg(test)]
#[path = "pause_tests.rs"]
mod tests;
