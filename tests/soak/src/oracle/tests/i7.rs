//! Exit codes.

use crate::history::{Exit, Role};
use crate::oracle::testing::{Scene, ms};

#[test]
fn a_commands_own_code_means_that_it_ended_so_and_that_the_lease_was_given_back() {
    let mut scene = Scene::new();
    let call = scene.hold(1000, 3500);
    scene.of(call).command.as_mut().expect("one").works = 9000;
    scene.breaks("I7");
    let mut scene = Scene::new();
    let call = scene.hold(1000, 3500);
    scene.history.commits.pop();
    scene.history.requests.pop();
    let broken = scene.broken();
    assert!(
        broken.contains(&"I7") && broken.contains(&"I9"),
        "{broken:?}"
    );
    scene.of(call).stderr =
        "lease \"job\" could not be released: it is away; it expires by itself".to_owned();
    scene.is_clean();
}

#[test]
fn each_code_needs_what_it_stands_for() {
    for (code, why) in [
        (1, "nothing stood between it and the server"),
        (2, "its words are right"),
        (7, "neither its command"),
        (121, "no lease of it was ever absent"),
        (122, "does not take what another holds"),
        (123, "never granted"),
        (124, "as long as it takes"),
        (125, "nothing was done"),
        (137, "nobody sent that signal"),
    ] {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        let call = scene.call(Role::Hold, 900);
        scene.history.commits[0].before = scene.history.commits[0].after.clone();
        scene.end(call, 1500, Exit::Code(code));
        let found = scene.judged();
        let told = found.iter().find(|of| of.rule == "I7");
        let told = told.unwrap_or_else(|| panic!("{code} is found"));
        assert!(told.what.contains(why), "{}", told.what);
    }
}

#[test]
fn what_was_done_to_a_call_explains_its_end_only_if_it_came_before() {
    for (exit, fault, clean) in [
        (Exit::Signal(11), None, false),
        (Exit::Signal(11), Some(("signal 11 to 7", 1400)), true),
        (Exit::Signal(11), Some(("signal 15 to 7", 1400)), false),
        (Exit::Signal(11), Some(("signal 11 to 7", 1600)), false),
        (Exit::Code(139), Some(("signal 11 to 7", 1400)), true),
        (Exit::Code(139), Some(("signal 11 to 7", 1600)), false),
        (Exit::Code(125), Some(("signal 15 to 7", 1400)), true),
        (Exit::Code(125), Some(("signal 15 to 7", 1600)), false),
    ] {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        let call = scene.call(Role::Hold, 900);
        scene.end(call, 1500, exit);
        if let Some((signal, at)) = fault {
            let fault = scene.fault("process", "supervisor-signalled", at, at);
            fault.call = Some(call);
            fault.detail = signal.to_owned();
        }
        assert_eq!(scene.broken().is_empty(), clean, "{exit:?} {fault:?}");
    }
}

#[test]
fn lost_what_was_never_granted_is_said_only_where_nobody_can_know() {
    for (status, whose, at, clean) in [
        (None, 1, 1200, true),
        (Some(409), 1, 1200, false),
        (None, 0, 1200, false),
        (None, 1, 1600, false),
    ] {
        let mut scene = Scene::new();
        scene.hold(800, 3500);
        let call = scene.call(Role::HoldSteal, 900);
        scene.end(call, 1500, Exit::Code(123));
        let mut asked = scene.history.requests[0].clone();
        let holder = scene.of(whose).holder.clone();
        asked.body["spec"]["holderIdentity"] = serde_json::json!(holder);
        (asked.contender, asked.at, asked.status) = (call, ms(at), status);
        asked.upstream_status = status;
        scene.history.requests.push(asked);
        let broken = scene.broken();
        assert_eq!(
            broken.is_empty(),
            clean,
            "{status:?} {whose} {at}: {broken:?}"
        );
    }
}

#[test]
fn an_absent_or_short_lease_explains_an_end_only_while_the_call_ran() {
    for (code, from, to, clean) in [
        (121, 5000, 5200, true),
        (121, 3900, 4100, true),
        (121, 3700, 3900, false),
        (121, 5600, 5800, false),
        (2, 5000, 5200, true),
        (2, 3900, 4100, true),
        (2, 3700, 3900, false),
        (2, 5600, 5800, false),
    ] {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        let call = scene.call(Role::Hold, 4000);
        if code == 121 {
            scene.people(from, |lease| *lease = serde_json::Value::Null);
            scene.noted("recreated", to, "job");
            scene.write(to, "admin", "job", |lease| {
                *lease = serde_json::json!({ "metadata": { "name": "job", "uid": "b" } });
            });
        } else {
            for (at, seconds) in [(from, 1), (to, 3)] {
                scene.people(at, |lease| {
                    lease["spec"]["leaseDurationSeconds"] = seconds.into();
                });
            }
        }
        scene.end(call, 5500, Exit::Code(code));
        assert_eq!(scene.broken().is_empty(), clean, "{code} {from} {to}");
    }
}

