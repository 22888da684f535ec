//! What the command leaves behind, however it left: dead before the lease is released.

use super::scene::{LEAVING, living, start_with_children, started};
use crate::hold::scene::{Held, Scene};
use crate::support::wait_until;

#[test]
fn whoever_left_the_command_is_dead_before_the_lease_is_released() {
    for way in LEAVING {
        let scene = Scene::new(60);
        let gate = scene.gate();
        let name = gate.display().to_string();
        let wait = ["until", &name, "then", "exit", "3"];
        let (held, left) = start_with_children(&scene, &["beside", way], &wait);
        assert_eq!(living(&left), left, "they run for as long as the command");
        let output = scene.ends_alone(held, &gate, 3);
        assert_eq!(living(&left), Vec::<u32>::new(), "{way}: {output}");
    }
}

/// Its parent is gone before anybody looks: nobody's child, but still in the job.
#[test]
fn a_grandchild_whose_parent_has_ended_is_dead_before_the_lease_is_released() {
    let scene = Scene::new(60);
    let gate = scene.gate();
    let name = gate.display().to_string();
    let grandchild = "start beside sleep 600";
    let script = [
        "start", "detached", grandchild, "then", "announce", "then", "until", &name,
    ];
    let held = Held::start(&scene.hold_portable(&[], &script));
    wait_until(|| started(&held.running).len() == 2);
    let pids = started(&held.running);
    wait_until(|| living(&pids).len() == 1);
    let output = scene.ends_alone(held, &gate, 0);
    assert_eq!(living(&pids), Vec::<u32>::new(), "{output}");
}
