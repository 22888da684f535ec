//! How a hold ends: the command's end, signals, a dead watchdog, what is left behind.

use super::*;

#[test]
fn the_command_ends_what_it_left_is_stopped_and_only_then_released() {
    let mut machine = held(true);
    let ended = Ended::Exited(3);
    assert_eq!(
        machine.handle(Event::ChildExited(ended), at(110.0)),
        vec![Effect::StopTree]
    );
    // It is still held meanwhile, so it is still renewed.
    assert!(
        machine
            .handle(Event::Woken, at(122.5))
            .iter()
            .any(|effect| matches!(effect, Effect::Renew(_)))
    );
    assert_eq!(
        machine.handle(Event::TreeGone, at(123.0)),
        vec![Effect::Release]
    );
    assert_eq!(
        machine.handle(Event::Released(Given::Freed), at(123.1)),
        vec![Effect::Finish(Outcome::Ended(ended))]
    );
}

#[test]
fn what_the_command_left_is_killed_after_the_grace() {
    let mut machine = held(true);
    let _ = machine.handle(Event::ChildExited(Ended::Exited(0)), at(110.0));
    let kill = at(110.0) + timing().kill_after;
    assert_eq!(machine.wake_at(), Some(kill));
    assert!(
        machine
            .handle(Event::Woken, kill)
            .contains(&Effect::KillTree)
    );
}

#[test]
fn a_loss_while_the_remains_are_stopped_is_still_a_loss() {
    let mut machine = held(true);
    let _ = machine.handle(Event::ChildExited(Ended::Exited(0)), at(110.0));
    assert!(
        machine
            .handle(Event::RecordChanged(taken()), at(110.1))
            .contains(&Effect::SayLost(taken()))
    );
    assert_eq!(
        machine.handle(Event::TreeGone, at(110.2)),
        vec![Effect::Finish(Outcome::Lost)]
    );
}

#[test]
fn a_release_that_finds_the_lease_lost_is_a_loss_whatever_the_command_said() {
    for ended in [Ended::Exited(0), Ended::Exited(3), Ended::Signalled(15)] {
        let mut machine = held(true);
        let _ = machine.handle(Event::ChildExited(ended), at(110.0));
        let _ = machine.handle(Event::TreeGone, at(110.1));
        assert_eq!(
            machine.handle(Event::Released(Given::Lost(taken())), at(110.2)),
            vec![Effect::SayLost(taken()), Effect::Finish(Outcome::Lost)]
        );
    }
    let mut machine = held(false);
    let _ = machine.handle(Event::Signal(2), at(110.0));
    assert_eq!(
        machine.handle(Event::Released(Given::Lost(taken())), at(110.2)),
        vec![Effect::SayLost(taken()), Effect::Finish(Outcome::Lost)]
    );
}

#[test]
fn a_release_whose_outcome_is_unknown_leaves_the_commands_own_status() {
    let mut machine = held(true);
    let ended = Ended::Exited(3);
    let _ = machine.handle(Event::ChildExited(ended), at(110.0));
    let _ = machine.handle(Event::TreeGone, at(110.1));
    assert_eq!(
        machine.handle(Event::Released(Given::Unknown), at(190.0)),
        vec![Effect::Finish(Outcome::Ended(ended))]
    );
}

#[test]
fn what_was_lost_once_is_not_said_to_be_lost_again() {
    let mut machine = held(true);
    let fence = at(100.0) + timing().renew_deadline;
    let _ = machine.handle(Event::Woken, fence);
    assert_eq!(
        machine.handle(Event::TreeGone, fence),
        vec![Effect::Release]
    );
    assert_eq!(
        machine.handle(Event::Released(Given::Lost(taken())), fence),
        vec![Effect::Finish(Outcome::Lost)]
    );
}

#[test]
fn a_grant_that_was_only_altered_is_given_back_once_all_are_gone() {
    let losses = [
        Loss::Shortened(crate::lease::values::LeaseDuration::constant(1)),
        Loss::Altered("the server stored holderIdentity x".to_owned()),
    ];
    for loss in losses {
        let mut machine = held(true);
        let effects = machine.handle(Event::RecordChanged(loss.clone()), at(110.0));
        assert_eq!(effects, vec![Effect::KillTree, Effect::SayLost(loss)]);
        assert_eq!(
            machine.handle(Event::TreeGone, at(110.1)),
            vec![Effect::Release]
        );
        assert_eq!(
            machine.handle(Event::Released(Given::Freed), at(110.2)),
            vec![Effect::Finish(Outcome::Lost)]
        );
    }
}

