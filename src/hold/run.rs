//! The loop of a hold: events of the API server, the command, the clock and the signals into the machine, its effects out.

mod lease;
mod news;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::pin::Pin;
use std::time::Duration;

use super::machine::{Effect, Event, Machine, Outcome};
use super::timing::Timing;
use crate::clock::{Clock, Instant};
use crate::lease::api::{Api, Fault};
use crate::lease::decide::{Loss, Seen};
use crate::lease::evidence::Observation;
use crate::lease::operate::{Grant, Hint, Operations, Renewal, Watcher};
use crate::signals::Received;

#[cfg(unix)]
use super::child::{Child, News, Prepared};
#[cfg(not(unix))]
use super::child_plain::{Child, News, Prepared};
#[cfg(unix)]
use super::{orders::Orders, tty::Tty};

/// What to run under the lease.
pub struct Order {
    /// The command; empty to hold until interrupted.
    pub command: Vec<OsString>,
    /// Variables for it.
    pub environment: Vec<(&'static str, String)>,
    /// The checked times.
    pub timing: Timing,
    /// The signal that asks it to stop when the lease is lost.
    pub on_lost: i32,
}

/// How a hold went.
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The errno of a command that could not be started.
    pub errno: Option<i32>,
    /// Why the command could not be started by this system, whatever the command is.
    pub no_watchdog: Option<String>,
    /// Whether the lease was given back, by us.
    pub released: bool,
    /// Whether the watchdog died.
    pub watchdog_died: bool,
}

/// Something to say while holding.
pub enum Note {
    /// The lease is lost.
    Lost(Loss),
    /// A renewal failed; this much is left.
    Trouble {
        /// What stood in the way.
        why: String,
        /// Until the command is stopped.
        left: Duration,
    },
    /// The command was stopped from the terminal; this much is left.
    Stopped {
        /// Until the command is killed.
        left: Duration,
    },
    /// The command has ended; these processes that it left behind are asked to stop.
    Left(String),
    /// These processes do not die.
    Unkilled(Vec<String>),
    /// Changes cannot be watched.
    Unwatched,
    /// The release did not go through.
    NotReleased,
}

type Pending<'a, T> = Option<Pin<Box<dyn Future<Output = T> + 'a>>>;

struct Hold<'a, A, C> {
    operations: &'a Operations<A, C>,
    grant: Grant,
    order: &'a Order,
    machine: Machine,
    prepared: Option<Prepared>,
    child: Option<Child>,
    #[cfg(unix)]
    tty: Option<Tty>,
    renewal: Pending<'a, Renewal>,
    reading: Pending<'a, Result<Seen, Fault>>,
    watching: bool,
    release: Pending<'a, Option<bool>>,
    said_trouble: bool,
    say: &'a dyn Fn(Note),
    report: Report,
}

/// Holds `grant` while the command runs, which was `prepared` unless there is none. `signals` ask us to end and are
/// passed on, `for_command` are only passed on.
pub async fn hold<A: Api, C: Clock>(
    operations: &Operations<A, C>,
    grant: Grant,
    order: &Order,
    prepared: Option<Prepared>,
    mut signals: Received,
    mut for_command: Received,
    say: &dyn Fn(Note),
) -> Report {
    let clock = operations.clock();
    let (mut seen_signals, mut seen_for_command) = (0, 0);
    let mut watcher = Watcher::default();
    let sent_at = grant.sent_at;
    let mut hold = Hold {
        machine: Machine::new(order.timing, !order.command.is_empty(), fastrand::f64()),
        operations,
        grant,
        order,
        prepared,
        child: None,
        #[cfg(unix)]
        tty: if order.command.is_empty() {
            None
        } else {
            Tty::ours()
        },
        renewal: None,
        reading: None,
        watching: true,
        release: None,
        said_trouble: false,
        say,
        report: Report {
            outcome: Outcome::Lost,
            errno: None,
            no_watchdog: None,
            released: false,
            watchdog_died: false,
        },
    };
    let mut done = hold.feed(Event::Acquired { sent_at }).await;
    while !done {
        let event = tokio::select! {
            biased;
            () = wake(clock, hold.machine.wake_at()) => Happened::Event(Event::Woken),
            news = news(&mut hold.child) => Happened::News(news),
            renewal = pending(&mut hold.renewal) => {
                hold.renewal = None;
                Happened::Renewal(renewal)
            }
            released = pending(&mut hold.release) => {
                hold.release = None;
                hold.report.released = released == Some(true);
                if released.is_none() {
                    (hold.say)(Note::NotReleased);
                }
                Happened::Event(Event::Released)
            }
            signal = next_signal(&mut signals, &mut seen_signals) => Happened::Event(Event::Signal(signal)),
            signal = next_signal(&mut for_command, &mut seen_for_command) => {
                Happened::Event(Event::Signal(signal))
            }
            read = pending(&mut hold.reading) => {
                hold.reading = None;
                Happened::Read(read)
            }
            hint = watcher.hint(operations.api(), clock, hold.grant.record.resource_version()), if hold.watching => {
                Happened::Hint(hint)
            }
        };
        done = match event {
            Happened::Event(event) => hold.feed(event).await,
            Happened::News(news) => hold.hear(news).await,
            Happened::Renewal(renewal) => hold.renewed(renewal).await,
            Happened::Hint(Hint::Lease(record)) => {
                let at = clock.now();
                hold.seen(Seen::Lease(Observation::first(record, at, None)))
                    .await
            }
            Happened::Hint(Hint::ReadAgain) => {
                hold.read_again();
                false
            }
            Happened::Hint(Hint::Denied) => {
                // The renewals notice a loss too, within D/3.
                hold.watching = false;
                (hold.say)(Note::Unwatched);
                false
            }
            Happened::Read(Ok(seen)) => hold.seen(seen).await,
            // The next renewal finds out.
            Happened::Read(Err(_)) => false,
        };
    }
    hold.end();
    hold.report
}

