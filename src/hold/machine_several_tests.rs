//! Several leases in one hold: one deadline, one loss for all, and releases in reverse once the tree is gone.

use super::*;

const LEASES: usize = 3;

/// A machine whose three leases were granted by requests sent at 100, 101 and 102 s.
fn three(with_command: bool) -> Machine {
    let mut machine = waiting(with_command);
    let sent_at = vec![at(100.0), at(101.0), at(102.0)];
    let effects = machine.handle(Acquired { sent_at }, at(102.1));
    assert_eq!(effects, [Start][..usize::from(with_command)]);
    machine
}

/// What happens when to which lease, in seconds, and what it leads to.
type Step<'a> = (f64, usize, Event, &'a [Effect]);

#[track_caller]
fn follow(machine: &mut Machine, story: &[Step<'_>]) {
    for (time, lease, event, effects) in story {
        let led_to = machine.handle_of(*lease, event.clone(), at(*time));
        assert_eq!(led_to, *effects, "{event:?} of {lease} at {time}");
    }
}

fn renewed(sent_at: f64) -> Event {
    Renewed {
        sent_at: at(sent_at),
    }
}

const EXITED: Event = ChildExited(Ended::Exited(0));
const FREED: Event = Released(Given::Freed);
const ENDED: Effect = Finish(Outcome::Ended(Ended::Exited(0)));
const LOST: Effect = Finish(Outcome::Lost);

#[test]
fn all_are_held_until_the_first_is_lost_and_each_is_known_by_its_own_loss() {
    let mut machine = waiting(true);
    assert!(!machine.is_held() && !machine.is_lost(0), "not granted yet");
    let sent_at = vec![at(100.0); LEASES];
    let _ = machine.handle(Acquired { sent_at }, at(100.1));
    assert!(machine.is_held());
    assert!((0..LEASES).all(|lease| !machine.is_lost(lease)));
    let _ = machine.handle_of(1, RecordChanged(taken()), at(110.0));
    assert!(!machine.is_held());
    let lost = (0..=LEASES).map(|lease| machine.is_lost(lease));
    assert_eq!(lost.collect::<Vec<_>>(), [false, true, false, false]);
}

#[test]
fn each_is_renewed_when_its_own_grant_wants_it() {
    let mut machine = three(true);
    let mut renewed = Vec::new();
    for _ in 0..LEASES {
        let due = machine.wake_at().expect("a renewal is due");
        for effect in machine.handle(Woken, due) {
            let Renew(lease, _) = effect else {
                panic!("{effect:?}")
            };
            renewed.push((lease, due.since(at(100.0)).as_secs()));
        }
    }
    assert_eq!(renewed, [(0, 20), (1, 21), (2, 22)]);
    // A failure is paused after for itself.
    let _ = machine.handle_of(1, failed("no"), at(124.0));
    let again = machine.wake_at().expect("one is due");
    let effects = machine.handle(Woken, again);
    assert!(matches!(effects[..], [Renew(1, _)]), "{effects:?}");
}

#[test]
fn the_deadline_counts_from_the_oldest_acknowledgement_of_all() {
    let mut machine = three(true);
    assert_eq!(machine.sent_at(), at(100.0));
    follow(
        &mut machine,
        &[
            (125.0, 0, renewed(124.0), &[]),
            (125.0, 2, renewed(124.5), &[]),
        ],
    );
    assert_eq!(machine.sent_at(), at(101.0));
    let why = || "no answer".to_owned();
    follow(
        &mut machine,
        &[(130.0, 1, failed("no answer"), &[SayRenewalFailed(1, why())])],
    );
    let fence = at(101.0) + timing().renew_deadline;
    let lost = Loss::Deadline { last: Some(why()) };
    let effects = machine.handle(Woken, fence);
    assert!(
        effects.starts_with(&[StopTree, SayLost(1, lost)]),
        "{effects:?}"
    );
    // What is renewed is not the one that is lost.
    let renews = effects
        .iter()
        .skip(2)
        .all(|effect| matches!(effect, Renew(0 | 2, _)));
    assert!(renews, "{effects:?}");
    let kill = at(101.0) + timing().kill_at;
    assert!(machine.wake_at().expect("a kill is due") <= kill);
}

#[test]
fn they_are_given_back_one_after_the_other_the_last_first() {
    let mut machine = three(true);
    follow(
        &mut machine,
        &[
            (110.0, 0, EXITED, &[StopTree]),
            (110.1, 0, TreeGone, &[Release(2)]),
            // Of another that is not asked about yet.
            (110.2, 0, FREED, &[]),
            (110.2, 2, FREED, &[Release(1)]),
            (110.3, 1, Released(Given::Unknown), &[Release(0)]),
            (110.4, 0, FREED, &[ENDED]),
        ],
    );
    let mut machine = three(false);
    let ended = Finish(Outcome::Signalled(2));
    follow(
        &mut machine,
        &[
            (110.0, 0, Signal(2), &[Release(2)]),
            (110.1, 2, FREED, &[Release(1)]),
            (110.2, 1, FREED, &[Release(0)]),
            (110.3, 0, FREED, &[ended]),
        ],
    );
}

#[test]
fn one_that_a_release_finds_lost_is_a_loss_and_the_others_are_given_back_all_the_same() {
    let mut machine = three(true);
    let lost = Released(Given::Lost(taken()));
    follow(
        &mut machine,
        &[
            (110.0, 0, EXITED, &[StopTree]),
            (110.1, 0, TreeGone, &[Release(2)]),
            (
                110.2,
                2,
                lost.clone(),
                &[SayLost(2, taken()), SayStopped(2), Release(1)],
            ),
            (110.3, 1, FREED, &[Release(0)]),
            (110.4, 0, lost, &[SayStopped(0)]),
            (110.5, 0, StoppedSaid, &[]),
            (110.6, 2, StoppedSaid, &[LOST]),
        ],
    );
}

#[test]
fn one_taken_stops_the_command_and_the_others_are_given_back_once_it_is_gone() {
    let mut machine = three(true);
    follow(
        &mut machine,
        &[
            (
                110.0,
                1,
                RecordChanged(taken()),
                &[StopTree, SayLost(1, taken())],
            ),
            (110.1, 1, RecordChanged(taken()), &[]),
            (110.2, 0, EXITED, &[]),
            (110.3, 0, TreeGone, &[SayStopped(1), Release(2)]),
            (110.4, 2, FREED, &[Release(0)]),
            (110.5, 0, FREED, &[]),
            (110.6, 1, StoppedSaid, &[LOST]),
        ],
    );
}

#[test]
fn what_is_lost_and_may_be_ours_is_given_back_after_what_is_not_lost() {
    let mut machine = three(true);
    let fence = 101.0 + timing().renew_deadline.as_secs_f64() + 0.001;
    let deadline = SayLost(1, Loss::Deadline { last: None });
    let (first, last) = (renewed(fence - 5.0), renewed(fence - 5.0));
    follow(
        &mut machine,
        &[
            (fence - 4.0, 0, first, &[]),
            (fence - 4.0, 2, last, &[]),
            (fence, 0, Woken, &[StopTree, deadline]),
            (fence, 0, TreeGone, &[Release(2)]),
            (fence, 2, FREED, &[Release(0)]),
            (fence, 0, FREED, &[Release(1)]),
            (fence, 1, FREED, &[LOST]),
        ],
    );
}

#[test]
fn what_is_not_lost_is_renewed_while_something_of_the_command_does_not_die() {
    let mut machine = three(true);
    let _ = machine.handle_of(1, RecordChanged(taken()), at(110.0));
    let (mut now, mut renewals) = (at(110.0), [0; LEASES]);
    while now < at(170.0) {
        let next = machine.wake_at().expect("the kill is repeated");
        assert!(next > now, "it wakes up for nothing at {now:?}");
        now = next;
        for effect in machine.handle(Woken, now) {
            match effect {
                Renew(lease, _) => {
                    renewals[lease] += 1;
                    let effects = machine.handle_of(lease, Renewed { sent_at: now }, now);
                    assert_eq!(effects, []);
                }
                KillTree | SayUnkilled => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(renewals, [3, 0, 3]);
}

#[test]
fn a_second_loss_while_the_command_is_stopped_is_said_and_ends_the_grace_where_nobody_waits() {
    for (loss, kills) in [(taken(), false), (Loss::Released, true)] {
        let mut machine = three(true);
        let said = SayLost(2, loss.clone());
        let expected: &[Effect] = if kills { &[KillTree, said] } else { &[said] };
        follow(
            &mut machine,
            &[
                (
                    110.0,
                    0,
                    RecordChanged(taken()),
                    &[StopTree, SayLost(0, taken())],
                ),
                (110.1, 2, RecordChanged(loss), expected),
            ],
        );
        let robbed: &[usize] = if kills { &[0] } else { &[0, 2] };
        let words = robbed.iter().map(|lease| SayStopped(*lease));
        let words: Vec<Effect> = words.chain([Release(1)]).collect();
        follow(
            &mut machine,
            &[(110.2, 0, TreeGone, &words), (110.3, 1, FREED, &[])],
        );
        for lease in robbed {
            let end = [LOST];
            let expected = if Some(lease) == robbed.last() {
                &end[..]
            } else {
                &[]
            };
            follow(&mut machine, &[(110.4, *lease, StoppedSaid, expected)]);
        }
    }
}

#[test]
fn grants_of_which_one_is_too_old_start_nothing_and_are_all_given_back() {
    let mut machine = waiting(true);
    let sent_at = vec![at(100.0), at(159.0)];
    let lost = SayLost(0, Loss::Deadline { last: None });
    let effects = machine.handle(Acquired { sent_at }, at(160.0));
    assert_eq!(effects, [lost, Release(1)]);
    follow(
        &mut machine,
        &[(160.1, 1, FREED, &[Release(0)]), (160.2, 0, FREED, &[LOST])],
    );
}

/// What must be true whatever happens to two leases in whatever order.
#[test]
fn no_triple_of_events_releases_early_twice_or_out_of_order_or_renews_what_is_lost() {
    let events = every_event(103.0).len();
    let all = (0..events * 2).collect::<Vec<_>>();
    for (with_command, late) in [
        (true, 0.0),
        (true, 40.0),
        (true, 70.0),
        (false, 0.0),
        (false, 70.0),
    ] {
        for first in &all {
            for second in &all {
                for third in &all {
                    let story = [
                        (103.0, first),
                        (104.0 + late, second),
                        (105.0 + late, third),
                    ];
                    let story = story.map(|(now, n)| (now, n % 2, every_event(now)[n / 2].clone()));
                    tell(with_command, &story);
                }
            }
        }
    }
}

fn tell(with_command: bool, story: &[(f64, usize, Event)]) {
    let mut machine = waiting(with_command);
    let sent_at = vec![at(100.0), at(100.5)];
    let mut effects = machine.handle(Acquired { sent_at }, at(100.6));
    let (mut tree, mut lost, mut released, mut finished) = (false, [false; 2], Vec::new(), 0);
    let (mut said, mut certain) = ([false; 2], true);
    // What the last one leads to is looked at too.
    let end = (story[2].0 + 1.0, 0, Woken);
    for (now, lease, event) in story.iter().chain([&end]) {
        for effect in effects {
            match effect {
                Start => tree = true,
                Renew(lease, _) => assert!(
                    !lost[lease] && released.is_empty() && finished == 0,
                    "renewed: {story:?}"
                ),
                Release(lease) => {
                    assert!(!tree && !released.contains(&lease), "released: {story:?}");
                    let before = released
                        .last()
                        .is_none_or(|last| lease < *last || lost[lease]);
                    assert!(before, "out of order: {story:?}");
                    released.push(lease);
                }
                SayLost(lease, _) => {
                    assert!(
                        !std::mem::replace(&mut lost[lease], true),
                        "twice: {story:?}"
                    );
                }
                Finish(outcome) => {
                    finished += 1;
                    assert!(!tree && finished == 1, "finished: {story:?}");
                    let all = released.len() == 2 || lost.contains(&true);
                    assert!(
                        all && (outcome == Outcome::Lost)
                            >= (lost != [false; 2] && released.is_empty()),
                        "{story:?}"
                    );
                }
                SayStopped(lease) => {
                    assert!(!tree && certain, "not gone: {story:?}");
                    assert!(
                        !std::mem::replace(&mut said[lease], true),
                        "said twice: {story:?}"
                    );
                }
                SetLabel | ClearLabel | LeaveLabel => panic!("{effect:?}: {story:?}"),
                StopTree | KillTree | Forward(_) | SayUnkilled | SayRenewalFailed(..) => {}
            }
        }
        let lets_go = *event == Detached && matches!(machine.tree, Tree::Remains(_));
        certain &= *event != WatchdogDied && !lets_go;
        if matches!(event, TreeGone | NotStarted) || lets_go {
            tree = false;
        }
        effects = machine.handle_of(*lease, event.clone(), at(*now));
    }
}

#[path = "machine_several_acknowledged_tests.rs"]
mod acknowledgement;
