//! The machine's word to whoever has taken the lease: nothing runs any more under this grant. When it is owed, given and withheld.

use super::{Effect, Machine, State};
use crate::lease::decide::Loss;

/// The word to whoever has taken the lease that nothing runs any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Nobody is known to have taken it.
    Unasked,
    /// Somebody has taken it, and may wait for it.
    Owed,
    /// It is being said.
    Saying,
    /// It was said, or could not be.
    Over,
    /// It is never said: that nothing runs any more is not certain.
    Withheld,
}

/// Whether all that a command has started is found here. Elsewhere what leaves its process group is not, and no word is given.
const TREES_ARE_FOUND: bool = cfg!(target_os = "linux");

impl Word {
    pub(super) fn of_hold(with_command: bool) -> Self {
        match with_command && !TREES_ARE_FOUND {
            true => Self::Withheld,
            false => Self::Unasked,
        }
    }
}

impl Machine {
    /// Somebody has taken the lease, perhaps, and may wait until it hears that nothing runs any more.
    pub(super) fn owe_word(&mut self, loss: &Loss) {
        if self.word == Word::Unasked && robs(loss) {
            self.word = Word::Owed;
        }
    }

    /// Only once the tree is gone.
    pub(super) fn say_stopped(&mut self, effects: &mut Vec<Effect>) {
        if self.word == Word::Owed && self.nothing_runs() {
            self.word = Word::Saying;
            effects.push(Effect::SayStopped);
        }
    }

    /// It was said, or given up.
    pub(super) fn word_is_over(&mut self, effects: &mut Vec<Effect>) {
        if self.word == Word::Saying {
            self.word = Word::Over;
        }
        self.finish_said(effects);
    }

    /// The end, once nothing is being said.
    pub(super) fn finish_said(&mut self, effects: &mut Vec<Effect>) {
        if let State::Saying(outcome) = &self.state
            && self.word != Word::Saying
        {
            effects.push(Effect::Finish(outcome.clone()));
            self.state = State::Done;
        }
    }
}

/// Whether somebody has put a grant on top of ours.
fn robs(loss: &Loss) -> bool {
    match loss {
        Loss::TakenBy(_) | Loss::Regranted => true,
        Loss::Deleted
        | Loss::Recreated { .. }
        | Loss::Released
        | Loss::Shortened(_)
        | Loss::Altered(_)
        | Loss::Deadline { .. } => false,
    }
}
