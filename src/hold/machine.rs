//! The holding machine, pure: an event and the time come in, effects go out. No clock, no process, no network.

mod acknowledgement;
mod events;
mod label;
mod losses;
mod pace;
mod releasing;
mod state;

use std::time::Duration;

use super::timing::Timing;
use crate::clock::Instant;
use crate::lease::decide::Loss;
use crate::lease::operate::is_echo;
use acknowledgement::TREES_ARE_FOUND;
#[cfg(test)]
pub use events::Status;
pub use events::{Effect, Ended, Event, Given, Outcome};
use label::Label;
use losses::grace;
use pace::Pace;
pub use state::{State, Tree};

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
    /// Whether it is not acknowledged that nothing runs any more, as that is not certain.
    withholds: bool,
    label: Label,
    /// What the hold ends with once the label is off.
    ends_with: Option<Outcome>,
    detaches: bool,
    /// Whether a signal has come already.
    signalled: bool,
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
            // What is protected without a command is stopped by somebody else, and nobody here sees it.
            withholds: !with_command || !TREES_ARE_FOUND,
            label: Label::Off,
            ends_with: None,
            detaches: false,
            signalled: false,
        }
    }

    /// The same where what the command leaves behind runs on.
    #[must_use]
    pub fn detaching(mut self, detaches: bool) -> Self {
        self.detaches = detaches;
        self
    }

    /// Whether nothing that the command started can run any more. Not so where something was let go.
    pub fn nothing_runs(&self) -> bool {
        self.tree.is_over() && !matches!(self.tree, Tree::Detached(_))
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
            Event::DurationGone => {
                if let Some(lease) = self.leases.get_mut(lease) {
                    lease.hurry(now, &self.timing);
                }
            }
            Event::Woken => self.woken(now, &mut effects),
            Event::NotStarted => {
                self.tree = Tree::Gone(None);
                match &self.state {
                    State::Held => self.release(Outcome::NotStarted, &mut effects),
                    State::Fencing => self.tree_gone(&mut effects),
                    State::Waiting | State::Releasing(..) | State::Saying(_) | State::Done => {}
                }
            }
            Event::ChildExited(ended) => {
                if self.tree == Tree::Running {
                    self.tree = Tree::Remains(ended);
                    if self.state == State::Held {
                        if !self.detaches {
                            // What it left behind is stopped while the lease is still held.
                            effects.push(Effect::StopTree);
                            self.kill_due = Some(now + self.timing.kill_after);
                        }
                        self.clear_label(&mut effects);
                    }
                }
            }
            Event::Fenced => self.fenced(now, &mut effects),
            Event::WatchdogDied => self.watchdog_died(now, &mut effects),
            Event::TreeGone => {
                self.tree = match self.tree {
                    Tree::Remains(ended) => Tree::Gone(Some(ended)),
                    Tree::None | Tree::Unstarted | Tree::Running => Tree::Gone(None),
                    over @ (Tree::Gone(_) | Tree::Detached(_)) => over,
                };
                self.tree_gone(&mut effects);
            }
            Event::Detached => {
                if let Tree::Remains(ended) = self.tree {
                    self.tree = Tree::Detached(ended);
                    self.withholds = true;
                    self.tree_gone(&mut effects);
                }
            }
            Event::LabelSet => self.label_set(&mut effects),
            Event::LabelNotSet => self.label_not_set(&mut effects),
            Event::LabelOff => self.label_off(&mut effects),
            Event::SignalForCommand(signal) => {
                if matches!(self.state, State::Held | State::Fencing) && self.tree == Tree::Running
                {
                    effects.push(Effect::Forward(signal));
                }
            }
            Event::Signal(signal) => self.signalled(signal, now, &mut effects),
            Event::Released(given) => self.released(lease, given, &mut effects),
            Event::StoppedSaid => {
                self.acknowledgement_is_over(lease, &mut effects);
                self.settled(&mut effects);
            }
        }
        effects
    }

    /// A signal asks for the end.
    fn signalled(&mut self, signal: i32, now: Instant, effects: &mut Vec<Effect>) {
        let echo = is_echo(signal, !std::mem::replace(&mut self.signalled, true));
        match (&self.state, self.tree) {
            // Asked again: nobody waits for the label.
            (State::Held | State::Fencing, tree) if self.waits_for_label(tree) && echo => {}
            (State::Held | State::Fencing, tree) if self.waits_for_label(tree) => {
                self.leave_label(effects);
            }
            (State::Held, Tree::None | Tree::Unstarted) => {
                self.release(Outcome::Signalled(signal), effects);
            }
            (State::Held | State::Fencing, Tree::Running) => effects.push(Effect::Forward(signal)),
            // The command has ended: whoever asks again does not want to wait for what it left.
            (State::Held | State::Fencing, Tree::Remains(_)) if !self.detaches && !echo => {
                self.kill(now, effects);
            }
            _ => {}
        }
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
        if self.state != State::Held {
            return;
        }
        if self.label == Label::Wanted {
            self.set_label(effects);
        } else if self.tree == Tree::Running {
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
                *may_be_ours |= loss.may_be_ours();
                self.owe_acknowledgement(lease, &loss);
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
        self.leases[lease].lost = Some(loss.may_be_ours());
        self.owe_acknowledgement(lease, &loss);
        if !is_first {
            // The command is being stopped already.
            self.hurry(&loss, now, effects);
            effects.push(Effect::SayLost(lease, loss));
            self.settled(effects);
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
                self.clear_label(effects);
                // Said after the stop: nobody may be reading.
                effects.push(Effect::SayLost(lease, loss));
            }
            Tree::None | Tree::Unstarted | Tree::Gone(_) | Tree::Detached(_) => {
                self.clear_label(effects);
                effects.push(Effect::SayLost(lease, loss));
                self.tree_gone(effects);
            }
        }
    }

    /// The renewal under way is over: whatever waited for that goes on.
    fn settled(&mut self, effects: &mut Vec<Effect>) {
        if self.tree.is_over() && matches!(self.state, State::Fencing) {
            self.tree_gone(effects);
        }
    }

    fn tree_gone(&mut self, effects: &mut Vec<Effect>) {
        self.kill_due = None;
        match &self.state {
            State::Held => {
                let outcome = match self.tree {
                    Tree::Gone(Some(ended)) | Tree::Detached(ended) => Outcome::Ended(ended),
                    Tree::Gone(None)
                    | Tree::None
                    | Tree::Unstarted
                    | Tree::Running
                    | Tree::Remains(_) => Outcome::EndUnseen,
                };
                self.release(outcome, effects);
            }
            State::Fencing => self.stopped(effects),
            State::Waiting | State::Releasing(..) | State::Saying(_) | State::Done => {}
        }
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
