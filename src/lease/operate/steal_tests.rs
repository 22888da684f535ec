//! Whose word is believed where several of our writes may have taken the Lease from somebody.

use serde_json::json;

use super::*;
use crate::lease::record::Lease;
use crate::lease::testing::{at, held};

fn victim(replaced: &Record, stops: f64) -> Victim {
    Victim {
        holder: replaced.holder().unwrap_or_default().to_owned(),
        replaced: replaced.clone(),
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
    }];
    let written: &Lease = &ours;
    let grant = Grant::new(ours.clone(), written, at(110.0));
    let stolen = stolen(grant, Some(&victims[1]), &unknown);
    (stolen, [first, second])
}

#[test]
fn a_word_ends_the_wait_for_its_own_grant_and_for_no_other() {
    let (mut stolen, [first, second]) = taken();
    assert_eq!(stolen.victim_stops, Ok(at(170.0)));
    let ours = stolen.grant.record.clone();
    stolen.hear(&ours, at(120.0));
    assert_eq!(stolen.victim_stops, Ok(at(170.0)), "nobody has spoken");
    stolen.hear(&ours.with_stopped(&ours), at(120.0));
    assert_eq!(stolen.victim_stops, Ok(at(170.0)), "we have not stopped");
    stolen.hear(&ours.with_stopped(&second), at(121.0));
    assert_eq!(stolen.victim_stops, Ok(at(160.0)), "the other may run");
    stolen.hear(&ours.with_stopped(&first), at(122.0));
    assert_eq!(stolen.victim_stops, Ok(at(122.0)));
    // What was heard stays true, whatever the Lease shows then.
    stolen.hear(&ours, at(130.0));
    assert_eq!(stolen.victim_stops, Ok(at(122.0)));
}

#[test]
fn who_has_taken_it_from_somebody_that_may_run_is_not_alone_before_that_one_must_have_stopped() {
    let (stolen, _) = taken();
    assert!(!stolen.grant.is_alone(at(169.9)) && stolen.grant.is_alone(at(170.0)));
    assert_eq!(stolen.grant.replaceable(at(169.9)), None);
    let alone = stolen.grant.replaceable(at(170.0));
    assert_eq!(alone, Some(&stolen.grant.record));
    let endless = Victim {
        stops: Err(NeverExpires),
        ..stolen.victims[1].clone()
    };
    let grant = super::stolen(stolen.grant, Some(&endless), &[]).grant;
    assert!(!grant.is_alone(at(1e6)), "nothing tells");
    assert!(!grant.keeps_others_out(at(111.0)), "nor is it of use");
}

#[test]
fn who_does_not_wait_keeps_a_third_one_out_for_as_long_as_the_victim_may_run() {
    let (stolen, _) = taken();
    let endless = Victim {
        stops: Err(NeverExpires),
        ..stolen.victims[1].clone()
    };
    let never = super::stolen(stolen.grant.clone(), Some(&endless), &[]).without_waiting();
    let grant = stolen.without_waiting();
    for (now, beside) in [(111.0, true), (169.9, true), (170.0, false)] {
        let now = at(now);
        assert_eq!(grant.is_beside_another(now), beside, "{now:?}");
        assert_eq!(grant.keeps_others_out(now), beside, "{now:?}");
        assert_eq!(grant.replaceable(now).is_none(), beside, "{now:?}");
    }
    assert!(!never.is_beside_another(at(111.0)), "nothing tells");
    assert!(never.keeps_others_out(at(1e6)) && never.replaceable(at(1e6)).is_none());
}
