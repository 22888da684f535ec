//! Progress and writers.

use serde_json::json;

use crate::history::{Exit, Role};
use crate::oracle::testing::{Scene, ms, wall};

/// One is killed at 1.5 s, and its lease is left; another waits since then and has it at `taken`.
fn killed(taken: u64) -> (Scene, u32, u32) {
    let mut scene = Scene::new();
    let (one, other) = (scene.call(Role::Hold, 900), scene.call(Role::Hold, 950));
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, 1500);
    scene.fault("process", "supervisor-killed", 1500, 1500).call = Some(one);
    scene.end(one, 1510, Exit::Signal(9));
    let next = scene.grant(taken, other);
    scene.work(other, next, taken + 20, taken + 80);
    scene.release(taken + 100, other);
    scene.end(other, taken + 120, Exit::Code(0));
    (scene, one, other)
}

#[test]
fn a_dead_holders_lease_is_granted_in_its_duration_and_three_seconds() {
    let (scene, ..) = killed(6900);
    scene.is_clean();
    let (scene, ..) = killed(7200);
    scene.breaks("I5");
}

#[test]
fn a_waiter_observes_from_its_first_answer_on() {
    let (mut scene, _, other) = killed(7200);
    let mut look = scene.history.requests[0].clone();
    look.method = "GET".to_owned();
    look.body = serde_json::Value::Null;
    look.contender = scene.of(other).contender;
    (look.at, look.answered, look.status) = (ms(1700), Some(ms(2500)), Some(200));
    scene.history.requests.push(look.clone());
    scene.is_clean();
    look.at = ms(1000);
    look.answered = Some(ms(1010));
    scene.history.requests.push(look);
    scene.breaks("I5");
}

#[test]
fn who_waits_asks() {
    for (asks, clean) in [(10_800, true), (11_100, false)] {
        let mut scene = Scene::new();
        scene.hold(800, 4000);
        let call = scene.call(Role::Hold, 900);
        scene.of(call).timeout = Some(1.0);
        scene.end(call, asks + 50, Exit::Code(124));
        let mut look = scene.history.requests[0].clone();
        look.method = "GET".to_owned();
        look.body = serde_json::Value::Null;
        look.contender = call;
        (look.at, look.answered, look.status) = (ms(asks), Some(ms(asks + 5)), Some(200));
        scene.history.requests.push(look);
        assert_eq!(scene.broken().is_empty(), clean, "{asks}");
        // A stall delays it by so much; what is done to it makes it begin anew.
        scene.fault("surroundings", "machine-stalled", 2000, 2100);
        assert_eq!(scene.broken().is_empty(), clean, "{asks}");
        scene.fault("surroundings", "machine-stalled", 2200, 2400);
        scene.is_clean();
        scene.history.faults.clear();
        scene
            .fault("process", "supervisor-stopped", 2000, 2100)
            .call = Some(call);
        scene.is_clean();
    }
}

#[test]
fn a_stall_delays_the_next_grant_by_no_more_than_it_took() {
    for (taken, clean) in [(7300, true), (7500, false)] {
        let (mut scene, ..) = killed(taken);
        for at in [2500, 4500] {
            scene.fault("surroundings", "machine-stalled", at, at + 200);
        }
        assert_eq!(scene.broken().is_empty(), clean, "{taken}");
    }
}

#[test]
fn nothing_is_asked_of_a_waiter_to_whom_something_is_done() {
    let (mut scene, _, other) = killed(9000);
    scene.breaks("I5");
    scene.fault("api", "watch-frozen", 3000, 4000).contenders = vec![other];
    scene.is_clean();
    // Done to somebody else, or to everybody and long ago.
    scene.history.faults[1].contenders = vec![7];
    scene.breaks("I5");
    scene.history.faults[1].contenders = vec![];
    scene.is_clean();
    scene.history.faults[1].over = ms(3010);
    scene.history.faults[1].begun = ms(1000);
    scene.is_clean();
    scene.history.faults[1].over = ms(2000);
    scene.breaks("I5");
}

