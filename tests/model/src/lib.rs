//! The lease operations with nothing but the clock that they stand on, as `tests/model` simulates them.

#[path = "../../../src/clock.rs"]
pub mod clock;
#[path = "../../../src/lease/mod.rs"]
pub mod lease;
