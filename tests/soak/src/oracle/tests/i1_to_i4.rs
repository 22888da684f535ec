//! Overlaps, tokens, changes of holder, deadlines.

use serde_json::{Value, json};

use crate::history::{Exit, Role};
use crate::oracle::testing::{JOB, Scene, blanked, ms};

/// One holds, is silent from its last renewal at 2 s on, and ends by 123 when its time is over; another takes over.
/// `last` is its last work, `taken` the takeover.
fn expired(last: u64, taken: u64) -> (Scene, u32, u32) {
    let mut scene = Scene::new();
    let (one, other) = (scene.call(Role::Hold, 900), scene.call(Role::Hold, 950));
    let token = scene.grant(1000, one);
    scene.renew(2000, one);
    scene.work(one, token, 1020, last);
    scene.end(one, last + 20, Exit::Code(123));
    scene.of(one).stderr = "lease \"job\" could not be released; it expires by itself".to_owned();
    let outage = scene.fault("api", "put-refused", 2100, 5000);
    outage.contenders = vec![one];
    let next = scene.grant(taken, other);
    scene.work(other, next, taken + 20, taken + 480);
    scene.release(taken + 500, other);
    scene.end(other, taken + 520, Exit::Code(0));
    (scene, one, other)
}

/// One holds since 1 s and is robbed at 2 s by `words`; it works until `last`, and the thief from `begun`.
fn robbed(role: Role, words: &[&str], last: u64, begun: u64) -> (Scene, u32, u32) {
    let mut scene = Scene::new();
    let (one, thief) = (scene.call(Role::Hold, 900), scene.call(role, 1500));
    let words = words.iter().map(|word| (*word).to_owned());
    scene.of(thief).words.extend(words);
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, last);
    let next = scene.steal(2000, thief);
    scene.end(one, last + 20, Exit::Code(123));
    scene.renew(2900, thief);
    scene.renew(3800, thief);
    scene.work(thief, next, begun, begun + 400);
    let end = begun.max(3800) + 500;
    scene.release(end, thief);
    scene.end(thief, end + 20, Exit::Code(0));
    (scene, one, thief)
}

#[test]
fn one_after_the_other_is_clean() {
    let mut scene = Scene::new();
    for turn in 0..5 {
        scene.hold(1000 + turn * 3000, 3500 + turn * 3000);
    }
    scene.is_clean();
}

#[test]
fn work_under_two_tokens_at_a_time_is_an_overlap() {
    // Its last work is before its deadline, and the next one's first before that.
    let (mut scene, ..) = expired(4900, 5010);
    scene.is_clean();
    scene.history.work[1].first = ms(4895);
    assert!(scene.broken().contains(&"I1"));
}

#[test]
fn a_lock_that_is_taken_is_an_overlap_even_if_no_work_tells() {
    let (mut scene, one, other) = expired(4000, 5010);
    let token = scene.history.work[1].token;
    scene.overlap(5030, other, token, &[one]);
    scene.breaks("I1");
    // Nobody knows whose lock it was: no excuse.
    scene.history.overlaps[0].beside.clear();
    scene.breaks("I1");
}

#[test]
fn an_overlap_after_a_takeover_that_does_not_wait_is_asked_for() {
    for (role, words, clean) in [
        (Role::StealNow, vec![], true),
        (Role::HoldSteal, vec!["--steal", "--now"], true),
        (Role::HoldSteal, vec!["--steal"], false),
    ] {
        let (scene, ..) = robbed(role, &words, 2300, 2050);
        let broken = scene.broken();
        assert_eq!(broken.is_empty(), clean, "{words:?}: {broken:?}");
        assert_eq!(broken.contains(&"I1"), !clean);
    }
}

#[test]
fn an_overlap_after_what_people_did_between_the_grants_is_asked_for() {
    type Edit = fn(&mut Value);
    let deeds: [(&str, Edit, bool); 5] = [
        ("deleted", |lease| *lease = Value::Null, true),
        ("blanked", blanked, true),
        (
            "shortened",
            |lease| lease["spec"]["leaseDurationSeconds"] = json!(1),
            true,
        ),
        (
            "made longer",
            |lease| lease["spec"]["leaseDurationSeconds"] = json!(9),
            false,
        ),
        (
            "labelled",
            |lease| lease["metadata"]["labels"] = json!({ "a": "b" }),
            false,
        ),
    ];
    for (what, deed, asked) in deeds {
        let mut scene = Scene::new();
        let (one, other) = (scene.call(Role::Hold, 900), scene.call(Role::Hold, 950));
        let token = scene.grant(1000, one);
        scene.people(2000, deed);
        scene.work(one, token, 1020, 3600);
        scene.end(one, 3620, Exit::Code(123));
        if what == "deleted" {
            scene.create(JOB);
        }
        // As soon as what is recorded allows it.
        let next = scene.grant(3050, other);
        scene.work(other, next, 3070, 3480);
        scene.release(3700, other);
        scene.end(other, 3720, Exit::Code(0));
        assert_eq!(!scene.broken().contains(&"I1"), asked, "{what}");
    }
}

