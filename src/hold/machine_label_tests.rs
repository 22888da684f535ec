//! A hold that labels its pod, and one that lets go what its command leaves behind.

use super::*;

const EXITED: Event = ChildExited(Ended::Exited(3));
const ENDED: Effect = Finish(Outcome::Ended(Ended::Exited(3)));
const LOST: Effect = Finish(Outcome::Lost);

fn said() -> Effect {
    SayLost(0, taken())
}

/// A story of a machine that was granted its lease and has the label set next.
#[track_caller]
fn labelling(with_command: bool, story: &[Step<'_>]) -> Machine {
    let mut machine = waiting(with_command).labelling(true);
    machine.follow(&[(
        100.1,
        Acquired {
            sent_at: vec![at(100.0)],
        },
        &[SetLabel],
    )]);
    machine.follow(story);
    machine
}

#[track_caller]
fn detaching(story: &[Step<'_>]) -> Machine {
    let mut machine = waiting(true).detaching(true);
    machine.follow(&[(
        100.1,
        Acquired {
            sent_at: vec![at(100.0)],
        },
        &[Start],
    )]);
    machine.follow(story);
    machine
}

#[test]
fn the_command_starts_under_its_label_and_the_lease_is_released_without_it() {
    labelling(
        true,
        &[
            (100.3, LabelSet, &[Start]),
            (110.0, EXITED, &[StopTree, ClearLabel]),
            (110.1, TreeGone, &[]),
            (110.2, LabelOff, &[Release(0)]),
            (110.3, Released(Given::Freed), &[ENDED]),
        ],
    );
    // The other way round.
    labelling(
        true,
        &[
            (100.3, LabelSet, &[Start]),
            (110.0, EXITED, &[StopTree, ClearLabel]),
            (110.1, LabelOff, &[]),
            (110.2, TreeGone, &[Release(0)]),
        ],
    );
}

#[test]
fn a_loss_takes_the_label_off_at_once_whatever_the_command_does() {
    labelling(
        true,
        &[
            (100.3, LabelSet, &[Start]),
            (
                110.0,
                RecordChanged(taken()),
                &[StopTree, ClearLabel, said()],
            ),
            (110.1, TreeGone, &[]),
            (110.2, LabelOff, &[SayStopped(0)]),
            (110.25, StoppedSaid, &[LOST]),
        ],
    );
    labelling(
        true,
        &[
            (100.3, LabelSet, &[Start]),
            (
                110.0,
                RecordChanged(taken()),
                &[StopTree, ClearLabel, said()],
            ),
            (110.1, LabelOff, &[]),
            (110.2, TreeGone, &[SayStopped(0)]),
            (110.25, StoppedSaid, &[LOST]),
        ],
    );
}

#[test]
fn a_loss_while_the_label_is_being_set_starts_nothing_and_takes_it_off() {
    labelling(
        true,
        &[
            (100.2, RecordChanged(taken()), &[ClearLabel, said()]),
            (100.3, LabelSet, &[]),
            (100.4, LabelOff, &[SayStopped(0)]),
            (100.45, StoppedSaid, &[LOST]),
        ],
    );
}

#[test]
fn what_is_heard_of_a_label_late_ends_nothing() {
    labelling(
        true,
        &[
            (100.3, LabelSet, &[Start]),
            // A try that was given up: another has set it.
            (100.4, LabelNotSet, &[]),
            (110.0, EXITED, &[StopTree, ClearLabel]),
        ],
    );
}

#[test]
fn a_signal_while_the_command_is_stopped_is_the_commands_and_leaves_no_label() {
    let taken_at = |time| {
        let effects = &[StopTree, ClearLabel, said()];
        (time, RecordChanged(taken()), effects.to_vec())
    };
    let (time, event, effects) = taken_at(110.0);
    labelling(
        true,
        &[
            (100.3, LabelSet, &[Start]),
            (time, event, &effects),
            (110.1, Signal(15), &[Forward(15)]),
        ],
    );
    // Where no label is waited for, but a renewal, there is none to leave.
    let mut machine = held(true);
    renews_next(&mut machine);
    machine.follow(&[
        (122.1, RecordChanged(taken()), &[StopTree, said()]),
        (122.2, TreeGone, &[SayStopped(0)]),
        (122.3, Signal(15), &[]),
    ]);
}

#[test]
fn a_label_that_cannot_be_set_is_taken_off_all_the_same_and_the_lease_given_back() {
    for with_command in [true, false] {
        labelling(
            with_command,
            &[
                (100.3, LabelNotSet, &[ClearLabel]),
                (100.4, LabelOff, &[Release(0)]),
                (
                    100.5,
                    Released(Given::Freed),
                    &[Finish(Outcome::Unlabelled)],
                ),
            ],
        );
    }
}

#[test]
fn the_lease_is_renewed_while_the_label_is_set_and_while_it_is_taken_off() {
    let mut machine = labelling(true, &[]);
    let sent_at = renews_next(&mut machine);
    machine.follow(&[
        (
            sent_at.since(at(0.0)).as_secs_f64(),
            Renewed { sent_at },
            &[],
        ),
        (125.0, LabelSet, &[Start]),
        (126.0, EXITED, &[StopTree, ClearLabel]),
        (126.1, TreeGone, &[]),
    ]);
    renews_next(&mut machine);
}

#[test]
fn a_loss_while_only_the_label_is_waited_for_is_a_loss() {
    labelling(
        true,
        &[
            (100.3, LabelSet, &[Start]),
            (110.0, EXITED, &[StopTree, ClearLabel]),
            (110.1, TreeGone, &[]),
            (110.2, RecordChanged(taken()), &[said()]),
            (110.3, LabelOff, &[SayStopped(0)]),
            (110.35, StoppedSaid, &[LOST]),
        ],
    );
}

#[test]
fn a_signal_while_only_the_label_is_waited_for_is_not_kept_waiting() {
    labelling(
        true,
        &[
            (100.3, LabelSet, &[Start]),
            (110.0, EXITED, &[StopTree, ClearLabel]),
            (110.1, TreeGone, &[]),
            (110.2, Signal(15), &[LeaveLabel, Release(0)]),
            (110.3, LabelOff, &[]),
        ],
    );
    labelling(
        true,
        &[
            (100.3, LabelSet, &[Start]),
            (
                110.0,
                RecordChanged(taken()),
                &[StopTree, ClearLabel, said()],
            ),
            (110.1, TreeGone, &[]),
            (110.2, Signal(15), &[LeaveLabel, SayStopped(0)]),
        ],
    );
}

#[test]
fn the_second_word_of_a_terminal_that_is_gone_waits_for_the_label() {
    labelling(
        true,
        &[
            (100.3, LabelSet, &[Start]),
            (110.0, Signal(15), &[Forward(15)]),
            (110.1, EXITED, &[StopTree, ClearLabel]),
            (110.2, TreeGone, &[]),
            (110.3, Signal(1), &[]),
            (110.4, Signal(15), &[LeaveLabel, Release(0)]),
        ],
    );
}

#[test]
fn a_signal_before_the_command_has_started_ends_the_hold_once_the_label_is_off() {
    for with_command in [true, false] {
        labelling(
            with_command,
            &[
                (100.2, Signal(15), &[ClearLabel]),
                (100.3, LabelSet, &[]),
                (100.4, LabelOff, &[Release(0)]),
                (
                    100.5,
                    Released(Given::Freed),
                    &[Finish(Outcome::Signalled(15))],
                ),
            ],
        );
    }
    let story = [
        (100.2, LabelSet, &[][..]),
        (110.0, Signal(2), &[ClearLabel]),
        (110.1, Signal(2), &[LeaveLabel, Release(0)]),
    ];
    labelling(false, &story);
}

#[test]
fn a_command_that_cannot_be_started_leaves_no_label() {
    labelling(
        true,
        &[
            (100.3, LabelSet, &[Start]),
            (100.4, NotStarted, &[ClearLabel]),
            (100.5, LabelOff, &[Release(0)]),
        ],
    );
}

#[test]
fn a_grant_whose_answer_came_too_late_labels_nothing() {
    let mut machine = waiting(true).labelling(true);
    let effects = machine.handle(
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

#[test]
fn what_a_command_leaves_behind_is_let_go_and_the_lease_released() {
    let machine = detaching(&[
        (110.0, EXITED, &[]),
        (110.1, Detached, &[Release(0)]),
        (110.2, Released(Given::Freed), &[ENDED]),
    ]);
    assert!(!machine.nothing_runs());
    // Where it left nothing.
    let machine = detaching(&[(110.0, EXITED, &[]), (110.1, TreeGone, &[Release(0)])]);
    assert!(machine.nothing_runs());
}

#[test]
fn a_loss_stops_the_whole_tree_while_the_command_runs_or_is_not_known_to_have_left_it() {
    let machine = detaching(&[
        (110.0, RecordChanged(taken()), &[StopTree, said()]),
        (110.1, EXITED, &[]),
        (110.2, TreeGone, &[SayStopped(0)]),
        (110.25, StoppedSaid, &[LOST]),
    ]);
    assert!(machine.nothing_runs());
    let machine = detaching(&[
        (110.0, EXITED, &[]),
        (110.1, RecordChanged(taken()), &[StopTree, said()]),
        (110.2, Detached, &[LOST]),
    ]);
    assert!(!machine.nothing_runs());
}

#[test]
fn a_signal_kills_nothing_that_is_about_to_be_let_go() {
    detaching(&[
        (110.0, EXITED, &[]),
        (110.1, Signal(15), &[]),
        (110.2, Detached, &[Release(0)]),
    ]);
}