enum Happened {
    Event(Event),
    News(News),
    Renewal(Renewal),
    Read(Result<Seen, Fault>),
    Hint(Hint),
}

impl<'a, A: Api, C: Clock> Hold<'a, A, C> {
    /// Hands an event to the machine and does what it says; true once it is over.
    async fn feed(&mut self, event: Event) -> bool {
        let now = self.operations.clock().now();
        let happened = format!("{event:?}");
        let mut effects = VecDeque::from(self.machine.handle(event, now));
        if !effects.is_empty() {
            log::debug!("{happened}: {effects:?}");
        }
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Start => {
                    if let Err(error) = self.start() {
                        self.report.no_watchdog = Some(error);
                        // The grant is given back.
                        effects.extend(self.machine.handle(Event::NotStarted, now));
                    }
                }
                Effect::Renew(limit) => {
                    let (operations, grant) = (self.operations, self.grant.clone());
                    let until = grant.sent_at + self.order.timing.fence_after;
                    self.renewal = Some(Box::pin(async move {
                        operations.renew(&grant, limit, until).await
                    }));
                }
                Effect::Forward(signal) => {
                    if let Some(child) = &mut self.child {
                        child.forward(signal);
                    }
                }
                Effect::StopTree => {
                    if let Some(child) = &mut self.child {
                        child.stop();
                    }
                }
                Effect::KillTree => self.kill().await,
                Effect::Release => self.give_back(),
                Effect::SayLost(loss) => (self.say)(Note::Lost(loss)),
                Effect::SayTrouble(why) => {
                    if !self.said_trouble {
                        self.said_trouble = true;
                        let left = (self.grant.sent_at + self.order.timing.fence_after).since(now);
                        (self.say)(Note::Trouble { why, left });
                    }
                }
                Effect::SayUnkilled => self.say_unkilled(),
                Effect::Finish(outcome) => {
                    self.report.outcome = outcome;
                    return true;
                }
            }
        }
        false
    }

    #[cfg(unix)]
    fn start(&mut self) -> Result<(), String> {
        let orders = Orders::new(
            &self.order.timing,
            self.grant.sent_at,
            self.order.on_lost,
            self.tty.as_ref().map_or(0, |tty| tty.own().as_raw()),
        );
        let prepared = self.prepared.take().ok_or("no watchdog was prepared")?;
        let environment = self.order.environment.clone();
        let child = Child::start(prepared, &self.order.command, environment, orders)?;
        self.child = Some(child);
        Ok(())
    }

    #[cfg(not(unix))]
    fn start(&mut self) -> Result<(), String> {
        self.child = Some(Child::start(
            &self.order.command,
            self.order.environment.clone(),
        )?);
        Ok(())
    }

    #[cfg(unix)]
    fn say_unkilled(&self) {
        if let Some(child) = &self.child {
            let left = child.left().into_iter().map(super::tree::describe);
            (self.say)(Note::Unkilled(left.collect()));
        }
    }

    #[cfg(not(unix))]
    fn say_unkilled(&self) {
        (self.say)(Note::Unkilled(Vec::new()));
    }

    async fn kill(&mut self) {
        let Some(child) = &mut self.child else { return };
        child.kill();
    }
}

async fn wake<C: Clock>(clock: &C, at: Option<Instant>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn pending<T>(future: &mut Pending<'_, T>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn news(child: &mut Option<Child>) -> News {
    match child {
        Some(child) => child.news().await,
        None => std::future::pending().await,
    }
}

async fn next_signal(signals: &mut Received, seen: &mut usize) -> i32 {
    match signals.wait_for(|all| all.len() > *seen).await {
        Ok(all) => {
            let signal = all[*seen];
            *seen += 1;
            signal
        }
        Err(_) => std::future::pending().await,
    }
}
