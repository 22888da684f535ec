//! What the watchdog says, on its way through a pipe that may be full: nothing waits for it while anything runs.

use std::io::{self, Write};
use std::os::windows::io::{AsHandle, AsRawHandle};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use windows_sys::Win32::Storage::FileSystem::FlushFileBuffers;

use crate::hold::watchdog::wire::ToSupervisor;

/// A thread that writes.
pub struct Post {
    messages: Option<Sender<Vec<u8>>>,
    writer: Option<JoinHandle<()>>,
}

impl Post {
    /// Writes to stdout.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn new() -> io::Result<Self> {
        let (messages, to_write) = channel::<Vec<u8>>();
        let writer = thread::Builder::new().spawn(move || {
            let mut pipe = io::stdout();
            for message in to_write {
                // A supervisor that is gone is noticed by its silence.
                if pipe
                    .write_all(&message)
                    .and_then(|()| pipe.flush())
                    .is_err()
                {
                    return;
                }
            }
            until_read(&pipe);
        })?;
        Ok(Self {
            messages: Some(messages),
            writer: Some(writer),
        })
    }

    /// Says something.
    pub fn tell(&self, message: &ToSupervisor) {
        let Ok(mut line) = serde_json::to_vec(message) else {
            return;
        };
        line.push(b'\n');
        if let Some(messages) = &self.messages {
            // As when the pipe is closed.
            let _ = messages.send(line);
        }
    }

    /// Says no more, and waits until all is read, or nobody will read it: the supervisor has to know how it ended before it sees us end.
    pub fn deliver(&mut self) {
        self.messages = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// What is written is in the pipe, and goes with us: a reader that is slow would never hear it.
#[expect(
    unsafe_code,
    reason = "the standard library flushes its own buffer only"
)]
fn until_read(pipe: &impl AsHandle) {
    // SAFETY: the handle is open. It fails when nobody will read it.
    unsafe { FlushFileBuffers(pipe.as_handle().as_raw_handle()) };
}
