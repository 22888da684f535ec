//! Takeovers and releases that only look justified, and locks of which it is not plain whose they are.

use crate::history::{Exit, Role};
use crate::oracle::testing::Scene;

/// One works until 3.8 s; a thief has its lease from 2 s on, and `release` gives it back at `freed`; a third begins then.
fn stolen_and_given_back(role: Role, freed: u64) -> Scene {
    let mut scene = Scene::new();
    let (one, thief) = (scene.call(Role::Hold, 900), scene.call(role, 1900));
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, 3800);
    scene.steal(2000, thief);
    scene.end(one, 3820, Exit::Code(123));
    scene.end(thief, 2020, Exit::Code(0));
    let release = scene.call(Role::Release, freed - 50);
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
    scene.history.work[0].refused = 100;
    assert!(scene.broken().contains(&"I1"), "{:?}", scene.broken());
    // It was asked for by the theft itself.
    let mut scene = stolen_and_given_back(Role::StealNow, 2500);
    scene.history.work[0].refused = 100;
    scene.is_clean();
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
