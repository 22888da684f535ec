//! The runtime that everything asynchronous runs on.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// One thread: a supervisor costs little, and starts fast.
///
/// # Errors
/// When a limit of the system leaves no room for it.
pub fn new() -> io::Result<Runtime> {
    #[cfg(unix)]
    crate::limits::room_to_start()?;
    Builder::new_current_thread().enable_all().build()
}
