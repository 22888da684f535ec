//! What has come through a socket, cut into messages however it came.

use std::io::{self, Read};

use serde::de::DeserializeOwned;

/// What was received and not taken yet.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    /// So many of them are known to end no message.
    searched: usize,
}

impl Inbox {
    /// The next message that is there as a whole; an error for a line that is none.
    pub fn next<T: DeserializeOwned>(&mut self) -> Option<serde_json::Result<T>> {
        let unsearched = &self.bytes[self.searched..];
        let Some(end) = unsearched.iter().position(|&byte| byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let end = self.searched + end;
        let message = serde_json::from_slice(&self.bytes[..end]);
        // A long one, as the command can be, leaves no memory behind.
        self.bytes = self.bytes.split_off(end + 1);
        self.searched = 0;
        Some(message)
    }

    /// Receives some of what has come by `read`; false at the end of the stream.
    ///
    /// # Errors
    /// As `read`, but for interruptions.
    pub fn receive_by(
        &mut self,
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<bool> {
        let mut buffer = [0; 16 << 10];
        loop {
            match read(&mut buffer) {
                Ok(length) => {
                    self.bytes.extend_from_slice(&buffer[..length]);
                    return Ok(length > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for the next message; `None` if the stream ends, or the next line is no such message.
    ///
    /// # Errors
    /// As `source`.
    pub fn wait<T: DeserializeOwned>(&mut self, mut source: impl Read) -> io::Result<Option<T>> {
        loop {
            if let Some(message) = self.next() {
                return Ok(message.ok());
            }
            if !self.receive_by(|buffer| source.read(buffer))? {
                return Ok(None);
            }
        }
    }
}
