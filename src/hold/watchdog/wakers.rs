//! What wakes the watchdog: the end of a child, an order, or the time.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::clock::Instant;

/// What wakes the watchdog, made ready.
pub struct Wakers {
    /// Readable when a child has ended or been stopped.
    deaths: UnixStream,
    /// Readable when the time has come, the moment that a machine resumes too.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    alarm: crate::clock::Alarm,
    /// Readable when somebody below this process has forked or ended, whose orphans will not come to us.
    #[cfg(target_os = "macos")]
    forks: std::os::fd::BorrowedFd<'static>,
}

impl Wakers {
    /// Listens for the ends of children.
    ///
    /// # Errors
    /// When a file descriptor cannot be had.
    pub fn new() -> io::Result<Self> {
        let (deaths, writer) = UnixStream::pair()?;
        deaths.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(signal_hook::consts::SIGCHLD, writer)?;
        Ok(Self {
            deaths,
            #[cfg(any(target_os = "linux", target_os = "macos"))]
            alarm: crate::clock::Alarm::new()?,
            #[cfg(target_os = "macos")]
            forks: super::tree::notice_forks()?,
        })
    }

    /// Waits until `next` has come, a child has ended, or there is something to read from `control`, or with `room` until
    /// that can be written to; or for less.
    pub fn wait(&self, control: Option<&UnixStream>, room: bool, next: Option<Instant>) {
        let timeout = self.set(next);
        let mut sources = vec![PollFd::new(self.deaths.as_fd(), PollFlags::POLLIN)];
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        sources.push(PollFd::new(self.alarm.as_fd(), PollFlags::POLLIN));
        #[cfg(target_os = "macos")]
        {
            sources.push(PollFd::new(self.forks, PollFlags::POLLIN));
            super::tree::heed_forks();
        }
        let mut of_control = PollFlags::POLLIN;
        of_control.set(PollFlags::POLLOUT, room);
        sources.extend(control.map(|control| PollFd::new(control.as_fd(), of_control)));
        // An interrupted poll is an early look.
        let _ = poll(&mut sources, timeout);
        // Before anything else: who was forked may be about to end.
        #[cfg(target_os = "macos")]
        super::tree::heed_forks();
        let mut drain = [0; 64];
        while matches!((&self.deaths).read(&mut drain), Ok(1..)) {}
    }

    #[cfg(target_os = "linux")]
    fn set(&self, next: Option<Instant>) -> PollTimeout {
        match self.alarm.set(next) {
            Ok(()) => PollTimeout::NONE,
            // No such error is known; a look now and then is as good.
            Err(_) => PollTimeout::from(20_u8),
        }
    }

    /// An alarm is set in time (see there), but for a machine that sleeps just then; and whoever has joined the command's group
    /// unseen ends without a word to us. Time and group are looked at once a second at least.
    #[cfg(target_os = "macos")]
    fn set(&self, next: Option<Instant>) -> PollTimeout {
        match self.alarm.set(next) {
            Ok(()) => PollTimeout::from(1000_u16),
            // No such error is known; a look now and then is as good.
            Err(_) => PollTimeout::from(20_u8),
        }
    }

    /// The timeouts of poll(2) do not count suspend: time is looked at once a second at least.
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    fn set(&self, next: Option<Instant>) -> PollTimeout {
        use crate::clock::{Clock, SystemClock, nap};
        use std::time::Duration;

        let look = Duration::from_secs(1);
        let left = next.map_or(look, |next| nap(next.since(SystemClock.now())).min(look));
        // Rounded up: waking a little early would spin.
        PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::ZERO)
    }
}
