//! What a worker says, and its locks: one line a datagram, and one locked file a lease.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;

use super::orders::{Grant, Orders};
use crate::time::At;

/// Says to the sink what this process does.
pub struct Teller {
    socket: UnixDatagram,
    holder: String,
    part: String,
    grants: Vec<Grant>,
}

impl Teller {
    /// None where nobody listens any more.
    pub fn new(orders: &Orders) -> Option<Teller> {
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect(&orders.sink).ok()?;
        Some(Teller {
            socket,
            holder: orders.holder.clone(),
            part: orders.part.clone(),
            grants: orders.grants.clone(),
        })
    }

    /// From here on this process is another part of the tree.
    pub fn become_part(&mut self, part: &str) {
        part.clone_into(&mut self.part);
    }

    /// It works, now. Ends the process where nobody listens any more: a soak that was killed leaves nothing behind.
    pub fn beat(&self) {
        for grant in &self.grants {
            self.say("works", grant);
        }
    }

    /// Another's command has the lock.
    pub fn overlap(&self, grant: &Grant) {
        self.say("overlaps", grant);
    }

    fn say(&self, what: &str, grant: &Grant) {
        let Grant { lease, token } = grant;
        let (holder, part, pid) = (&self.holder, &self.part, std::process::id());
        let now = At::now().0;
        let line = format!("{what} {lease} {token} {holder} {pid} {part} {now}");
        if let Err(error) = self.socket.send(line.as_bytes())
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            // SAFETY: it ends this process at once, as a process with nothing to clean up may.
            unsafe { libc::_exit(2) };
        }
    }
}

/// Takes the exclusive lock of this grant's lease, and keeps it open for this process and all that it starts. False if
/// somebody has it; none where it could not be tried, for want of a file descriptor.
pub fn lock(orders: &Orders, grant: &Grant) -> Option<bool> {
    let path = orders.locks.join(&grant.lease);
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    // Without O_CLOEXEC, which std always sets.
    // SAFETY: the path ends in a NUL and lives across the call; the descriptor is new and nobody else's.
    let mut file = unsafe {
        let descriptor = libc::open(path.as_ptr(), libc::O_RDWR);
        if descriptor < 0 {
            return None;
        }
        File::from_raw_fd(descriptor)
    };
    // SAFETY: the descriptor is open.
    let taken = unsafe {
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&file);
        libc::flock(descriptor, libc::LOCK_EX | libc::LOCK_NB) == 0
    };
    if taken {
        // For whoever finds it locked.
        let _ = file.set_len(0);
        let _ = file.rewind();
        let _ = write!(file, "{}", orders.holder);
        // Open until the last of the tree is gone.
        std::mem::forget(file);
    }
    Some(taken)
}

/// Whose lock it is, as its file says.
pub fn locked_by(mut file: &File) -> String {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    text
}
