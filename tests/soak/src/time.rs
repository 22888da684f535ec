//! The one clock of the soak: CLOCK_MONOTONIC_RAW, asked of the kernel itself, so that no preloaded library changes it.

use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant of the hardware's clock on this machine, in nanoseconds since it booted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct At(pub u64);

impl At {
    /// Now.
    pub fn now() -> At {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the kernel fills the timespec it is given. The C library's own clock_gettime may be another's.
        let result = unsafe {
            libc::syscall(
                libc::SYS_clock_gettime,
                libc::CLOCK_MONOTONIC_RAW,
                &raw mut time,
            )
        };
        assert_eq!(result, 0, "this kernel has CLOCK_MONOTONIC_RAW");
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        At(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default())
    }

    /// The time from `earlier` to this, zero if `earlier` is later.
    pub fn since(self, earlier: At) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for At {
    type Output = At;

    fn add(self, span: Duration) -> At {
        At(self.0.saturating_add(nanoseconds(span)))
    }
}

impl Sub<Duration> for At {
    type Output = At;

    fn sub(self, span: Duration) -> At {
        At(self.0.saturating_sub(nanoseconds(span)))
    }
}

fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
