//! A batch: what one call writes to many Leases, a few at a time. Whatever was begun is heard to its end, and told.

use futures::{StreamExt, stream};
use tokio::sync::watch;

use super::several::{AT_ONCE, Next, next};
use crate::error::Error;
use crate::lease::operate::Interrupt;

/// What became of one.
pub enum Became<T> {
    /// It is done.
    Done(T),
    /// It is not, or that is not known; whether the others would come to the same.
    Failed(Error, Next),
    /// Nothing was sent, after a signal or after what happened to another.
    NotTried,
}

impl<T> From<Result<T, Error>> for Became<T> {
    fn from(result: Result<T, Error>) -> Self {
        result.map_or_else(
            |error| {
                let next = next(&error);
                Self::Failed(error, next)
            },
            Self::Done,
        )
    }
}

/// One batch.
pub struct Batch<'a> {
    interrupt: &'a Interrupt,
    stopped: watch::Sender<bool>,
}

impl<'a> Batch<'a> {
    /// One that a signal stops.
    pub fn new(interrupt: &'a Interrupt) -> Self {
        Self {
            interrupt,
            stopped: watch::Sender::new(false),
        }
    }

    /// What ends the wait of one that has sent nothing yet: a signal, and what would happen to it as it has to another.
    pub fn no_more(&self) -> Interrupt {
        self.interrupt.clone().or(self.stopped.subscribe())
    }

    /// Does `work` to each until one fails in a way that others would too, or a signal comes, and tells of all in their order,
    /// to the last.
    pub async fn each<I: Copy, T>(
        &self,
        all: impl IntoIterator<Item = I>,
        work: impl AsyncFn(I) -> Became<T>,
        mut tell: impl AsyncFnMut(I, Became<T>),
    ) {
        let working = stream::iter(all).map(async |one| {
            if *self.stopped.borrow() || self.interrupt.received().is_some() {
                return (one, Became::NotTried);
            }
            let became = work(one).await;
            if matches!(&became, Became::Failed(_, Next::Stop)) {
                self.stopped.send_replace(true);
            }
            (one, became)
        });
        let mut working = std::pin::pin!(working.buffered(AT_ONCE));
        while let Some((one, became)) = working.next().await {
            tell(one, became).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::time::Duration;

    use super::*;
    use crate::lease::operate::Interrupt;

    fn told<T: std::fmt::Debug>(became: &Became<T>) -> String {
        match became {
            Became::Done(done) => format!("{done:?}"),
            Became::Failed(error, _) => error.lines().join(" "),
            Became::NotTried => "-".to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_begun_beside_one_that_stops_all_is_told_and_nothing_else_is_begun() {
        let interrupt = Interrupt::never();
        let batch = Batch::new(&interrupt);
        let begun = Cell::new(0);
        let all = RefCell::new(Vec::new());
        let work = async |one: usize| {
            begun.set(begun.get() + 1);
            match one {
                0 => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Became::from(Err(Error::Usage("no".to_owned())))
                }
                // Nothing of it was sent.
                2 => match batch.no_more().arrived().await {
                    0 => Became::NotTried,
                    signal => Became::Done(usize::try_from(signal).unwrap_or_default()),
                },
                3 => {
                    tokio::time::sleep(Duration::from_secs(9)).await;
                    Became::Done(one)
                }
                _ => Became::Done(one),
            }
        };
        let tell = async |_, became| all.borrow_mut().push(told(&became));
        batch.each(0..30, work, tell).await;
        let all = all.borrow();
        assert_eq!(begun.get(), AT_ONCE);
        assert_eq!(all[..5], ["error: no", "1", "-", "3", "4"]);
        assert_eq!(all.len(), 30);
        assert!(all[AT_ONCE..].iter().all(|told| told == "-"), "{all:?}");
    }

    #[tokio::test]
    async fn a_signal_leaves_what_was_not_begun() {
        let (signal, received) = watch::channel(Vec::new());
        let interrupt = Interrupt::new(received);
        let batch = Batch::new(&interrupt);
        let mut all = Vec::new();
        let work = async |one: usize| {
            if one == 1 {
                signal.send_modify(|all: &mut Vec<i32>| all.push(15));
            }
            Became::Done(one)
        };
        let tell = async |one, became: Became<usize>| all.push((one, told(&became)));
        batch.each(0..4, work, tell).await;
        let expected = ["0", "1", "-", "-"].map(str::to_owned);
        let expected: Vec<_> = expected.into_iter().enumerate().collect();
        assert_eq!(all, expected);
    }
}
