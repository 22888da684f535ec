//! The holding machine, pure: an event and the time come in, effects go out. No clock, no process, no network.

mod events;
mod losses;
mod pace;

use std::time::Duration;

use super::timing::Timing;
use crate::clock::Instant;
use crate::lease::decide::Loss;
pub use events::{Effect, Ended, Event, Given, Outcome};
use losses::{grace, returnable};
use pace::Pace;

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Not granted yet.
    Waiting,
    /// All are granted, and renewed.
    Held,
    /// One is lost, or as good as: the command is being stopped.
    Fencing,
    /// The tree is gone; the last of these is being given back, and then those before it.
    Releasing(Vec<usize>, Outcome),
    /// Over.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tree {
    /// There is no command.
    None,
    /// The command runs.
    Running,
    /// The command ended; what it started is being stopped.
    Remains(Ended),
    /// All gone.
    Gone(Option<Ended>),
}

/// The machine, of one lease or of several that are held together: the first that is lost, or not renewed in time, loses
/// all.
#[derive(Debug)]
pub struct Machine {
    timing: Timing,
    state: State,
    tree: Tree,
    /// One for each lease.
    leases: Vec<Pace>,
    kill_due: Option<Instant>,
    kills: u32,
    jitter: f64,
}

/// How often the kill is repeated while something still runs.
const KILL_AGAIN: Duration = Duration::from_millis(100);

/// After so many it is said: two seconds.
const KILLS_UNTIL_SAID: u32 = 20;

impl Machine {
    /// A machine that waits for its grant. `jitter` in 0..1 spreads the renewals of many holders.
    pub fn new(timing: Timing, with_command: bool, jitter: f64) -> Self {
        Self {
            timing,
            state: State::Waiting,
            tree: if with_command {
                Tree::Running
            } else {
                Tree::None
            },
            leases: Vec::new(),
            kill_due: None,
            kills: 0,
            jitter,
        }
    }

    /// Whether all leases are granted, renewed and not lost.
    pub fn is_held(&self) -> bool {
        self.state == State::Held
    }

    /// Whether that lease is lost.
    pub fn is_lost(&self, lease: usize) -> bool {
        self.leases
            .get(lease)
            .is_some_and(|found| found.lost.is_some())
    }

    /// Of the leases, the last acknowledged renewal that was sent first: the deadlines count from there.
    pub fn sent_at(&self) -> Instant {
        let all = self.leases.iter().map(|lease| lease.sent_at);
        all.min().unwrap_or_default()
    }

    /// When to be woken at the latest; `None` if only events matter.
    pub fn wake_at(&self) -> Option<Instant> {
        let leases = self.leases.iter().filter(|_| self.renews());
        let leases = leases.filter_map(|lease| lease.wake_at(&self.timing));
        leases.chain(self.kill_due).min()
    }

    /// Whether leases are renewed: also one that is still held while the command is stopped because another is lost.
    fn renews(&self) -> bool {
        matches!(self.state, State::Held | State::Fencing)
    }

    /// What `event` at `now` leads to; of several leases, what is of one is of the first.
    #[must_use]
    pub fn handle(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        self.handle_of(0, event, now)
    }