#[test]
fn a_free_lease_is_granted_to_who_waits_and_not_to_who_waits_for_another_first() {
    let mut scene = Scene::new();
    scene.hold(1000, 2000);
    let other = scene.call(Role::Hold, 1500);
    scene.breaks("I5");
    // It has it in the end, after the faults, but far too late.
    let token = scene.grant(30_000, other);
    scene.work(other, token, 30_020, 30_080);
    scene.release(30_100, other);
    scene.end(other, 30_120, Exit::Code(0));
    scene.breaks("I5");
    // Who waits for `a`, which somebody holds, does not wait for `job`.
    let mut scene = Scene::new();
    scene.create("a");
    let first = scene.call(Role::Hold, 900);
    scene.of(first).leases = vec!["a".to_owned()];
    scene.grant_of("a", 1000, first);
    let both = scene.call(Role::Hold, 1500);
    scene.of(both).leases = vec!["a".to_owned(), "job".to_owned()];
    for at in (2000..50_000).step_by(1000) {
        scene.renew_of("a", at, first);
    }
    assert!(!scene.broken().contains(&"I5"));
    // Who has `a` does.
    let mut scene = Scene::new();
    scene.create("a");
    let both = scene.call(Role::Hold, 900);
    scene.of(both).leases = vec!["job".to_owned(), "a".to_owned()];
    scene.grant_of("a", 1000, both);
    for at in (2000..20_000).step_by(1000) {
        scene.renew_of("a", at, both);
    }
    assert!(scene.broken().contains(&"I5"));
}

#[test]
fn a_write_by_a_contender_to_whom_the_lease_is_not_is_found() {
    let mut scene = Scene::new();
    let (one, other) = (scene.call(Role::Hold, 900), scene.call(Role::Hold, 950));
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, 1900);
    scene.renew(1500, other);
    scene.release(2000, one);
    scene.end(one, 2020, Exit::Code(0));
    scene.end(other, 2020, Exit::Code(143));
    scene.fault("process", "signal", 2000, 2000).call = Some(other);
    scene.breaks("I6");
    // Other clients write what they like in a name of their own; not in that of a call, and not if nobody was to.
    scene.history.commits[2].user = Some("admin".to_owned());
    scene.breaks("I6");
    scene.noted("led-by-another-client", 1500, "job");
    scene.breaks("I6");
}

#[test]
fn who_wrote_what_nobody_was_to_write_is_asked() {
    for (user, kind, clean) in [
        (Some("admin"), Some("labelled"), true),
        (None, Some("labelled"), true),
        (Some("admin"), None, false),
        (None, None, false),
        (Some("admin"), Some("deleted"), false),
        (Some("admin"), Some("stolen"), false),
    ] {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        scene.write(5000, "admin", "job", |lease| {
            lease["metadata"]["labels"] = serde_json::json!({ "a": "b" });
        });
        let commit = scene.history.commits.last_mut().expect("just written");
        commit.user = user.map(str::to_owned);
        if let Some(kind) = kind {
            scene.noted(kind, 5000, "job");
        }
        let found = scene.judged();
        assert_eq!(found.is_empty(), clean, "{user:?} {kind:?}");
        let asked = |what: &str| what.contains("who wrote this?");
        assert!(found.iter().all(|of| of.rule == "I6" && asked(&of.what)));
    }
}

#[test]
fn what_had_no_answer_may_be_carried_out_later() {
    for (detail, clean) in [("met=0 no answer", true), ("duration 3, then 1", false)] {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        scene.write(9000, "admin", "job", |lease| {
            *lease = serde_json::Value::Null
        });
        scene.noted("deleted", 5000, "job");
        scene.history.faults[0].detail = detail.to_owned();
        assert_eq!(scene.broken().is_empty(), clean, "{detail}");
    }
}

#[test]
fn a_write_that_lost_its_user_is_known_by_its_request() {
    let lost = |of: usize| {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        let commit = &mut scene.history.commits[of];
        (commit.user, commit.verb) = (None, String::new());
        (commit.received, commit.answered) = (None, None);
        scene
    };
    // The grant, a renewal, the release.
    for of in [1, 2, 4] {
        lost(of).is_clean();
        let mut scene = lost(of);
        scene.history.requests[of - 1].body["spec"]["renewTime"] = "another".into();
        assert!(scene.broken().contains(&"I6"), "{of}");
    }
    // One that says nothing new, and which only the version that it replaced tells.
    let mut scene = Scene::new();
    let one = scene.call(Role::Hold, 900);
    scene.write(1000, "user-0", "job", |lease| {
        lease["metadata"]["annotations"] = serde_json::json!({ "kubectl-lease/slots": "2" });
    });
    let token = scene.grant(1100, one);
    scene.work(one, token, 1120, 1400);
    scene.release(1500, one);
    scene.end(one, 1520, Exit::Code(0));
    scene.history.commits[1].user = None;
    // Another's, of an older version, wanted the same.
    let mut refused = scene.history.requests[0].clone();
    (refused.contender, refused.at) = (9, ms(950));
    refused.body["metadata"]["resourceVersion"] = "7".into();
    scene.history.requests.push(refused);
    scene.is_clean();
    scene.history.requests[0].body["metadata"]["resourceVersion"] = "7".into();
    scene.breaks("I6");
}

