//! stdout and stderr themselves: writing with the calling thread, past every buffer.

use std::io::{self, IsTerminal};

/// Where a text goes; as a number, its place in an array of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Results.
    Out,
    /// Everything else.
    Err,
}

impl Stream {
    /// The one beside it.
    pub const fn other(self) -> Self {
        match self {
            Self::Out => Self::Err,
            Self::Err => Self::Out,
        }
    }

    /// Whether somebody sees what is written there.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Out => io::stdout().is_terminal(),
            Self::Err => io::stderr().is_terminal(),
        }
    }
}

/// Writes all of `text`, past the buffers of the standard library: those keep what could not be written, and would write
/// it when the process ends.
///
/// # Errors
/// As write(2), but for an interruption, and for a descriptor that somebody made non-blocking: that is waited for.
#[cfg(unix)]
pub fn write_all(stream: Stream, text: &str) -> io::Result<()> {
    use nix::errno::Errno;
    use nix::poll::PollTimeout;

    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let written = match stream {
            Stream::Out => nix::unistd::write(io::stdout(), rest),
            Stream::Err => nix::unistd::write(io::stderr(), rest),
        };
        match written {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                poll(stream, PollTimeout::NONE);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Writes all of `text`.
///
/// # Errors
/// As the system says.
#[cfg(not(unix))]
pub fn write_all(stream: Stream, text: &str) -> io::Result<()> {
    use std::io::Write;
    match stream {
        Stream::Out => {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        }
        Stream::Err => io::stderr().lock().write_all(text.as_bytes()),
    }
}

/// Whether there is room for a write by the end of `timeout`, or it would fail at once.
#[cfg(unix)]
fn poll(stream: Stream, timeout: nix::poll::PollTimeout) -> bool {
    use std::os::fd::AsFd;

    use nix::poll::{PollFd, PollFlags};

    let (out, err) = (io::stdout(), io::stderr());
    let descriptor = match stream {
        Stream::Out => out.as_fd(),
        Stream::Err => err.as_fd(),
    };
    let mut asked = [PollFd::new(descriptor, PollFlags::POLLOUT)];
    // If it cannot be asked, nothing keeps us from writing.
    nix::poll::poll(&mut asked, timeout).map_or(true, |ready| ready > 0)
}

/// Whether a write would go on at once, where that can be asked.
#[cfg(unix)]
pub fn has_room(stream: Stream) -> bool {
    poll(stream, nix::poll::PollTimeout::ZERO)
}

/// Whether a write would go on at once, where that can be asked.
#[cfg(not(unix))]
pub fn has_room(_: Stream) -> bool {
    false
}