    /// The same; what is of one lease is of the one of this number.
    #[must_use]
    pub fn handle_of(&mut self, lease: usize, event: Event, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        // Time first: whatever arrives, it may arrive late (a frozen process, a suspended machine).
        self.look_at_deadlines(now, &mut effects);
        match event {
            Event::Acquired { sent_at } => {
                if self.state == State::Waiting {
                    self.acquired(&sent_at, now, &mut effects);
                }
            }
            Event::Renewed { sent_at } => {
                let (timing, jitter) = (self.timing, self.jitter);
                if let Some(lease) = self.leases.get_mut(lease) {
                    lease.renewed(sent_at, &timing, jitter);
                }
                self.settled(&mut effects);
            }
            Event::RenewalFailed { why, retry_after } => {
                let (timing, renews) = (self.timing, self.renews());
                if let Some(found) = self.leases.get_mut(lease) {
                    found.renewing = false;
                    if renews && found.lost.is_none() {
                        found.failed(&why, retry_after, now, &timing);
                        effects.push(Effect::SayRenewalFailed(lease, why));
                    }
                }
                self.settled(&mut effects);
            }
            Event::RecordChanged(loss) => self.changed(lease, loss, now, &mut effects),
            Event::RenewalLost(loss) => {
                if let Some(lease) = self.leases.get_mut(lease) {
                    lease.renewing = false;
                }
                self.changed(lease, loss, now, &mut effects);
                self.settled(&mut effects);
            }
            Event::Woken => self.woken(now, &mut effects),
            Event::NotStarted => {
                self.tree = Tree::Gone(None);
                match &self.state {
                    State::Held => self.release(Outcome::NotStarted, &mut effects),
                    State::Fencing => self.tree_gone(&mut effects),
                    State::Waiting | State::Releasing(..) | State::Done => {}
                }
            }
            Event::ChildExited(ended) => {
                if self.tree == Tree::Running {
                    self.tree = Tree::Remains(ended);
                    if self.state == State::Held {
                        // What it left behind is stopped while the lease is still held.
                        effects.push(Effect::StopTree);
                        self.kill_due = Some(now + self.timing.kill_after);
                    }
                }
            }
            Event::WatchdogDied => {
                // The lease is renewed until all are gone: nobody else may begin beside them.
                if matches!(self.state, State::Held | State::Fencing)
                    && matches!(self.tree, Tree::Running | Tree::Remains(_))
                {
                    self.kill(now, &mut effects);
                }
            }
            Event::TreeGone => {
                let ended = match self.tree {
                    Tree::Remains(ended) => Some(ended),
                    Tree::Gone(ended) => ended,
                    Tree::None | Tree::Running => None,
                };
                self.tree = Tree::Gone(ended);
                self.tree_gone(&mut effects);
            }
            Event::SignalForCommand(signal) => {
                if matches!(self.state, State::Held | State::Fencing) && self.tree == Tree::Running
                {
                    effects.push(Effect::Forward(signal));
                }
            }
            Event::Signal(signal) => match (&self.state, self.tree) {
                (State::Held, Tree::None) => self.release(Outcome::Signalled(signal), &mut effects),
                (State::Held | State::Fencing, Tree::Running) => {
                    effects.push(Effect::Forward(signal));
                }
                // The command has ended: whoever asks again does not want to wait for what it left.
                (State::Held | State::Fencing, Tree::Remains(_)) => {
                    self.kill(now, &mut effects);
                }
                _ => {}
            },
            Event::Released(given) => {
                if let State::Releasing(rest, outcome) = &self.state
                    && rest.last() == Some(&lease)
                {
                    let mut rest = rest.clone();
                    rest.pop();
                    let outcome = match (outcome, given) {
                        // Lost before the command had ended, perhaps: its own status is not enough to know.
                        (
                            Outcome::Ended(_) | Outcome::EndUnseen | Outcome::Signalled(_),
                            Given::Lost(loss),
                        ) => {
                            effects.push(Effect::SayLost(lease, loss));
                            Outcome::Lost
                        }
                        // Nothing ran; and what was lost once is not lost again.
                        (Outcome::NotStarted | Outcome::Lost, Given::Lost(_))
                        // The command ran to its end in acknowledged time.
                        | (_, Given::Freed | Given::Unknown) => outcome.clone(),
                    };
                    self.release_last(rest, outcome, &mut effects);
                }
            }
        }
        effects
    }

    fn acquired(&mut self, sent_at: &[Instant], now: Instant, effects: &mut Vec<Effect>) {
        self.state = State::Held;
        let pace = |sent_at: &Instant| Pace::new(*sent_at, &self.timing, self.jitter);
        self.leases = sent_at.iter().map(pace).collect();
        let too_late = now >= self.sent_at() + self.timing.renew_deadline;
        if too_late && self.tree == Tree::Running {
            // The answer came too late to begin.
            self.tree = Tree::Gone(None);
        }
        self.look_at_deadlines(now, effects);
        if self.state == State::Held && self.tree == Tree::Running {
            effects.push(Effect::Start);
        }
    }

    /// Whatever was not renewed in time is lost.
    fn look_at_deadlines(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        for lease in 0..self.leases.len() {
            let found = &mut self.leases[lease];
            if found.lost.is_some() || now < found.fence_at(&self.timing) || !self.renews() {
                continue;
            }
            let last = self.leases[lease].last_trouble.take();
            self.lose(lease, Loss::Deadline { last }, now, effects);
        }
    }

