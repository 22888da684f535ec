//! Every pair of events, and the promises of a hold one by one. No process, no sleep.

use Effect::*;
use Event::*;

use super::*;
use crate::lease::testing::{at, seconds};

const D: u64 = 60;

fn timing() -> Timing {
    Timing::new(Duration::from_secs(D), None, None).expect("fits")
}

fn waiting(with_command: bool) -> Machine {
    Machine::new(timing(), with_command, 0.5)
}

/// A machine that was granted its lease by a request sent at 100 s.
fn held(with_command: bool) -> Machine {
    let mut machine = waiting(with_command);
    let effects = machine.handle(
        Event::Acquired {
            sent_at: vec![at(100.0)],
        },
        at(100.1),
    );
    let expected: &[Effect] = if with_command { &[Start] } else { &[] };
    assert_eq!(effects, expected);
    machine
}

/// What happens when, in seconds, and what it leads to.
type Step<'a> = (f64, Event, &'a [Effect]);

impl Machine {
    #[track_caller]
    fn follow(&mut self, story: &[Step<'_>]) {
        for (time, event, effects) in story {
            let led_to = self.handle(event.clone(), at(*time));
            assert_eq!(led_to, *effects, "{event:?} at {time} in {story:?}");
        }
    }
}

/// A story that begins with the grant.
#[track_caller]
fn with_command(story: &[Step<'_>]) -> Machine {
    let mut machine = held(true);
    machine.follow(story);
    machine
}

#[track_caller]
fn without_command(story: &[Step<'_>]) -> Machine {
    let mut machine = held(false);
    machine.follow(story);
    machine
}

/// When the machine is to be woken next, and that it sends a renewal then.
#[track_caller]
fn renews_next(machine: &mut Machine) -> Instant {
    let due = machine.wake_at().expect("a renewal is due");
    let effects = machine.handle(Woken, due);
    assert!(matches!(effects[..], [Renew(..)]), "{effects:?}");
    due
}

fn failed(why: &str) -> Event {
    Event::RenewalFailed {
        why: why.to_owned(),
        retry_after: None,
    }
}

/// By somebody who waits for us.
fn taken() -> Loss {
    Loss::TakenBy {
        holder: "thief".to_owned(),
        waits: true,
    }
}

fn every_event(now: f64) -> Vec<Event> {
    vec![
        Event::Acquired {
            sent_at: vec![at(now - 0.1)],
        },
        Event::Renewed {
            sent_at: at(now - 0.1),
        },
        // One whose time was up long ago.
        Event::Renewed {
            sent_at: at(now - 2.5),
        },
        failed("no answer"),
        Event::RecordChanged(taken()),
        Event::RenewalLost(taken()),
        Event::DurationGone,
        Event::Woken,
        Event::NotStarted,
        Event::ChildExited(Ended::Exited(3)),
        Event::Fenced,
        Event::WatchdogDied,
        Event::TreeGone,
        Event::Detached,
        Event::LabelSet,
        Event::LabelNotSet,
        Event::LabelOff,
        Event::Signal(15),
        Event::SignalForCommand(10),
        Event::Released(Given::Freed),
        Event::Released(Given::Lost(taken())),
        Event::Released(Given::Unknown),
        Event::StoppedSaid,
    ]
}

/// What must be true of whatever the machine says, in any order of events.
struct Watched {
    machine: Machine,
    tree_alive: bool,
    /// Whether the pod may carry a label, and whether that is being taken off.
    labelled: bool,
    clearing: bool,
    released: bool,
    finished: usize,
    lost: usize,
    said_stopped: usize,
    watchdog_died: bool,
    last_ack: f64,
}

impl Watched {
    fn new(with_command: bool, labels: bool, detaches: bool) -> Self {
        Self {
            machine: waiting(with_command).labelling(labels).detaching(detaches),
            tree_alive: false,
            labelled: false,
            clearing: false,
            released: false,
            finished: 0,
            lost: 0,
            said_stopped: 0,
            watchdog_died: false,
            last_ack: 0.0,
        }
    }

    fn feed(&mut self, event: &Event, now: f64, story: &str) {
        match event {
            Event::TreeGone | Event::NotStarted => self.tree_alive = false,
            Event::WatchdogDied => self.watchdog_died = true,
            // Of a command that has ended.
            Event::Detached if matches!(self.machine.tree, Tree::Remains(_)) => {
                self.tree_alive = false;
            }
            Event::LabelOff if self.clearing => self.labelled = false,
            // Only what is being taken off comes off.
            Event::LabelOff if self.labelled => return,
            Event::Renewed { .. } | Event::Acquired { .. }
                if self.finished == 0 && self.lost == 0 =>
            {
                self.last_ack = now - 0.1;
            }
            _ => {}
        }
        for effect in self.machine.handle(event.clone(), at(now)) {
            assert_eq!(self.finished, 0, "{effect:?} after the end: {story}");
            match effect {
                Effect::Start => {
                    assert_eq!(self.lost, 0, "started what was lost: {story}");
                    assert!(!self.clearing, "started without its label: {story}");
                    self.tree_alive = true;
                }
                Effect::Renew(_, limit) => {
                    assert!(
                        !self.released && self.lost == 0,
                        "renewed what is over: {story}"
                    );
                    assert!(limit <= timing().attempt, "too long an attempt: {story}");
                }
                Effect::Release(_) => {
                    assert!(
                        !self.tree_alive,
                        "released before the tree was gone: {story}"
                    );
                    assert!(!self.released, "released twice: {story}");
                    assert!(!self.labelled, "released beside a label: {story}");
                    self.released = true;
                }
                Effect::SayLost(..) => self.lost += 1,
                Effect::SayStopped(_) => {
                    assert!(!self.tree_alive, "said to be gone: {story}");
                    assert!(!self.watchdog_died, "not certain: {story}");
                    self.said_stopped += 1;
                }
                Effect::Finish(_) => {
                    assert!(
                        !self.tree_alive,
                        "finished before the tree was gone: {story}"
                    );
                    assert!(!self.labelled, "finished beside a label: {story}");
                    self.finished += 1;
                }
                Effect::SetLabel => {
                    assert!(!self.labelled && self.lost == 0, "labelled late: {story}");
                    self.labelled = true;
                }
                Effect::ClearLabel => {
                    assert!(self.labelled && !self.clearing, "cleared twice: {story}");
                    self.clearing = true;
                }
                Effect::LeaveLabel => {
                    assert!(self.clearing, "left what nobody cleared: {story}");
                    self.labelled = false;
                }
                Effect::StopTree
                | Effect::KillTree
                | Effect::Forward(_)
                | Effect::SayUnkilled
                | Effect::SayRenewalFailed(..) => {}
            }
        }
        assert!(self.lost <= 1, "lost twice: {story}");
        assert!(self.said_stopped <= 1, "said twice: {story}");
        let shown = self.labelled && !self.clearing;
        assert!(
            !shown || self.machine.is_held(),
            "labelled without a lease: {story}"
        );
    }
}

#[test]
fn no_triple_of_events_releases_early_renews_what_is_over_or_ends_twice() {
    let events = every_event(103.0).len();
    for variant in 0..16 {
        let is = |bit: u32| variant & (1 << bit) != 0;
        let (with_command, labels, detaches, begun) = (is(0), is(1), is(2), is(3));
        if begun && !labels {
            continue;
        }
        for (first, second, third) in triples(events) {
            for late in [0.0, 40.0, 70.0] {
                let mut watched = Watched::new(with_command, labels, detaches);
                let story = format!(
                    "command {with_command}, labels {labels}, detaches {detaches}, begun {begun}: \
                     {first}, {second}, {third}, late {late}"
                );
                watched.feed(
                    &Event::Acquired {
                        sent_at: vec![at(100.0)],
                    },
                    100.1,
                    &story,
                );
                if begun {
                    watched.feed(&Event::LabelSet, 100.2, &story);
                }
                watched.feed(&every_event(103.0)[first], 103.0, &story);
                watched.feed(&every_event(104.0 + late)[second], 104.0 + late, &story);
                watched.feed(&every_event(105.0 + late)[third], 105.0 + late, &story);
            }
        }
    }
}

fn triples(events: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..events * events * events).map(move |number| {
        let (first, rest) = (number / (events * events), number % (events * events));
        (first, rest / events, rest % events)
    })
}

#[test]
fn every_event_before_the_grant_but_the_grant_itself_does_nothing() {
    for event in every_event(103.0).into_iter().skip(1) {
        assert_eq!(
            waiting(true).handle(event.clone(), at(103.0)),
            vec![],
            "{event:?}"
        );
    }
}

#[test]
fn a_renewal_is_sent_when_due_once_and_again_after_a_pause_if_it_fails() {
    let mut machine = held(true);
    let due = machine.wake_at().expect("a renewal is due");
    assert!(due > at(120.0) && due < at(122.0), "{due:?}");
    assert_eq!(machine.handle(Woken, due), [Renew(0, seconds(10.0))]);
    assert_eq!(machine.handle(Woken, due), [], "one at a time");
    let said = [SayRenewalFailed(0, "no answer".into())];
    machine.follow(&[(132.0, failed("no answer"), &said)]);
    let again = renews_next(&mut machine);
    assert!(again > at(132.0) && again < at(134.0), "{again:?}");
}

#[test]
fn an_acknowledged_renewal_counts_from_before_it_was_sent() {
    let before = held(true).wake_at();
    for (sent_at, heard_at) in [(121.0, 130.0), (99.0, 110.0)] {
        let sent_at = at(sent_at);
        let machine = with_command(&[(heard_at, Renewed { sent_at }, &[])]);
        let next = machine.wake_at().expect("a renewal is due");
        if sent_at > at(100.0) {
            assert!(next > at(141.0) && next < at(143.1), "{next:?}");
        } else {
            // It was sent before the last one.
            assert_eq!(Some(next), before);
        }
    }
}

#[test]
fn a_late_acknowledgement_counts_from_its_sending_whatever_became_of_its_attempt_and_of_the_next() {
    // Given up: the next attempt is due, or under way.
    for under_way in [false, true] {
        let mut machine = held(true);
        let due = renews_next(&mut machine);
        let _ = machine.handle(failed("no answer within 10s"), at(132.0));
        if under_way {
            renews_next(&mut machine);
        }
        machine.follow(&[(135.0, Renewed { sent_at: due }, &[])]);
        // The other attempt is not waited for.
        let next = renews_next(&mut machine);
        let after = next.since(due);
        assert!(after > seconds(20.0) && after < seconds(22.1), "{next:?}");
        // Nor is its reply of use, should it come.
        let _ = machine.handle(Renewed { sent_at: next }, next + seconds(0.1));
        let later = machine.wake_at();
        let _ = machine.handle(Renewed { sent_at: at(133.0) }, next + seconds(0.2));
        assert_eq!(machine.wake_at(), later);
    }
}

#[test]
fn a_late_acknowledgement_saves_no_command_whose_deadline_has_come() {
    let fence = at(100.0) + timing().renew_deadline;
    let effects = held(true).handle(Renewed { sent_at: at(121.0) }, fence);
    assert_eq!(
        effects,
        [StopTree, SayLost(0, Loss::Deadline { last: None })]
    );
}

#[test]
fn the_deadline_stops_the_command_and_then_kills_it_in_time() {
    let mut machine = held(true);
    let _ = machine.handle(failed("refused"), at(125.0));
    let fence = at(100.0) + timing().renew_deadline;
    let last = Some("refused".into());
    let lost = SayLost(0, Loss::Deadline { last });
    assert_eq!(machine.handle(Woken, fence), [StopTree, lost]);
    let kill = machine.wake_at().expect("a kill is due");
    assert!(kill <= at(100.0) + timing().dead_after);
    assert_eq!(machine.handle(Woken, kill), [KillTree]);
    assert!(machine.wake_at().expect("the kill is repeated") > kill);
    assert_eq!(machine.handle(ChildExited(Ended::Signalled(9)), kill), []);
    assert_eq!(machine.handle(TreeGone, kill), [Release(0)]);
    let over = machine.handle(Released(Given::Freed), kill);
    assert_eq!(over, [Finish(Outcome::Lost)]);
}

#[test]
fn whoever_wakes_up_after_the_deadline_kills_at_once_and_renews_nothing() {
    for event in every_event(170.0).into_iter().skip(1) {
        let effects = held(true).handle(event.clone(), at(170.0));
        assert!(
            matches!(effects[..2], [KillTree, SayLost(0, Loss::Deadline { .. })]),
            "{event:?}: {effects:?}"
        );
        let renews = effects.iter().any(|effect| matches!(effect, Renew(..)));
        assert!(!renews, "{event:?}");
    }
}

#[test]
fn a_grant_whose_answer_came_after_its_deadline_starts_nothing() {
    let effects = waiting(true).handle(
        Acquired {
            sent_at: vec![at(100.0)],
        },
        at(160.0),
    );
    assert_eq!(
        effects,
        [SayLost(0, Loss::Deadline { last: None }), Release(0)]
    );
}

#[path = "machine_end_tests.rs"]
mod end;
#[path = "machine_label_tests.rs"]
mod label;
#[path = "machine_several_tests.rs"]
mod several;