#[test]
fn a_loss_seen_while_a_renewal_is_under_way_waits_for_what_it_stored_before_the_end() {
    let altered = Loss::Altered("the server stored holderIdentity x".to_owned());
    let outcomes = [
        (Event::RenewalLost(altered), Effect::Release),
        (Event::RenewalLost(taken()), Effect::Finish(Outcome::Lost)),
        (failed("no answer"), Effect::Finish(Outcome::Lost)),
        (
            Event::Renewed { sent_at: at(122.0) },
            Effect::Finish(Outcome::Lost),
        ),
    ];
    for (outcome, then) in outcomes {
        for gone_first in [true, false] {
            let mut machine = held(true);
            let due = machine.wake_at().expect("a renewal is due");
            let _ = machine.handle(Event::Woken, due);
            let lost = machine.handle(Event::RecordChanged(taken()), at(122.1));
            assert_eq!(lost, vec![Effect::StopTree, Effect::SayLost(taken())]);
            let again = machine.handle(Event::RecordChanged(taken()), at(122.1));
            assert_eq!(again, vec![]);
            let (first, second) = if gone_first {
                (Event::TreeGone, outcome.clone())
            } else {
                (outcome.clone(), Event::TreeGone)
            };
            // Nobody waits for us any more where the Lease is not even what we wrote.
            let kills = matches!(&first, Event::RenewalLost(Loss::Altered(_)));
            let killed = if kills {
                vec![Effect::KillTree]
            } else {
                vec![]
            };
            assert_eq!(machine.handle(first, at(122.2)), killed, "{outcome:?}");
            assert_eq!(
                machine.handle(second, at(122.3)),
                vec![then.clone()],
                "{outcome:?} {gone_first}"
            );
        }
    }
}

#[test]
fn the_grace_ends_when_whoever_has_taken_the_lease_frees_it() {
    for freed in [Loss::Released, Loss::Deleted] {
        let mut machine = held(true);
        let lost = machine.handle(Event::RecordChanged(taken()), at(110.0));
        assert_eq!(lost, vec![Effect::StopTree, Effect::SayLost(taken())]);
        let freed = machine.handle(Event::RecordChanged(freed), at(110.1));
        assert_eq!(freed, vec![Effect::KillTree]);
        let again = machine.handle(Event::RecordChanged(Loss::Released), at(110.2));
        assert_eq!(again, vec![], "once is enough");
    }
}

#[test]
fn a_loss_that_the_renewal_itself_finds_is_not_waited_for_any_more() {
    let mut machine = held(true);
    let due = machine.wake_at().expect("a renewal is due");
    let _ = machine.handle(Event::Woken, due);
    let _ = machine.handle(Event::RenewalLost(taken()), at(122.1));
    assert_eq!(
        machine.handle(Event::TreeGone, at(122.2)),
        vec![Effect::Finish(Outcome::Lost)]
    );
}

#[test]
fn signals_are_passed_on_and_the_lease_stays_held() {
    let mut machine = held(true);
    assert_eq!(
        machine.handle(Event::Signal(15), at(110.0)),
        vec![Effect::Forward(15)]
    );
    assert_eq!(
        machine.handle(Event::Signal(2), at(110.0)),
        vec![Effect::Forward(2)]
    );
    assert!(
        machine
            .handle(Event::Woken, at(122.5))
            .iter()
            .any(|effect| matches!(effect, Effect::Renew(_)))
    );
}

#[test]
fn without_a_command_a_signal_releases() {
    let mut machine = held(false);
    assert_eq!(
        machine.handle(Event::Signal(2), at(110.0)),
        vec![Effect::Release]
    );
    assert_eq!(machine.handle(Event::Signal(2), at(110.0)), vec![], "once");
    assert_eq!(
        machine.handle(Event::Released(Given::Freed), at(110.1)),
        vec![Effect::Finish(Outcome::Signalled(2))]
    );
}

