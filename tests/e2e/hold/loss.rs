//! The lease taken, edited, blanked or deleted by somebody else: the command is stopped at once, and nothing is taken back.

use crate::support::{pass_to, watching};
use std::time::{Duration, Instant};

use lease_harness::{Fault, Match, Namespace, Request, lease, wait_gone};
use serde_json::{Value, json};

use super::scene::{Held, SOON, Scene, announced, deaf_until, measured, shell};

/// With a watch; the issue asks for 500 ms.
const AT_ONCE: Duration = Duration::from_millis(500);

type Act = fn(&Namespace);

const STOLEN: (&str, Act, &str) = ("a steal", steal, "\"thief\"");
const BLANKED: (&str, Act, &str) = ("a blanked holder", blank, "released");
const DELETED: (&str, Act, &str) = ("a delete", delete, "deleted");
/// A read may fall between the two, hence no name.
const RECREATED: (&str, Act, &str) = ("a delete and recreate", recreate, "deleted");
const REGRANTED: (&str, Act, &str) = ("a new grant to the same name", regrant, "acquired again");

fn steal(ns: &Namespace) {
    let words = ["steal", "job", "--holder", "thief", "--yes", "--now"];
    let output = ns.run(&ns.admin(), words);
    assert_eq!(output.code, Some(0), "{output}");
}

fn blank(ns: &Namespace) {
    pass_to(ns, "job", "");
}

fn delete(ns: &Namespace) {
    ns.delete("job");
}

fn recreate(ns: &Namespace) {
    ns.delete("job");
    ns.create(
        &lease("job")
            .duration(15)
            .holder("another")
            .transitions(1)
            .build(),
    );
}

fn regrant(ns: &Namespace) {
    ns.edit("job", |lease| {
        let transitions = lease["spec"]["leaseTransitions"]
            .as_i64()
            .expect("a grant counts");
        lease["spec"]["leaseTransitions"] = json!(transitions + 1);
    });
}

/// The command is dead within `limit` of the act, the message names who has it, and the Lease stays as it was left.
#[cfg(unix)]
#[track_caller]
fn fences(scene: &Scene, (what, act, message): (&str, Act, &str), limit: Duration) {
    let script = [
        "start",
        "beside",
        "sleep 601",
        "then",
        "announce",
        "then",
        "sleep",
        "600",
    ];
    let held = Held::start(&scene.hold_portable(&[], &script));
    let answered = |request: &Request| request.is_watch() && request.status.is_some();
    scene.proxy.wait_for(|all| all.iter().any(answered), SOON);
    let before = Instant::now();
    act(&scene.ns);
    let (acted, since_before) = (Instant::now(), before.elapsed());
    let left = scene.ns.get("job");
    wait_gone(held.child, SOON);
    let took = acted.elapsed();
    measured(
        &format!(
            "{what} (itself {} ms), dead after",
            since_before.as_millis()
        ),
        took,
    );
    assert!(took <= limit, "{what}: {took:?}");
    let output = held.end();
    assert_eq!(output.code, Some(123), "{what}: {output}");
    let lost = output.stderr.lines().find(|line| line.contains("lost"));
    assert!(
        lost.is_some_and(|line| line.contains(message)),
        "{what}: {output}"
    );
    assert_eq!(scene.ns.get("job"), left, "{what}: {output}");
}

#[cfg(unix)] // how soon a command ends that is asked to, which Wine's consoles do not
#[test]
fn whatever_ends_the_grant_is_noticed_at_once_and_left_as_it_is() {
    // Long enough that no renewal can be what notices.
    for case in [STOLEN, BLANKED, DELETED, RECREATED, REGRANTED] {
        fences(&Scene::new(4), case, AT_ONCE);
    }
    // Without a watch, or with a mute one, the next renewal notices.
    let mute = Scene::new(3);
    mute.proxy.pause_watches();
    for (scene, case) in [(Scene::without_watch(3), STOLEN), (mute, BLANKED)] {
        let limit = scene.duration / 3 + Duration::from_secs(1);
        fences(&scene, case, limit);
    }
}

#[test]
fn a_watch_that_is_refused_cut_or_ended_is_followed_by_another() {
    let scene = Scene::new(4);
    let forbidden = Fault::status(403, "Forbidden", "not now");
    scene.proxy.fault(Match::watch(), forbidden, 1);
    let held = scene.start("exec sleep 600");
    let again = |line: &str| line.contains("can be watched again");
    held.running.wait_stderr(again, SOON);
    for again in 1..3 {
        let watches = |count| {
            move |all: &[Request]| all.iter().filter(|r| r.is_answered_watch()).count() >= count
        };
        scene.proxy.wait_for(watches(again), SOON);
        // The proxy follows the watch once something has come through it.
        scene.wait_renewals(1);
        if again == 1 {
            scene.proxy.cut_watches();
        } else {
            scene.proxy.end_watches();
        }
        scene.proxy.wait_for(watches(again + 1), SOON);
    }
    blank(&scene.ns);
    let acted = Instant::now();
    wait_gone(held.child, SOON);
    assert!(acted.elapsed() <= AT_ONCE, "{:?}", acted.elapsed());
    assert_eq!(held.end().code, Some(123));
}

#[test]
fn who_is_robbed_by_somebody_that_does_not_wait_gives_its_command_no_time() {
    let scene = Scene::new(60);
    let hold = scene.hold(&["--kill-after=20s", "--"]);
    let stubborn = announced(&deaf_until(&scene.gate()));
    let held = Held::start(&hold.args(shell(&stubborn)));
    watching(&scene.proxy);
    steal(&scene.ns);
    let acted = Instant::now();
    wait_gone(held.child, SOON);
    let took = acted.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(held.end().code, Some(123));
}

/// Whoever steals a lease without a duration does not know how long to wait.
#[test]
fn a_duration_that_somebody_removes_is_recorded_again_at_once() {
    let scene = Scene::new(600);
    let held = scene.start("exec sleep 600");
    watching(&scene.proxy);
    let recorded = |lease: &Value| lease["spec"]["leaseDurationSeconds"] == 600;
    scene.ns.edit("job", |lease| {
        lease["spec"]["leaseDurationSeconds"] = json!(null);
    });
    // Regularly it is renewed after 200 s.
    scene.ns.wait_until("job", recorded, SOON);
    held.running.kill();
    held.wait_tree_gone(&[], SOON);
}
