//! Holding: keeps a grant renewed while a command runs, and has the command dead before anyone else can hold.

#[cfg(unix)]
pub mod child;
pub mod machine;
pub mod run;
pub mod timing;
#[cfg(unix)]
pub mod tree;
#[cfg(unix)]
pub mod tty;
#[cfg(unix)]
pub mod watchdog;