#[test]
fn without_a_command_a_loss_ends_at_once() {
    let mut machine = held(false);
    assert_eq!(
        machine.handle(Event::RecordChanged(taken()), at(110.0)),
        vec![Effect::SayLost(taken()), Effect::Finish(Outcome::Lost)]
    );
}

#[test]
fn a_command_that_could_not_be_started_never_leaves_the_lease_held() {
    let mut machine = held(true);
    assert_eq!(
        machine.handle(Event::NotStarted, at(100.2)),
        vec![Effect::Release]
    );
    assert_eq!(
        machine.handle(Event::Released(Given::Freed), at(100.3)),
        vec![Effect::Finish(Outcome::NotStarted)]
    );
}

#[test]
fn a_retry_after_of_half_a_minute_is_cut_short() {
    let mut machine = held(true);
    let event = Event::RenewalFailed {
        why: "429".into(),
        retry_after: Some(seconds(320.0)),
    };
    let _ = machine.handle(event, at(125.0));
    assert!(machine.wake_at().expect("another try") < at(135.0));
}

#[test]
fn what_keeps_nobody_else_out_gives_no_grace() {
    let losses = [
        Loss::Released,
        Loss::Deleted,
        Loss::Recreated { holder: None },
        Loss::Shortened(crate::lease::values::LeaseDuration::constant(1)),
    ];
    for loss in losses {
        let mut machine = held(true);
        let effects = machine.handle(Event::RecordChanged(loss.clone()), at(110.0));
        assert_eq!(effects, vec![Effect::KillTree, Effect::SayLost(loss)]);
    }
}

#[test]
fn a_signal_after_the_command_ended_kills_what_it_left() {
    let mut machine = held(true);
    let _ = machine.handle(Event::ChildExited(Ended::Exited(0)), at(110.0));
    assert_eq!(
        machine.handle(Event::Signal(2), at(110.1)),
        vec![Effect::KillTree]
    );
}

#[test]
fn a_signal_that_is_the_commands_own_is_for_a_command_that_runs_and_for_nobody_else() {
    let usr1 = Event::SignalForCommand(10);
    let mut machine = held(true);
    assert_eq!(
        machine.handle(usr1.clone(), at(110.0)),
        vec![Effect::Forward(10)]
    );
    // What the command left has its grace.
    let _ = machine.handle(Event::ChildExited(Ended::Exited(0)), at(110.1));
    assert_eq!(machine.handle(usr1.clone(), at(110.2)), vec![]);
    assert_eq!(
        machine.wake_at(),
        Some(at(110.1) + timing().kill_after),
        "when what is left is killed"
    );
    let mut machine = held(false);
    assert_eq!(machine.handle(usr1, at(110.0)), vec![]);
    assert!(machine.is_held());
}

#[test]
fn a_dead_watchdog_has_the_tree_killed_and_the_lease_renewed_until_all_are_gone() {
    let mut machine = held(true);
    assert_eq!(
        machine.handle(Event::WatchdogDied, at(101.0)),
        vec![Effect::KillTree]
    );
    let mut renewals = 0;
    let mut said = 0;
    let mut now = at(101.0);
    while now < at(150.0) {
        now = machine.wake_at().expect("the kill is repeated");
        for effect in machine.handle(Event::Woken, now) {
            match effect {
                Effect::KillTree => {}
                Effect::Renew(_) => {
                    renewals += 1;
                    let _ = machine.handle(Event::Renewed { sent_at: now }, now);
                }
                Effect::SayUnkilled => said += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((renewals, said), (2, 1));
    assert_eq!(machine.handle(Event::TreeGone, now), vec![Effect::Release]);
}

#[test]
fn a_command_whose_end_nobody_saw_has_no_status() {
    for watched in [true, false] {
        let mut machine = held(true);
        if !watched {
            let _ = machine.handle(Event::WatchdogDied, at(110.0));
        }
        assert_eq!(
            machine.handle(Event::TreeGone, at(110.1)),
            vec![Effect::Release]
        );
        assert_eq!(
            machine.handle(Event::Released(Given::Freed), at(110.2)),
            vec![Effect::Finish(Outcome::EndUnseen)]
        );
    }
}
