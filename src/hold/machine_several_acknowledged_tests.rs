//! Several leases whose stop is acknowledged, of which the pod is labelled, or whose command is let go.

use super::*;

#[test]
fn of_several_that_are_all_taken_each_is_acknowledged_and_the_last_word_is_the_end() {
    let mut machine = three(true);
    let said = |lease| SayLost(lease, taken());
    follow(
        &mut machine,
        &[
            (110.0, 2, RecordChanged(taken()), &[StopTree, said(2)]),
            (110.1, 0, RecordChanged(taken()), &[said(0)]),
            (110.2, 1, RecordChanged(taken()), &[said(1)]),
            (
                110.3,
                0,
                TreeGone,
                &[SayStopped(0), SayStopped(1), SayStopped(2)],
            ),
            (110.4, 1, StoppedSaid, &[]),
            (110.5, 0, StoppedSaid, &[]),
            (110.6, 2, StoppedSaid, &[LOST]),
        ],
    );
}

#[test]
fn none_of_several_is_acknowledged_whose_watchdog_died() {
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
            (110.1, 0, WatchdogDied, &[KillTree]),
            (110.2, 0, TreeGone, &[Release(2)]),
            (110.3, 2, Released(Given::Lost(taken())), &[Release(0)]),
            (110.4, 0, FREED, &[LOST]),
        ],
    );
}

#[test]
fn the_pod_is_labelled_once_all_are_held_and_not_while_the_first_of_them_is_given_back() {
    let mut machine = waiting(true).labelling(true);
    let sent_at = vec![at(100.0), at(101.0)];
    follow(
        &mut machine,
        &[
            (101.1, 0, Acquired { sent_at }, &[SetLabel]),
            (101.2, 0, LabelSet, &[Start]),
            (
                110.0,
                1,
                RecordChanged(taken()),
                &[StopTree, ClearLabel, SayLost(1, taken())],
            ),
            (110.1, 0, TreeGone, &[]),
            (110.2, 0, LabelOff, &[SayStopped(1), Release(0)]),
            (110.3, 1, StoppedSaid, &[]),
            (110.4, 0, FREED, &[LOST]),
        ],
    );
}

#[test]
fn what_several_let_go_is_said_to_nobody_to_have_ended() {
    let mut machine = waiting(true).detaching(true);
    let sent_at = vec![at(100.0), at(101.0)];
    follow(
        &mut machine,
        &[
            (101.1, 0, Acquired { sent_at }, &[Start]),
            (110.0, 0, EXITED, &[]),
            (110.1, 0, Detached, &[Release(1)]),
            (
                110.2,
                1,
                Released(Given::Lost(taken())),
                &[SayLost(1, taken()), Release(0)],
            ),
            (110.3, 0, Released(Given::Lost(taken())), &[LOST]),
        ],
    );
    assert!(!machine.nothing_runs());
}
