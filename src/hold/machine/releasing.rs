//! The part of the machine that gives the leases back once nothing runs any more, the last one first.

use super::pace::Pace;
use super::{Effect, Given, Machine, Outcome, State};

impl Machine {
    /// Nothing runs any more, after a loss.
    pub(super) fn stopped(&mut self, effects: &mut Vec<Effect>) {
        // Whoever looks for the active pod by its label must not find this one beside the next.
        if self.label.is_on() {
            return;
        }
        // No renewal is waited for: none can be stored on top of a grant that names us as its victim.
        // Of what may be ours the release finds out first.
        for lease in 0..self.leases.len() {
            if !self.leases[lease].is_returnable() {
                self.say_stopped(lease, effects);
            }
        }
        // The outcome of one that is under way tells whether there is something to give back.
        let is_open = self.leases.iter().any(Pace::is_open);
        let gives_back = self.leases.iter().any(Pace::is_returnable);
        if !is_open && (gives_back || !self.is_saying()) {
            self.release(Outcome::Lost, effects);
        }
    }

    /// Gives back whatever may be ours, the last one first; but what is lost comes after what is not.
    pub(super) fn release(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        if self.label.is_on() {
            self.clear_label(effects);
            self.ends_with.get_or_insert(outcome);
            return;
        }
        let all = 0..self.leases.len();
        let mut rest: Vec<usize> = all.filter(|n| self.leases[*n].is_returnable()).collect();
        rest.sort_by_key(|number| self.leases[*number].lost.is_none());
        self.release_last(rest, outcome, effects);
    }

    /// Gives back the last of `rest`; where there is none, this is the end.
    fn release_last(&mut self, rest: Vec<usize>, outcome: Outcome, effects: &mut Vec<Effect>) {
        match rest.last() {
            Some(last) => {
                effects.push(Effect::Release(*last));
                self.state = State::Releasing(rest, outcome);
            }
            None => {
                self.state = State::Saying(outcome);
                self.finish_said(effects);
            }
        }
    }

    /// What came of giving that lease back.
    pub(super) fn released(&mut self, lease: usize, given: Given, effects: &mut Vec<Effect>) {
        let State::Releasing(rest, ended) = &self.state else {
            return;
        };
        if rest.last() != Some(&lease) {
            return;
        }
        let (mut rest, ended) = (rest.clone(), ended.clone());
        rest.pop();
        if let Given::Lost(loss) = &given {
            self.owe_acknowledgement(lease, loss);
        }
        let outcome = match (&ended, given) {
            // Lost before the command had ended, perhaps: its own status is not enough to know.
            (
                Outcome::Ended(_) | Outcome::EndUnseen | Outcome::Signalled(_),
                Given::Lost(loss),
            ) => {
                effects.push(Effect::SayLost(lease, loss));
                Outcome::Lost
            }
            // Nothing ran; and what was lost once is not lost again.
            (Outcome::NotStarted | Outcome::Unlabelled | Outcome::Lost, Given::Lost(_))
            // The command ran to its end in acknowledged time.
            | (_, Given::Freed | Given::Unknown) => ended,
        };
        self.say_stopped(lease, effects);
        self.release_last(rest, outcome, effects);
    }
}
