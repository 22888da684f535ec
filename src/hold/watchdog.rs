//! The watchdog: a small process of its own between the supervisor and the command, and what both say to each other.

#[cfg(unix)]
mod foreground;
mod inbox;
mod names;
#[cfg(unix)]
mod outbox;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod start;
#[cfg(unix)]
pub mod tree;
#[cfg(unix)]
mod wakers;
#[cfg(unix)]
mod watch;
#[cfg(windows)]
mod windows;
pub mod wire;

pub use inbox::Inbox;
#[cfg(unix)]
pub use outbox::Outbox;
#[cfg(unix)]
pub use process::{MARK, main, spare};
#[cfg(windows)]
pub use windows::{BY_STDIO, MARK, main};
