//! The kernel, asked without the C library: its functions may be ours, and its clocks are read in user space.

use std::arch::asm;

use libc::{c_long, timespec};

use crate::lie::SECOND;

/// What the kernel answers: a result, or an errno below zero.
///
/// # Safety
/// As that call has it.
#[inline(always)]
pub unsafe fn call(number: c_long, words: [c_long; 6]) -> c_long {
    let [first, second, third, fourth, fifth, sixth] = words;
    let answer: c_long;
    // SAFETY: the kernel's calling convention (syscall(2)); what the words point at is the caller's to answer for.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => answer,
            in("rdi") first, in("rsi") second, in("rdx") third,
            in("r10") fourth, in("r8") fifth, in("r9") sixth,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") first => answer,
            in("x1") second, in("x2") third, in("x3") fourth, in("x4") fifth, in("x5") sixth,
            options(nostack),
        );
    }
    answer
}

/// As functions of C say it: -1, and `errno` is set.
pub fn told(answer: c_long) -> c_long {
    if !(-4095..0).contains(&answer) {
        return answer;
    }
    // SAFETY: this thread's own errno.
    unsafe { *libc::__errno_location() = i32::try_from(-answer).unwrap_or(libc::EINVAL) };
    -1
}

/// What a clock shows in truth, in nanoseconds; an errno below zero where there is none.
pub fn clock(clock: libc::clockid_t) -> Result<i64, c_long> {
    let mut time = timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let words = [c_long::from(clock), (&raw mut time) as c_long, 0, 0, 0, 0];
    // SAFETY: the kernel fills the timespec.
    match unsafe { call(libc::SYS_clock_gettime, words) } {
        0 => Ok(nanoseconds(&time)),
        errno => Err(errno),
    }
}

/// A time or a span as one number.
pub fn nanoseconds(time: &timespec) -> i64 {
    time.tv_sec
        .saturating_mul(SECOND)
        .saturating_add(time.tv_nsec)
}

/// The same as C has it.
pub fn spec(nanoseconds: i64) -> timespec {
    timespec {
        tv_sec: nanoseconds.div_euclid(SECOND),
        tv_nsec: nanoseconds.rem_euclid(SECOND),
    }
}
