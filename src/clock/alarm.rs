//! A timer of macOS as a file descriptor, which goes on while the machine sleeps.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::libc;
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};

use super::{Clock, Instant, SystemClock};

/// Readable once its time has come.
#[derive(Debug)]
pub struct Alarm(Kqueue);

impl Alarm {
    /// One that is not set.
    ///
    /// # Errors
    /// When a file descriptor cannot be had.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Kqueue::new()?))
    }

    /// Sets it for `instant`, or unsets it.
    ///
    /// It is told a span, which begins when the kernel hears of it: a machine that sleeps between the reckoning and that has
    /// it late. Whoever waits looks at the time now and then as well.
    ///
    /// # Errors
    /// As kevent(2); none that is known for such a timer.
    pub fn set(&self, instant: Option<Instant>) -> io::Result<()> {
        // One that has fired is unset by being heard, and another is not there.
        let _ = self.tell(EvFlags::EV_DELETE, 0);
        let Some(instant) = instant else {
            return Ok(());
        };
        let left = instant.since(SystemClock.now());
        let nanoseconds = isize::try_from(left.max(Duration::from_micros(1)).as_nanos());
        let set = EvFlags::EV_ADD | EvFlags::EV_ONESHOT;
        self.tell(set, nanoseconds.unwrap_or(isize::MAX))
    }

    fn tell(&self, flags: EvFlags, nanoseconds: isize) -> io::Result<()> {
        // Counts sleep (xnu, bsd/kern/kern_event.c: the base of CLOCK_MONOTONIC_RAW; since macOS 10.12), and is not put off to
        // save power.
        let how = FilterFlag::NOTE_NSECONDS
            | FilterFlag::from_bits_retain(libc::NOTE_MACH_CONTINUOUS_TIME | libc::NOTE_CRITICAL);
        let timer = KEvent::new(0, EventFilter::EVFILT_TIMER, flags, how, nanoseconds, 0);
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        self.0.kevent(&[timer], &mut [], Some(now))?;
        Ok(())
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
