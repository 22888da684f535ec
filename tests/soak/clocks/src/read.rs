//! The functions that show the time.

use libc::{c_int, c_void, clockid_t, time_t, timespec, timeval};

use crate::kernel::{self, told};
use crate::lie::Lie;
use crate::settings::lie;

/// By what this clock is ahead now.
pub fn ahead(clock: clockid_t, lie: Lie) -> i64 {
    let by: fn(&Lie, i64) -> i64 = match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI => Lie::wall_ahead,
        libc::CLOCK_MONOTONIC | libc::CLOCK_MONOTONIC_COARSE | libc::CLOCK_BOOTTIME => Lie::ahead,
        // The hardware's, and those of processor time.
        _ => return 0,
    };
    kernel::clock(libc::CLOCK_MONOTONIC_RAW).map_or(0, |raw| by(&lie, raw))
}

/// What this clock is made to show.
pub fn shown(clock: clockid_t, lie: Lie) -> Result<i64, libc::c_long> {
    let truth = kernel::clock(clock)?;
    Ok(truth.saturating_add(ahead(clock, lie)))
}

/// clock_gettime(2).
///
/// # Safety
/// `time` is none or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    match shown(clock, lie()) {
        Ok(_) if time.is_null() => told(-libc::c_long::from(libc::EFAULT)) as c_int,
        Ok(shown) => {
            // SAFETY: the caller's to write.
            unsafe { time.write(kernel::spec(shown)) };
            0
        }
        Err(errno) => told(errno) as c_int,
    }
}

/// gettimeofday(2); the time zone has been nobody's business for decades.
///
/// # Safety
/// `time` is none or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(time: *mut timeval, _zone: *mut c_void) -> c_int {
    if let Ok(shown) = shown(libc::CLOCK_REALTIME, lie())
        && !time.is_null()
    {
        let shown = kernel::spec(shown);
        let shown = timeval {
            tv_sec: shown.tv_sec,
            tv_usec: shown.tv_nsec / 1_000,
        };
        // SAFETY: the caller's to write.
        unsafe { time.write(shown) };
    }
    0
}

/// time(2).
///
/// # Safety
/// `time` is none or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn time(time: *mut time_t) -> time_t {
    let seconds = shown(libc::CLOCK_REALTIME, lie()).map_or(-1, |shown| kernel::spec(shown).tv_sec);
    if !time.is_null() {
        // SAFETY: the caller's to write.
        unsafe { time.write(seconds) };
    }
    seconds
}
