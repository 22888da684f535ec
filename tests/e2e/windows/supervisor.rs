//! Supervisors killed and suspended: the command is dead by the deadline, and where nobody is left to wait for it at once.

use std::time::Instant;

use lease_harness::{kill_process, resume_process, suspend_process, wait_gone};

use super::scene::{AT_ONCE, all_gone, start_with_children};
use crate::hold::scene::{SOON, Scene, measured};

/// What of D the command has to live: 5 % are for clocks that run at different rates.
const WITHIN: f64 = 0.95;

#[test]
fn a_supervisor_that_is_killed_takes_the_command_and_its_children_with_it_at_once() {
    let scene = Scene::new(3600);
    let (held, mut tree) = start_with_children(&scene, &["beside", "group"], &["sleep", "600"]);
    tree.push(held.child);
    held.running.kill();
    let took = all_gone(&tree);
    measured("supervisor killed, all dead after", took);
    assert!(took <= AT_ONCE, "{took:?}");
    held.wait_tree_gone(&[], SOON);
    // Nobody was left to give it back.
    assert!(scene.ns.holder("job").is_some());
}

#[test]
fn a_supervisor_that_is_suspended_has_its_command_dead_by_the_deadline_and_writes_no_more() {
    let scene = Scene::new(4);
    let (held, mut tree) = start_with_children(&scene, &["beside", "group"], &["sleep", "600"]);
    tree.push(held.child);
    scene.wait_renewals(1);
    suspend_process(held.running.pid());
    let acknowledged = scene.last_acknowledged();
    all_gone(&tree);
    let took = acknowledged.elapsed();
    measured(
        "suspended supervisor, dead after its last acknowledgement, D = 4 s",
        took,
    );
    assert!(took <= scene.duration.mul_f64(WITHIN), "{took:?}");

    let words = ["acquire", "job", "--holder", "next", "--duration", "60s"];
    let next = scene.ns.run(&scene.user, words);
    assert_eq!(next.code, Some(0), "{next}");
    let theirs = scene.ns.get("job");
    scene.proxy.clear();
    resume_process(held.running.pid());
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
    assert!(output.stderr.contains("lost"), "{output}");
    assert_eq!(scene.ns.get("job"), theirs);
    assert_eq!(scene.writes(), 0);
}

/// Suspended first, so that neither has a moment to act on the other's death: what is left is kill-on-close.
#[test]
fn supervisor_and_watchdog_killed_together_take_the_command_with_them_at_once() {
    let scene = Scene::new(3600);
    let (held, mut tree) = start_with_children(&scene, &["beside", "group"], &["sleep", "600"]);
    tree.push(held.child);
    suspend_process(held.running.pid());
    suspend_process(held.watchdog);
    kill_process(held.watchdog);
    held.running.kill();
    let killed = Instant::now();
    let took = all_gone(&tree);
    measured("both killed, all dead after", took);
    assert!(killed.elapsed() <= AT_ONCE, "{took:?}");
    wait_gone(held.watchdog, SOON);
}
