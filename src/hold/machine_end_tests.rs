//! How a hold ends: a loss, the command's end, signals, a dead watchdog, what is left behind.

use super::*;
use crate::lease::values::LeaseDuration;

const EXITED: Event = ChildExited(Ended::Exited(3));
const ENDED: Effect = Finish(Outcome::Ended(Ended::Exited(3)));
const LOST: Effect = Finish(Outcome::Lost);

fn said() -> Effect {
    SayLost(0, taken())
}

fn altered() -> Loss {
    Loss::Altered("the server stored holderIdentity x".to_owned())
}

#[test]
fn a_foreign_record_stops_the_command_and_nothing_is_written_after_but_the_word_that_it_has_stopped()
 {
    with_command(&[
        (110.0, RecordChanged(taken()), &[StopTree, said()]),
        (110.1, Renewed { sent_at: at(109.9) }, &[]),
        (110.2, EXITED, &[]),
        (110.3, TreeGone, &[SayStopped(0)]),
        (110.4, StoppedSaid, &[LOST]),
    ]);
}

#[test]
fn the_command_ends_what_it_left_is_stopped_and_only_then_released() {
    let mut machine = with_command(&[(110.0, EXITED, &[StopTree])]);
    // It is still held meanwhile, so it is still renewed.
    let effects = machine.handle(Woken, at(122.5));
    assert!(matches!(effects[..], [KillTree, Renew(..)]), "{effects:?}");
    machine.follow(&[
        (123.0, TreeGone, &[Release(0)]),
        (123.1, Released(Given::Freed), &[ENDED]),
    ]);
}

#[test]
fn what_the_command_left_is_killed_after_the_grace_or_when_a_signal_comes() {
    let mut machine = with_command(&[(110.0, EXITED, &[StopTree])]);
    let kill = at(110.0) + timing().kill_after;
    assert_eq!(machine.wake_at(), Some(kill));
    assert_eq!(machine.handle(Woken, kill), [KillTree]);
    with_command(&[
        (110.0, EXITED, &[StopTree]),
        (110.1, Signal(2), &[KillTree]),
    ]);
}

/// bash sends it to its jobs, and the kernel to the group in the foreground.
#[test]
fn the_second_word_of_a_terminal_that_is_gone_takes_no_grace_from_what_the_command_left() {
    for first in [1, 15] {
        let mut machine = with_command(&[
            (110.0, Signal(first), &[Forward(first)]),
            (110.1, EXITED, &[StopTree]),
            (110.2, Signal(1), &[]),
            (110.3, Signal(1), &[]),
        ]);
        machine.follow(&[(110.4, Signal(15), &[KillTree])]);
    }
    with_command(&[
        (110.0, EXITED, &[StopTree]),
        (110.1, Signal(1), &[KillTree]),
    ]);
}

#[test]
fn a_loss_while_the_remains_are_stopped_is_still_a_loss() {
    with_command(&[
        (110.0, EXITED, &[StopTree]),
        (110.1, RecordChanged(taken()), &[StopTree, said()]),
        (110.2, TreeGone, &[SayStopped(0)]),
        (110.3, StoppedSaid, &[LOST]),
    ]);
}

#[test]
fn a_release_that_finds_the_lease_lost_is_a_loss_whatever_the_command_said() {
    let lost = (
        110.2,
        Released(Given::Lost(taken())),
        &[said(), SayStopped(0)][..],
    );
    let over = (110.3, StoppedSaid, &[LOST][..]);
    for ended in [Ended::Exited(0), Ended::Exited(3), Ended::Signalled(15)] {
        with_command(&[
            (110.0, ChildExited(ended), &[StopTree]),
            (110.1, TreeGone, &[Release(0)]),
            lost.clone(),
            over.clone(),
        ]);
    }
    // What was protected without a command is not known to have stopped.
    let lost = (110.2, Released(Given::Lost(taken())), &[said(), LOST][..]);
    without_command(&[(110.0, Signal(2), &[Release(0)]), lost]);
}

#[test]
fn a_release_whose_outcome_is_unknown_leaves_the_commands_own_status() {
    with_command(&[
        (110.0, EXITED, &[StopTree]),
        (110.1, TreeGone, &[Release(0)]),
        (190.0, Released(Given::Unknown), &[ENDED]),
    ]);
}

