//! Holding: keeps a grant renewed while a command runs, and has the command dead before anyone else can hold.

#[cfg(unix)]
pub mod child;
#[cfg(not(unix))]
pub mod child_plain;
pub mod machine;
#[cfg(unix)]
pub mod orders;
#[cfg(target_os = "linux")]
pub mod orphans;
pub mod run;
pub mod timing;
#[cfg(unix)]
pub mod tree;
#[cfg(unix)]
pub mod tty;
#[cfg(unix)]
pub mod watchdog;
