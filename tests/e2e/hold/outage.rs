//! The API server away, slow or mute: short outages are survived, long ones end the command by the deadline.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lease_harness::{Cluster, Fault, Match, wait_gone};
use serde_json::json;

use super::scene::{Held, SOON, Scene, measured, until};

/// Lets the time of an outage pass: its length is what the test is about.
fn outage(span: Duration) {
    std::thread::sleep(span);
}

/// Ends the command by its gate and checks that the hold went well, on its first grant.
#[track_caller]
fn survived(scene: &Scene, held: Held, gate: &std::path::Path) {
    scene.wait_renewals(1);
    let transitions = scene.ns.get("job").expect("it is there")["spec"]["leaseTransitions"].clone();
    let output = held.end_at(gate);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(transitions, json!(1));
    assert_eq!(scene.ns.holder("job"), None);
}

#[track_caller]
fn fenced(scene: &Scene, held: &Held, what: &str) {
    wait_gone(held.child, SOON);
    let took = scene.last_acknowledged().elapsed();
    measured(
        &format!(
            "{what}, dead after the last acknowledgement, D = {:?}",
            scene.duration
        ),
        took,
    );
    assert!(took <= scene.duration, "{took:?}");
    assert!(took >= scene.duration / 2, "too early: {took:?}");
}

#[test]
fn a_server_away_for_less_than_half_the_duration_or_mute_for_one_renewal_costs_nothing() {
    let scene = Scene::new(5);
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    scene.wait_renewals(1);
    // Just before the next renewal is the worst moment: the last one is oldest then.
    outage(
        (scene.last_acknowledged() + scene.duration / 3).saturating_duration_since(Instant::now()),
    );
    scene.proxy.down();
    outage(scene.duration * 2 / 5);
    scene.proxy.up();
    // One renewal that is never answered costs one attempt and its connection.
    scene.wait_renewals(1);
    let before = sockets(held.running.pid());
    scene.proxy.clear();
    scene.proxy.fault(Match::put(), Fault::Hang, 1);
    let requests = scene.proxy.wait_for(
        |all| {
            all.iter()
                .any(|r| r.method == "PUT" && r.status == Some(200))
        },
        SOON,
    );
    let hung = requests.iter().find(|r| r.fault == Some("Hang"));
    let next = requests
        .iter()
        .find(|r| r.status == Some(200) && r.method == "PUT");
    let pause = next.expect("just seen").at - hung.expect("programmed").at;
    measured("one PUT hung, the next sent after, D = 5 s", pause);
    assert!(pause < scene.duration / 3, "{pause:?}");
    let after = sockets(held.running.pid());
    assert!(
        after.difference(&before).next().is_some(),
        "{before:?} {after:?}"
    );
    survived(&scene, held, &gate);
}

/// All at the same time, as each takes a duration.
#[test]
fn a_server_that_is_of_no_use_has_the_command_dead_by_the_deadline() {
    type Trouble = fn(&Scene);
    fn drops_replies(scene: &Scene) {
        // Else the watch shows that the renewals were stored.
        scene.proxy.pause_watches();
        let proxy = &scene.proxy;
        proxy.fault(Match::put(), Fault::DropReply, usize::MAX);
        proxy.fault(Match::get(), Fault::Refuse, usize::MAX);
    }
    fn answers_late(scene: &Scene) {
        scene.proxy.pause_watches();
        let late = Fault::DelayReply(2 * scene.duration);
        scene.proxy.fault(Match::put(), late, usize::MAX);
    }
    let deaf = "trap '' TERM; READY; while :; do sleep 0.05; done";
    let troubles: [(&str, Trouble, &str, &str); 4] = [
        (
            "away",
            |scene| scene.proxy.down(),
            "exec sleep 600",
            "refused",
        ),
        ("mute, TERM ignored", |scene| scene.proxy.freeze(), deaf, ""),
        ("every reply dropped", drops_replies, "exec sleep 600", ""),
        (
            "answers after the deadline",
            answers_late,
            "exec sleep 600",
            "",
        ),
    ];
    std::thread::scope(|scope| {
        for (what, trouble, script, why) in troubles {
            scope.spawn(move || {
                let scene = Scene::new(3);
                let held = scene.start(script);
                scene.wait_renewals(1);
                trouble(&scene);
                fenced(&scene, &held, what);
                scene.proxy.up();
                scene.proxy.clear_faults();
                let output = held.end();
                assert_eq!(output.code, Some(123), "{what}: {output}");
                let lost = "no renewal was acknowledged in time";
                let said = &output.stderr;
                assert!(
                    said.contains(lost) && said.contains(why),
                    "{what}: {output}"
                );
            });
        }
    });
}

#[test]
fn the_real_server_frozen_briefly_costs_nothing_and_stopped_ends_the_command_by_the_deadline() {
    let cluster = Cluster::private();
    let Some(plane) = cluster.control_plane() else {
        // Only a real one can be stopped; the proxy stands in for it above.
        return;
    };
    let scene = Scene::on(&cluster, 5, &["get", "update", "watch"]);
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    scene.wait_renewals(1);
    plane.freeze_api_server();
    outage(scene.duration * 2 / 5);
    plane.thaw_api_server();
    scene.wait_renewals(1);
    plane.stop_api_server();
    fenced(&scene, &held, "kube-apiserver stopped");
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
    plane.start_api_server();
    assert!(scene.ns.holder("job").is_some());
}

/// The sockets that a process has open, by inode.
fn sockets(pid: u32) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return BTreeSet::new();
    };
    let targets = entries
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok());
    targets
        .map(|target| target.to_string_lossy().into_owned())
        .filter(|target| target.starts_with("socket:"))
        .collect()
}
