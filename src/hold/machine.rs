//! The holding machine, pure: an event and the time come in, effects go out. No clock, no process, no network.

mod events;
mod label;
mod state;
mod word;

use std::time::Duration;

use super::timing::Timing;
use crate::clock::Instant;
use crate::lease::decide::Loss;
pub use events::{Effect, Ended, Event, Given, Outcome};
use label::Label;
use state::{State, Tree};
use word::Word;

/// The machine.
#[derive(Debug)]
pub struct Machine {
    timing: Timing,
    state: State,
    tree: Tree,
    sent_at: Instant,
    renew_due: Instant,
    renewing: bool,
    failures: u32,
    last_trouble: Option<String>,
    kill_due: Option<Instant>,
    kills: u32,
    jitter: f64,
    word: Word,
    label: Label,
    /// What the hold ends with once the label is off.
    ends_with: Option<Outcome>,
    detaches: bool,
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
            sent_at: Instant::default(),
            renew_due: Instant::default(),
            renewing: false,
            failures: 0,
            last_trouble: None,
            kill_due: None,
            kills: 0,
            jitter,
            word: Word::of_hold(with_command),
            label: Label::Off,
            ends_with: None,
            detaches: false,
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

    /// Whether the lease is granted, renewed and not lost.
    pub fn is_held(&self) -> bool {
        self.state == State::Held
    }

    /// When to be woken at the latest; `None` if only events matter.
    pub fn wake_at(&self) -> Option<Instant> {
        let mut wake = self.kill_due;
        if self.state == State::Held {
            let fence = self.sent_at + self.timing.renew_deadline;
            let renewal = if self.renewing {
                fence
            } else {
                self.renew_due.min(fence)
            };
            wake = Some(wake.map_or(renewal, |kill| kill.min(renewal)));
        }
        wake
    }

    /// What `event` at `now` leads to.
    #[must_use]
    pub fn handle(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        // Time first: whatever arrives, it may arrive late (a frozen process, a suspended machine).
        if self.state == State::Held && now >= self.sent_at + self.timing.renew_deadline {
            let last = self.last_trouble.take();
            self.fence(Loss::Deadline { last }, now, &mut effects);
        }
        match event {
            Event::Acquired { sent_at } => {
                if self.state == State::Waiting {
                    self.acquired(sent_at, now, &mut effects);
                }
            }
            Event::Renewed { sent_at } => {
                self.renewing = false;
                self.failures = 0;
                self.last_trouble = None;
                if self.state == State::Held && sent_at > self.sent_at {
                    self.acknowledged(sent_at);
                }
                self.settled(&mut effects);
            }
            Event::RenewalFailed { why, retry_after } => {
                self.renewing = false;
                if self.state == State::Held {
                    let pause = self
                        .timing
                        .pause(self.sent_at, now, self.failures, retry_after);
                    self.renew_due = now + pause;
                    self.failures += 1;
                    self.last_trouble = Some(why.clone());
                    effects.push(Effect::SayRenewalFailed(why));
                }
                self.settled(&mut effects);
            }
            Event::RecordChanged(loss) => self.changed(loss, now, &mut effects),
            Event::RenewalLost(loss) => {
                self.renewing = false;
                self.changed(loss, now, &mut effects);
                self.settled(&mut effects);
            }
            Event::Woken => self.woken(now, &mut effects),
            Event::NotStarted => {
                self.tree = Tree::Gone(None);
                match &self.state {
                    State::Held => self.release(Outcome::NotStarted, &mut effects),
                    State::Fencing { .. } => self.tree_gone(&mut effects),
                    State::Waiting | State::Releasing(_) | State::Saying(_) | State::Done => {}
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
            Event::WatchdogDied => {
                // What it had found is found no more: orphans of others come to us as well.
                self.word = Word::Withheld;
                // The lease is renewed until all are gone: nobody else may begin beside them.
                if matches!(self.state, State::Held | State::Fencing { .. })
                    && matches!(self.tree, Tree::Running | Tree::Remains(_))
                {
                    self.kill(now, &mut effects);
                }
            }
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
                    self.word = Word::Withheld;
                    self.tree_gone(&mut effects);
                }
            }
            Event::LabelSet => self.label_set(&mut effects),
            Event::LabelNotSet => self.label_not_set(&mut effects),
            Event::LabelOff => self.label_off(&mut effects),
            Event::SignalForCommand(signal) => {
                if matches!(self.state, State::Held | State::Fencing { .. })
                    && self.tree == Tree::Running
                {
                    effects.push(Effect::Forward(signal));
                }
            }
            Event::Signal(signal) => match (&self.state, self.tree) {
                // Asked again: nobody waits for the label.
                (State::Held | State::Fencing { .. }, tree) if self.waits_for_label(tree) => {
                    self.leave_label(&mut effects);
                }
                (State::Held, Tree::None | Tree::Unstarted) => {
                    self.release(Outcome::Signalled(signal), &mut effects);
                }
                (State::Held | State::Fencing { .. }, Tree::Running) => {
                    effects.push(Effect::Forward(signal));
                }
                // The command has ended: whoever asks again does not want to wait for what it left.
                (State::Held | State::Fencing { .. }, Tree::Remains(_)) if !self.detaches => {
                    self.kill(now, &mut effects);
                }
                _ => {}
            },
            Event::Released(given) => {
                if let State::Releasing(outcome) = &self.state {
                    let ended = outcome.clone();
                    if let Given::Lost(loss) = &given {
                        self.owe_word(loss);
                    }
                    let outcome = match (&ended, given) {
                        // Lost before the command had ended, perhaps: its own status is not enough to know.
                        (
                            Outcome::Ended(_) | Outcome::EndUnseen | Outcome::Signalled(_),
                            Given::Lost(loss),
                        ) => {
                            effects.push(Effect::SayLost(loss));
                            Outcome::Lost
                        }
                        // Nothing ran; and what was lost once is not lost again.
                        (Outcome::NotStarted | Outcome::Unlabelled | Outcome::Lost, Given::Lost(_))
                        // The command ran to its end in acknowledged time.
                        | (_, Given::Freed | Given::Unknown) => ended,
                    };
                    self.state = State::Saying(outcome);
                    self.say_stopped(&mut effects);
                    self.finish_said(&mut effects);
                }
            }
            Event::StoppedSaid => {
                self.word_is_over(&mut effects);
                self.settled(&mut effects);
            }
        }
        effects
    }

