//! Causes of losses, ghosts and what is left.

use crate::history::{Exit, Leftover, Role};
use crate::oracle::testing::{Scene, blanked, ms};

#[test]
fn a_loss_needs_an_outage_of_half_of_the_duration_or_somebody_who_did_it() {
    let lost = || {
        let mut scene = Scene::new();
        let one = scene.lost(3700, 3750);
        (scene, one)
    };
    let (scene, _) = lost();
    scene.breaks("I8");
    for (from, to, clean) in [(1500, 3100, true), (1500, 2500, false), (5000, 9000, false)] {
        let (mut scene, one) = lost();
        scene.fault("api", "put-refused", from, to).contenders = vec![one];
        assert_eq!(scene.broken().is_empty(), clean, "{from} {to}");
        // Somebody else's outage, or one that met nobody.
        scene.history.faults[0].contenders = vec![9];
        scene.breaks("I8");
        scene.history.faults[0].contenders = vec![one];
        scene.history.faults[0].detail = "met=0".to_owned();
        scene.breaks("I8");
        // One whose way is shut is refused, and not seen.
        scene.history.faults[0].kind = "client-cut-off".to_owned();
        assert_eq!(scene.broken().is_empty(), clean, "{from} {to}");
    }
    for (family, kind) in [
        ("process", "supervisor-stopped"),
        ("surroundings", "clock-slewed"),
    ] {
        let (mut scene, one) = lost();
        scene.fault(family, kind, 1200, 3600).call = Some(one);
        assert_eq!(scene.broken().is_empty(), family == "process", "{kind}");
        // Stopped for a moment it loses nothing; so it is with a signal that it hears.
        scene.history.faults[0].over = ms(1300);
        scene.breaks("I8");
        scene.history.faults[0].detail = "signal 15 to 7".to_owned();
        scene.breaks("I8");
        scene.history.faults[0].detail = "signal 9 to 7".to_owned();
        assert_eq!(scene.broken().is_empty(), family == "process", "{kind}");
    }
    // Two short ones and a stall add up.
    let (mut scene, one) = lost();
    scene.fault("api", "put-refused", 1500, 2000).contenders = vec![one];
    scene.fault("api", "server-killed", 2500, 3000);
    scene.breaks("I8");
    scene.fault("surroundings", "machine-stalled", 3000, 3500);
    scene.is_clean();
}

#[test]
fn a_lease_that_was_lost_during_its_release_needs_its_cause_by_then() {
    for (from, to, clean) in [(1600, 3200, true), (1600, 2600, false)] {
        let mut scene = Scene::new();
        let one = scene.lost(1200, 3750);
        scene
            .fault("api", "release-unanswered", from, to)
            .contenders = vec![one];
        assert_eq!(scene.broken().is_empty(), clean, "{from} {to}");
    }
}

#[test]
fn a_loss_on_a_machine_on_which_its_own_unharmed_requests_are_slow_is_the_machines() {
    for (took, whose, fault, clean) in [
        (1600, 0, None, true),
        (100, 0, None, false),
        (1600, 9, None, false),
        (1600, 19, None, true),
        (1600, 0, Some("put-delayed"), false),
    ] {
        let mut scene = Scene::new();
        scene.lost(3700, 3750);
        let mut slow = scene.history.requests[0].clone();
        (slow.at, slow.answered, slow.method) = (ms(1500), Some(ms(1500 + took)), "GET".to_owned());
        slow.fault = fault.map(str::to_owned);
        slow.contender = whose;
        // From 10 on, of two at a time.
        if whose > 9 {
            let mut other = slow.clone();
            other.contender = 8;
            scene.history.requests.push(other);
        }
        scene.history.requests.push(slow);
        assert_eq!(scene.broken().is_empty(), clean, "{took} {whose} {fault:?}");
    }
}

#[test]
fn a_grant_whose_answer_came_late_may_be_renewed_before_anything_begins() {
    for (begun, clean) in [(6020, true), (5900, false)] {
        let mut scene = Scene::new();
        let one = scene.call(Role::Hold, 900);
        let token = scene.grant(1000, one);
        scene.history.requests[0].status = None;
        scene.renew(6000, one);
        scene.work(one, token, begun, 6500);
        scene.release(6600, one);
        scene.end(one, 6620, Exit::Code(0));
        assert_eq!(!scene.broken().contains(&"I6"), clean, "{begun}");
    }
}

