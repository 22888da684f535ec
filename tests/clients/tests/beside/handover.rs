//! The Lease goes from one to the other and back: by a release, and by a death, never sooner than the duration that the dead one recorded.

use std::time::Duration;

use lease_harness::Cluster;
use serde_json::json;

use crate::candidate::{Client, Terms, beside, beside_each, clients};
use crate::scene::{Hold, Scene, THEM, US, Work, granted_to, last_write, measured, wait_until};

/// Beside the duration, for a machine that is busy with other things.
const LATE: Duration = Duration::from_secs(20);

/// Has `hold`, which waits, begin once they have died, and not too early.
#[track_caller]
pub fn begins_after_their_death(client: &Client, scene: &Scene, hold: &Hold, terms: Terms) -> Work {
    let work = hold.wait_runs();
    let took = granted_to(&scene.ours, US) - last_write(&scene.theirs);
    let duration = Duration::from_secs(terms.seconds.into());
    measured(client.name, "their last write to our grant", took);
    assert!(took >= duration, "{client:?}: too early, after {took:?}");
    assert!(took < duration + LATE, "{client:?}: only after {took:?}");
    work
}

/// What it takes for them to go on after a release of ours.
fn unblock(client: &Client, scene: &Scene, them: &dyn crate::candidate::Candidate) {
    if client.needs_a_holder {
        them.wait_error("spec.holderIdentity");
        scene
            .ns
            .edit("job", |lease| lease["spec"]["holderIdentity"] = json!(""));
    }
}

#[test]
fn it_goes_there_and_back_and_the_token_grows() {
    beside_each(|client| {
        let scene = Scene::new();
        let terms = Terms::of(6);
        let hold = scene.hold(&["--duration=6s"]);
        let first = hold.wait_runs();
        let them = (client.start)(&scene, terms);
        them.wait_follows(1);
        let output = hold.end();
        assert_eq!(output.code, Some(143), "{client:?} {output}");
        let released = last_write(&scene.ours);
        unblock(client, &scene, &*them);
        them.wait_leads();
        let took = granted_to(&scene.theirs, THEM).checked_duration_since(released);
        let took = took.expect("not before our release");
        measured(client.name, "our release to their grant", took);

        let hold = scene.hold(&[]);
        hold.wait_waits();
        scene.wait_writes(&scene.theirs, 2);
        scene.ours.clear();
        them.die();
        let second = begins_after_their_death(client, &scene, &hold, terms);
        assert!(second.token > first.token, "{first:?} {second:?}");
        let output = hold.end();
        assert_eq!(output.code, Some(143), "{client:?} {output}");
    });
}

#[test]
fn what_they_give_back_is_ours_at_once() {
    let mut clients = clients();
    clients.retain(|client| client.releases);
    beside(&clients, |client| {
        let scene = Scene::new();
        // So long that nobody could have waited for it.
        let mut them = (client.start)(&scene, Terms::of(600));
        them.wait_leads();
        let hold = scene.hold(&[]);
        hold.wait_waits();
        them.release();
        hold.wait_runs();
        let took = granted_to(&scene.ours, US) - last_write(&scene.theirs);
        measured(client.name, "their release to our grant", took);
        // The second that client-go and others record with a release is no duration of anybody's.
        let spec = &scene.stored()["spec"];
        assert_eq!(spec["leaseDurationSeconds"], 15, "{client:?}");
        let output = hold.end();
        assert_eq!(output.code, Some(143), "{client:?} {output}");
    });
}

/// The newest stamp of the server on any field of theirs counts, whoever of their field managers has it.
#[test]
fn who_is_dead_for_long_is_taken_from_at_first_sight_by_the_servers_stamps() {
    beside_each(|client| {
        // Servers stamp so since 1.25.
        let cluster = Cluster::in_process(lease_harness::lease_api_server::Options::default());
        let server = cluster.api_server().expect("in this process");
        let scene = Scene::on(&cluster);
        let them = (client.start)(&scene, Terms::of(6));
        them.wait_leads();
        // A stamp of its own, later than that of the grant.
        scene.wait_writes(&scene.theirs, 3);
        them.die();
        let tries = || scene.us(&["acquire", "job", "--timeout=0"]).run();
        let later = |seconds| server.set_clock_offset(jiff::SignedDuration::from_secs(seconds));
        later(20);
        let output = tries();
        assert_eq!(output.code, Some(124), "{client:?} {output}");
        later(120);
        // Again where the answers of a busy machine take too long; each has seen it for the first time.
        wait_until(|| tries().code == Some(0));
    });
}
