//! What excuses a command that works on beyond its lease, and what does not.

use serde_json::json;

use crate::history::{Exit, Role};
use crate::oracle::testing::{JOB, Scene, blanked, ms, wall};

/// One holds since 1 s, is heard of until `last` as `part`, and has its supervisor and its watchdog killed or stopped by these
/// signals.
fn unattended(supervisor: i64, watchdog: i64, part: &str, last: u64) -> Scene {
    let mut scene = Scene::new();
    let one = scene.call(Role::Hold, 900);
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, last).part = part.to_owned();
    for (whose, signal) in [("supervisor", supervisor), ("watchdog", watchdog)] {
        let fault = scene.fault("process", &format!("{whose}-signalled"), 2000, 8000);
        (fault.call, fault.detail) = (Some(one), format!("signal {signal} to 7"));
    }
    scene.end(one, last + 20, Exit::Signal(9));
    scene
}

#[test]
fn a_watchdog_hears_what_a_supervisor_hears_and_goes_on() {
    // The supervisor is stopped; its watchdog is stopped, killed, or only sent something.
    for (signal, clean) in [
        (19, true),
        (9, true),
        (32, true),
        (15, false),
        (28, false),
        (40, false),
    ] {
        let broken = unattended(19, signal, "child", 4500).broken();
        assert_eq!(!broken.contains(&"I4"), clean, "{signal}");
    }
}

#[test]
fn the_kernel_ends_a_command_whose_supervisor_and_watchdog_were_killed_but_not_what_it_had_started()
{
    for (watchdog, part, clean) in [
        (9, "child", true),
        (9, "command", false),
        (19, "command", true),
    ] {
        let broken = unattended(9, watchdog, part, 7000).broken();
        assert_eq!(!broken.contains(&"I4"), clean, "{watchdog} {part}");
    }
}

#[test]
fn what_others_write_into_a_grant_keeps_nobodys_command_alive() {
    let mut scene = Scene::new();
    let one = scene.call(Role::Hold, 900);
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, 3900);
    scene.people(3000, |lease| {
        lease["spec"]["renewTime"] = json!(wall(ms(3000)))
    });
    scene.end(one, 3950, Exit::Signal(9));
    scene.fault("process", "supervisor-killed", 3900, 3900).call = Some(one);
    assert!(!scene.broken().contains(&"I4"));
    scene.history.work[0].last = ms(4500);
    assert!(scene.broken().contains(&"I4"));
}

#[test]
fn who_is_robbed_by_somebody_who_does_not_wait_notices_unless_something_keeps_it_from_that() {
    for (last, clean) in [(3900, true), (4300, false)] {
        let mut scene = Scene::new();
        let one = scene.call(Role::Hold, 900);
        let token = scene.grant(1000, one);
        scene.renew(1900, one);
        scene.work(one, token, 1020, last);
        scene.people(2000, blanked);
        scene.end(one, last + 20, Exit::Code(123));
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I4"),
        }
        scene.fault("api", "watch-frozen", 3000, 3500).contenders = vec![one];
        scene.is_clean();
    }
}

#[test]
fn what_is_done_to_a_watch_costs_nobody_its_lease() {
    for (kind, clean) in [
        ("put-unanswered", true),
        ("get-unanswered", true),
        ("client-black-holed", true),
        ("watch-frozen", false),
        ("watch-refused", false),
        ("event-unanswered", false),
        ("try-unanswered", false),
        ("acknowledgement-unanswered", true),
    ] {
        let mut scene = Scene::new();
        let one = scene.lost(3700, 3750);
        scene.fault("api", kind, 1200, 3700).contenders = vec![one];
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I8"),
        }
    }
}

/// A thief takes what is recorded for 3 s; from 4.1 s on, when its victim must have stopped, it records 2 s of its own, and works.
/// Its last renewal is at 5.1 s.
fn shortens_its_own(last: u64) -> (Scene, u32) {
    let mut scene = Scene::new();
    let (one, thief) = (
        scene.call(Role::Hold, 900),
        scene.call(Role::HoldSteal, 1900),
    );
    scene.of(thief).words.push("--steal".to_owned());
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, 2100);
    let next = scene.steal(2000, thief);
    scene.end(one, 2200, Exit::Code(123));
    scene.renew(3000, thief);
    for at in [4100, 5100] {
        scene.write(at, "user-1", JOB, |lease| {
            lease["spec"]["leaseDurationSeconds"] = json!(2);
            lease["spec"]["renewTime"] = json!(wall(ms(at)));
        });
    }
    scene.work(thief, next, 4120, last);
    scene.end(thief, last + 20, Exit::Code(123));
    scene.of(thief).stderr = "lease \"job\" could not be released; it expires by itself".to_owned();
    (scene, thief)
}

#[test]
fn a_grant_is_for_what_its_holder_recorded_last() {
    for (last, outage, broken) in [
        (7050, (5200, 7000), None),
        // An outage of half of two seconds is one.
        (7050, (5200, 6200), None),
        (7050, (5200, 5900), Some("I8")),
        (7500, (5200, 7000), Some("I4")),
    ] {
        let (mut scene, thief) = shortens_its_own(last);
        let (from, to) = outage;
        scene.fault("api", "put-refused", from, to).contenders = vec![thief];
        match broken {
            None => scene.is_clean(),
            Some(rule) => scene.breaks(rule),
        }
    }
}

#[test]
fn a_duration_that_is_made_longer_or_taken_away_ends_nobodys_grant() {
    for (duration, clean) in [(json!(1), true), (json!(9), false), (json!(null), false)] {
        let mut scene = Scene::new();
        let one = scene.call(Role::Hold, 900);
        let token = scene.grant(1000, one);
        scene.people(2000, |lease| {
            lease["spec"]["leaseDurationSeconds"] = duration.clone();
        });
        scene.work(one, token, 1020, 2030);
        scene.release(2050, one);
        scene.end(one, 2060, Exit::Code(123));
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I8"),
        }
    }
}

#[test]
fn a_signal_that_is_heard_and_a_command_that_dies_cost_nobody_its_lease() {
    for (kind, signal, clean) in [
        ("supervisor-signalled", 15, false),
        ("supervisor-signalled", 11, true),
        ("watchdog-signalled", 15, false),
        ("watchdog-signalled", 28, false),
        ("watchdog-killed", 9, true),
        ("watchdog-signalled", 19, true),
        ("command-signalled", 28, false),
        ("command-killed", 9, false),
        ("command-stopped", 19, true),
        ("watchdog-and-command-signalled", 15, true),
    ] {
        let mut scene = Scene::new();
        let one = scene.lost(2030, 2050);
        let fault = scene.fault("process", kind, 1900, 2000);
        (fault.call, fault.detail) = (Some(one), format!("signal {signal} to 7"));
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I8"),
        }
    }
}

#[test]
fn a_slow_machine_is_slow_also_while_something_is_done_that_slows_nobody() {
    for (kind, detail, clean) in [
        ("put-delayed", "met=0", true),
        ("watch-frozen", "met=1", true),
        ("put-delayed", "met=1", false),
    ] {
        let mut scene = Scene::new();
        let one = scene.lost(3700, 3750);
        let mut slow = scene.history.requests[0].clone();
        (slow.at, slow.answered, slow.method) = (ms(1500), Some(ms(3100)), "GET".to_owned());
        scene.history.requests.push(slow);
        scene.is_clean();
        let fault = scene.fault("api", kind, 1600, 1700);
        (fault.contenders, fault.detail) = (vec![one], detail.to_owned());
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I8"),
        }
    }
}
