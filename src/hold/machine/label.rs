//! The part of the machine that has the pod labelled for exactly as long as the command runs under the lease.

use super::{Effect, Machine, Outcome, State, Tree};

/// The label of the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// It is not on the pod, and nobody wants it there.
    Off,
    /// It is to be set before the command starts.
    Wanted,
    /// It is being set.
    Setting,
    /// The pod carries it.
    On,
    /// It is being taken off.
    Clearing,
}

impl Label {
    /// Whether the pod may carry it.
    pub fn is_on(self) -> bool {
        match self {
            Self::Off | Self::Wanted => false,
            Self::Setting | Self::On | Self::Clearing => true,
        }
    }
}

impl Machine {
    /// The same for a pod that is to carry a label while the command runs.
    #[must_use]
    pub fn labelling(mut self, wanted: bool) -> Self {
        if wanted {
            self.label = Label::Wanted;
        }
        self
    }

    pub(super) fn set_label(&mut self, effects: &mut Vec<Effect>) {
        self.label = Label::Setting;
        if self.tree == Tree::Running {
            self.tree = Tree::Unstarted;
        }
        effects.push(Effect::SetLabel);
    }

    /// Whoever is asked for it again has it under way.
    pub(super) fn clear_label(&mut self, effects: &mut Vec<Effect>) {
        match self.label {
            Label::Setting | Label::On => {
                self.label = Label::Clearing;
                effects.push(Effect::ClearLabel);
            }
            Label::Wanted => self.label = Label::Off,
            Label::Off | Label::Clearing => {}
        }
    }

    pub(super) fn label_set(&mut self, effects: &mut Vec<Effect>) {
        // It may have been lost meanwhile.
        if self.label != Label::Setting {
            return;
        }
        self.label = Label::On;
        if self.state == State::Held && self.tree == Tree::Unstarted {
            self.tree = Tree::Running;
            effects.push(Effect::Start);
        }
    }

    pub(super) fn label_not_set(&mut self, effects: &mut Vec<Effect>) {
        if self.label == Label::Setting && self.state == State::Held {
            // A request whose answer is missing may have set it.
            self.release(Outcome::Unlabelled, effects);
        }
    }

    pub(super) fn label_off(&mut self, effects: &mut Vec<Effect>) {
        if self.label != Label::Clearing {
            return;
        }
        self.label = Label::Off;
        match (&self.state, self.ends_with.take()) {
            (State::Held, Some(outcome)) => self.release(outcome, effects),
            (State::Fencing, _) if self.tree.is_over() => self.tree_gone(effects),
            _ => {}
        }
    }

    /// Whether the label is all that is waited for.
    pub(super) fn waits_for_label(&self, tree: Tree) -> bool {
        let over = match tree {
            Tree::Gone(_) | Tree::Detached(_) => true,
            Tree::None | Tree::Unstarted => {
                self.ends_with.is_some() || matches!(self.state, State::Fencing)
            }
            Tree::Running | Tree::Remains(_) => false,
        };
        over && self.label == Label::Clearing
    }

    /// Goes on without it.
    pub(super) fn leave_label(&mut self, effects: &mut Vec<Effect>) {
        effects.push(Effect::LeaveLabel);
        self.label_off(effects);
    }
}
