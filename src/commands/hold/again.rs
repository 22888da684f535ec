//! `--again`: whether a command whose lease was lost is run once more, and when.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::watch;

use crate::cli::AroundArgs;
use crate::clock::{Clock, Instant, SystemClock};
use crate::lease::operate::{Interrupt, SIGHUP};
use crate::signals::Received;

/// A run that was shorter than this, or than its lease's duration, is followed by a pause: whatever ended it may do so again.
const SHORT: Duration = Duration::from_secs(10);

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// After a takeover the next one may come first: client-go's candidates look every 2 s, 4.4 s with their jitter
/// (`RetryPeriod`, `JitterFactor` in client-go's leaderelection). Who asks at once would take it again as soon as a failover frees it.
const STANDS_BACK: Duration = Duration::from_secs(5);

const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The runs of a hold so far.
pub struct Again {
    wanted: bool,
    most: Option<u32>,
    restarts: u32,
    short: u32,
}

/// What follows a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is run again, after this pause.
    Restart(Duration),
    /// The same, and the pause is there to let another have it first.
    StandBack(Duration),
    /// That was the last time.
    Enough(u32),
    /// Nobody asked for it.
    End,
}

impl Again {
    /// Of a hold that has not begun.
    pub fn new(args: &AroundArgs) -> Self {
        Self {
            wanted: args.again,
            most: args.max_restarts,
            restarts: 0,
            short: 0,
        }
    }

    /// How often it was run again.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// What follows a loss after the command ran for `ran` under a lease of `duration`; whether it was taken over.
    pub fn after_loss(&mut self, ran: Duration, duration: Duration, taken: bool) -> Then {
        if !self.wanted {
            return Then::End;
        }
        if self.most.is_some_and(|most| self.restarts >= most) {
            return Then::Enough(self.restarts);
        }
        self.restarts = self.restarts.saturating_add(1);
        self.short = if ran < duration.max(SHORT) {
            self.short.saturating_add(1)
        } else {
            0
        };
        let pause = match self.short {
            0 => Duration::ZERO,
            short => (FIRST_PAUSE * (1 << (short - 1).min(5))).min(LONGEST_PAUSE),
        };
        match taken {
            true => Then::StandBack(pause.max(STANDS_BACK)),
            false => Then::Restart(pause),
        }
    }
}

/// What `then` comes to, and when the first signal came meanwhile.
pub async fn noting<T>(
    interrupt: &Interrupt,
    at: &Cell<Option<Instant>>,
    then: impl Future<Output = T>,
) -> T {
    let noting = async {
        interrupt.arrived().await;
        at.set(Some(SystemClock.now()));
        std::future::pending::<T>().await
    };
    tokio::select! {
        biased;
        never = noting => never,
        done = then => done,
    }
}

/// How many signals were received so far.
pub fn heard(signals: &Received) -> usize {
    signals.borrow().len()
}

/// Whether one of the signals after the first `seen` asked for an end, and not only the command for something: to a server
/// HUP means to read its configuration anew. As the end of a terminal it ends the command by itself.
pub fn asked_to_end(signals: &Received, seen: usize) -> bool {
    let all = signals.borrow();
    all.iter().skip(seen).any(|signal| *signal != SIGHUP)
}

/// The signals after the first `seen`, as a channel of their own: those before were for an earlier run.
pub fn from(signals: &Received, seen: usize) -> Received {
    if seen == 0 {
        return signals.clone();
    }
    let mut all = signals.clone();
    let later = move |all: &[i32]| all.get(seen..).unwrap_or_default().to_vec();
    let (sender, receiver) = watch::channel(later(&all.borrow_and_update()));
    tokio::spawn(async move {
        loop {
            tokio::select! {
                changed = all.changed() => match changed {
                    Ok(()) => sender.send_replace(later(&all.borrow_and_update())),
                    Err(_) => return,
                },
                // Nobody listens to that run any more.
                () = sender.closed() => return,
            };
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: Duration = Duration::from_secs(15);

    fn again(most: Option<u32>) -> Again {
        Again {
            wanted: true,
            most,
            restarts: 0,
            short: 0,
        }
    }

    fn restart(seconds: u64) -> Then {
        Then::Restart(Duration::from_secs(seconds))
    }

    #[test]
    fn short_runs_are_followed_by_longer_and_longer_pauses_and_a_long_one_by_none() {
        let mut again = again(None);
        for pause in [1, 2, 4, 8, 16, 30, 30, 30] {
            assert_eq!(again.after_loss(Duration::ZERO, D, false), restart(pause));
        }
        assert_eq!(again.after_loss(D, D, false), restart(0));
        assert_eq!(
            again.after_loss(Duration::from_secs(14), D, false),
            restart(1)
        );
        assert_eq!(again.restarts(), 10);
        let mut many = Again {
            short: u32::MAX,
            restarts: u32::MAX,
            ..again
        };
        assert_eq!(many.after_loss(Duration::ZERO, D, false), restart(30));
    }

    #[test]
    fn after_a_takeover_it_stands_back_however_long_it_ran() {
        let mut again = again(None);
        let stands_back = |seconds| Then::StandBack(Duration::from_secs(seconds));
        for pause in [5, 5, 5, 8, 16] {
            assert_eq!(
                again.after_loss(Duration::ZERO, D, true),
                stands_back(pause)
            );
        }
        assert_eq!(again.after_loss(D * 100, D, true), stands_back(5));
        assert_eq!(again.after_loss(D * 100, D, false), restart(0));
    }

    #[test]
    fn so_many_restarts_and_no_more() {
        let mut again = again(Some(2));
        assert_eq!(again.after_loss(D, D, false), restart(0));
        assert_eq!(again.after_loss(D, D, false), restart(0));
        assert_eq!(again.after_loss(D, D, false), Then::Enough(2));
        let mut none = self::again(Some(0));
        assert_eq!(none.after_loss(D, D, false), Then::Enough(0));
        none.wanted = false;
        assert_eq!(none.after_loss(D, D, false), Then::End);
    }

    #[tokio::test]
    async fn a_run_hears_the_signals_since_the_one_before_it_and_no_others() {
        let (sender, signals) = watch::channel(vec![1]);
        let mut later = from(&signals, 1);
        assert!(later.borrow().is_empty());
        sender.send_modify(|all| all.push(15));
        let heard = later.wait_for(|all| !all.is_empty()).await;
        assert_eq!(*heard.expect("it goes on"), [15]);
        // What came between is there from the start.
        assert_eq!(*from(&signals, 1).borrow(), [15]);
        assert!(asked_to_end(&signals, 1) && !asked_to_end(&signals, 2));
    }

    #[test]
    fn a_command_that_was_told_to_read_its_configuration_anew_is_not_asked_to_end() {
        let (_sender, signals) = watch::channel(vec![SIGHUP, SIGHUP]);
        assert!(!asked_to_end(&signals, 0));
    }
}
