//! Shows what this process takes the time for, and how long it waits by that, in the hardware's nanoseconds.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "what those see is what is shown"
)]

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};

const SPAN: Duration = Duration::from_millis(100);

pub fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|word| word == "below") {
        // The clocks of a process below, started a while after.
        std::thread::sleep(SPAN);
        let status = std::process::Command::new(&arguments[0]).status();
        assert!(status.is_ok_and(|status| status.success()));
        return;
    }
    println!("raw {}", read(libc::CLOCK_MONOTONIC_RAW));
    println!("monotonic {}", read(libc::CLOCK_MONOTONIC));
    println!("boot {}", read(libc::CLOCK_BOOTTIME));
    let wall = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    println!("wall {}", wall.as_nanos());
    // The kernel's own answers.
    println!("true-raw {}", asked(libc::CLOCK_MONOTONIC_RAW));
    println!("true-monotonic {}", asked(libc::CLOCK_MONOTONIC));
    println!("true-wall {}", asked(libc::CLOCK_REALTIME));
    if arguments.get(1).is_some_and(|word| word == "waits") {
        let waits: [(&str, fn()); 5] = [
            ("sleep", || std::thread::sleep(SPAN)),
            ("park", park),
            ("poll", poll),
            ("epoll", epoll),
            ("timer", timer),
        ];
        for (name, wait) in waits {
            let (began, shown) = (asked(libc::CLOCK_MONOTONIC_RAW), Instant::now());
            wait();
            println!("{name} {}", asked(libc::CLOCK_MONOTONIC_RAW) - began);
            println!("{name}-shown {}", shown.elapsed().as_nanos());
        }
    }
}

/// By a futex, until a time.
fn park() {
    let (lock, never) = (Mutex::new(()), Condvar::new());
    if let Ok(guard) = lock.lock() {
        drop(never.wait_timeout_while(guard, SPAN, |()| true));
    }
}

fn poll() {
    // SAFETY: no files.
    let none = unsafe { libc::poll(std::ptr::null_mut(), 0, SPAN.as_millis() as i32) };
    assert_eq!(none, 0);
}

fn epoll() {
    // SAFETY: room for one event of none.
    let none = unsafe {
        let mut event = std::mem::zeroed();
        let epoll = libc::epoll_create1(libc::EPOLL_CLOEXEC);
        let none = libc::epoll_wait(epoll, &raw mut event, 1, SPAN.as_millis() as i32);
        libc::close(epoll);
        none
    };
    assert_eq!(none, 0);
}

/// As the watchdog's alarm.
fn timer() {
    let due = read(libc::CLOCK_BOOTTIME) + SPAN.as_nanos() as i64;
    // SAFETY: plain structures, and a file of our own.
    unsafe {
        let timer = libc::timerfd_create(libc::CLOCK_BOOTTIME, libc::TFD_CLOEXEC);
        let mut time: libc::itimerspec = std::mem::zeroed();
        time.it_value.tv_sec = due / 1_000_000_000;
        time.it_value.tv_nsec = due % 1_000_000_000;
        let set = libc::timerfd_settime(
            timer,
            libc::TFD_TIMER_ABSTIME,
            &raw const time,
            std::ptr::null_mut(),
        );
        assert_eq!(set, 0);
        let mut fired = 0_u64;
        assert_eq!(libc::read(timer, (&raw mut fired).cast(), 8), 8);
        libc::close(timer);
    }
}

/// What the C library's function shows.
fn read(clock: libc::clockid_t) -> i64 {
    // SAFETY: a timespec to be written.
    unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        assert_eq!(libc::clock_gettime(clock, &raw mut time), 0);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}

/// What the kernel says.
fn asked(clock: libc::clockid_t) -> i64 {
    // SAFETY: a timespec to be written.
    unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        let asked = libc::syscall(libc::SYS_clock_gettime, clock, &raw mut time);
        assert_eq!(asked, 0);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
