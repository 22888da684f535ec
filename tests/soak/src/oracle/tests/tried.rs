//! What was sent when it must not be, and the server refused.

use serde_json::json;

use crate::history::{Exit, Role};
use crate::oracle::testing::{Scene, ms, wall};

/// The last of these requests is another try, at this time, that the server refused; it shows that as its time.
fn refused(scene: &mut Scene, like: usize, at: u64) {
    let mut sent = scene.history.requests[like].clone();
    (sent.at, sent.answered) = (ms(at), Some(ms(at + 3)));
    (sent.status, sent.upstream_status) = (Some(409), Some(409));
    sent.body["spec"]["renewTime"] = json!(wall(ms(at)));
    scene.history.requests.push(sent);
}

#[test]
fn who_wakes_up_late_does_not_write_though_another_has_the_lease_by_then() {
    for (tried, came, clean) in [
        (None, 0, true),
        (Some(4900), 4900, true),
        (Some(6500), 6500, false),
        // It was under way for that long.
        (Some(4900), 6500, true),
        (Some(4900), 11_500, true),
    ] {
        let mut scene = Scene::new();
        let (one, other) = (scene.call(Role::Hold, 900), scene.call(Role::Hold, 950));
        let token = scene.grant(1000, one);
        scene.renew(2000, one);
        scene.work(one, token, 1020, 4000);
        let stop = scene.fault("process", "supervisor-stopped", 2100, 6400);
        stop.call = Some(one);
        let next = scene.grant(5100, other);
        if let Some(at) = tried {
            refused(&mut scene, 1, at);
            scene.history.requests.last_mut().expect("just sent").at = ms(came);
        }
        scene.work(other, next, 5120, 5900);
        scene.release(6000, other);
        scene.end(other, 6020, Exit::Code(0));
        scene.end(one, 6600, Exit::Code(123));
        match clean {
            true => scene.is_clean(),
            false => scene.breaks("I6"),
        }
    }
}

#[test]
fn a_lease_is_not_given_back_beside_the_command_though_the_server_refuses_that() {
    for (tried, clean) in [(3495, true), (3000, false)] {
        let mut scene = Scene::new();
        let call = scene.hold(1000, 3500);
        let release = scene.history.requests.len() - 1;
        scene.is_clean();
        refused(&mut scene, release, tried);
        scene.history.requests.last_mut().expect("just sent").status = None;
        assert_eq!(scene.broken().is_empty(), clean, "{tried} {call}");
        assert_eq!(scene.broken().contains(&"I4"), !clean);
    }
}

#[test]
fn a_renewal_that_was_held_back_for_long_was_not_sent_late() {
    for (dated, clean) in [(2500, true), (8490, false)] {
        let mut scene = Scene::new();
        let one = scene.call(Role::Hold, 900);
        let token = scene.grant(1000, one);
        scene.renew(2000, one);
        scene.work(one, token, 1020, 4800);
        scene.end(one, 4900, Exit::Code(123));
        scene.of(one).stderr =
            "lease \"job\" could not be released; it expires by itself".to_owned();
        let hole = scene.fault("api", "client-black-holed", 2400, 8500);
        hole.contenders = vec![one];
        // Nobody has taken it when it is carried out.
        scene.renew(dated, one);
        scene.history.requests[2].at = ms(8500);
        let stored = scene.history.commits.last_mut().expect("just written");
        (stored.received, stored.answered) = (Some(ms(8501)), Some(ms(8502)));
        let broken = scene.broken();
        assert_eq!(broken.is_empty(), clean, "{dated}: {broken:?}");
        assert_eq!(broken.contains(&"I6"), !clean);
    }
}
