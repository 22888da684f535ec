//! Watches that are silent for a while, and that tell what they have told.

use super::{SILENCE, SOON, Scene, assert_silent, read_until};
use serde_json::json;
use std::time::{Duration, Instant};

fn hold(scene: &Scene, holder: &str) {
    let holder = json!(holder);
    scene.ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = holder.clone()
    });
}

#[test]
fn paused_watches_say_what_they_had_to_when_they_are_resumed() {
    let scene = Scene::new();
    let mut watch = scene.watch();
    assert_eq!(scene.proxy.watches(), 1);
    scene.proxy.pause_watches();
    hold(&scene, "me");
    hold(&scene, "you");
    assert_silent(&mut watch);
    scene.proxy.resume_watches();
    let told = read_until(&mut watch, "\"you\"");
    assert!(told.contains("\"me\""), "{told}");
    drop(watch);
    let deadline = Instant::now() + SOON;
    // Noticed at the next event.
    while scene.proxy.watches() > 0 {
        assert!(Instant::now() < deadline, "still counted");
        hold(&scene, "another");
        hold(&scene, "third");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn replayed_watches_tell_their_last_events_again_in_order_and_go_on() {
    let scene = Scene::new();
    let mut watch = scene.watch();
    hold(&scene, "me");
    hold(&scene, "you");
    read_until(&mut watch, "\"you\"");
    assert_silent(&mut watch);
    scene.proxy.replay_watches();
    let told = read_until(&mut watch, "\"you\"");
    let place = |wanted: &str| told.find(wanted);
    assert!(place("ADDED").is_some() && place("ADDED") < place("\"me\""));
    assert_eq!(scene.proxy.replayed(), 3);
    hold(&scene, "third");
    read_until(&mut watch, "\"third\"");
    watch.set_read_timeout(Some(SILENCE)).expect("not zero");
    assert_silent(&mut watch);
}
