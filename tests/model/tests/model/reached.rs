//! What the simulations have reached: of the holding machine, of the API's answers, and of the decisions. It is noted where the
//! model hears of it, at the server, the actors and the supervisor, so that the program itself knows nothing of it.

use std::collections::BTreeMap;

use lease_model::hold::machine::{Effect, Event, State, Tree};
use lease_model::lease::api::{Fault, RejectionKind};
use lease_model::lease::decide::{Loss, Obstacle, Refusal};
use lease_model::lease::operate::{Acknowledged, End, Progress};

use crate::checker::Purpose;
use crate::faults::{RequestFault, Verb, WatchFault};

/// A table, a row and a column.
pub type Place = (&'static str, &'static str, &'static str);

/// How often each place was reached.
#[derive(Clone, Debug, Default)]
pub struct Reached(pub BTreeMap<Place, u64>);

impl Reached {
    fn add(&mut self, place: Place) {
        *self.0.entry(place).or_default() += 1;
    }

    pub fn add_all(&mut self, other: &Self) {
        for (place, count) in &other.0 {
            *self.0.entry(*place).or_default() += count;
        }
    }

    /// A machine that stood like this got this event, and said that this is to be done.
    pub fn machine(&mut self, (state, tree): (&State, Tree), event: &Event, effects: &[Effect]) {
        let event_name = event_name(event);
        self.add(("state", state_name(state), event_name));
        self.add(("tree", tree_name(tree), event_name));
        for effect in effects {
            self.add(("effect", effect_name(effect), event_name));
            if let Effect::SayLost(_, loss) = effect {
                self.lost("held", loss);
            }
        }
    }

    /// A grant was lost.
    pub fn lost(&mut self, how: &'static str, loss: &Loss) {
        self.add(("loss", loss_name(loss), how));
    }

    pub fn request_fault(&mut self, fault: &RequestFault, verb: Verb) {
        self.add(("request", request_fault_name(fault), verb_name(verb)));
    }

    pub fn watch_fault(&mut self, fault: &WatchFault) {
        self.add(("watch", watch_fault_name(fault), "Watch"));
    }

    /// A request of this kind was sent.
    pub fn asked(&mut self, verb: Verb) {
        match verb {
            Verb::Version => self.decided("acquire: ask for the version"),
            Verb::DryRun => self.decided("acquire: try out"),
            Verb::Get | Verb::Create | Verb::Replace | Verb::Delete | Verb::Watch | Verb::List => {}
        }
    }

    /// This is what a client heard.
    pub fn heard(&mut self, fault: &Fault, verb: Verb) {
        self.add(("heard", fault_name(fault), verb_name(verb)));
    }

    pub fn decided(&mut self, step: &'static str) {
        self.add(("decide", step, "times"));
    }

    /// A decision led to a write that was stored.
    pub fn stored(&mut self, purpose: Purpose, new_grant: bool, replaces: bool) {
        self.decided(match (purpose, new_grant, replaces) {
            (Purpose::Acquire, true, false) => "acquire: create",
            (Purpose::Acquire, true, true) => "acquire: replace",
            (Purpose::Steal, true, _) => "steal: replace",
            (Purpose::Free, _, _) => "free: replace",
            (_, false, _) => "ours: replace",
            (_, true, _) => return,
        });
    }

    /// An operation ended, with a grant or like this.
    pub fn ended(&mut self, operation: &'static str, end: Option<&End>) {
        let how = match end {
            None => "done",
            Some(End::Refused(refusal)) => {
                self.add(("refusal", refusal_name(refusal), operation));
                self.decided(match operation {
                    "acquire" => "acquire: refuse",
                    "steal" => "steal: refuse",
                    _ => "ours: refuse",
                });
                "refused"
            }
            Some(End::Fault(_)) => "fault",
            Some(End::TimedOut { .. }) => "timed out",
            Some(End::Interrupted(_)) => "interrupted",
            Some(End::Lost(_)) => "lost",
            Some(End::Unsettled { .. }) => "unsettled",
            Some(End::Altered { .. }) => "altered",
            Some(End::Kept(_)) => "kept",
            Some(End::Declined(_)) => "declined",
        };
        self.add(("end", operation, how));
    }

    pub fn said(&mut self, progress: &Progress) {
        if let Progress::Waiting { obstacle, .. } = progress {
            self.decided(match obstacle {
                Obstacle::HeldBy(_) => "acquire: wait, held",
                Obstacle::HeldByOneself(_) => "acquire: wait, held by oneself",
                Obstacle::Terminating => "acquire: wait, terminating",
                Obstacle::Slots(_) => "acquire: wait, slots",
                Obstacle::InLine(_) | Obstacle::LineIsFull { .. } => "acquire: wait, in line",
            });
        }
    }

    pub fn acknowledged(&mut self, said: &Acknowledged) {
        self.decided(match said {
            Acknowledged::Said => "say_stopped: say",
            Acknowledged::Nobody => "say_stopped: nobody",
            Acknowledged::Unsaid(_) => "say_stopped: given up",
        });
    }
}

/// All states of the machine.
pub const STATES: [&str; 6] = ["Waiting", "Held", "Fencing", "Releasing", "Saying", "Done"];

fn state_name(state: &State) -> &'static str {
    match state {
        State::Waiting => "Waiting",
        State::Held => "Held",
        State::Fencing => "Fencing",
        State::Releasing(..) => "Releasing",
        State::Saying(_) => "Saying",
        State::Done => "Done",
    }
}

