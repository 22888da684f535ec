//! What they leave behind, as `status` shows it and as `acquire` takes it.

use crate::candidate::{Terms, beside_each};
use crate::scene::{SOON, Scene, THEM, US, wait_until};

const HELD: Option<i32> = Some(0);
const EXPIRED: Option<i32> = Some(3);
const FREE: Option<i32> = Some(4);

#[test]
fn a_held_a_dead_and_a_released_lease_of_theirs_are_told_apart_and_the_last_is_taken_at_once() {
    beside_each(|client| {
        let scene = Scene::new();
        let status = || scene.status(&["--exit-code"]);
        let mut them = (client.start)(&scene, Terms::of(6));
        them.wait_leads();
        let shown = status();
        assert_eq!(shown.code, HELD, "{client:?} {shown}");
        assert!(shown.stdout.contains(THEM), "{client:?} {shown}");
        if client.releases {
            them.release();
            let holder = |lease: &serde_json::Value| lease["spec"]["holderIdentity"].clone();
            let nobody = |lease: &_| holder(lease).as_str().unwrap_or_default().is_empty();
            scene.ns.wait_until("job", nobody, SOON);
            let shown = status();
            assert_eq!(shown.code, FREE, "{client:?} {shown}");
            let output = scene.us(&["acquire", "job", "--timeout=0"]).run();
            assert_eq!(output.code, Some(0), "{client:?} {output}");
            // None that they record with a release is of any use.
            let spec = &scene.stored()["spec"];
            assert_eq!(spec["holderIdentity"], US, "{client:?}");
            assert_eq!(spec["leaseDurationSeconds"], 60, "{client:?}");
        } else {
            them.die();
            wait_until(|| status().code == EXPIRED);
            // It looks only once, and cannot have seen them being silent.
            let output = scene.us(&["acquire", "job", "--timeout=0"]).run();
            assert_eq!(output.code, Some(124), "{client:?} {output}");
            let output = scene.us(&["acquire", "job", "--timeout=60s"]).run();
            assert_eq!(output.code, Some(0), "{client:?} {output}");
        }
    });
}
