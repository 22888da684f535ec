//! Holding: keeps a grant renewed while a command runs, and has the command dead before anyone else can hold.

#[cfg(unix)]
pub mod begin;
#[cfg(unix)]
pub mod child;
#[cfg(not(unix))]
pub mod child_plain;
#[cfg(unix)]
pub mod foreground;
#[cfg(unix)]
pub mod job;
pub mod machine;
#[cfg(unix)]
pub mod orders;
#[cfg(target_os = "linux")]
pub mod orphans;
#[cfg(unix)]
pub mod outbox;
pub mod run;
#[cfg(unix)]
pub mod shell;
pub mod timing;
#[cfg(unix)]
pub mod tree;
#[cfg(unix)]
pub mod tty;
#[cfg(unix)]
pub mod wakers;
#[cfg(unix)]
pub mod watchdog;

#[cfg(unix)]
pub use child::Prepared;
#[cfg(not(unix))]
pub use child_plain::{Job, Prepared};
#[cfg(unix)]
pub use job::Job;
