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
pub struct Interrupt(Option<watch::Receiver<Vec<i32>>>);

impl Interrupt {
    /// Signals as they arrive on a channel that holds all received so far.
    pub fn new(received: watch::Receiver<Vec<i32>>) -> Self {
        Self(Some(received))
    }

    /// No signal ever arrives.
    pub fn never() -> Self {
        Self(None)
    }

    /// The first signal, if one has arrived.
    pub fn received(&self) -> Option<i32> {
        self.0.as_ref()?.borrow().first().copied()
    }

    /// Returns once `count` signals have arrived, with the first of them.
    pub async fn arrived(&self, count: usize) -> i32 {
        let Some(mut channel) = self.0.clone() else {
            return std::future::pending().await;
        };
        match channel.wait_for(|signals| signals.len() >= count).await {
            Ok(signals) => signals[0],
            Err(_) => std::future::pending().await,
        }
    }
}
