//! How the clocks of this process are wrong, as its environment says; what is below it inherits that, and the origin.

use std::ffi::CStr;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::kernel;
use crate::lie::Lie;

/// The wall clock is ahead by this, in milliseconds: `LEASE_CLOCKS_OFFSET=-3600000`.
const OFFSET: &CStr = c"LEASE_CLOCKS_OFFSET";

/// The slewed clocks run at 1 + this many millionths: `LEASE_CLOCKS_SLEW=80000` is 8 % too fast.
const SLEW: &CStr = c"LEASE_CLOCKS_SLEW";

/// What CLOCK_MONOTONIC_RAW showed when the first of the tree began, in nanoseconds. That one notes it down.
const ORIGIN: &CStr = c"LEASE_CLOCKS_ORIGIN";

/// Faster or slower by more than this is no clock of any machine, and a wait would not end.
const MOST: i64 = 900_000;

// Read by any thread at any time, also in a signal handler and after a fork: no lock.
static OFFSET_BY: AtomicI64 = AtomicI64::new(0);
static SLEW_BY: AtomicI64 = AtomicI64::new(0);
static BEGAN: AtomicI64 = AtomicI64::new(0);

/// What the clocks are made to show; the truth until this library has been initialised.
pub fn lie() -> Lie {
    Lie {
        offset: OFFSET_BY.load(Ordering::Relaxed),
        slew: SLEW_BY.load(Ordering::Relaxed),
        origin: BEGAN.load(Ordering::Relaxed),
    }
}

/// Runs before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static INITIALISE: extern "C" fn() = {
    extern "C" fn initialise() {
        let origin = number(ORIGIN).or_else(|| {
            let now = kernel::clock(libc::CLOCK_MONOTONIC_RAW).ok()?;
            note(now);
            Some(now)
        });
        BEGAN.store(origin.unwrap_or_default(), Ordering::Relaxed);
        let offset = number(OFFSET).unwrap_or_default();
        OFFSET_BY.store(offset.saturating_mul(1_000_000), Ordering::Relaxed);
        let slew = number(SLEW).unwrap_or_default();
        SLEW_BY.store(slew.clamp(-MOST, MOST), Ordering::Relaxed);
    }
    initialise
};

/// A whole number in the environment.
fn number(name: &CStr) -> Option<i64> {
    // SAFETY: before `main` nobody else changes the environment.
    let text = unsafe { libc::getenv(name.as_ptr()) };
    if text.is_null() {
        return None;
    }
    // SAFETY: what getenv returns ends with a zero.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().ok()?.parse().ok()
}

/// Notes the origin down for those below.
fn note(origin: i64) {
    let mut text = [0_u8; 24];
    let mut at = text.len() - 1;
    let mut rest = origin.max(0);
    // Digit by digit: nothing is allocated here.
    while at > 0 && (rest > 0 || at == text.len() - 1) {
        at -= 1;
        text[at] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    // SAFETY: both end with a zero, and are copied; before `main` nobody else reads the environment.
    unsafe { libc::setenv(ORIGIN.as_ptr(), text[at..].as_ptr().cast(), 1) };
}
