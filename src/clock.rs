//! The only place that reads a clock: elapsed time that counts suspend, and the wall time that goes into a record.

use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant on this machine's elapsed time, which counts suspend and which NTP does not slew; it compares with nothing
/// outside this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Instant(Duration);

impl Instant {
    /// An instant `since_origin` after the clock's own origin. For tests and simulated clocks.
    #[allow(dead_code, reason = "for simulated clocks")]
    pub const fn from_origin(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// The time since the clock's own origin.
    #[allow(dead_code, reason = "for simulated clocks")]
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
pub trait Clock: Clone {
    /// Now, on a monotonic clock that counts suspend.
    fn now(&self) -> Instant;
    /// Now, on the wall clock. Written into records, never compared with another's.
    fn wall(&self) -> jiff::Timestamp;
    /// Returns once [`Clock::now`] has reached `instant`.
    fn sleep_until(&self, instant: Instant) -> impl Future<Output = ()>;
    /// The same, or never.
    fn reached(&self, instant: Option<Instant>) -> impl Future<Output = ()> {
        async move {
            match instant {
                Some(instant) => self.sleep_until(instant).await,
                None => std::future::pending().await,
            }
        }
    }
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
            tokio::time::sleep(nap(left).min(PIECE)).await;
        }
    }
}

/// The fastest that NTP slews a clock: chrony's default `maxslewrate`, 83,333 ppm (chrony.conf(5)).
const FASTEST_SLEW: f64 = 0.083_334;

/// How long to ask a timer of the system to wait of what is `left` by [`Clock::now`]: the timers run on clocks that NTP
/// slews, so a timer that is slow would fire late. Never too long, by a clock slewed as far as that goes: what is still
/// left afterwards is waited for again, a handful of times in all.
pub fn nap(left: Duration) -> Duration {
    // Below it a timer's own precision counts for more. Rounded up by the timer, and never zero: that would spin.
    const SHORT: Duration = Duration::from_millis(1);
    if left <= SHORT {
        return left;
    }
    left.mul_f64(1.0 - FASTEST_SLEW).max(SHORT)
}

/// CLOCK_MONOTONIC_RAW is the hardware's clock, which NTP does not slew (chrony slews the others by 8 %), but it stands
/// still in suspend (clock_gettime(2)).
#[cfg(any(target_os = "linux", target_os = "android"))]
fn monotonic() -> Duration {
    read(nix::time::ClockId::from_raw(nix::libc::CLOCK_MONOTONIC_RAW)) + suspended()
}

/// The time that this machine has been suspended since it booted: CLOCK_BOOTTIME less CLOCK_MONOTONIC, in which their
/// common slew cancels out.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn suspended() -> Duration {
    use std::sync::atomic::{AtomicU64, Ordering};

    use nix::time::ClockId;

    const CLOSE: Duration = Duration::from_micros(20);
    // The greatest lower bound seen: the time between two readings must not show up as time.
    static SUSPENDED: AtomicU64 = AtomicU64::new(0);
    for _ in 0..8 {
        let before = read(ClockId::CLOCK_MONOTONIC);
        let boot = read(ClockId::CLOCK_BOOTTIME);
        let after = read(ClockId::CLOCK_MONOTONIC);
        let bound = u64::try_from(boot.saturating_sub(after).as_nanos()).unwrap_or(u64::MAX);
        SUSPENDED.fetch_max(bound, Ordering::Relaxed);
        // Interrupted in between, it would be too low.
        if after.saturating_sub(before) < CLOSE {
            break;
        }
    }
    Duration::from_nanos(SUSPENDED.load(Ordering::Relaxed))
}

/// On macOS CLOCK_MONOTONIC_RAW is mach_continuous_time: not slewed, and it goes on while the machine sleeps (Apple's Libc,
/// gen/clock_gettime.c; CLOCK_MONOTONIC is the time of day less that of the boot, and CLOCK_UPTIME_RAW stands still in sleep).
#[cfg(target_os = "macos")]
fn monotonic() -> Duration {
    read(nix::time::ClockId::from_raw(nix::libc::CLOCK_MONOTONIC_RAW))
}

/// On the BSDs CLOCK_MONOTONIC goes on while the machine sleeps.
#[cfg(all(
    unix,
    not(any(target_os = "linux", target_os = "android", target_os = "macos"))
))]
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

/// The interrupt time: it counts sleep and hibernation, and no time service adjusts its rate (QueryInterruptTimePrecise,
/// "Interrupt Time").
#[cfg(windows)]
#[expect(unsafe_code, reason = "no library in use reads this clock")]
fn monotonic() -> Duration {
    use windows_sys::Win32::System::WindowsProgramming::QueryInterruptTimePrecise;

    const IN_A_SECOND: u64 = 10_000_000;
    let mut units = 0;
    // SAFETY: it writes one number.
    unsafe { QueryInterruptTimePrecise(&mut units) };
    Duration::new(
        units / IN_A_SECOND,
        (units % IN_A_SECOND) as u32 * (1_000_000_000 / IN_A_SECOND) as u32,
    )
}