#[test]
fn what_was_lost_once_is_not_said_to_be_lost_again() {
    let deadline = SayLost(0, Loss::Deadline { last: None });
    let fence = 100.0 + timing().renew_deadline.as_secs_f64() + 0.001;
    with_command(&[
        (fence, Woken, &[StopTree, deadline]),
        (fence, TreeGone, &[Release(0)]),
        (fence, Released(Given::Lost(taken())), &[SayStopped(0)]),
        (fence, StoppedSaid, &[LOST]),
    ]);
}

#[test]
fn what_nobody_has_put_a_grant_on_top_of_is_lost_without_a_word() {
    for loss in [Loss::Released, Loss::Deleted] {
        with_command(&[
            (110.0, EXITED, &[StopTree]),
            (110.1, TreeGone, &[Release(0)]),
            (
                110.2,
                Released(Given::Lost(loss.clone())),
                &[SayLost(0, loss), LOST],
            ),
        ]);
    }
}

#[test]
fn whose_watchdog_died_never_says_that_nothing_runs_any_more() {
    let dead = (109.0, WatchdogDied, &[KillTree][..]);
    with_command(&[
        dead.clone(),
        (110.0, RecordChanged(taken()), &[StopTree, said()]),
        (110.1, TreeGone, &[LOST]),
    ]);
    with_command(&[
        (108.0, RecordChanged(taken()), &[StopTree, said()]),
        dead.clone(),
        (110.1, TreeGone, &[LOST]),
    ]);
    with_command(&[
        dead,
        (110.0, TreeGone, &[Release(0)]),
        (110.1, Released(Given::Lost(taken())), &[said(), LOST]),
    ]);
}

#[test]
fn a_word_is_given_while_a_renewal_that_cannot_be_stored_any_more_is_under_way() {
    let mut machine = held(true);
    renews_next(&mut machine);
    machine.follow(&[
        (122.1, RecordChanged(taken()), &[StopTree, said()]),
        (122.2, TreeGone, &[SayStopped(0)]),
        (122.3, StoppedSaid, &[]),
        (130.0, failed("no answer"), &[LOST]),
    ]);
}

#[test]
fn what_keeps_nobody_else_out_gives_no_grace_and_is_given_back_if_it_can_still_be_ours() {
    let losses = [
        (Loss::Released, false),
        (Loss::Deleted, false),
        (Loss::Recreated { holder: None }, false),
        (Loss::Shortened(LeaseDuration::constant(1)), true),
        (altered(), true),
    ];
    for (loss, ours) in losses {
        let lost = (
            110.0,
            RecordChanged(loss.clone()),
            &[KillTree, SayLost(0, loss)][..],
        );
        if ours {
            let freed = (110.2, Released(Given::Freed), &[LOST][..]);
            with_command(&[lost, (110.1, TreeGone, &[Release(0)]), freed]);
        } else {
            with_command(&[lost, (110.1, TreeGone, &[LOST])]);
        }
    }
}

#[test]
fn a_loss_seen_while_a_renewal_is_under_way_waits_for_what_it_stored_before_the_end() {
    let outcomes = [
        (RenewalLost(altered()), Release(0)),
        (RenewalLost(taken()), LOST),
        (failed("no answer"), LOST),
        (Renewed { sent_at: at(122.0) }, LOST),
    ];
    for (outcome, then) in outcomes {
        let taken = [
            (122.1, RecordChanged(taken()), &[StopTree, said()][..]),
            (122.1, RecordChanged(taken()), &[]),
        ];
        let mut machine = held(true);
        renews_next(&mut machine);
        machine.follow(&taken);
        machine.follow(&[
            (122.2, TreeGone, &[SayStopped(0)]),
            (122.2, StoppedSaid, &[]),
            (122.3, outcome.clone(), std::slice::from_ref(&then)),
        ]);
        // The other way round. Nobody waits for us any more where the Lease is not even what we wrote.
        let kills = matches!(&outcome, RenewalLost(Loss::Altered(_)));
        let mut machine = held(true);
        renews_next(&mut machine);
        machine.follow(&taken);
        machine.follow(&[(122.2, outcome, if kills { &[KillTree] } else { &[] })]);
        if kills {
            machine.follow(&[(122.3, TreeGone, &[Release(0)])]);
        } else {
            let over = std::slice::from_ref(&then);
            machine.follow(&[
                (122.3, TreeGone, &[SayStopped(0)]),
                (122.3, StoppedSaid, over),
            ]);
        }
    }
}

