//! The watchdog: a small process of its own between the supervisor and the command, and what both say to each other.

mod foreground;
mod inbox;
mod outbox;
mod process;
mod start;
pub mod tree;
mod wakers;
mod watch;
pub mod wire;

pub use inbox::Inbox;
pub use outbox::Outbox;
pub use process::{MARK, main, spare};
