//! What a robbed hold leaves its command, and what it does about a duration that somebody has removed.

use super::*;

fn taken_at_once() -> Loss {
    Loss::TakenBy {
        holder: "thief".to_owned(),
        waits: false,
    }
}

#[test]
fn who_is_robbed_by_somebody_that_does_not_wait_leaves_its_command_no_time() {
    for loss in [taken_at_once(), Loss::Regranted { waits: false }] {
        let lost = [KillTree, SayLost(0, loss.clone())];
        with_command(&[(110.0, RecordChanged(loss), &lost)]);
    }
    with_command(&[
        // The thief waits.
        (110.0, RecordChanged(taken()), &[StopTree, said()]),
        // Somebody robs it, and does not.
        (110.1, RecordChanged(taken_at_once()), &[KillTree]),
    ]);
}

#[test]
fn a_duration_that_somebody_removes_is_recorded_again_at_once_and_not_in_a_race() {
    let mut machine = with_command(&[(101.0, DurationGone, &[])]);
    assert_eq!(machine.wake_at(), Some(at(101.0)));
    assert_eq!(renews_next(&mut machine), at(101.0));
    machine.follow(&[(101.2, Renewed { sent_at: at(101.0) }, &[])]);
    let regular = machine.wake_at().expect("a renewal");
    assert!(regular > at(115.0), "{regular:?}");
    // Removed again, and again.
    machine.follow(&[(101.3, DurationGone, &[])]);
    assert_eq!(
        renews_next(&mut machine),
        at(101.0) + timing().renew_every / 4
    );
}

#[test]
fn a_renewal_that_was_sent_before_the_duration_was_removed_does_not_put_the_next_one_off() {
    let mut machine = held(true);
    let due = renews_next(&mut machine);
    let (removed, answered) = (due + seconds(0.1), due + seconds(0.2));
    assert_eq!(machine.handle(DurationGone, removed), []);
    assert_eq!(machine.handle(Renewed { sent_at: due }, answered), []);
    assert!(machine.wake_at() <= Some(answered));
    let effects = machine.handle(Woken, answered);
    assert!(matches!(effects[..], [Renew(..)]), "{effects:?}");
}

#[test]
fn a_command_that_its_watchdog_stops_is_lost_although_a_renewal_was_acknowledged_in_the_same_moment()
 {
    let sent_at = at(150.0);
    let lost = [StopTree, SayLost(0, Loss::Deadline { last: None })];
    with_command(&[
        (152.0, Renewed { sent_at }, &[]),
        (152.1, Fenced, &lost),
        (152.2, ChildExited(Ended::Signalled(15)), &[]),
        (152.3, TreeGone, &[Release(0)]),
        (152.4, Released(Given::Freed), &[LOST]),
    ]);
    // One that is being stopped already, or has ended, is not lost by that.
    with_command(&[
        (152.0, Renewed { sent_at }, &[]),
        (153.0, ChildExited(Ended::Exited(3)), &[StopTree]),
        (153.1, Fenced, &[]),
    ]);
}

#[test]
fn pauses_after_failures_grow_until_a_renewal_is_stored() {
    let mut machine = held(true);
    let mut now = renews_next(&mut machine);
    let mut pause = |machine: &mut Machine| {
        let _ = machine.handle(failed("no answer"), now);
        let again = renews_next(machine);
        let pause = again.since(now);
        now = again;
        pause.as_millis()
    };
    let pauses = [(); 3].map(|()| pause(&mut machine));
    assert_eq!(pauses, [250, 500, 1000]);
    let _ = machine.handle(Renewed { sent_at: at(121.0) }, at(123.0));
    assert_eq!(pause(&mut machine), 250);
}

#[test]
fn what_was_acknowledged_already_cuts_no_pause_short() {
    let mut machine = held(true);
    let due = renews_next(&mut machine);
    let _ = machine.handle(failed("no answer"), due + seconds(5.0));
    let again = machine.wake_at();
    assert!(again > Some(due + seconds(5.0)), "{again:?}");
    // A watch tells of the grant itself once more.
    let sent_at = at(100.0);
    let effects = machine.handle(Renewed { sent_at }, due + seconds(5.1));
    assert_eq!((effects, machine.wake_at()), (vec![], again));
}