#[test]
fn a_loss_that_the_renewal_itself_finds_is_not_waited_for_any_more() {
    let mut machine = held(true);
    renews_next(&mut machine);
    machine.follow(&[
        (122.1, RenewalLost(taken()), &[StopTree, said()]),
        (122.2, TreeGone, &[SayStopped(0)]),
        (122.3, StoppedSaid, &[LOST]),
    ]);
}

#[test]
fn the_grace_ends_when_whoever_has_taken_the_lease_frees_it() {
    for freed in [Loss::Released, Loss::Deleted] {
        with_command(&[
            (110.0, RecordChanged(taken()), &[StopTree, said()]),
            (110.1, RecordChanged(freed), &[KillTree]),
            // Once is enough.
            (110.2, RecordChanged(Loss::Released), &[]),
        ]);
    }
}

#[test]
fn signals_are_passed_on_and_the_lease_stays_held() {
    let mut machine = with_command(&[
        (110.0, Signal(15), &[Forward(15)]),
        (110.0, Signal(2), &[Forward(2)]),
    ]);
    renews_next(&mut machine);
}

#[test]
fn without_a_command_a_signal_releases_and_a_loss_ends_at_once() {
    without_command(&[
        (110.0, Signal(2), &[Release(0)]),
        (110.0, Signal(2), &[]),
        (
            110.1,
            Released(Given::Freed),
            &[Finish(Outcome::Signalled(2))],
        ),
    ]);
    without_command(&[(110.0, RecordChanged(taken()), &[said(), LOST])]);
}

#[test]
fn a_command_that_could_not_be_started_never_leaves_the_lease_held() {
    with_command(&[
        (100.2, NotStarted, &[Release(0)]),
        (
            100.3,
            Released(Given::Freed),
            &[Finish(Outcome::NotStarted)],
        ),
    ]);
}

#[test]
fn a_retry_after_of_half_a_minute_is_cut_short() {
    let event = RenewalFailed {
        why: "429".into(),
        retry_after: Some(seconds(320.0)),
    };
    let machine = with_command(&[(125.0, event, &[SayRenewalFailed(0, "429".into())])]);
    assert!(machine.wake_at().expect("another try") < at(135.0));
}

#[test]
fn a_signal_that_is_the_commands_own_is_for_a_command_that_runs_and_for_nobody_else() {
    let machine = with_command(&[
        (110.0, SignalForCommand(10), &[Forward(10)]),
        (110.1, EXITED, &[StopTree]),
        // What the command left has its grace.
        (110.2, SignalForCommand(10), &[]),
    ]);
    assert_eq!(machine.wake_at(), Some(at(110.1) + timing().kill_after));
    let machine = without_command(&[(110.0, SignalForCommand(10), &[])]);
    assert!(machine.is_held());
}

#[test]
fn a_dead_watchdog_has_the_tree_killed_and_the_lease_renewed_until_all_are_gone() {
    let mut machine = with_command(&[(101.0, WatchdogDied, &[KillTree])]);
    let (mut renewals, mut said, mut now) = (0, 0, at(101.0));
    while now < at(150.0) {
        let next = machine.wake_at().expect("the kill is repeated");
        assert!(next > now, "it wakes up for nothing at {now:?}");
        now = next;
        for effect in machine.handle(Woken, now) {
            match effect {
                KillTree => {}
                Renew(..) => {
                    renewals += 1;
                    let _ = machine.handle(Renewed { sent_at: now }, now);
                }
                SayUnkilled => said += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((renewals, said), (2, 1));
    assert_eq!(machine.handle(TreeGone, now), [Release(0)]);
}

#[test]
fn a_command_whose_end_nobody_saw_has_no_status() {
    for unwatched in [&[][..], &[(110.0, WatchdogDied, &[KillTree][..])]] {
        let mut machine = with_command(unwatched);
        machine.follow(&[
            (110.1, TreeGone, &[Release(0)]),
            (110.2, Released(Given::Freed), &[Finish(Outcome::EndUnseen)]),
        ]);
    }
}

#[path = "machine_losses_tests.rs"]
mod losses;
