//! The lease taken by somebody else, or out of reach: the command is stopped, and nothing is taken back.

use std::time::{Duration, Instant};

use lease_harness::{Fault, Match, wait_gone};

use super::scene::{living, start_with_children};
use crate::hold::scene::{SOON, Scene, measured};
use crate::support::{pass_to, watching};

#[test]
fn a_stolen_lease_has_its_command_and_its_children_dead_within_a_second() {
    let scene = Scene::new(30);
    let (held, mut tree) = start_with_children(&scene, &["beside", "group"], &["sleep", "600"]);
    tree.push(held.child);
    watching(&scene.proxy);
    pass_to(&scene.ns, "job", "thief");
    let stolen = Instant::now();
    wait_gone(held.child, SOON);
    let took = stolen.elapsed();
    measured("stolen, dead after", took);
    assert!(took <= Duration::from_secs(1), "{took:?}");
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
    assert!(output.stderr.contains("\"thief\""), "{output}");
    assert_eq!(living(&tree), Vec::<u32>::new(), "{output}");
    assert_eq!(scene.ns.holder("job").as_deref(), Some("thief"));
}

#[test]
fn a_server_out_of_reach_has_the_command_dead_by_the_deadline() {
    let scene = Scene::new(4);
    let held = scene.start("exec sleep 600");
    scene.wait_renewals(1);
    scene.proxy.fault(Match::any(), Fault::Hang, usize::MAX);
    wait_gone(held.child, SOON);
    let took = scene.last_acknowledged().elapsed();
    measured(
        "unreachable, dead after the last acknowledgement, D = 4 s",
        took,
    );
    assert!(took <= scene.duration.mul_f64(0.95), "{took:?}");
    let output = held.running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
}