#[test]
fn a_stall_explains_a_request_without_an_answer_only_if_one_attempt_is_no_longer() {
    for (took, clean) in [(320, true), (150, false)] {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        let call = scene.call(Role::Hold, 900);
        scene.end(call, 1500, Exit::Code(1));
        scene.fault("surroundings", "machine-stalled", 1000, 1000 + took);
        assert_eq!(scene.broken().is_empty(), clean, "{took}");
    }
}

#[test]
fn not_acquired_in_time_means_that_the_time_was_over_and_nothing_ran() {
    for (ended, clean) in [(1910, true), (1800, false)] {
        let mut scene = Scene::new();
        scene.hold(800, 3500);
        let call = scene.call(Role::Hold, 900);
        scene.of(call).timeout = Some(1.0);
        scene.end(call, ended, Exit::Code(124));
        assert_eq!(scene.broken().is_empty(), clean, "{ended}");
    }
    let mut scene = Scene::new();
    let call = scene.hold(1000, 3500);
    scene.of(call).timeout = Some(1.0);
    scene.end(call, 3520, Exit::Code(124));
    scene.breaks("I7");
}

#[test]
fn what_is_given_back_when_all_seem_to_have_ended_counts() {
    let mut scene = Scene::new();
    let one = scene.call(Role::Acquire, 900);
    let token = scene.grant(1000, one);
    scene.end(one, 1020, Exit::Code(0));
    scene.work(one, token, 1100, 1400);
    let release = scene.call(Role::Release, 1500);
    let (user, holder) = (scene.of(one).user.clone(), scene.of(one).holder.clone());
    let call = scene.of(release);
    (call.user, call.holder, call.contender) = (user, holder, one);
    scene.release(1600, one);
    scene.end(release, 1620, Exit::Code(0));
    let run = &mut scene.history.run;
    (run.faults_ended, run.starts_ended, run.ended) = (ms(1450), ms(1450), ms(1450));
    scene.is_clean();
}

#[test]
fn release_and_acquire_say_what_they_did() {
    let mut scene = Scene::new();
    let one = scene.call(Role::Acquire, 900);
    scene.grant(1000, one);
    scene.end(one, 1020, Exit::Code(0));
    let release = scene.call(Role::Release, 1500);
    let (user, holder) = (scene.of(one).user.clone(), scene.of(one).holder.clone());
    let call = scene.of(release);
    (call.user, call.holder, call.contender) = (user, holder, one);
    scene.release(1600, one);
    scene.end(release, 1620, Exit::Code(0));
    scene.hold(2000, 2500);
    scene.is_clean();
    scene.end(release, 1620, Exit::Code(122));
    scene.breaks("I7");
    scene.end(release, 1550, Exit::Code(0));
    scene.breaks("I7");
}

#[test]
fn a_command_that_never_began_has_not_ended() {
    let mut scene = Scene::new();
    let call = scene.hold(1000, 3500);
    scene.history.work.clear();
    scene.hold(4000, 6500);
    scene.breaks("I7");
    // Something was done to it.
    let fault = scene.fault("process", "supervisor-signalled", 2000, 2000);
    (fault.call, fault.detail) = (Some(call), "signal 15 to 7".to_owned());
    scene.is_clean();
}

#[test]
fn a_code_that_is_of_the_table_too_is_its_commands_only_if_that_began() {
    for (outage, clean) in [(true, true), (false, false)] {
        let mut scene = Scene::new();
        scene.hold(800, 3500);
        let call = scene.call(Role::Hold, 900);
        scene.of(call).command.as_mut().expect("one").exit = Exit::Code(1);
        scene.end(call, 1500, Exit::Code(1));
        if outage {
            scene.fault("api", "get-refused", 1000, 1400).contenders = vec![call];
        }
        assert_eq!(scene.broken().is_empty(), clean, "{outage}");
    }
}

#[test]
fn what_is_done_to_a_call_gives_it_no_code_that_nobody_knows() {
    let mut scene = Scene::new();
    let call = scene.hold(1000, 3500);
    scene.fault("process", "command-stopped", 2000, 2300).call = Some(call);
    scene.is_clean();
    scene.of(call).command.as_mut().expect("one").exit = Exit::Code(7);
    scene.breaks("I7");
}