#[test]
fn a_lease_that_a_living_holder_let_expire_is_a_loss_whatever_it_says() {
    let mut scene = Scene::new();
    let (one, other) = (
        scene.call(Role::HoldAgain, 900),
        scene.call(Role::Hold, 950),
    );
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, 3500);
    let next = scene.grant(4010, other);
    scene.work(other, next, 4030, 4100);
    scene.release(4200, other);
    scene.end(other, 4220, Exit::Code(0));
    scene.breaks("I8");
    scene
        .fault("process", "supervisor-stopped", 1500, 5000)
        .call = Some(one);
    scene.is_clean();
}

#[test]
fn who_has_ended_holds_nothing_unless_it_was_killed_or_has_said_so() {
    let ghost = || {
        let mut scene = Scene::new();
        let one = scene.call(Role::Hold, 900);
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 1500);
        scene.fault("process", "command-signalled", 1500, 1500).call = Some(one);
        scene.end(one, 1520, Exit::Code(143));
        (scene, one)
    };
    let (scene, _) = ghost();
    scene.breaks("I9");
    let (mut scene, one) = ghost();
    scene.end(one, 1520, Exit::Signal(9));
    scene.is_clean();
    let (mut scene, one) = ghost();
    scene.of(one).stderr = "interrupted\nIt may be held by \"c00.0\".".to_owned();
    scene.is_clean();
    let (mut scene, one) = ghost();
    scene.release(1540, one);
    scene.is_clean();
}

#[test]
fn a_grant_after_the_end_of_its_call_is_a_ghost_though_it_goes_at_once() {
    let mut scene = Scene::new();
    scene.hold(800, 900);
    let one = scene.call(Role::Hold, 950);
    scene.of(one).timeout = Some(0.0);
    scene.end(one, 1000, Exit::Code(124));
    scene.grant(1400, one);
    scene.people(1700, blanked);
    scene.breaks("I9");
}

#[test]
fn what_is_left_is_told_unless_nobody_was_left_to_end_it() {
    let left = |kind: &str, call| Leftover {
        kind: kind.to_owned(),
        what: "pid 77".to_owned(),
        call,
    };
    for kind in ["process", "zombie", "file", "lock"] {
        let mut scene = Scene::new();
        let call = scene.hold(1000, 3500);
        scene.history.left.push(left(kind, Some(call)));
        scene.breaks("I9");
        scene.history.left[0].call = None;
        scene.breaks("I9");
    }
    let mut scene = Scene::new();
    let call = scene.hold(1000, 3500);
    scene.history.left.push(left("process", Some(call)));
    scene.fault("process", "supervisor-killed", 3400, 3400).call = Some(call);
    scene.breaks("I9");
    scene.fault("process", "watchdog-killed", 3400, 3400).call = Some(call);
    scene.is_clean();
}

#[test]
fn what_was_done_long_before_the_last_renewal_explains_no_loss() {
    for (to, clean) in [(2100, false), (7500, true)] {
        let mut scene = Scene::new();
        let one = scene.call(Role::Hold, 900);
        let token = scene.grant(1000, one);
        for at in (2000..9000).step_by(1000) {
            scene.renew(at, one);
        }
        scene.work(one, token, 1020, 9500);
        scene.release(9600, one);
        scene.end(one, 9620, Exit::Code(123));
        scene.fault("process", "command-stopped", 1500, to).call = Some(one);
        assert_eq!(scene.broken().is_empty(), clean, "{to}");
    }
}

#[test]
fn who_has_its_lease_again_had_lost_it_and_needs_a_cause_each_time() {
    for (outages, clean) in [(vec![], 0), (vec![1500], 1), (vec![1500, 6500], 2)] {
        let mut scene = Scene::new();
        let one = scene.call(Role::HoldAgain, 900);
        // Twice, of its own accord: nobody else is there.
        for (from, last) in [(1000, 3900), (6000, 8900), (11_000, 11_900)] {
            let token = scene.grant(from, one);
            scene.work(one, token, from + 20, last);
        }
        scene.release(12_000, one);
        scene.end(one, 12_020, Exit::Code(0));
        for from in outages {
            scene
                .fault("api", "put-refused", from, from + 2000)
                .contenders = vec![one];
        }
        let found = scene.judged();
        assert!(found.iter().all(|of| of.rule == "I8"), "{found:?}");
        assert_eq!(found.len(), 2 - clean);
    }
}

