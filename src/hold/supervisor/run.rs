//! The loop of a hold: events of the API server, the command, the clock and the signals into the machine, its effects out.

#[cfg(unix)]
mod control;
#[cfg(windows)]
#[path = "run/control_windows.rs"]
mod control;
mod kept;
mod label;
mod lease;
mod news;

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};

use super::child::{Child, Prepared};
use super::job::Step;
use super::news::News;
use super::{HoldTerms, Job, Note, Report, Signals};
use crate::clock::{Clock, Instant};
use crate::hold::machine::{Effect, Event, Machine, Outcome};
use crate::hold::watchdog::wire::{Orders, Start, Word};
use crate::lease::api::Api;
use crate::lease::operate::{Acknowledged, Held, Operations, Renewal, Returned};
use crate::signals::Received;
use kept::{Kept, Learned};
use label::Labelled;

/// What a program beside us in a pipeline has to leave the screen.
const PAGER: Duration = Duration::from_millis(50);

type Pending<'a, T> = Option<Pin<Box<dyn Future<Output = T> + 'a>>>;

struct Hold<'a, A, C> {
    /// The leases, in the order in which they were acquired.
    kept: Vec<Kept<'a, A, C>>,
    clock: &'a C,
    terms: &'a HoldTerms,
    machine: Machine,
    prepared: Option<Prepared>,
    child: Option<Child>,
    job: Job,
    /// `None` where it is not released.
    release: Pending<'a, (usize, Option<Returned>)>,
    acknowledgements: FuturesUnordered<LocalBoxFuture<'a, (usize, Acknowledged)>>,
    labelling: Pending<'a, Labelled>,
    /// Whether the command has begun.
    begun: bool,
    say: &'a dyn Fn(Option<usize>, Note),
    report: Report,
}

/// Answers for the grants from here on, each of the Lease of those `operations`: holds them while the command runs, which was
/// `prepared` unless there is none, and releases them or says how they were lost. What is said goes to `say`, with the number
/// of the lease that it is about.
pub async fn hold<A: Api, C: Clock>(
    operations: &[&Operations<A, C>],
    held: Held<'_>,
    terms: &HoldTerms,
    prepared: Option<Prepared>,
    signals: Signals,
    say: &dyn Fn(Option<usize>, Note),
) -> Report {
    let kept = operations.iter().zip(held.answer_for());
    let kept = kept.map(|(operations, grant)| Kept::new(*operations, grant));
    let kept: Vec<_> = kept.collect();
    let clock = operations[0].clock();
    // Those that are only passed on were for nobody until now: no command was there to have them.
    let seen_for_command = signals.for_command.borrow().len();
    let (mut to_end, mut for_command) =
        ((signals.to_end, 0), (signals.for_command, seen_for_command));
    let sent_at = kept.iter().map(|one| one.grant.sent_at).collect();
    let mut hold = Hold {
        machine: Machine::new(terms.timing, !terms.command.is_empty(), fastrand::f64())
            .labelling(terms.label.is_some())
            .detaching(terms.detaches),
        kept,
        clock,
        terms,
        prepared,
        child: None,
        job: signals.job,
        release: None,
        acknowledgements: FuturesUnordered::new(),
        labelling: None,
        begun: false,
        say,
        report: Report {
            outcome: Outcome::Lost,
            errno: None,
            no_watchdog: None,
            released: Vec::new(),
            watchdog_died: false,
            ended_by_itself: false,
            detached: false,
            unlabelled: None,
            grants: Vec::new(),
            replaceable: Vec::new(),
        },
    };
    let mut next = hold.feed(Event::Acquired { sent_at });
    loop {
        let happened = {
            let (renewal, learned) = kept::next(&mut hold.kept);
            match next {
                Next::Finish => break,
                Next::StopJob(step) => {
                    clock.sleep_until(clock.now() + PAGER).await;
                    Happened::StopJob(step)
                }
                Next::Wait => tokio::select! {
                    biased;
                    () = wake(clock, hold.machine.wake_at()) => Happened::Event(Event::Woken),
                    news = news(&mut hold.child) => Happened::News(news),
                    signal = hold.job.next() => Happened::Told(signal),
                    (lease, renewal) = renewal => Happened::Renewal(lease, renewal),
                    (lease, returned) = pending(&mut hold.release) => Happened::Returned(lease, returned),
                    Some((lease, said)) = hold.acknowledgements.next() => Happened::StopSaid(lease, said),
                    labelled = pending(&mut hold.labelling) => Happened::Labelled(labelled),
                    signal = next_signal(&mut to_end) => Happened::Event(Event::Signal(signal)),
                    signal = next_signal(&mut for_command) => Happened::Event(Event::SignalForCommand(signal)),
                    (lease, learned) = learned => Happened::Learned(lease, learned),
                },
            }
        };
        next = hold.handle(happened);
    }
    hold.end();
    let now = clock.now();
    let replaceable = hold.kept.iter();
    let replaceable = replaceable.map(|one| one.grant.replaceable(now).cloned());
    Report {
        replaceable: replaceable.collect(),
        detached: !hold.machine.nothing_runs(),
        grants: hold.kept.into_iter().map(|one| one.grant.record).collect(),
        ..hold.report
    }
}