/// All that there can be of a command.
pub const TREES: [&str; 6] = [
    "None",
    "Unstarted",
    "Running",
    "Remains",
    "Detached",
    "Gone",
];

fn tree_name(tree: Tree) -> &'static str {
    match tree {
        Tree::None => "None",
        Tree::Unstarted => "Unstarted",
        Tree::Running => "Running",
        Tree::Remains(_) => "Remains",
        Tree::Detached(_) => "Detached",
        Tree::Gone(_) => "Gone",
    }
}

/// All events of the machine.
pub const EVENTS: [&str; 20] = [
    "Acquired",
    "Renewed",
    "RenewalFailed",
    "RecordChanged",
    "RenewalLost",
    "DurationGone",
    "Woken",
    "NotStarted",
    "ChildExited",
    "Fenced",
    "WatchdogDied",
    "TreeGone",
    "Detached",
    "LabelSet",
    "LabelNotSet",
    "LabelOff",
    "Signal",
    "SignalForCommand",
    "Released",
    "StoppedSaid",
];

pub fn event_name(event: &Event) -> &'static str {
    match event {
        Event::Acquired { .. } => "Acquired",
        Event::Renewed { .. } => "Renewed",
        Event::RenewalFailed { .. } => "RenewalFailed",
        Event::RecordChanged(_) => "RecordChanged",
        Event::RenewalLost(_) => "RenewalLost",
        Event::DurationGone => "DurationGone",
        Event::Woken => "Woken",
        Event::NotStarted => "NotStarted",
        Event::ChildExited(_) => "ChildExited",
        Event::Fenced => "Fenced",
        Event::WatchdogDied => "WatchdogDied",
        Event::TreeGone => "TreeGone",
        Event::Detached => "Detached",
        Event::LabelSet => "LabelSet",
        Event::LabelNotSet => "LabelNotSet",
        Event::LabelOff => "LabelOff",
        Event::Signal(_) => "Signal",
        Event::SignalForCommand(_) => "SignalForCommand",
        Event::Released(_) => "Released",
        Event::StoppedSaid => "StoppedSaid",
    }
}

/// All effects of the machine.
pub const EFFECTS: [&str; 14] = [
    "Start",
    "Renew",
    "Forward",
    "StopTree",
    "KillTree",
    "SetLabel",
    "ClearLabel",
    "LeaveLabel",
    "Release",
    "SayStopped",
    "SayLost",
    "SayRenewalFailed",
    "SayUnkilled",
    "Finish",
];

fn effect_name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Start => "Start",
        Effect::Renew(..) => "Renew",
        Effect::Forward(_) => "Forward",
        Effect::StopTree => "StopTree",
        Effect::KillTree => "KillTree",
        Effect::SetLabel => "SetLabel",
        Effect::ClearLabel => "ClearLabel",
        Effect::LeaveLabel => "LeaveLabel",
        Effect::Release(_) => "Release",
        Effect::SayStopped(_) => "SayStopped",
        Effect::SayLost(..) => "SayLost",
        Effect::SayRenewalFailed(..) => "SayRenewalFailed",
        Effect::SayUnkilled => "SayUnkilled",
        Effect::Finish(_) => "Finish",
    }
}

/// All losses.
pub const LOSSES: [&str; 8] = [
    "Deleted",
    "Recreated",
    "Released",
    "TakenBy",
    "Regranted",
    "Shortened",
    "Altered",
    "Deadline",
];

