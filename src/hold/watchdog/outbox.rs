//! What is on its way through a socket that may not take it at once: between supervisor and watchdog neither waits for
//! the other to read.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{MsgFlags, send};
use serde::Serialize;

/// What the socket has not taken yet, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Vec<u8>,
}

impl Outbox {
    /// Whether all has been sent.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sends a message after those that wait; what `socket` does not take now waits for the next [`Outbox::flush`].
    ///
    /// # Errors
    /// As [`Outbox::flush`].
    pub fn send(&mut self, socket: &impl AsFd, message: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.waiting, message)?;
        self.waiting.push(b'\n');
        self.flush(socket)
    }

    /// Sends as much as `socket` takes without waiting.
    ///
    /// # Errors
    /// When nobody will ever read it: the other end is closed. Nothing waits any more then.
    pub fn flush(&mut self, socket: &impl AsFd) -> io::Result<()> {
        // Not by the runtime's own writes: they refuse until it has asked the system once.
        self.flush_by(|bytes| {
            let sent = send(socket.as_fd().as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT);
            sent.map_err(io::Error::from)
        })
    }

    /// As [`Outbox::flush`], by a write that does not wait.
    ///
    /// # Errors
    /// As [`Outbox::flush`].
    pub fn flush_by(
        &mut self,
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let mut sent = 0;
        let done = loop {
            if sent == self.waiting.len() {
                break Ok(());
            }
            match write(&self.waiting[sent..]) {
                Ok(length) => sent += length,
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::NotConnected => {
                        sent = self.waiting.len();
                        break Err(error);
                    }
                    // It is full, or the kernel has no memory for it: that says nothing of who reads.
                    _ => break Ok(()),
                },
            }
        };
        self.waiting.drain(..sent);
        done
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn what_a_full_socket_does_not_take_is_sent_later_and_in_order() {
        let (ours, mut theirs) = UnixStream::pair().expect("descriptors are left");
        theirs.set_nonblocking(true).expect("a socket");
        let mut outbox = Outbox::default();
        let mut sent = String::new();
        for number in 0..100_000 {
            outbox.send(&ours, &number).expect("it is open");
            sent += &format!("{number}\n");
        }
        assert!(!outbox.is_empty(), "the socket was never full");
        let mut read = Vec::new();
        while read.len() < sent.len() {
            // Until it is empty.
            let _ = theirs.read_to_end(&mut read);
            outbox.flush(&ours).expect("it is open");
        }
        assert!(outbox.is_empty());
        assert!(read == sent.as_bytes(), "{} bytes", read.len());
    }

    #[test]
    fn a_closed_socket_is_an_error_and_nothing_waits_for_it() {
        let (ours, theirs) = UnixStream::pair().expect("descriptors are left");
        drop(theirs);
        let mut outbox = Outbox::default();
        assert!(outbox.send(&ours, &"stop").is_err());
        assert!(outbox.is_empty());
    }
}
