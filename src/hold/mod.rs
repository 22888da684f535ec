//! Holding: keeps a grant renewed while a command runs, and has the command dead before anyone else can hold.

pub mod label;
pub mod machine;
pub mod supervisor;
pub mod timing;
pub mod watchdog;