    fn changed(&mut self, lease: usize, loss: Loss, now: Instant, effects: &mut Vec<Effect>) {
        if !self.renews() {
            return;
        }
        match self.leases.get_mut(lease).map(|found| &mut found.lost) {
            // What looked like somebody else's grant may turn out to be our own renewal, altered by the server.
            Some(Some(may_be_ours)) => {
                *may_be_ours |= returnable(&loss);
                self.hurry(&loss, now, effects);
            }
            Some(None) => self.lose(lease, loss, now, effects),
            None => {}
        }
    }

    /// Whoever had taken it waits no longer for us, perhaps.
    fn hurry(&mut self, loss: &Loss, now: Instant, effects: &mut Vec<Effect>) {
        let runs = matches!(self.tree, Tree::Running | Tree::Remains(_));
        if runs && grace(loss, &self.timing).is_zero() && self.kill_due.is_some_and(|due| due > now)
        {
            self.kill(now, effects);
        }
    }

    /// One is lost, and with it the hold.
    fn lose(&mut self, lease: usize, loss: Loss, now: Instant, effects: &mut Vec<Effect>) {
        let sent_at = self.sent_at();
        let is_first = self.state == State::Held;
        self.state = State::Fencing;
        self.leases[lease].lost = Some(returnable(&loss));
        if !is_first {
            // The command is being stopped already.
            self.hurry(&loss, now, effects);
            effects.push(Effect::SayLost(lease, loss));
            return;
        }
        match self.tree {
            Tree::Running | Tree::Remains(_) => {
                let kill_at = (now + grace(&loss, &self.timing)).min(sent_at + self.timing.kill_at);
                if kill_at <= now {
                    self.kill(now, effects);
                } else {
                    effects.push(Effect::StopTree);
                    self.kill_due = Some(self.kill_due.map_or(kill_at, |due| due.min(kill_at)));
                }
                // Said after the stop: nobody may be reading.
                effects.push(Effect::SayLost(lease, loss));
            }
            Tree::None | Tree::Gone(_) => {
                effects.push(Effect::SayLost(lease, loss));
                self.tree_gone(effects);
            }
        }
    }

    /// The renewal under way is over: whatever waited for that goes on.
    fn settled(&mut self, effects: &mut Vec<Effect>) {
        let all_gone = matches!(self.tree, Tree::None | Tree::Gone(_));
        if all_gone && self.state == State::Fencing {
            self.tree_gone(effects);
        }
    }

    fn tree_gone(&mut self, effects: &mut Vec<Effect>) {
        self.kill_due = None;
        match &self.state {
            State::Held => {
                let outcome = match self.tree {
                    Tree::Gone(Some(ended)) => Outcome::Ended(ended),
                    Tree::Gone(None) | Tree::None | Tree::Running | Tree::Remains(_) => {
                        Outcome::EndUnseen
                    }
                };
                self.release(outcome, effects);
            }
            // A renewal is under way: its outcome tells whether there is something to give back.
            State::Fencing if self.leases.iter().any(Pace::is_open) => {}
            State::Fencing => self.release(Outcome::Lost, effects),
            State::Waiting | State::Releasing(..) | State::Done => {}
        }
    }

    /// Gives back whatever may be ours, the last one first; but what is lost comes after what is not.
    fn release(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        let all = 0..self.leases.len();
        let mut rest: Vec<usize> = all.filter(|n| self.leases[*n].is_returnable()).collect();
        rest.sort_by_key(|number| self.leases[*number].lost.is_none());
        self.release_last(rest, outcome, effects);
    }

    /// Gives back the last of `rest`; where there is none, this is the end.
    fn release_last(&mut self, rest: Vec<usize>, outcome: Outcome, effects: &mut Vec<Effect>) {
        self.state = match rest.last() {
            Some(last) => {
                effects.push(Effect::Release(*last));
                State::Releasing(rest, outcome)
            }
            None => {
                effects.push(Effect::Finish(outcome));
                State::Done
            }
        };
    }

    fn kill(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        effects.push(Effect::KillTree);
        self.kill_due = Some(now + KILL_AGAIN);
        self.kills += 1;
        if self.kills == KILLS_UNTIL_SAID {
            effects.push(Effect::SayUnkilled);
        }
    }

    fn woken(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.kill_due.is_some_and(|due| now >= due) {
            self.kill(now, effects);
        }
        if !self.renews() {
            return;
        }
        for (number, lease) in self.leases.iter_mut().enumerate() {
            if lease.is_due(now) {
                lease.renewing = true;
                let limit = self.timing.attempt_limit(lease.sent_at, now);
                effects.push(Effect::Renew(number, limit));
            }
        }
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