#[test]
fn what_a_call_has_started_is_gone_when_it_ends() {
    for (last, exit, clean) in [
        (2400, Exit::Code(123), true),
        (3000, Exit::Code(123), false),
        (3000, Exit::Code(162), false),
        (3000, Exit::Signal(9), true),
    ] {
        let mut scene = Scene::new();
        let one = scene.call(Role::Hold, 900);
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, last).part = "daemon".to_owned();
        scene.people(1800, blanked);
        scene.end(one, 2000, exit);
        if exit == Exit::Code(162) {
            scene.of(one).surroundings = vec!["nofile=12".to_owned()];
        }
        if exit == Exit::Signal(9) {
            scene.fault("process", "supervisor-killed", 1990, 1990).call = Some(one);
        }
        assert_eq!(scene.broken().is_empty(), clean, "{last} {exit:?}");
    }
}

#[test]
fn what_is_said_of_one_lease_is_not_said_of_another() {
    for (said, clean) in [
        (
            "lease \"job\" could not be released; it expires by itself",
            true,
        ),
        (
            "lease \"left\" could not be released; it expires by itself",
            false,
        ),
        (
            "leases \"job\" and \"left\" could not be released: they are away",
            true,
        ),
        ("It may be held by \"c00.0\".", true),
    ] {
        let mut scene = Scene::new();
        let one = scene.call(Role::Hold, 900);
        scene.of(one).leases.push("left".to_owned());
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 1500);
        scene.fault("process", "command-signalled", 1500, 1500).call = Some(one);
        scene.end(one, 1520, Exit::Code(143));
        scene.of(one).stderr = said.to_owned();
        assert_eq!(scene.broken().is_empty(), clean, "{said}");
    }
}

#[test]
fn a_caller_of_slots_has_one_at_a_time() {
    for (released, clean) in [(1900, true), (2500, false)] {
        let mut scene = Scene::new();
        scene.create("pool-0");
        scene.create("pool-1");
        let one = scene.call(Role::HoldSlot, 900);
        scene.of(one).leases = vec!["pool".to_owned()];
        scene.grant_of("pool-0", 1000, one);
        if released < 2000 {
            scene.release_of("pool-0", released, one);
        }
        let token = scene.grant_of("pool-1", 2000, one);
        scene.work_on("pool-1", one, token, 2020, 2900);
        if released > 2000 {
            scene.release_of("pool-0", released, one);
        }
        scene.release_of("pool-1", 3000, one);
        scene.end(one, 3020, Exit::Code(0));
        let broken = scene.broken();
        assert_eq!(!broken.contains(&"I9"), clean, "{released}: {broken:?}");
    }
}

#[test]
fn there_are_no_more_slots_than_the_first_says() {
    for (slot, clean) in [("pool-1", true), ("pool-2", false)] {
        let mut scene = Scene::new();
        scene.history.run.leases[0] = crate::history::Contended {
            name: "pool".to_owned(),
            slots: 2,
        };
        scene.create(slot);
        let one = scene.call(Role::HoldSlot, 900);
        scene.of(one).leases = vec!["pool".to_owned()];
        let token = scene.grant_of(slot, 1000, one);
        scene.work_on(slot, one, token, 1020, 1900);
        scene.release_of(slot, 2000, one);
        scene.end(one, 2020, Exit::Code(0));
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I1"),
        }
    }
}

#[test]
fn a_release_of_which_nothing_was_heard_is_a_loss_if_somebody_has_the_lease_by_then() {
    for (status, taken, clean) in [
        (Some(409), 3800, true),
        (None, 3800, true),
        (Some(200), 3800, false),
        (Some(409), 3900, false),
    ] {
        let mut scene = Scene::new();
        let (one, other) = (scene.call(Role::Hold, 900), scene.call(Role::Hold, 950));
        let token = scene.grant(1000, one);
        scene.renew(2000, one);
        scene.work(one, token, 1020, 3700);
        scene.release(3750, one);
        scene.history.requests.last_mut().expect("just sent").status = status;
        scene.end(one, 3850, Exit::Code(123));
        let next = scene.grant(taken, other);
        scene.work(other, next, taken + 20, taken + 80);
        scene.release(taken + 100, other);
        scene.end(other, taken + 120, Exit::Code(0));
        assert_eq!(scene.broken().is_empty(), clean, "{status:?} {taken}");
    }
}
