//! The command that `hold` runs: it locks a file for each of its leases, tells the sink that it works, and behaves badly.
//!
//! Everything is said in words of the form `name=value`, so that it can start itself again without an environment.

mod manner;
mod orders;
mod tell;

use std::process::ExitCode;
use std::time::Duration;

use self::orders::Orders;
use self::tell::Teller;
use crate::time::At;

pub use self::manner::MANNERS;
pub use self::orders::{Ending, words};
pub use self::tell::locked_by;

/// How often a process says that it works.
const BEAT: Duration = Duration::from_millis(5);

/// Runs as the worker, if the first word says so.
pub fn main(arguments: &[String]) -> Option<ExitCode> {
    let (first, words) = arguments.split_first()?;
    if first != "worker" {
        return None;
    }
    let Some(orders) = Orders::read(words) else {
        return Some(ExitCode::from(2));
    };
    // Nobody hears: the soak is over, and so is this.
    let Some(teller) = Teller::new(&orders) else {
        return Some(ExitCode::from(2));
    };
    // What nobody watches, and what came to run only when its time was over, does not begin.
    if orders
        .deadline
        .is_some_and(|deadline| At::now() >= deadline)
    {
        return Some(ExitCode::SUCCESS);
    }
    let mut worker = Worker {
        until: At::now() + orders.works,
        orders,
        teller,
    };
    worker.lock();
    Some(worker.behave())
}

/// One process of the tree.
struct Worker {
    orders: Orders,
    teller: Teller,
    /// When it ends by itself.
    until: At,
}

impl Worker {
    /// Takes the lock of each lease, which the whole tree keeps; without it works on all the same, having said so.
    fn lock(&mut self) {
        for grant in &self.orders.grants {
            if self.orders.locked.is_none() && tell::lock(&self.orders, grant) == Some(false) {
                self.teller.overlap(grant);
            }
        }
    }

    /// Works until it is time.
    fn work(&mut self) {
        self.work_until(self.until, BEAT);
    }

    fn work_until(&mut self, end: At, every: Duration) {
        let end = self.orders.deadline.map_or(end, |last| last.min(end));
        loop {
            self.teller.beat();
            let left = end.since(At::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(every));
        }
    }
}