/// What the loop waited for.
enum Happened {
    Event(Event),
    News(News),
    Told(i32),
    StopJob(Step),
    Renewal(usize, Renewal),
    Returned(usize, Option<Returned>),
    StopSaid(usize, Acknowledged),
    Labelled(Labelled),
    Learned(usize, Learned),
}

/// What the loop does next.
#[must_use]
enum Next {
    /// It waits for whatever happens.
    Wait,
    /// It has our job stop, once a program beside us in a pipeline has left the screen.
    #[cfg_attr(windows, allow(dead_code, reason = "there is no job control"))]
    StopJob(Step),
    /// The hold is over.
    Finish,
}

impl<'a, A: Api, C: Clock> Hold<'a, A, C> {
    fn handle(&mut self, happened: Happened) -> Next {
        match happened {
            Happened::Event(event) => self.feed(event),
            Happened::News(news) => self.hear(news),
            Happened::Told(signal) => self.told(signal),
            Happened::StopJob(step) => self.take_and_look(step),
            Happened::Renewal(lease, renewal) => self.renewed(lease, renewal),
            Happened::Returned(lease, returned) => self.returned(lease, returned),
            Happened::StopSaid(lease, said) => self.stop_said(lease, &said),
            Happened::Labelled(labelled) => self.labelled(labelled),
            Happened::Learned(lease, learned) => self.learned(lease, learned),
        }
    }

    fn say(&self, note: Note) -> Next {
        (self.say)(None, note);
        Next::Wait
    }

    /// Hands an event to the machine and does what it says.
    fn feed(&mut self, event: Event) -> Next {
        self.feed_of(0, event)
    }

    /// The same with one that is about this lease.
    fn feed_of(&mut self, lease: usize, event: Event) -> Next {
        let now = self.clock.now();
        let happened = match self.kept.len() {
            1 => format!("{event:?}"),
            _ => format!("{event:?} of lease {lease}"),
        };
        let for_command = matches!(event, Event::SignalForCommand(_));
        let (state, tree) = self.machine.stands();
        let stood = format!("{state:?}, {tree:?}");
        let mut effects = VecDeque::from(self.machine.handle_of(lease, event, now));
        if !effects.is_empty() {
            log::debug!("{happened} ({stood}): {effects:?}");
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
                Effect::Renew(lease, limit) => self.renew(lease, limit),
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
                Effect::Release(lease) => self.give_back(lease),
                Effect::SayStopped(lease) => self.say_stopped(lease),
                Effect::SayLost(lease, loss) => (self.say)(Some(lease), Note::Lost(loss)),
                Effect::SayRenewalFailed(lease, why) => self.say_failed(lease, why, now),
                Effect::SayUnkilled => self.say_unkilled(),
                Effect::Finish(outcome) => {
                    self.report.outcome = outcome;
                    return Next::Finish;
                }
            }
        }
        Next::Wait
    }

    fn start(&mut self) -> Result<(), String> {
        let terms = self.terms;
        let start = Start {
            orders: Orders {
                sent_at: self.machine.sent_at(),
                timing: terms.timing,
                on_lost: terms.on_lost,
            },
            #[cfg(unix)]
            terminal_of: self.job.takes_terminal_of().map(nix::unistd::Pid::as_raw),
            #[cfg(windows)]
            terminal_of: None,
            environment: (terms.environment.iter())
                .map(|(name, value)| (Word(name.into()), Word(value.into())))
                .collect(),
            command: terms.command.iter().cloned().map(Word).collect(),
            detaches: terms.detaches,
            // They are copied for the watchdog that starts it.
            #[cfg(windows)]
            streams: [None; 3],
        };
        let prepared = self.prepared.take().ok_or("no watchdog was prepared")?;
        self.child = Some(Child::start(prepared, start)?);
        Ok(())
    }

    fn say_unkilled(&self) {
        if let Some(child) = &self.child {
            (self.say)(None, Note::Unkilled(child.unkilled()));
        }
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
