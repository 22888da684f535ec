//! How long an operation goes on, and what ends it early.

use super::Interrupt;
use crate::clock::Instant;

/// How long to go on, and what ends it early.
#[derive(Clone)]
pub struct Limits {
    /// When to give up waiting; `None` waits for ever.
    pub deadline: Option<Instant>,
    /// Try once and do not wait (`--timeout 0`).
    pub once: bool,
    /// Try again before the deadline however long the server asks to wait: what is held must not stay so for politeness.
    pub insist: bool,
    /// Ctrl-C and its kin.
    pub interrupt: Interrupt,
}
