//! Takeovers and releases that only look justified, and locks of which it is not plain whose they are.

use crate::history::{Exit, Role};
use crate::oracle::testing::{JOB, Scene, blanked, ms};

/// One holds since 1 s, and works until `last`; the other is started at `started`, and takes what it has at 4.2 s.
fn watched(started: u64, taken: u64) -> (Scene, u32) {
    let mut scene = Scene::new();
    let one = scene.call(Role::Hold, 900);
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, 1500);
    scene.fault("process", "supervisor-killed", 1500, 1500).call = Some(one);
    scene.end(one, 1510, Exit::Signal(9));
    let other = scene.call(Role::Hold, started);
    let next = scene.grant(taken, other);
    scene.work(other, next, taken + 20, taken + 80);
    scene.release(taken + 100, other);
    scene.end(other, taken + 120, Exit::Code(0));
    (scene, other)
}

#[test]
fn nobody_has_watched_anything_before_it_has_looked() {
    // The holder is silent since 1 s; it looks 20 ms after its start.
    for (started, taken, clean) in [(900, 4010, true), (1500, 4200, false), (1500, 4530, true)] {
        let (scene, _) = watched(started, taken);
        let broken = scene.broken();
        assert_eq!(broken.is_empty(), clean, "{started} {taken}: {broken:?}");
        assert_eq!(broken.contains(&"I3"), !clean);
    }
}

#[test]
fn who_has_looked_at_another_lease_has_watched_nothing_of_this_one() {
    let leases = "/apis/coordination.k8s.io/v1/namespaces/soak/leases";
    let name = "fieldSelector=metadata.name%3D";
    for (path, query, clean) in [
        (format!("{leases}/job"), String::new(), true),
        (format!("{leases}/left"), String::new(), false),
        (leases.to_owned(), String::new(), true),
        (leases.to_owned(), format!("{name}job&watch=true"), true),
        (leases.to_owned(), format!("{name}left&watch=true"), false),
    ] {
        // It looks at one of them soon after its start, and at this one only just before it takes it.
        let (mut scene, other) = watched(950, 4200);
        let mut look = scene.history.requests[0].clone();
        (look.method, look.body) = ("GET".to_owned(), serde_json::Value::Null);
        (look.contender, look.at, look.answered) = (other, ms(970), Some(ms(975)));
        (look.path, look.query) = (path.clone(), query.clone());
        scene.history.requests.push(look);
        let broken = scene.broken();
        assert_eq!(broken.is_empty(), clean, "{path} {query}: {broken:?}");
        assert_eq!(broken.contains(&"I3"), !clean);
    }
}

#[test]
fn nobody_but_the_victim_says_that_it_has_stopped() {
    for (who, clean) in [("victim", true), ("thief", false), ("third", false)] {
        let mut scene = Scene::new();
        let (one, thief) = (
            scene.call(Role::Hold, 900),
            scene.call(Role::HoldSteal, 1900),
        );
        let third = scene.call(Role::Hold, 950);
        scene.of(thief).words.push("--steal".to_owned());
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 2100);
        let next = scene.steal(2000, thief);
        scene.acknowledge(2150, one);
        let said = scene.history.commits.last_mut().expect("just written");
        let by = scene.history.requests.last_mut().expect("just sent");
        by.contender = match who {
            "victim" => one,
            "thief" => thief,
            _ => third,
        };
        said.user = Some(format!("user-{}", by.contender));
        scene.end(one, 2200, Exit::Code(123));
        scene.work(thief, next, 2170, 2500);
        scene.release(2600, thief);
        scene.end(thief, 2620, Exit::Code(0));
        let token = scene.grant(2700, third);
        scene.work(third, token, 2720, 2800);
        scene.release(2900, third);
        scene.end(third, 2920, Exit::Code(0));
        let broken = scene.broken();
        assert_eq!(broken.is_empty(), clean, "{who}: {broken:?}");
        assert_eq!(broken.contains(&"I3"), !clean, "{who}");
    }
}

#[test]
fn the_servers_stamps_prove_an_expiry_at_first_sight_half_a_minute_later() {
    for (taken, observed, clean) in [
        (33_100, false, true),
        (32_000, false, false),
        (33_100, true, false),
    ] {
        let (mut scene, other) = watched(taken - 100, taken);
        if observed {
            scene.of(other).words.push("--proof=observed".to_owned());
        }
        assert_eq!(!scene.broken().contains(&"I3"), clean, "{taken} {observed}");
    }
}

