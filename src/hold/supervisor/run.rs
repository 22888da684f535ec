//! The loop of a hold: events of the API server, the command, the clock and the signals into the machine, its effects out.

#[cfg(unix)]
mod control;
mod label;
mod lease;
mod news;

use std::collections::VecDeque;
use std::pin::Pin;
#[cfg(unix)]
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};

use super::child::{Child, News, Prepared};
#[cfg(unix)]
use super::job::Step;
use super::{HoldTerms, Job, Note, Report, Signals};
use crate::clock::{Clock, Instant};
use crate::hold::machine::{Effect, Event, Machine, Outcome};
#[cfg(unix)]
use crate::hold::watchdog::wire::{Orders, Start, Word};
use crate::lease::api::{Api, Fault};
use crate::lease::decide::Seen;
use crate::lease::evidence::Observation;
use crate::lease::operate::{
    Grant, Held, Hint, Operations, Renewal, Renewals, Returned, Spoken, Watcher,
};
use crate::lease::record::Record;
use crate::signals::Received;
use label::Labelled;

/// What a program beside us in a pipeline has to leave the screen.
#[cfg(unix)]
const PAGER: Duration = Duration::from_millis(50);

type Pending<'a, T> = Option<Pin<Box<dyn Future<Output = T> + 'a>>>;

struct Hold<'a, A, C> {
    operations: &'a Operations<A, C>,
    grant: Grant,
    terms: &'a HoldTerms,
    machine: Machine,
    prepared: Option<Prepared>,
    child: Option<Child>,
    job: Job,
    renewals: Renewals<'a, A, C>,
    reads: FuturesUnordered<LocalBoxFuture<'a, Read>>,
    /// `None` where it is not released.
    release: Pending<'a, Option<Returned>>,
    /// What was seen last of a grant that somebody has put on top of ours.
    taken: Option<Record>,
    word: Pending<'a, Spoken>,
    labelling: Pending<'a, Labelled>,
    /// Whether the command has begun.
    begun: bool,
    said_trouble: bool,
    say: &'a dyn Fn(Note),
    report: Report,
}

/// Answers for the grant from here on: holds it while the command runs, which was `prepared` unless there is none, and
/// releases it or says how it was lost.
pub async fn hold<A: Api, C: Clock>(
    operations: &Operations<A, C>,
    held: Held<'_>,
    terms: &HoldTerms,
    prepared: Option<Prepared>,
    signals: Signals,
    say: &dyn Fn(Note),
) -> Report {
    let grant = held.answer_for();
    let clock = operations.clock();
    // Those that are only passed on were for nobody until now: no command was there to have them.
    let seen_for_command = signals.for_command.borrow().len();
    let (mut to_end, mut for_command) =
        ((signals.to_end, 0), (signals.for_command, seen_for_command));
    let mut watcher = Watcher::default();
    let sent_at = grant.sent_at;
    let mut hold = Hold {
        machine: Machine::new(terms.timing, !terms.command.is_empty(), fastrand::f64())
            .labelling(terms.label.is_some())
            .detaching(terms.detaches),
        operations,
        renewals: Renewals::new(operations, grant.clone(), None),
        grant,
        terms,
        prepared,
        child: None,
        job: signals.job,
        reads: FuturesUnordered::new(),
        release: None,
        taken: None,
        word: None,
        labelling: None,
        begun: false,
        said_trouble: false,
        say,
        report: Report {
            outcome: Outcome::Lost,
            errno: None,
            no_watchdog: None,
            released: false,
            watchdog_died: false,
            ended_by_itself: false,
            detached: false,
            unlabelled: None,
            grant: None,
        },
    };
    let mut next = hold.feed(Event::Acquired { sent_at });
    loop {
        let happened = match next {
            Next::Finish => break,
            #[cfg(unix)]
            Next::StopJob(step) => {
                clock.sleep_until(clock.now() + PAGER).await;
                Happened::StopJob(step)
            }
            Next::Wait => tokio::select! {
                biased;
                () = wake(clock, hold.machine.wake_at()) => Happened::Event(Event::Woken),
                news = news(&mut hold.child) => Happened::News(news),
                signal = hold.job.next() => Happened::Told(signal),
                renewal = hold.renewals.next() => Happened::Renewal(renewal),
                returned = pending(&mut hold.release) => Happened::Returned(returned),
                word = pending(&mut hold.word) => Happened::Spoken(word),
                labelled = pending(&mut hold.labelling) => Happened::Labelled(labelled),
                signal = next_signal(&mut to_end) => Happened::Event(Event::Signal(signal)),
                signal = next_signal(&mut for_command) => Happened::Event(Event::SignalForCommand(signal)),
                Some(read) = hold.reads.next() => Happened::Read(read),
                hint = watcher.hint(operations.api(), clock, hold.grant.record.resource_version()) => Happened::Hint(hint),
            },
        };
        next = hold.handle(happened);
    }
    hold.end();
    Report {
        detached: !hold.machine.nothing_runs(),
        grant: Some(hold.grant.record),
        ..hold.report
    }
}