fn loss_name(loss: &Loss) -> &'static str {
    match loss {
        Loss::Deleted => "Deleted",
        Loss::Recreated { .. } => "Recreated",
        Loss::Released => "Released",
        Loss::TakenBy { .. } => "TakenBy",
        Loss::Regranted { .. } => "Regranted",
        Loss::Shortened(_) => "Shortened",
        Loss::Altered(_) => "Altered",
        Loss::Deadline { .. } => "Deadline",
    }
}

fn verb_name(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "Get",
        Verb::Create => "Create",
        Verb::Replace => "Replace",
        Verb::Delete => "Delete",
        Verb::DryRun => "DryRun",
        Verb::Watch => "Watch",
        Verb::Version => "Version",
        Verb::List => "List",
    }
}

/// All that can go wrong with a request.
pub const REQUEST_FAULTS: [&str; 10] = [
    "lost request",
    "lost reply",
    "reset after done",
    "done late",
    "server error",
    "too many",
    "done, then refused",
    "done twice",
    "refused",
    "slow reply",
];

fn request_fault_name(fault: &RequestFault) -> &'static str {
    match fault {
        RequestFault::LostRequest => "lost request",
        RequestFault::LostReply => "lost reply",
        RequestFault::ResetAfterDone(_) => "reset after done",
        RequestFault::DoneLate { .. } => "done late",
        RequestFault::ServerError { .. } => "server error",
        RequestFault::TooMany(_) => "too many",
        RequestFault::DoneThenRefused(_) => "done, then refused",
        RequestFault::DoneTwice { .. } => "done twice",
        RequestFault::Refused => "refused",
        RequestFault::SlowReply(_) => "slow reply",
    }
}

/// All that can go wrong with a watch.
pub const WATCH_FAULTS: [&str; 11] = [
    "none",
    "silent",
    "never opens",
    "late",
    "dropping",
    "doubling",
    "shuffling",
    "ends",
    "breaks",
    "gone",
    "denied",
];

fn watch_fault_name(fault: &WatchFault) -> &'static str {
    match fault {
        WatchFault::None => "none",
        WatchFault::Silent => "silent",
        WatchFault::NeverOpens => "never opens",
        WatchFault::Late(_) => "late",
        WatchFault::Dropping => "dropping",
        WatchFault::Doubling => "doubling",
        WatchFault::Shuffling => "shuffling",
        WatchFault::EndsAfter(_) => "ends",
        WatchFault::BreaksAfter(_) => "breaks",
        WatchFault::Gone => "gone",
        WatchFault::Denied => "denied",
    }
}

fn fault_name(fault: &Fault) -> &'static str {
    match fault {
        Fault::NotSent(_) => "not sent",
        Fault::Unknown(_) => "unknown",
        Fault::Foreign { .. } => "foreign",
        Fault::NotStored(_) => "not stored",
        Fault::Rejected(rejection) => match rejection.kind {
            RejectionKind::Unauthorized => "401",
            RejectionKind::Forbidden => "403",
            RejectionKind::NamespaceMissing => "404 namespace",
            RejectionKind::LeaseMissing => "404 lease",
            RejectionKind::NotServed => "404 not served",
            RejectionKind::Conflict => "409",
            RejectionKind::Gone => "410",
            RejectionKind::TooManyRequests { .. } => "429",
            RejectionKind::Invalid => "422",
        },
    }
}

fn refusal_name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotFound => "not found",
        Refusal::Coordinated(_) => "coordinated",
        Refusal::TransitionsExhausted => "transitions exhausted",
        Refusal::LastTransition => "last transition",
        Refusal::Terminating => "terminating",
        Refusal::TooShort(_) => "too short",
        Refusal::SlotStays(_) => "slot stays",
        Refusal::HeldByAncestor(_) => "held by an ancestor",
        Refusal::VictimIsAncestor(_) => "the victim is an ancestor",
        Refusal::NotAsShown { .. } => "not as shown",
        Refusal::BeingTakenOver { .. } => "being taken over",
        Refusal::VictimMayRun(_) => "the victim may run",
        Refusal::KeptByHold => "kept by a hold",
        Refusal::NoLock(_) => "no lock",
        Refusal::NotFreed(_) => "not freed",
        Refusal::Slots(_) => "slots",
        Refusal::HolderIs(_) => "the holder is",
    }
}
