//! The wall clock of one thread, set wrong: a client that runs on it takes that for the time.
//!
//! The standard library reads the wall clock by `clock_gettime`, and chrono and jiff by the standard library. The one defined here
//! is linked in the place of libc's.

use std::cell::Cell;

thread_local! {
    static AHEAD: Cell<i64> = const { Cell::new(0) };
}

/// Sets this thread's wall clock so many seconds ahead (negative: behind). No other clock and no other thread is touched.
pub fn set_ahead(seconds: i64) {
    AHEAD.set(seconds);
}

/// clock_gettime(2).
///
/// # Safety
///
/// As of libc's: `time` points to a `timespec` that may be written.
#[expect(unsafe_code, reason = "libc's interface")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(
    clock: libc::clockid_t,
    time: *mut libc::timespec,
) -> libc::c_int {
    // SAFETY: the arguments are the caller's, as for libc's own.
    let result = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    if result == 0 && clock == libc::CLOCK_REALTIME {
        // SAFETY: the kernel has just written there.
        unsafe { (*time).tv_sec += AHEAD.get() };
    }
    if result == 0 { 0 } else { -1 }
}

#[test]
fn a_wrong_clock_is_wrong_on_its_own_thread_alone_and_the_monotonic_one_is_right() {
    use std::time::{Instant, SystemTime};
    let hour = std::time::Duration::from_secs(3600);
    let before = (SystemTime::now(), Instant::now());
    let theirs = std::thread::spawn(|| {
        set_ahead(7200);
        (SystemTime::now(), Instant::now())
    });
    let (wall, monotonic) = theirs.join().expect("it reads two clocks");
    assert!(wall > before.0 + hour);
    assert!(monotonic < before.1 + hour);
    assert!(SystemTime::now() < before.0 + hour);
}