/// One works until 3.8 s; a thief has its lease from 2 s on, and `release` gives it back at `freed`; a third begins then.
fn stolen_and_given_back(role: Role, freed: u64) -> Scene {
    let mut scene = Scene::new();
    let (one, thief) = (scene.call(Role::Hold, 900), scene.call(role, 1900));
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, 3800);
    scene.steal(2000, thief);
    scene.end(one, 3820, Exit::Code(123));
    scene.end(thief, freed - 45, Exit::Code(0));
    let release = scene.call(Role::Release, freed - 40);
    let (user, holder) = (scene.of(thief).user.clone(), scene.of(thief).holder.clone());
    let call = scene.of(release);
    (call.user, call.holder, call.contender) = (user, holder, thief);
    scene.release(freed, thief);
    scene.end(release, freed + 20, Exit::Code(0));
    let third = scene.call(Role::Hold, 2100);
    let next = scene.grant(freed + 50, third);
    scene.work(third, next, freed + 70, freed + 180);
    scene.release(freed + 200, third);
    scene.end(third, freed + 220, Exit::Code(0));
    scene
}

#[test]
fn who_gives_its_own_back_has_not_asked_for_an_overlap() {
    let mut scene = stolen_and_given_back(Role::Steal, 2500);
    scene.refuses(0, 2500);
    assert!(scene.broken().contains(&"I1"), "{:?}", scene.broken());
    // It was asked for by the theft itself.
    let mut scene = stolen_and_given_back(Role::StealNow, 2500);
    scene.refuses(0, 2500);
    scene.is_clean();
}

#[test]
fn a_thief_keeps_the_lease_until_its_victim_must_have_stopped() {
    for (freed, clean) in [(4010, true), (3900, false)] {
        let scene = stolen_and_given_back(Role::Steal, freed);
        assert_eq!(!scene.broken().contains(&"I3"), clean, "{freed}");
    }
    // So does one that did not wait to begin: whoever is granted it next has asked for nothing.
    for (freed, said, clean) in [
        (4010, None, true),
        (2800, None, false),
        (2800, Some(2500), true),
    ] {
        let mut scene = Scene::new();
        let (one, thief) = (
            scene.call(Role::Hold, 900),
            scene.call(Role::HoldSteal, 1900),
        );
        scene
            .of(thief)
            .words
            .extend(["--steal", "--now"].map(str::to_owned));
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 2400);
        let next = scene.steal(2000, thief);
        if let Some(said) = said {
            scene.acknowledge(said, one);
        }
        scene.end(one, 2520, Exit::Code(123));
        scene.work(thief, next, 2050, 2200);
        scene.release(freed, thief);
        scene.end(thief, freed + 20, Exit::Code(0));
        let broken = scene.broken();
        assert_eq!(broken.is_empty(), clean, "{freed} {said:?}: {broken:?}");
    }
}

#[test]
fn a_release_frees_whom_it_was_told_to_free_and_nobody_else() {
    for (role, words, holder, clean) in [
        (Role::Release, None, Some("c07.0"), false),
        (Role::Release, None, Some("c00.0"), true),
        (Role::ReleaseForce, Some("--holder=c00.0"), None, true),
        (Role::ReleaseForce, Some("--holder=c07.0"), None, false),
        (Role::ReleaseForce, Some("--force"), None, true),
    ] {
        let mut scene = Scene::new();
        let (one, other) = (scene.call(Role::Hold, 900), scene.call(role, 1950));
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 2050);
        scene.release(2000, other);
        scene.end(one, 2070, Exit::Code(123));
        scene.end(other, 2020, Exit::Code(0));
        scene.of(other).holder = holder.map(str::to_owned);
        scene.of(other).words.extend(words.map(str::to_owned));
        let third = scene.call(Role::Hold, 1000);
        let next = scene.grant(2010, third);
        scene.work(third, next, 2020, 2200);
        scene.release(2300, third);
        scene.end(third, 2320, Exit::Code(0));
        let broken = scene.broken();
        let what = format!("{role:?} {words:?} {holder:?}: {broken:?}");
        assert_eq!(broken.is_empty(), clean, "{what}");
        assert_eq!(broken.contains(&"I1"), !clean, "{what}");
        assert_eq!(broken.contains(&"I3"), !clean, "{what}");
        assert_eq!(broken.contains(&"I6"), !clean, "{what}");
    }
}

#[test]
fn who_was_heard_of_once_in_the_middle_of_anothers_work_is_an_overlap() {
    let mut scene = Scene::new();
    scene.hold(1000, 3500);
    scene.hold(4000, 6500);
    (scene.history.work[1].first, scene.history.work[1].last) = (ms(3000), ms(3000));
    assert!(scene.broken().contains(&"I1"));
}

/// One has the lease, loses it to somebody who does not wait, has it again and works silently on while a third begins, who finds
/// the lock taken.
fn lost_and_had_again() -> (Scene, u32, u64) {
    let mut scene = Scene::new();
    let (one, thief) = (
        scene.call(Role::HoldAgain, 900),
        scene.call(Role::StealNow, 1900),
    );
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, 2030);
    scene.steal(2000, thief);
    scene.end(thief, 2020, Exit::Code(0));
    scene.people(2500, blanked);
    let token = scene.grant(3000, one);
    scene.work(one, token, 3020, 3400);
    scene.release(3500, one);
    scene.end(one, 3520, Exit::Code(0));
    let other = scene.call(Role::Hold, 2000);
    let next = scene.grant(3550, other);
    scene.work(other, next, 3570, 3800);
    scene.release(3900, other);
    scene.end(other, 3920, Exit::Code(0));
    scene.is_clean();
    scene.overlap(3570, other, next, &[one]);
    (scene, one, token)
}

