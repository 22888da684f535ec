//! The watchdog killed and suspended: the supervisor stops the command, and says that it did.

use std::path::PathBuf;
use std::time::Instant;

use lease_harness::{kill_process, resume_process, suspend_process, wait_gone};

use super::scene::{AT_ONCE, all_gone, start_with_children};
use crate::hold::scene::{Held, SOON, Scene, measured};
use crate::support::pass_to;

/// A hold that was renewed, whose command waits for the gate.
fn renewed_until_a_gate(scene: &Scene) -> (Held, PathBuf) {
    let gate = scene.gate();
    let script = ["announce", "then", "until", &gate.display().to_string()];
    let held = Held::start(&scene.hold_portable(&[], &script));
    scene.wait_renewals(1);
    (held, gate)
}

#[test]
fn without_its_watchdog_the_command_is_stopped_at_once_and_the_lease_is_free_after() {
    let scene = Scene::new(60);
    let (held, mut tree) = start_with_children(&scene, &["beside", "group"], &["sleep", "600"]);
    tree.push(held.child);
    let survivors = scene.survivors_at_release(&held);
    kill_process(held.watchdog);
    let took = all_gone(&tree);
    measured("watchdog killed, all dead after", took);
    assert!(took <= AT_ONCE, "{took:?}");
    let output = held.end();
    assert_eq!(output.code, Some(125), "{output}");
    assert!(output.stderr.contains("watchdog"), "{output}");
    assert_eq!(survivors(), Vec::<u32>::new(), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
}

/// What it is told while it stands still is heard before it looks at the time.
#[test]
fn a_watchdog_that_was_suspended_while_the_lease_was_renewed_lets_the_command_run() {
    let scene = Scene::new(4);
    let (held, gate) = renewed_until_a_gate(&scene);
    for _ in 0..3 {
        suspend_process(held.watchdog);
        scene.wait_renewals(1);
        resume_process(held.watchdog);
    }
    scene.ends_alone(held, &gate, 0);
}

/// Nobody else tells that the command has ended; so the supervisor has it go on.
#[test]
fn a_watchdog_that_stays_suspended_leaves_no_lease_held_for_nobody() {
    let scene = Scene::new(4);
    let (held, gate) = renewed_until_a_gate(&scene);
    suspend_process(held.watchdog);
    scene.ends_alone(held, &gate, 0);
}

/// What nobody lets run is gone with whoever would have.
#[test]
fn a_supervisor_that_is_killed_while_its_watchdog_is_suspended_takes_all_with_it_at_once() {
    let scene = Scene::new(3600);
    let (held, mut tree) = start_with_children(&scene, &["beside", "group"], &["sleep", "600"]);
    tree.push(held.child);
    suspend_process(held.watchdog);
    held.running.kill();
    let took = all_gone(&tree);
    measured(
        "watchdog suspended and supervisor killed, all dead after",
        took,
    );
    assert!(took <= AT_ONCE, "{took:?}");
    wait_gone(held.watchdog, SOON);
}

#[test]
fn a_watchdog_that_is_suspended_does_not_stop_the_fence() {
    let scene = Scene::new(4);
    let held = scene.start("exec sleep 600");
    scene.wait_renewals(1);
    suspend_process(held.watchdog);
    pass_to(&scene.ns, "job", "thief");
    let stolen = Instant::now();
    wait_gone(held.child, SOON);
    let took = stolen.elapsed();
    measured("suspended watchdog, dead after a steal, D = 4 s", took);
    assert!(took <= scene.duration, "{took:?}");
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
}
