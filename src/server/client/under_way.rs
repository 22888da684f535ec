//! Whether requests are on their way, for one that had better take the connection of those than one of its own.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::yield_now;

/// A TLS handshake costs both sides a millisecond or two of processor time. Where a whole answer takes less than this, one
/// after the other over one connection comes sooner than both at once; elsewhere to have waited is the smaller part.
const WORTH_WAITING: Duration = Duration::from_millis(5);

/// The requests of a client.
#[derive(Clone, Default)]
pub struct UnderWay {
    number: Rc<Cell<usize>>,
    over: Rc<Notify>,
}

/// One of them, until this is dropped.
pub struct OnItsWay(UnderWay);

impl UnderWay {
    /// One more.
    pub fn one(&self) -> OnItsWay {
        self.number.set(self.number.get() + 1);
        OnItsWay(self.clone())
    }

    /// Returns once there is none, or after a few milliseconds.
    pub async fn over(&self) {
        let over = async {
            // Another may have begun meanwhile.
            while self.number.get() > 0 {
                while self.number.get() > 0 {
                    // Nothing else runs in between.
                    self.over.notified().await;
                }
                // The pool has the connection back when the tasks that read from it have run.
                for _ in 0..3 {
                    yield_now().await;
                }
            }
        };
        let _ = tokio::time::timeout(WORTH_WAITING, over).await;
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        let Self(UnderWay { number, over }) = self;
        number.set(number.get() - 1);
        over.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_over_soon_is_waited_for_and_nothing_else() {
        let ms = Duration::from_millis;
        let under_way = UnderWay::default();
        assert!(under_way.over().now_or_never().is_some());
        let (first, second) = (under_way.one(), under_way.one());
        let soon = async {
            drop(second);
            sleep(ms(2)).await;
            drop(first);
        };
        let waited = timeout(ms(1), under_way.over());
        assert!(waited.await.is_err());
        let (_, waited) = tokio::join!(soon, timeout(ms(3), under_way.over()));
        assert!(waited.is_ok());
        let _slow = under_way.one();
        let waited = timeout(WORTH_WAITING - ms(1), under_way.over());
        assert!(waited.await.is_err());
        let waited = timeout(WORTH_WAITING + ms(1), under_way.over());
        assert!(waited.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_that_wait_for_the_same_one_goes_after_the_other() {
        let under_way = UnderWay::default();
        let (first, at_once) = (under_way.one(), Cell::new(0));
        let most = Cell::new(0);
        let after = async || {
            under_way.over().await;
            let _one = under_way.one();
            at_once.set(at_once.get() + 1);
            most.set(most.get().max(at_once.get()));
            sleep(Duration::from_millis(1)).await;
            at_once.set(at_once.get() - 1);
        };
        let ends = async {
            sleep(Duration::from_millis(2)).await;
            assert_eq!(most.get(), 0, "the first is still on its way");
            drop(first);
        };
        tokio::join!(after(), after(), ends);
        assert_eq!(most.get(), 1);
    }
}