    fn acquired(&mut self, sent_at: Instant, now: Instant, effects: &mut Vec<Effect>) {
        self.state = State::Held;
        self.acknowledged(sent_at);
        if now >= sent_at + self.timing.renew_deadline {
            // The answer came too late to begin.
            if self.tree == Tree::Running {
                self.tree = Tree::Gone(None);
            }
            self.fence(Loss::Deadline { last: None }, now, effects);
        } else if self.label == Label::Wanted {
            self.set_label(effects);
        } else if self.tree == Tree::Running {
            effects.push(Effect::Start);
        }
    }

    fn acknowledged(&mut self, sent_at: Instant) {
        self.sent_at = sent_at;
        self.renew_due = sent_at + self.timing.renewal_due(self.jitter);
    }

    fn changed(&mut self, loss: Loss, now: Instant, effects: &mut Vec<Effect>) {
        match &mut self.state {
            State::Held => self.fence(loss, now, effects),
            // What looked like somebody else's grant may turn out to be our own renewal, altered by the server.
            State::Fencing { release } => {
                *release |= returnable(&loss);
                self.owe_word(&loss);
                let runs = matches!(self.tree, Tree::Running | Tree::Remains(_));
                if runs && self.grace(&loss).is_zero() && self.kill_due.is_some_and(|due| due > now)
                {
                    // Whoever had taken it waits no longer for us.
                    self.kill(now, effects);
                }
            }
            State::Waiting | State::Releasing(_) | State::Saying(_) | State::Done => {}
        }
    }

    /// How long the command may take to end by itself.
    fn grace(&self, loss: &Loss) -> Duration {
        match loss {
            // Nothing keeps others out any more: the next one may have begun already.
            Loss::Released
            | Loss::Deleted
            | Loss::Recreated { .. }
            | Loss::Shortened(_)
            | Loss::Altered(_) => Duration::ZERO,
            // Whoever took it waits until we must have stopped, if it follows the rules.
            Loss::TakenBy(_) | Loss::Regranted | Loss::Deadline { .. } => self.timing.kill_after,
        }
    }

    fn fence(&mut self, loss: Loss, now: Instant, effects: &mut Vec<Effect>) {
        let release = returnable(&loss);
        let grace = self.grace(&loss);
        self.state = State::Fencing { release };
        self.owe_word(&loss);
        match self.tree {
            Tree::Running | Tree::Remains(_) => {
                let kill_at = (now + grace).min(self.sent_at + self.timing.kill_at);
                if kill_at <= now {
                    self.kill(now, effects);
                } else {
                    effects.push(Effect::StopTree);
                    self.kill_due = Some(self.kill_due.map_or(kill_at, |due| due.min(kill_at)));
                }
                self.clear_label(effects);
                // Said after the stop: nobody may be reading.
                effects.push(Effect::SayLost(loss));
            }
            Tree::None | Tree::Unstarted | Tree::Gone(_) | Tree::Detached(_) => {
                self.clear_label(effects);
                effects.push(Effect::SayLost(loss));
                self.tree_gone(effects);
            }
        }
    }

    /// The renewal under way is over: whatever waited for that goes on.
    fn settled(&mut self, effects: &mut Vec<Effect>) {
        if self.tree.is_over() && matches!(self.state, State::Fencing { .. }) {
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
            // Whoever looks for the active pod by its label must not find this one beside the next.
            State::Fencing { .. } if self.label.is_on() => {}
            State::Fencing { release: true } => self.release(Outcome::Lost, effects),
            State::Fencing { release: false } => {
                // No renewal is waited for: none can be stored on top of a grant that names us as its victim.
                self.say_stopped(effects);
                // The outcome of one that is under way tells whether there is something to give back.
                if !self.renewing && self.word != Word::Saying {
                    self.state = State::Done;
                    effects.push(Effect::Finish(Outcome::Lost));
                }
            }
            State::Waiting | State::Releasing(_) | State::Saying(_) | State::Done => {}
        }
    }

    fn release(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        if self.label.is_on() {
            self.clear_label(effects);
            self.ends_with.get_or_insert(outcome);
            return;
        }
        self.state = State::Releasing(outcome);
        effects.push(Effect::Release);
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
        if self.state == State::Held && !self.renewing && now >= self.renew_due {
            self.renewing = true;
            effects.push(Effect::Renew(self.timing.attempt_limit(self.sent_at, now)));
        }
    }
}

/// Whether a grant lost like this may still be ours to give back; the release finds out.
fn returnable(loss: &Loss) -> bool {
    match loss {
        Loss::Deadline { .. } | Loss::Shortened(_) | Loss::Altered(_) => true,
        Loss::Deleted
        | Loss::Recreated { .. }
        | Loss::Released
        | Loss::TakenBy(_)
        | Loss::Regranted => false,
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
