//! Where a command's output leads that is not simply read: a full pipe, one whose reader has gone, a file.

use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, Read};
#[cfg(unix)]
use std::io::{ErrorKind, Write};
#[cfg(unix)]
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::Stdio;

/// What a command finds at its stdout or stderr.
#[derive(Clone, Debug, Default)]
pub enum Outlet {
    /// A pipe that is read.
    #[default]
    Read,
    /// A full pipe, not read before [`crate::Running::read_on`].
    #[cfg(unix)]
    Full,
    /// A pipe whose reader has gone.
    Broken,
    /// A file that is there: `/dev/full`.
    File(PathBuf),
}

/// A pipe that nobody reads yet, and how much of what is in it is not the command's.
pub(crate) struct Unread {
    reader: PipeReader,
    filler: usize,
}

impl Outlet {
    /// The end for the command, and the one that stays here.
    pub(crate) fn open(&self) -> io::Result<(Stdio, Option<Unread>)> {
        Ok(match self {
            Outlet::Read => (Stdio::piped(), None),
            #[cfg(unix)]
            Outlet::Full => {
                let (reader, mut writer) = io::pipe()?;
                set_nonblocking(&writer, true)?;
                let mut filler = 0;
                // Down to the last byte: a pipe with a little room takes a little text.
                for size in [4096, 1] {
                    loop {
                        match writer.write(&vec![b'.'; size]) {
                            Ok(count) => filler += count,
                            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                            Err(error) => return Err(error),
                        }
                    }
                }
                set_nonblocking(&writer, false)?;
                (writer.into(), Some(Unread { reader, filler }))
            }
            Outlet::Broken => (io::pipe()?.1.into(), None),
            Outlet::File(path) => {
                let file: File = OpenOptions::new().write(true).open(path)?;
                (file.into(), None)
            }
        })
    }
}

impl Unread {
    /// The pipe, from where the command's own output begins.
    pub(crate) fn read_on(mut self) -> io::Result<PipeReader> {
        self.reader.read_exact(&mut vec![0; self.filler])?;
        Ok(self.reader)
    }
}

#[cfg(unix)]
fn set_nonblocking(file: &impl AsRawFd, on: bool) -> io::Result<()> {
    let flags = if on { libc::O_NONBLOCK } else { 0 };
    // SAFETY: fcntl on a descriptor that is open while it is borrowed; a new pipe has no other flag of F_SETFL.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
