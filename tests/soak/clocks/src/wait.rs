//! The functions that wait until a time or for a span: the kernel is told when that is in truth.

use std::ptr;

use libc::{c_int, c_long, clockid_t, epoll_event, itimerspec, nfds_t, pollfd, sigset_t, timespec};

use crate::kernel::{self, call, nanoseconds, spec, told};
use crate::lie::Lie;
use crate::read::shown;
use crate::settings::lie;

/// A time of this clock, or a span by it, as the kernel has to be told.
fn in_truth(clock: clockid_t, absolute: bool, time: i64, lie: Lie) -> i64 {
    let is_wrong = matches!(
        clock,
        libc::CLOCK_REALTIME | libc::CLOCK_TAI | libc::CLOCK_MONOTONIC | libc::CLOCK_BOOTTIME
    );
    match (is_wrong, absolute) {
        (false, _) => time,
        (true, false) => lie.lasts(time),
        (true, true) => match (shown(clock, lie), kernel::clock(clock)) {
            // A time of zero has a meaning of its own, and none is before it.
            (Ok(shown), Ok(truth)) => lie.in_truth(time, shown, truth).max(1),
            (Err(_), _) | (_, Err(_)) => time,
        },
    }
}

/// A span in milliseconds, as poll(2) and epoll_wait(2) take it: below zero is for ever.
fn milliseconds(span: c_int, lie: Lie) -> Option<timespec> {
    (span >= 0).then(|| spec(lie.lasts(i64::from(span) * 1_000_000)))
}

fn word<T>(pointer: *const T) -> c_long {
    pointer as c_long
}

/// The kernel writes there what is left (ppoll(2), C library/kernel differences).
fn or_none(time: &mut Option<timespec>) -> c_long {
    time.as_mut().map_or(0, |time| word(ptr::from_mut(time)))
}

/// clock_nanosleep(2): an errno is what it returns.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    request: *const timespec,
    left: *mut timespec,
) -> c_int {
    // SAFETY: the caller's to read.
    let Some(asked) = (unsafe { request.as_ref() }) else {
        return libc::EFAULT;
    };
    let absolute = flags & libc::TIMER_ABSTIME != 0;
    let time = spec(in_truth(clock, absolute, nanoseconds(asked), lie()));
    let words = [
        c_long::from(clock),
        c_long::from(flags),
        word(&raw const time),
        word(left),
        0,
        0,
    ];
    // SAFETY: our own time, and what is left is the caller's to write.
    let answer = unsafe { call(libc::SYS_clock_nanosleep, words) };
    -answer as c_int
}

/// nanosleep(2).
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanosleep(request: *const timespec, left: *mut timespec) -> c_int {
    // SAFETY: the caller's arguments.
    match unsafe { clock_nanosleep(libc::CLOCK_MONOTONIC, 0, request, left) } {
        0 => 0,
        errno => told(-c_long::from(errno)) as c_int,
    }
}

/// timerfd_settime(2). Which clock a timer goes by is the kernel's knowledge: the time tells. One far from what CLOCK_REALTIME
/// shows is of a clock that began with the machine, and those are ahead by the same.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timerfd_settime(
    timer: c_int,
    flags: c_int,
    new: *const itimerspec,
    old: *mut itimerspec,
) -> c_int {
    // SAFETY: the caller's to read.
    let Some(new) = (unsafe { new.as_ref() }) else {
        return told(-c_long::from(libc::EFAULT)) as c_int;
    };
    let (lie, first) = (lie(), nanoseconds(&new.it_value));
    let absolute = flags & libc::TFD_TIMER_ABSTIME != 0;
    let clock = match shown(libc::CLOCK_REALTIME, lie) {
        Ok(wall) if absolute && first > wall / 2 => libc::CLOCK_REALTIME,
        Ok(_) | Err(_) => libc::CLOCK_BOOTTIME,
    };
    let time = itimerspec {
        it_value: match first {
            // It is unset.
            0 => spec(0),
            _ => spec(in_truth(clock, absolute, first, lie)),
        },
        it_interval: spec(lie.lasts(nanoseconds(&new.it_interval))),
    };
    let words = [
        c_long::from(timer),
        c_long::from(flags),
        word(&raw const time),
        word(old),
        0,
        0,
    ];
    // SAFETY: our own times, and the old ones are the caller's to write.
    told(unsafe { call(libc::SYS_timerfd_settime, words) }) as c_int
}

/// epoll_wait(2).
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_wait(
    epoll: c_int,
    events: *mut epoll_event,
    most: c_int,
    timeout: c_int,
) -> c_int {
    // SAFETY: the caller's arguments.
    unsafe { epoll_pwait(epoll, events, most, timeout, ptr::null()) }
}

/// epoll_pwait(2).
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_pwait(
    epoll: c_int,
    events: *mut epoll_event,
    most: c_int,
    timeout: c_int,
    mask: *const sigset_t,
) -> c_int {
    // The kernel takes whole milliseconds here: rounded up, as the caller has rounded.
    let timeout = match milliseconds(timeout, lie()) {
        Some(time) => (nanoseconds(&time).saturating_add(999_999)) / 1_000_000,
        None => -1,
    };
    let words = [
        c_long::from(epoll),
        word(events),
        c_long::from(most),
        timeout.min(i64::from(c_int::MAX)),
        word(mask),
        // The kernel's signal sets have 64 bits.
        8,
    ];
    // SAFETY: the caller's arguments.
    told(unsafe { call(libc::SYS_epoll_pwait, words) }) as c_int
}

/// poll(2).
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poll(files: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    let mut time = milliseconds(timeout, lie());
    let words = [word(files), count as c_long, or_none(&mut time), 0, 8, 0];
    // SAFETY: the caller's arguments, and our own time.
    told(unsafe { call(libc::SYS_ppoll, words) }) as c_int
}

/// ppoll(2).
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ppoll(
    files: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the caller's to read.
    let timeout = unsafe { timeout.as_ref() };
    let mut time = timeout.map(|span| spec(lie().lasts(nanoseconds(span))));
    let words = [
        word(files),
        count as c_long,
        or_none(&mut time),
        word(mask),
        8,
        0,
    ];
    // SAFETY: the caller's arguments, and our own time.
    told(unsafe { call(libc::SYS_ppoll, words) }) as c_int
}

/// syscall(2): the kernel itself answers, and its clocks tell the truth. But who waits at a futex until a time, as the standard
/// library does, has reckoned that by a clock of ours.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(
    number: c_long,
    first: c_long,
    operation: c_long,
    third: c_long,
    timeout: c_long,
    fifth: c_long,
    sixth: c_long,
) -> c_long {
    let mut words = [first, operation, third, timeout, fifth, sixth];
    let mut time = spec(0);
    if number == libc::SYS_futex && timeout != 0 {
        let (what, flags) = (operation as c_int & 127, operation as c_int);
        let clock = match flags & libc::FUTEX_CLOCK_REALTIME {
            0 => libc::CLOCK_MONOTONIC,
            _ => libc::CLOCK_REALTIME,
        };
        if matches!(what, libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET) {
            // SAFETY: those two read a time there (futex(2)).
            let asked = unsafe { (timeout as *const timespec).read() };
            let absolute = what == libc::FUTEX_WAIT_BITSET;
            time = spec(in_truth(clock, absolute, nanoseconds(&asked), lie()));
            words[3] = word(&raw const time);
        }
    }
    // SAFETY: the caller's arguments.
    let answer = told(unsafe { call(number, words) });
    // Read by the kernel until here.
    std::hint::black_box(&time);
    answer
}