#[test]
fn a_lock_is_the_last_ones_of_its_holder_and_what_excuses_an_earlier_one_does_not_excuse_it() {
    let (scene, ..) = lost_and_had_again();
    scene.breaks("I1");
    // The later one did not get it either: it is the earlier one's.
    let (mut scene, one, token) = lost_and_had_again();
    scene.overlap(3020, one, token, &[one]);
    scene.is_clean();
}

#[test]
fn a_lock_whose_owner_could_not_be_told_yet_is_excused_as_its_owner_is() {
    // Whoever has just got it has not written its name; or ended before it told anybody that it works.
    for (named, heard) in [(false, true), (true, false)] {
        let mut scene = Scene::new();
        let (one, thief) = (
            scene.call(Role::Hold, 900),
            scene.call(Role::StealNow, 1500),
        );
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 2060);
        let next = scene.steal(2000, thief);
        scene.end(one, 2070, Exit::Code(123));
        scene.end(thief, 2020, Exit::Code(0));
        scene.work(thief, next, 2050, 2400);
        scene.people(2500, blanked);
        scene.overlap(2050, thief, next, &[one]);
        scene.is_clean();
        if !named {
            scene.history.overlaps[0].beside[0].0 = String::new();
        }
        if !heard {
            scene.history.work.remove(0);
        }
        scene.is_clean();
    }
}

#[test]
fn what_is_patched_or_deleted_says_which_it_means() {
    let body = |known: bool, patch: bool| {
        let which = serde_json::json!({ "resourceVersion": "101", "uid": "uid-job" });
        match (known, patch) {
            (false, _) => serde_json::Value::Null,
            (true, true) => serde_json::json!({ "metadata": which }),
            (true, false) => serde_json::json!({ "preconditions": which }),
        }
    };
    for (method, known) in [
        ("PATCH", false),
        ("PATCH", true),
        ("DELETE", false),
        ("DELETE", true),
    ] {
        let mut scene = Scene::new();
        scene.hold(1000, 3500);
        let mut sent = scene.history.requests[0].clone();
        (sent.method, sent.body) = (method.to_owned(), body(known, method == "PATCH"));
        (sent.at, sent.status) = (ms(2500), Some(409));
        scene.history.requests.push(sent);
        assert_eq!(scene.broken().is_empty(), known, "{method}");
        assert!(scene.history.requests[0].path.ends_with(JOB));
    }
}

#[test]
fn a_grant_has_one_command_at_a_time() {
    for (part, from, clean) in [
        ("child", 2000, true),
        ("command", 2000, false),
        ("command", 3100, true),
    ] {
        let mut scene = Scene::new();
        let call = scene.hold(1000, 3500);
        let token = scene.history.work[0].token;
        scene.history.work[0].last = ms(3050);
        scene.work(call, token, from, 3400).part = part.to_owned();
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I1"),
        }
    }
}

#[test]
fn a_theft_is_done_when_the_victim_must_have_stopped() {
    for (role, ended, said, clean) in [
        (Role::Steal, 4010, None, true),
        (Role::Steal, 3900, None, false),
        (Role::Steal, 2700, Some(2500), true),
        (Role::StealNow, 2020, None, true),
    ] {
        let mut scene = Scene::new();
        let (one, thief) = (scene.call(Role::Hold, 900), scene.call(role, 1900));
        scene.of(thief).command = None;
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 2400);
        scene.steal(2000, thief);
        if let Some(said) = said {
            scene.acknowledge(said, one);
        }
        scene.end(one, 2520, Exit::Code(123));
        scene.end(thief, ended, Exit::Code(0));
        scene.people(4500, blanked);
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I3"),
        }
    }
}

#[test]
fn a_grant_counts_one_more_than_the_one_before() {
    for (transitions, clean) in [(2, true), (1, false), (3, false)] {
        let mut scene = Scene::new();
        scene.hold(1000, 1500);
        let other = scene.call(Role::Hold, 1900);
        let holder = scene.of(other).holder.clone();
        let token = scene.write(2000, "user-1", JOB, |lease| {
            let now = crate::oracle::testing::wall(ms(2000));
            lease["spec"]["holderIdentity"] = holder.into();
            lease["spec"]["leaseTransitions"] = transitions.into();
            lease["spec"]["acquireTime"] = now.clone().into();
            lease["spec"]["renewTime"] = now.into();
        });
        scene.work(other, token, 2020, 2400);
        scene.release(2500, other);
        scene.end(other, 2520, Exit::Code(0));
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I2"),
        }
    }
}
