//! The only place that reads a clock: elapsed time that counts suspend, and the wall time that goes into a record.

use std::ops::{Add, Sub};
use std::time::Duration;

/// An instant on this machine's monotonic clock, suspend included; it compares with nothing outside this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    /// An instant `since_origin` after the clock's own origin. For tests and simulated clocks.
    pub const fn from_origin(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// The time since the clock's own origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// The time from `earlier` to this instant, zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span))
    }
}

/// Time as the operations see it; the tests bring one of their own.
pub trait Clock {
    /// Now, on a monotonic clock that counts suspend.
    fn now(&self) -> Instant;
    /// Now, on the wall clock. Written into records, never compared with another's.
    fn wall(&self) -> jiff::Timestamp;
    /// Returns once [`Clock::now`] has reached `instant`.
    fn sleep_until(&self, instant: Instant) -> impl Future<Output = ()>;
}

/// This machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant(monotonic())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn wall(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    async fn sleep_until(&self, instant: Instant) {
        // The runtime's timers do not count suspend, so a long sleep is cut into pieces: after a resume
        // the true time is noticed within one of them.
        const PIECE: Duration = Duration::from_secs(1);
        loop {
            let left = instant.since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(PIECE)).await;
        }
    }
}

/// CLOCK_BOOTTIME counts the time a machine was suspended; CLOCK_MONOTONIC on Linux does not (clock_gettime(2)).
#[cfg(any(target_os = "linux", target_os = "android"))]
fn monotonic() -> Duration {
    read(nix::time::ClockId::CLOCK_BOOTTIME)
}

/// On the BSDs and macOS CLOCK_MONOTONIC goes on while the machine sleeps.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn monotonic() -> Duration {
    read(nix::time::ClockId::CLOCK_MONOTONIC)
}

#[cfg(unix)]
fn read(clock: nix::time::ClockId) -> Duration {
    match clock.now() {
        Ok(time) => Duration::from(time),
        // These clocks exist on every system this builds for; without one no proof of expiry could be trusted.
        Err(error) => panic!("this system has no monotonic clock: {error}"),
    }
}

/// QueryPerformanceCounter, behind the standard library's clock, counts sleep.
#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn monotonic() -> Duration {
    use std::sync::OnceLock;
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    ORIGIN.get_or_init(std::time::Instant::now).elapsed()
}