/// Something to poll that becomes readable when an instant comes, the moment a machine resumes too:
/// timerfd(CLOCK_BOOTTIME) (timerfd_create(2)).
#[cfg(any(target_os = "linux", target_os = "android"))]
pub struct Alarm(nix::sys::timerfd::TimerFd);

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Alarm {
    /// An alarm that is not set.
    ///
    /// # Errors
    /// When there is no file descriptor left.
    pub fn new() -> std::io::Result<Self> {
        use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        Ok(Self(TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)?))
    }

    /// Sets it for `instant`, or unsets it. It may fire a little early (see [`nap`]): look at the time, and set it again.
    ///
    /// # Errors
    /// As timerfd_settime(2); none that is known for such a timer.
    pub fn set(&self, instant: Option<Instant>) -> std::io::Result<()> {
        let Some(instant) = instant else {
            return Ok(self.0.unset()?);
        };
        // Before the other clock is read: a suspend in between makes it early, not late.
        let boot_time = read(nix::time::ClockId::CLOCK_BOOTTIME);
        self.set_for(boot_time + nap(instant.since(SystemClock.now())))
    }

    /// Sets it for a time of CLOCK_BOOTTIME. A span from now on would begin when the system is told of it: too late, if the
    /// machine was suspended since it was reckoned.
    fn set_for(&self, boot_time: Duration) -> std::io::Result<()> {
        use nix::sys::time::TimeSpec;
        use nix::sys::timerfd::{Expiration, TimerSetTimeFlags};

        // A time of zero would unset it.
        let time = TimeSpec::from_duration(boot_time.max(Duration::from_nanos(1)));
        let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME;
        Ok(self.0.set(Expiration::OneShot(time), flags)?)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl std::os::fd::AsFd for Alarm {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(target_os = "macos")]
#[path = "clock/alarm.rs"]
mod alarm;
#[cfg(target_os = "macos")]
pub use alarm::Alarm;

/// A span as it is said to people: without what was lost while it was computed (`4.999998878s` is five seconds).
pub fn told(span: Duration) -> Duration {
    let unit = if span >= Duration::from_secs(1) {
        10
    } else {
        1
    };
    let units = span
        .saturating_add(Duration::from_millis(unit) / 2)
        .as_millis()
        / u128::from(unit);
    Duration::from_millis(
        u64::try_from(units)
            .unwrap_or(u64::MAX)
            .saturating_mul(unit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naps_end_on_time_by_a_timer_slewed_as_far_as_that_goes_and_are_few() {
        for rate in [1.0 - FASTEST_SLEW, 1.0, 1.0 + FASTEST_SLEW] {
            let whole = Duration::from_secs(3600);
            let (mut elapsed, mut naps) = (Duration::ZERO, 0);
            while elapsed < whole {
                // A timer on a clock of this rate.
                elapsed += nap(whole - elapsed)
                    .div_f64(rate)
                    .max(Duration::from_nanos(1));
                naps += 1;
            }
            let late = elapsed - whole;
            assert!(late < Duration::from_millis(1), "{late:?} late at {rate}");
            assert!(naps < 25, "{naps} naps at {rate}");
        }
    }

    #[test]
    fn time_does_not_go_backwards() {
        let mut last = SystemClock.now();
        for _ in 0..10_000 {
            let now = SystemClock.now();
            assert!(now >= last);
            last = now;
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn an_alarm_fires_when_its_time_comes() {
        use std::os::fd::AsFd;

        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

        let alarm = Alarm::new().expect("a file descriptor");
        let due = SystemClock.now() + Duration::from_millis(20);
        while SystemClock.now() < due {
            alarm.set(Some(due)).expect("an alarm is set");
            let mut sources = [PollFd::new(alarm.as_fd(), PollFlags::POLLIN)];
            poll(&mut sources, PollTimeout::NONE).expect("an alarm is heard");
        }
        // One that has passed fires at once.
        alarm.set(Some(due)).expect("an alarm is set");
        let mut sources = [PollFd::new(alarm.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut sources, PollTimeout::NONE), Ok(1));
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn an_alarm_whose_time_comes_while_it_is_being_set_fires_at_once() {
        use std::os::fd::AsFd;

        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

        let alarm = Alarm::new().expect("a file descriptor");
        // What a suspend does between the reckoning and the setting.
        let passed = read(nix::time::ClockId::CLOCK_BOOTTIME);
        alarm.set_for(passed).expect("an alarm is set");
        let mut sources = [PollFd::new(alarm.as_fd(), PollFlags::POLLIN)];
        // Shorter than any machine has been up that gets here.
        assert_eq!(poll(&mut sources, PollTimeout::from(500_u16)), Ok(1));
    }

    #[test]
    fn a_span_is_told_without_what_computing_it_lost() {
        for (nanoseconds, text) in [
            (4_999_998_878, "5s"),
            (5_000_000_000, "5s"),
            (999_999_999, "1s"),
            (1_234_567_890, "1.23s"),
            (333_333_333, "333ms"),
            (400_000, "0ns"),
            (0, "0ns"),
        ] {
            assert_eq!(
                format!("{:?}", told(Duration::from_nanos(nanoseconds))),
                text
            );
        }
        assert!(told(Duration::MAX) > Duration::from_secs(1 << 40));
    }
}
