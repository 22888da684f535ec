//! Whose word is believed where several of our writes may have taken the Lease from somebody.

use serde_json::json;

use super::*;
use crate::lease::decide::NeverExpires;
use crate::lease::record::Lease;
use crate::lease::testing::{at, held};

fn victim(replaced: &Record, stops: f64) -> Victim {
    Victim {
        holder: replaced.holder().unwrap_or_default().to_owned(),
        replaced: replaced.clone(),
        longest: replaced.duration(),
        stops: Ok(at(stops)),
    }
}

/// Our grant, on top of the second of two that our writes may have replaced.
fn taken() -> (Stolen, [Record; 2]) {
    let first = held("first", 60);
    let second = held("second", 60).with_spec("leaseTransitions", json!(5));
    let ours = held("me", 60).with_spec("leaseTransitions", json!(6));
    let victims = [victim(&first, 160.0), victim(&second, 170.0)];
    let unknown = [Attempt {
        written: ours.clone(),
        sent_at: at(100.0),
        victim: Some(victims[0].clone()),
        answered: false,
        was_absent: false,
    }];
    let written: &Lease = &ours;
    let grant = Grant::new(ours.clone(), written, at(110.0));
    let stolen = stolen(grant, of_all(&unknown, Some(&victims[1])));
    (stolen, [first, second])
}

#[test]
fn a_word_ends_the_wait_for_its_own_grant_and_for_no_other() {
    let (mut stolen, [first, second]) = taken();
    assert_eq!(stolen.stops(), at(170.0));
    let ours = stolen.grant.record.clone();
    stolen.hear(&ours, at(120.0));
    assert_eq!(stolen.stops(), at(170.0), "nobody has spoken");
    stolen.hear(&ours.with_stopped(&ours), at(120.0));
    assert_eq!(stolen.stops(), at(170.0), "we have not stopped");
    stolen.hear(&ours.with_stopped(&second), at(121.0));
    assert_eq!(stolen.stops(), at(160.0), "the other may run");
    stolen.hear(&ours.with_stopped(&first), at(122.0));
    assert_eq!(stolen.stops(), at(122.0));
    // What was heard stays true, whatever the Lease shows then.
    stolen.hear(&ours, at(130.0));
    assert_eq!(stolen.stops(), at(122.0));
}

#[test]
fn who_has_taken_it_from_somebody_that_may_run_is_not_alone_before_that_one_must_have_stopped() {
    let (stolen, _) = taken();
    assert!(!stolen.grant.is_alone(at(169.9)) && stolen.grant.is_alone(at(170.0)));
    assert_eq!(stolen.grant.replaceable(at(169.9)), None);
    let alone = stolen.grant.replaceable(at(170.0));
    assert_eq!(alone, Some(&stolen.grant.record));
    let (stolen, _) = mixed(false);
    assert!(!stolen.grant.is_alone(at(1e6)), "nothing tells");
}

/// Taken from one who has a duration, who may run until 170 s, and from one who has none; the later of them is this one.
fn mixed(endless_is_last: bool) -> (Stolen, Victims) {
    let (stolen, [first, second]) = taken();
    let endless = Victim {
        longest: None,
        stops: Err(NeverExpires),
        ..victim(&first, 0.0)
    };
    let mut all = [endless, victim(&second, 170.0)];
    if endless_is_last {
        all.reverse();
    }
    let victims = Victims::new(all.iter().take(1).cloned(), all.last().cloned());
    (super::stolen(stolen.grant, victims.clone()), victims)
}

#[test]
fn who_is_known_to_stop_is_waited_for_whoever_else_has_no_duration() {
    for endless_is_last in [false, true] {
        let (mut stolen, victims) = mixed(endless_is_last);
        assert_eq!(stolen.stops(), at(170.0), "{endless_is_last}");
        assert_eq!(stolen.awaited(at(169.0)), Some("second"));
        assert_eq!(stolen.untold(), ["first"]);
        assert_eq!(stolen.alone_from(), None);
        let named = victims.shielded(at(169.0)).map(|victim| &*victim.holder);
        assert_eq!(named, Some("second"));
        assert_eq!(
            victims.longest_duration(at(169.0)),
            held("x", 60).duration()
        );
        assert!(victims.shielded(at(170.0)).is_none());
        // Its own word is heard, and then nobody is left of whom nothing tells.
        let ours = stolen.grant.record.clone();
        let first = held("first", 60);
        stolen.hear(&ours.with_stopped(&first), at(120.0));
        assert!(stolen.untold().is_empty() && stolen.stops() == at(170.0));
    }
}

#[test]
fn nobody_is_waited_for_where_nothing_tells_of_anybody_and_that_is_said() {
    let (stolen, [first, _]) = taken();
    let endless = Victim {
        longest: None,
        stops: Err(NeverExpires),
        ..victim(&first, 0.0)
    };
    let all = Victims::new(std::iter::once(endless.clone()), Some(endless));
    let stolen = super::stolen(stolen.grant, all);
    assert_eq!(stolen.stops(), stolen.grant.sent_at);
    assert_eq!(stolen.awaited(at(0.0)), None);
    assert_eq!(stolen.untold(), ["first"], "once");
}

#[test]
fn who_does_not_wait_keeps_a_third_one_out_for_as_long_as_the_victim_may_run() {
    let (never, _) = mixed(true);
    let never = never.without_waiting();
    let grant = taken().0.without_waiting();
    for (now, beside) in [(111.0, true), (169.9, true), (170.0, false)] {
        let now = at(now);
        assert_eq!(grant.is_beside_another(now), beside, "{now:?}");
        assert_eq!(grant.keeps_others_out(now), beside, "{now:?}");
        assert_eq!(grant.replaceable(now).is_none(), beside, "{now:?}");
    }
    assert!(!never.is_beside_another(at(111.0)), "nothing tells");
    assert!(never.keeps_others_out(at(1e6)) && never.replaceable(at(1e6)).is_none());
}
