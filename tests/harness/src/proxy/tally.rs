//! How many requests a programmed fault has met, and when it let go of the last of them.

use crate::runtime::block_on;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A fault that is programmed into a proxy; dropping this changes nothing. Clones are the same one.
#[derive(Clone)]
pub struct Active(Arc<watch::Sender<Count>>);

#[derive(Clone, Copy, Default)]
struct Count {
    met: u64,
    open: u64,
    released: Option<Instant>,
    withdrawn: bool,
    let_go: bool,
}

impl Active {
    pub(super) fn new() -> Active {
        Active(Arc::default())
    }

    /// How many requests have met it.
    pub fn met(&self) -> u64 {
        self.0.borrow().met
    }

    /// Waits until it has met so many; returns whether it has within `timeout`.
    pub fn wait_met(&self, wanted: u64, timeout: Duration) -> bool {
        let mut count = self.0.subscribe();
        let met = async { count.wait_for(|count| count.met >= wanted).await.is_ok() };
        block_on(async { tokio::time::timeout(timeout, met).await.unwrap_or(false) })
    }

    /// It meets no request any more; those that it has met are not let go by this.
    pub fn withdraw(&self) {
        self.0.send_modify(|count| count.withdrawn = true);
    }

    /// The connections of those requests that it would never answer are reset.
    pub fn let_go(&self) {
        self.0.send_modify(|count| count.let_go = true);
    }

    /// Waits until it has let go of every request it met: each was answered, or its connection has gone, and the server is
    /// done with it. Returns when that was; none where it is not so within `timeout`, or no request was met.
    pub fn released(&self, timeout: Duration) -> Option<Instant> {
        let mut count = self.0.subscribe();
        let waited = async {
            let done = count.wait_for(|count| count.open == 0).await;
            done.ok().and_then(|count| count.released)
        };
        block_on(async { tokio::time::timeout(timeout, waited).await.ok().flatten() })
    }

    pub(super) fn is_withdrawn(&self) -> bool {
        self.0.borrow().withdrawn
    }

    /// Counts a request, until the result is dropped.
    pub(super) fn meet(&self) -> Met {
        self.0.send_modify(|count| {
            count.met += 1;
            count.open += 1;
        });
        Met(self.clone())
    }
}

/// A request that has met a fault and was not let go yet.
pub(super) struct Met(Active);

impl Met {
    /// Until [`Active::let_go`].
    pub(super) async fn let_go(&self) {
        let mut count = self.0.0.subscribe();
        // The sender lives as long as this.
        let _ = count.wait_for(|count| count.let_go).await;
    }
}

impl Drop for Met {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| {
            count.open -= 1;
            count.released = Some(Instant::now());
        });
    }
}
