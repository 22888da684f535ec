//! How long an operation goes on, and what ends it early.

use tokio::sync::watch;

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

/// The signals that ask the process to end.
#[derive(Clone)]
pub struct Interrupt {
    signals: Option<watch::Receiver<Vec<i32>>>,
    /// So many are somebody else's.
    skipped: usize,
    withdrawn: Option<watch::Receiver<bool>>,
}

/// What stands for a signal where none has arrived, and what was wanted is not wanted any more.
pub(super) const WITHDRAWN: i32 = 0;

impl Interrupt {
    /// Signals as they arrive on a channel that holds all received so far.
    pub fn new(received: watch::Receiver<Vec<i32>>) -> Self {
        Self {
            signals: Some(received),
            skipped: 0,
            withdrawn: None,
        }
    }

    /// No signal ever arrives.
    pub fn never() -> Self {
        Self {
            signals: None,
            skipped: 0,
            withdrawn: None,
        }
    }

    /// The same without the first so many: what goes on to its end where it is asked to end once, and not twice.
    #[must_use]
    pub fn beyond(&self, count: usize) -> Self {
        Self {
            skipped: self.skipped + count,
            ..self.clone()
        }
    }

    /// The same, and as if a first signal had come once `withdrawn` is true.
    #[must_use]
    pub(super) fn or(self, withdrawn: watch::Receiver<bool>) -> Self {
        Self {
            withdrawn: Some(withdrawn),
            ..self
        }
    }

    /// The first signal, if one has arrived.
    pub fn received(&self) -> Option<i32> {
        let signals = self.signals.as_ref();
        let first = signals.and_then(|signals| signals.borrow().get(self.skipped).copied());
        let withdrawn = || self.withdrawn.as_ref().is_some_and(|all| *all.borrow());
        first.or_else(|| withdrawn().then_some(WITHDRAWN))
    }

    /// How many signals have arrived.
    pub fn count(&self) -> usize {
        let signals = self.signals.as_ref();
        let all = signals.map_or(0, |signals| signals.borrow().len());
        all.saturating_sub(self.skipped)
    }

    /// Returns once `count` signals have arrived, with the first of them.
    pub async fn arrived(&self, count: usize) -> i32 {
        let skipped = self.skipped;
        let signalled = async {
            let Some(mut channel) = self.signals.clone() else {
                return std::future::pending().await;
            };
            let arrived = channel.wait_for(|signals| signals.len() >= skipped + count);
            match arrived.await {
                Ok(signals) => signals[skipped],
                Err(_) => std::future::pending().await,
            }
        };
        let withdrawn = async {
            let Some(mut channel) = self.withdrawn.clone().filter(|_| count == 1) else {
                return std::future::pending().await;
            };
            match channel.wait_for(|withdrawn| *withdrawn).await {
                Ok(_) => WITHDRAWN,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            signal = signalled => signal,
            withdrawn = withdrawn => withdrawn,
        }
    }
}