#[test]
fn an_overlap_is_asked_for_only_by_a_write_that_somebody_was_to_make() {
    let shortened = |noted: Option<(&str, u64, &str)>| {
        let mut scene = Scene::new();
        let (one, other) = (scene.call(Role::Hold, 900), scene.call(Role::Hold, 950));
        let token = scene.grant(1000, one);
        scene.write(2000, "admin", JOB, |lease| {
            lease["spec"]["leaseDurationSeconds"] = json!(1);
        });
        if let Some((kind, at, lease)) = noted {
            scene.noted(kind, at, lease);
        }
        scene.work(one, token, 1020, 3600);
        scene.end(one, 3620, Exit::Code(123));
        let next = scene.grant(3050, other);
        scene.work(other, next, 3070, 3480);
        scene.release(3700, other);
        scene.end(other, 3720, Exit::Code(0));
        scene.broken()
    };
    let clean: [&str; 0] = [];
    assert_eq!(shortened(Some(("duration-shorter", 1995, JOB))), clean);
    for noted in [
        None,
        Some(("duration-shorter", 1500, JOB)),
        Some(("duration-shorter", 2200, JOB)),
        Some(("duration-shorter", 1995, "left")),
        Some(("labelled", 1995, JOB)),
    ] {
        assert_eq!(shortened(noted), ["I1", "I6"], "{noted:?}");
    }
}

#[test]
fn the_sink_refuses_what_comes_late_where_an_overlap_was_asked_for() {
    let (mut scene, ..) = robbed(Role::StealNow, &[], 3800, 2050);
    // Heard for more than a second beside the greater token, and not refused.
    scene.breaks("I1");
    scene.refuses(0, 2050);
    scene.is_clean();
    // One of them was taken all the same.
    scene.history.work[0].last_taken = Some(ms(3500));
    scene.breaks("I1");
}

#[test]
fn nobody_was_left_to_end_a_command_while_its_supervisor_and_its_watchdog_were_frozen() {
    for (kinds, clean) in [
        (vec!["supervisor-stopped", "watchdog-stopped"], true),
        (vec!["supervisor-and-watchdog-stopped"], true),
        (vec!["all-stopped"], true),
        (vec!["supervisor-stopped"], false),
        (vec!["watchdog-stopped", "command-stopped"], false),
    ] {
        let (mut scene, one, _) = expired(5600, 5010);
        scene.refuses(0, 5010);
        for kind in &kinds {
            scene.fault("process", kind, 2100, 5500).call = Some(one);
        }
        let broken = scene.broken();
        assert_eq!(broken.is_empty(), clean, "{kinds:?}: {broken:?}");
        // It may not go on for ever, either.
        scene.history.work[0].last = ms(7500);
        scene.end(one, 7520, Exit::Code(123));
        assert!(scene.broken().contains(&"I4"), "{kinds:?}");
    }
}

#[test]
fn a_token_is_the_revision_of_the_write_that_made_the_grant() {
    let mut scene = Scene::new();
    scene.hold(1000, 3500);
    let renewal = scene.history.commits[2].revision;
    scene.history.work[0].token = renewal;
    scene.breaks("I2");
    // The answer to the grant was lost: what it read then has a later revision, and is the same grant.
    scene.history.requests[0].status = None;
    // But not before that was stored.
    scene.breaks("I2");
    scene.history.work[0].first = ms(2010);
    scene.is_clean();
    scene.history.work[0].token = scene.history.commits[0].revision;
    assert_eq!(scene.broken(), ["I2"]);
}

#[test]
fn work_before_its_grant_was_stored_and_work_with_anothers_token_are_found() {
    let mut scene = Scene::new();
    scene.hold(1000, 3500);
    scene.hold(4000, 6500);
    scene.is_clean();
    let mut early = Scene::new();
    early.hold(1000, 3500);
    early.history.work[0].first = ms(990);
    early.breaks("I2");
    scene.history.work[1].token = scene.history.work[0].token;
    assert!(scene.broken().contains(&"I2"));
}

#[test]
fn two_tokens_under_one_grant_are_found() {
    let mut scene = Scene::new();
    let call = scene.hold(1000, 3500);
    scene.history.requests[0].status = None;
    let renewal = scene.history.commits[2].revision;
    scene.work(call, renewal, 2500, 3000);
    assert!(scene.broken().contains(&"I2"));
}

#[test]
fn a_takeover_before_the_recorded_duration_has_passed_is_not_justified() {
    let (scene, ..) = expired(4000, 5010);
    scene.is_clean();
    let (scene, ..) = expired(4000, 4980);
    scene.breaks("I3");
}

