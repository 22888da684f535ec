//! Whoever has it is waited for: by them while we hold, and by us while they do.

use lease_harness::alive;

use crate::candidate::{Terms, beside_each};
use crate::scene::{Scene, THEM, US, writes};

#[test]
fn they_wait_while_we_hold() {
    beside_each(|client| {
        let scene = Scene::new();
        let hold = scene.hold(&["--duration=6s"]);
        let work = hold.wait_runs();
        let them = (client.start)(&scene, Terms::of(6));
        them.wait_follows(2);
        assert_eq!(writes(&scene.theirs.requests()).count(), 0, "{client:?}");
        assert!(alive(work.pid), "{client:?}");
        them.die();
        let output = hold.end();
        assert_eq!(output.code, Some(143), "{client:?} {output}");
    });
}

#[test]
fn we_wait_while_they_hold_and_say_for_whom() {
    beside_each(|client| {
        let scene = Scene::new();
        let them = (client.start)(&scene, Terms::of(6));
        them.wait_leads();
        let named = format!("held by \"{THEM}\"");
        for words in [
            &["acquire", "job", "--timeout=0"][..],
            &["hold", "job", "--timeout=7s", "--", "true"],
        ] {
            let output = scene.us(words).run();
            assert_eq!(output.code, Some(124), "{client:?} {output}");
            assert!(output.stderr.contains(&named), "{client:?} {output}");
        }
        let hold = scene.hold(&[]);
        hold.wait_waits();
        scene.wait_writes(&scene.theirs, 4);
        assert_eq!(writes(&scene.ours.requests()).count(), 0, "{client:?}");
        assert_eq!(scene.ns.holder("job").as_deref(), Some(THEM), "{client:?}");
        assert!(hold.0.is_running(), "{client:?}");
        // None of the waiters has written, nor do they at their end.
        let output = hold.end();
        assert_eq!(output.code, Some(143), "{client:?} {output}");
        assert_ne!(scene.ns.holder("job").as_deref(), Some(US), "{client:?}");
    });
}
