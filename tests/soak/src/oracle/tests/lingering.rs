//! Who goes on for too long.

use crate::history::{Exit, Role};
use crate::oracle::testing::{JOB, Scene, ms};

#[test]
fn who_gives_up_in_time_does() {
    for (ended, outage, clean) in [
        (11_800, false, true),
        (13_000, false, false),
        (13_000, true, true),
    ] {
        let mut scene = Scene::new();
        scene.hold(800, 16_000);
        let call = scene.call(Role::Hold, 900);
        scene.of(call).timeout = Some(1.0);
        scene.end(call, ended, Exit::Code(124));
        if outage {
            scene.fault("api", "put-unanswered", 2000, 4000).contenders = vec![call];
        }
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I7"),
        }
    }
    // Nor is it granted the lease then.
    let mut scene = Scene::new();
    scene.hold(800, 16_000);
    let call = scene.call(Role::Hold, 900);
    scene.of(call).timeout = Some(1.0);
    let token = scene.grant(16_100, call);
    scene.work(call, token, 16_120, 16_480);
    scene.release(16_500, call);
    scene.end(call, 16_520, Exit::Code(0));
    scene.breaks("I7");
}

#[test]
fn a_lease_is_given_back_soon_when_nothing_of_the_command_is_left() {
    for (last, outage, clean) in [
        (8_000, false, true),
        (2_000, false, false),
        (2_000, true, true),
    ] {
        let mut scene = Scene::new();
        let call = scene.hold(1000, 16_000);
        scene.history.work[0].last = ms(last);
        scene.of(call).command.as_mut().expect("it has one").works = last - 1020;
        // Asked to end, after all.
        let asked = scene.fault("process", "supervisor-signalled", 15_900, 15_900);
        (asked.call, asked.detail) = (Some(call), "signal 15: it should have ended".to_owned());
        if outage {
            scene
                .fault("api", "put-unanswered", 8000, 12_000)
                .contenders = vec![call];
        }
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I9"),
        }
    }
}

#[test]
fn who_has_ended_writes_nothing_though_it_was_killed() {
    for (renewed, clean) in [(vec![1500], true), (vec![2800, 3800, 4800], false)] {
        let mut scene = Scene::new();
        let one = scene.call(Role::Hold, 900);
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 1600);
        scene.fault("process", "supervisor-killed", 1600, 1600).call = Some(one);
        scene.end(one, 1610, Exit::Signal(9));
        for at in renewed {
            scene.renew_of(JOB, at, one);
        }
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I9"),
        }
    }
    // It was under way when it ended.
    let mut scene = Scene::new();
    let one = scene.call(Role::Hold, 900);
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, 1600);
    scene.fault("process", "supervisor-killed", 1600, 1600).call = Some(one);
    scene.end(one, 1610, Exit::Signal(9));
    scene.renew(1605, one);
    let (sent, stored) = (
        &mut scene.history.requests[1],
        &mut scene.history.commits[2],
    );
    sent.at = ms(6000);
    (stored.received, stored.answered) = (Some(ms(6001)), Some(ms(6002)));
    scene.is_clean();
}