#[test]
fn a_takeover_counts_from_the_last_change_and_by_what_is_recorded_then() {
    for (changed, duration, taken, clean) in [
        (4000, 3, 6000, false),
        (4000, 3, 7010, true),
        (4000, 4, 7010, false),
        (4000, 4, 8010, true),
    ] {
        let mut scene = Scene::new();
        let (one, other) = (scene.call(Role::Hold, 900), scene.call(Role::Hold, 950));
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 3500);
        scene.people(changed, |lease| {
            lease["spec"]["leaseDurationSeconds"] = json!(duration);
            lease["spec"]["renewTime"] = json!("2001-01-01T00:00:00.000000Z");
        });
        scene.end(one, 3520, Exit::Signal(9));
        scene.fault("process", "supervisor-killed", 3500, 3500).call = Some(one);
        let next = scene.grant(taken, other);
        scene.work(other, next, taken + 20, taken + 80);
        scene.release(taken + 100, other);
        scene.end(other, taken + 120, Exit::Code(0));
        assert_eq!(!scene.broken().contains(&"I3"), clean, "{duration} {taken}");
    }
}

#[test]
fn what_records_no_duration_is_taken_by_nobody_who_acquires() {
    let mut scene = Scene::new();
    let (one, other) = (scene.call(Role::Hold, 900), scene.call(Role::Hold, 950));
    scene.grant(1000, one);
    scene.people(1500, |lease| {
        lease["spec"]
            .as_object_mut()
            .map(|spec| spec.remove("leaseDurationSeconds"));
    });
    scene.grant(9000, other);
    assert!(scene.broken().contains(&"I3"));
}

#[test]
fn a_thief_begins_when_its_victim_must_have_stopped_or_says_so() {
    // The victim's last change was its grant, at 1 s.
    let (scene, ..) = robbed(Role::HoldSteal, &["--steal"], 2300, 4020);
    scene.is_clean();
    let (scene, ..) = robbed(Role::HoldSteal, &["--steal"], 2300, 3900);
    scene.breaks("I3");
    for (said, clean) in [(2320, true), (2280, false)] {
        let mut scene = Scene::new();
        let (one, thief) = (
            scene.call(Role::Hold, 900),
            scene.call(Role::HoldSteal, 1500),
        );
        scene.of(thief).words.push("--steal".to_owned());
        let token = scene.grant(1000, one);
        scene.work(one, token, 1020, 2300);
        let next = scene.steal(2000, thief);
        scene.acknowledge(said, one);
        scene.end(one, 2400, Exit::Code(123));
        scene.work(thief, next, 2500, 2800);
        scene.release(2900, thief);
        scene.end(thief, 2920, Exit::Code(0));
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I3"),
        }
    }
}

#[test]
fn a_release_of_anothers_grant_is_no_release() {
    let mut scene = Scene::new();
    let (one, other) = (scene.call(Role::Hold, 900), scene.call(Role::Hold, 950));
    let token = scene.grant(1000, one);
    scene.work(one, token, 1020, 1900);
    scene.release(2000, other);
    scene.end(one, 2020, Exit::Code(123));
    let broken = scene.broken();
    assert!(
        broken.contains(&"I3") && broken.contains(&"I6"),
        "{broken:?}"
    );
    // Somebody whom people ask to free it may.
    scene.of(other).role = Role::ReleaseForce;
    scene.end(other, 2100, Exit::Code(0));
    scene.is_clean();
}

#[test]
fn what_runs_is_dead_by_the_last_stored_renewal_and_the_duration() {
    let (scene, ..) = expired(4990, 5010);
    scene.is_clean();
    let (scene, ..) = expired(5005, 5010);
    scene.breaks("I4");
}

#[test]
fn a_renewal_counts_from_when_it_was_dated_if_it_was_long_under_way() {
    let (mut scene, one, _) = expired(4900, 5410);
    // It came to the proxy 400 ms after it was dated: what runs must be dead by 5 s, and not by 5.4 s.
    let renewal = &mut scene.history.requests[1];
    assert_eq!(renewal.contender, one);
    renewal.at = ms(2400);
    let stored = &mut scene.history.commits[2];
    stored.received = Some(renewal.at);
    stored.answered = Some(renewal.at);
    scene.is_clean();
    scene.history.work[0].last = ms(5100);
    scene.end(one, 5120, Exit::Code(123));
    scene.breaks("I4");
}

#[test]
fn a_clock_that_lies_says_when_a_renewal_was_sent_all_the_same() {
    for lie in [-3_600_000, 3_600_000] {
        let (mut scene, one, _) = expired(4900, 5010);
        // What it writes is an hour off, as its clock is.
        scene.of(one).clock.wall_offset = lie;
        scene.is_clean();
    }
}

#[test]
fn a_machine_that_stood_still_excuses_as_much_as_it_stood() {
    let (mut scene, one, _) = expired(5300, 5310);
    scene.breaks("I4");
    scene.fault("surroundings", "machine-stalled", 4800, 5200);
    scene.is_clean();
    scene.history.work[0].last = ms(5450);
    scene.end(one, 5470, Exit::Code(123));
    assert!(scene.broken().contains(&"I4"));
}

#[test]
fn a_lease_is_given_back_when_the_last_process_is_gone() {
    let mut scene = Scene::new();
    let call = scene.hold(1000, 3500);
    let token = scene.history.work[0].token;
    scene.work(call, token, 1100, 3490).part = "daemon".to_owned();
    scene.is_clean();
    scene.history.work[1].last = ms(3520);
    scene.breaks("I4");
}