#[test]
fn a_release_that_says_that_the_lease_is_not_its_own_was_right_at_some_time() {
    let tried = |freed: Option<u64>| {
        let mut scene = Scene::new();
        let one = scene.call(Role::Acquire, 900);
        let token = scene.grant(1000, one);
        scene.end(one, 1020, Exit::Code(0));
        scene.work(one, token, 1100, 1400);
        let release = scene.call(Role::Release, 1500);
        let (user, holder) = (scene.of(one).user.clone(), scene.of(one).holder.clone());
        let call = scene.of(release);
        (call.user, call.holder, call.contender) = (user, holder, one);
        if let Some(freed) = freed {
            scene.people(freed, crate::oracle::testing::blanked);
        }
        scene.end(release, 1620, Exit::Code(122));
        scene
    };
    tried(Some(1450)).is_clean();
    tried(Some(1600)).is_clean();
    tried(Some(1700)).breaks("I7");
    tried(None).breaks("I7");
}

#[test]
fn whoever_says_that_there_is_no_lease_was_right_at_some_time() {
    for (role, absent, clean) in [
        (Role::Release, false, false),
        (Role::ReleaseForce, false, false),
        (Role::Steal, false, false),
        (Role::Failover, false, false),
        (Role::Release, true, true),
        (Role::Steal, true, true),
    ] {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        if absent {
            scene.people(3600, |lease| *lease = serde_json::Value::Null);
        }
        let call = scene.call(role, 1500);
        scene.of(call).command = None;
        scene.end(call, 3700, Exit::Code(121));
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I7"),
        }
    }
}

#[test]
fn whose_command_was_at_work_does_not_say_that_nothing_was_done() {
    for (role, code) in [
        (Role::Hold, 121),
        (Role::Hold, 2),
        (Role::HoldSteal, 122),
        (Role::HoldSteal, 127),
    ] {
        let mut scene = Scene::new();
        let one = scene.call(role, 900);
        scene.of(one).words.push("--steal".to_owned());
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 2020);
        scene
            .fault("process", "watchdog-signalled", 1500, 1500)
            .call = Some(one);
        scene.people(2000, |lease| {
            lease["spec"]["leaseDurationSeconds"] = 1.into();
        });
        scene.people(2010, |lease| *lease = serde_json::Value::Null);
        scene.end(one, 2060, Exit::Code(123));
        scene.is_clean();
        scene.end(one, 2060, Exit::Code(code));
        scene.breaks("I7");
    }
}

#[test]
fn who_sees_that_a_lease_is_free_has_it_in_time() {
    for (role, timeout, slow, clean) in [
        (Role::Hold, 1.0, false, false),
        (Role::Acquire, 1.0, false, false),
        // It may have come to ask only when its time was over.
        (Role::Hold, 0.0, false, true),
        (Role::Hold, 1.0, true, true),
    ] {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        let call = scene.call(role, 4000);
        scene.of(call).timeout = Some(timeout);
        let waited = if timeout == 0.0 { 100 } else { 1050 };
        scene.end(call, 4000 + waited, Exit::Code(124));
        if slow {
            scene.fault("api", "put-delayed", 4500, 4900).contenders = vec![call];
        }
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I7"),
        }
        // Somebody else has it for a moment.
        let other = scene.call(Role::Hold, 4100);
        let token = scene.grant(4500, other);
        scene.work(other, token, 4520, 4550);
        scene.release(4600, other);
        scene.end(other, 4620, Exit::Code(0));
        scene.is_clean();
    }
}

#[test]
fn a_failover_is_done_when_somebody_else_has_the_lease() {
    for (next, clean) in [(Some(4200), true), (Some(6000), false), (None, false)] {
        let mut scene = Scene::new();
        let one = scene.call(Role::Hold, 900);
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 2100);
        let failover = scene.call(Role::Failover, 1900);
        scene.of(failover).command = None;
        scene.steal(2000, failover);
        scene.end(one, 2200, Exit::Code(123));
        scene.renew(3000, failover);
        scene.release(4100, failover);
        scene.end(failover, 4300, Exit::Code(0));
        if let Some(at) = next {
            let other = scene.call(Role::Hold, at - 100);
            let token = scene.grant(at, other);
            scene.work(other, token, at + 20, at + 80);
            scene.release(at + 100, other);
            scene.end(other, at + 120, Exit::Code(0));
        }
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I7"),
        }
    }
}