#[test]
fn a_grant_in_anothers_name_is_found() {
    let mut scene = Scene::new();
    scene.hold(1000, 3500);
    let other = scene.call(Role::Hold, 900);
    scene.end(other, 1500, Exit::Code(143));
    scene.fault("process", "signal", 1400, 1400).call = Some(other);
    scene.is_clean();
    scene.history.commits[1].user = Some(format!("user-{other}"));
    assert!(scene.broken().contains(&"I6"));
}

#[test]
fn a_deleted_lease_that_comes_back_by_an_update_is_found() {
    let mut scene = Scene::new();
    let one = scene.call(Role::Hold, 900);
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, 2100);
    scene.people(2000, |lease| *lease = serde_json::Value::Null);
    let before = scene.history.commits[1]
        .after
        .clone()
        .expect("it was granted");
    scene.renew_like(2200, one, before);
    scene.history.commits.last_mut().expect("just written").verb = "update".to_owned();
    scene.end(one, 2300, Exit::Code(123));
    assert!(scene.broken().contains(&"I6"));
}

#[test]
fn a_request_that_does_not_say_what_it_replaces_is_found() {
    for field in ["resourceVersion", "uid"] {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        scene.is_clean();
        let body = scene.history.requests[1].body["metadata"].as_object_mut();
        body.expect("an object").remove(field);
        scene.breaks("I6");
    }
}

#[test]
fn a_renewal_after_its_own_deadline_is_a_strangers() {
    for (renewed, clean) in [(4000, true), (4200, false)] {
        let mut scene = Scene::new();
        let one = scene.call(Role::Hold, 900);
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 3900);
        scene.fault("api", "put-refused", 1100, 4000).contenders = vec![one];
        scene.renew(renewed, one);
        scene.release(4300, one);
        scene.end(one, 4320, Exit::Code(123));
        assert_eq!(scene.broken().is_empty(), clean, "{renewed}");
        assert_eq!(scene.broken().contains(&"I6"), !clean);
    }
}

#[test]
fn nobody_renews_or_gives_back_what_is_free() {
    for (again, clean) in [(false, true), (true, false)] {
        let mut scene = Scene::new();
        let call = scene.hold(1000, 3500);
        scene.of(call).ended = Some(ms(4000));
        let other = scene.call(Role::Hold, 2000);
        // A slot is marked, say.
        scene.write(3600, "user-1", "job", |lease| {
            lease["metadata"]["annotations"] = serde_json::json!({ "kubectl-lease/slots": "2" });
        });
        if again {
            scene.release(3700, call);
        }
        let token = scene.grant(3900, other);
        scene.work(other, token, 3920, 3950);
        scene.release(3960, other);
        scene.end(other, 3980, Exit::Code(0));
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I6"),
        }
    }
}

#[test]
fn who_replaces_a_lease_keeps_what_is_others() {
    for (key, edit, clean) in [
        ("labels", json!({ "team": "a" }), true),
        ("labels", json!({}), false),
        ("annotations", json!({ "note": "b" }), true),
        ("annotations", json!({ "note": "c" }), false),
        (
            "annotations",
            json!({ "note": "b", "kubectl-lease/previous": "x" }),
            true,
        ),
    ] {
        let mut scene = Scene::new();
        let one = scene.call(Role::Hold, 900);
        let token = scene.grant(1000, one);
        scene.people(1500, |lease| {
            lease["metadata"]["labels"] = json!({ "team": "a" });
            lease["metadata"]["annotations"] = json!({ "note": "b" });
        });
        scene.write(2000, "user-0", "job", |lease| {
            lease["spec"]["renewTime"] = json!(wall(ms(2000)));
            lease["metadata"][key] = edit.clone();
        });
        scene.work(one, token, 1020, 2400);
        scene.release(2500, one);
        scene.end(one, 2520, Exit::Code(0));
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I6"),
        }
    }
}