/// What the loop waited for.
enum Happened {
    Event(Event),
    News(News),
    Told(i32),
    #[cfg(unix)]
    StopJob(Step),
    Renewal(Renewal),
    Returned(Option<Returned>),
    Spoken(Spoken),
    Labelled(Labelled),
    Read(Read),
    Hint(Hint),
}

/// What the loop does next.
#[must_use]
enum Next {
    /// It waits for whatever happens.
    Wait,
    /// It has our job stop, once a program beside us in a pipeline has left the screen.
    #[cfg(unix)]
    StopJob(Step),
    /// The hold is over.
    Finish,
}

/// A read that is over.
struct Read {
    asked_at: Instant,
    seen: Result<Seen, Fault>,
}

impl<'a, A: Api, C: Clock> Hold<'a, A, C> {
    fn handle(&mut self, happened: Happened) -> Next {
        match happened {
            Happened::Event(event) => self.feed(event),
            Happened::News(news) => self.hear(news),
            Happened::Told(signal) => self.told(signal),
            #[cfg(unix)]
            Happened::StopJob(step) => self.take_and_look(step),
            Happened::Renewal(renewal) => self.renewed(renewal),
            Happened::Returned(returned) => self.returned(returned),
            Happened::Spoken(word) => self.spoken(&word),
            Happened::Labelled(labelled) => self.labelled(labelled),
            Happened::Read(Read { seen, asked_at }) => match seen {
                Ok(seen) => self.seen(seen, Some(asked_at)),
                // The next renewal finds out.
                Err(_) => Next::Wait,
            },
            Happened::Hint(Hint::Lease(record)) => {
                let at = self.operations.clock().now();
                self.seen(Seen::Lease(Observation::first(record, at, None)), None)
            }
            Happened::Hint(Hint::ReadAgain | Hint::Quiet) => {
                self.read_again();
                Next::Wait
            }
            // Meanwhile the renewals notice a loss too, within D/3.
            Happened::Hint(Hint::Refused) => self.say(Note::Unwatched),
            Happened::Hint(Hint::Watching) => self.say(Note::Watched),
        }
    }

    fn say(&self, note: Note) -> Next {
        (self.say)(note);
        Next::Wait
    }

    /// Hands an event to the machine and does what it says.
    fn feed(&mut self, event: Event) -> Next {
        let now = self.operations.clock().now();
        let happened = format!("{event:?}");
        let for_command = matches!(event, Event::SignalForCommand(_));
        let mut effects = VecDeque::from(self.machine.handle(event, now));
        if !effects.is_empty() {
            log::debug!("{happened}: {effects:?}");
        } else if for_command {
            log::debug!("{happened}: ignored, as no command runs");
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
                    let until = self.grant.sent_at + self.terms.timing.renew_deadline;
                    self.renewals.begin(limit, until);
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
                Effect::KillTree => self.kill(),
                Effect::SetLabel => self.set_label(),
                Effect::ClearLabel => self.clear_label(),
                Effect::LeaveLabel => self.leave_label(),
                Effect::Release => self.give_back(),
                Effect::SayStopped => self.say_stopped(),
                Effect::SayLost(loss) => (self.say)(Note::Lost(loss)),
                Effect::SayRenewalFailed(why) => {
                    if !self.said_trouble {
                        self.said_trouble = true;
                        let left =
                            (self.grant.sent_at + self.terms.timing.renew_deadline).since(now);
                        (self.say)(Note::RenewalFailed { why, left });
                    }
                }
                Effect::SayUnkilled => self.say_unkilled(),
                Effect::Finish(outcome) => {
                    self.report.outcome = outcome;
                    return Next::Finish;
                }
            }
        }
        Next::Wait
    }

    #[cfg(unix)]
    fn start(&mut self) -> Result<(), String> {
        let terms = self.terms;
        let start = Start {
            orders: Orders {
                sent_at: self.grant.sent_at,
                timing: terms.timing,
                on_lost: terms.on_lost,
            },
            terminal_of: self.job.takes_terminal_of().map(nix::unistd::Pid::as_raw),
            environment: (terms.environment.iter())
                .map(|(name, value)| (Word(name.into()), Word(value.into())))
                .collect(),
            command: terms.command.iter().cloned().map(Word).collect(),
            detaches: terms.detaches,
        };
        let prepared = self.prepared.take().ok_or("no watchdog was prepared")?;
        self.child = Some(Child::start(prepared, start)?);
        Ok(())
    }

    #[cfg(not(unix))]
    fn start(&mut self) -> Result<(), String> {
        self.child = Some(Child::start(
            &self.terms.command,
            self.terms.environment.clone(),
        )?);
        Ok(())
    }

    #[cfg(unix)]
    fn say_unkilled(&self) {
        if let Some(child) = &self.child {
            (self.say)(Note::Unkilled(child.unkilled()));
        }
    }

    #[cfg(not(unix))]
    fn say_unkilled(&self) {
        (self.say)(Note::Unkilled(Vec::new()));
    }

    fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill();
        }
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

async fn next_signal((signals, seen): &mut (Received, usize)) -> i32 {
    match signals.wait_for(|all| all.len() > *seen).await {
        Ok(all) => {
            let signal = all[*seen];
            *seen += 1;
            signal
        }
        Err(_) => std::future::pending().await,
    }
}
