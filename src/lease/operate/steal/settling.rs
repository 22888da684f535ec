//! Settling: who gives back what it takes is not ended by a first signal while a write of its own may happen.

use std::cell::Cell;

use super::super::Interrupt;
use crate::lease::decide::StealTerms;
use crate::lease::record::Taken;

/// What a first signal does to a takeover.
pub(super) struct Settling {
    interrupt: Interrupt,
    /// A failover frees what it took. A steal that was interrupted keeps it, so that it may end at once.
    gives_back: bool,
    /// Whether a write was sent that may happen.
    sent: Cell<bool>,
}

impl Settling {
    pub(super) fn new(terms: &StealTerms, interrupt: &Interrupt) -> Self {
        Self {
            interrupt: interrupt.clone(),
            gives_back: terms.taken == Taken::FailedOver,
            sent: Cell::new(false),
        }
    }

    /// Says whether a write was sent that may happen; what ends the takeover from now on.
    pub(super) fn sent(&self, sent: bool) -> Interrupt {
        self.sent.set(sent);
        match sent && self.gives_back {
            true => self.interrupt.patient(),
            false => self.interrupt.clone(),
        }
    }

    /// Returns once a signal has come that is not the end.
    pub(super) async fn put_off(&self) {
        self.interrupt.arrived().await;
        if !(self.gives_back && self.sent.get()) {
            std::future::pending::<()>().await;
        }
    }

    /// The signal that was put off, where nothing may happen any more.
    pub(super) fn signal(&self) -> Option<i32> {
        let waited = self.gives_back && !self.sent.get();
        self.interrupt.received().filter(|_| waited)
    }
}
