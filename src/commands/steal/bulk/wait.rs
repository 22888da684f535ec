//! Waiting together: each of several has a place for as long as it waits for something of its own, and all go on at once.

use tokio::sync::watch;

/// Those that wait together.
pub struct Together(watch::Sender<usize>);

/// The place of one that something is still waited for. Dropped, it is over for that one.
pub struct Place<'a>(&'a watch::Sender<usize>);

impl Together {
    /// Nobody waits yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// A place among them.
    pub fn place(&self) -> Place<'_> {
        self.0.send_if_modified(|places| {
            *places += 1;
            false
        });
        Place(&self.0)
    }

    /// Returns once nothing is waited for any more.
    pub async fn over(&self) {
        // The sender is here, so that the channel does not close.
        let _ = self.0.subscribe().wait_for(|places| *places == 0).await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // All of them wake where something has come to an end, and not for each of the others.
        self.0.send_if_modified(|places| {
            *places -= 1;
            *places == 0
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};

    use futures::FutureExt;

    use super::Together;

    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Of thousands each would wake thousands.
    #[test]
    fn whoever_waits_wakes_once_and_not_for_each_place() {
        let together = Together::new();
        let places: Vec<_> = (0..100).map(|_| together.place()).collect();
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut over = Box::pin(together.over());
        assert!(
            over.poll_unpin(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let mut places = places.into_iter();
        drop(places.nth(98));
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        drop(places);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(over.now_or_never(), Some(()));
    }

    #[test]
    fn all_go_on_when_the_last_place_is_given_up_however_that_comes_about() {
        let together = Together::new();
        let (first, second) = (together.place(), together.place());
        let waits = async {
            drop(first);
            together.over().await;
        };
        let mut waits = Box::pin(waits);
        assert_eq!(waits.as_mut().now_or_never(), None);
        // Lost, say, before it had waited.
        let lost = async {
            let _place = second;
            std::future::pending::<()>().await;
        };
        let mut lost = Box::pin(lost);
        assert_eq!(lost.as_mut().now_or_never(), None);
        assert_eq!(waits.as_mut().now_or_never(), None);
        drop(lost);
        assert_eq!(waits.now_or_never(), Some(()));
    }
}
