//! Which duration a hold has: what is recorded when none is asked for, what does not fit it, and edits of it meanwhile.

use lease_harness::lease;
use serde_json::{Value, json};

use super::scene::{Scene, until};

/// What the Lease records now.
fn recorded(scene: &Scene) -> Value {
    scene.ns.get("job").expect("it is there")["spec"]["leaseDurationSeconds"].clone()
}

#[test]
fn times_that_do_not_fit_the_default_duration_are_refused_before_anything_is_written() {
    for spec in [
        None,
        Some(json!({})),
        // As client-go leaves it.
        Some(json!({ "holderIdentity": "", "leaseDurationSeconds": 1 })),
    ] {
        let scene = Scene::new(4);
        scene.ns.delete("job");
        if let Some(spec) = &spec {
            let mut lease = lease("job").build();
            lease["spec"] = spec.clone();
            scene.ns.create(&lease);
        }
        let admin = scene.ns.admin();
        for words in [["--kill-after", "20s"], ["--renew-every", "14s"]] {
            let words = [
                &["hold", "job", "--create"][..],
                &words,
                &["--", "echo", "ran"],
            ]
            .concat();
            let output = scene.ns.command(&admin, words).via(&scene.proxy).run();
            assert_eq!(
                (output.code, output.stdout.as_str()),
                (Some(2), ""),
                "{output}"
            );
            assert!(
                output.stderr.contains("a lease duration of 15s"),
                "{output}"
            );
        }
        assert_eq!(scene.writes(), 0, "{spec:?}");
        assert_eq!(scene.ns.get("job").is_some(), spec.is_some());
    }
}

#[test]
fn times_that_fit_no_duration_at_all_are_refused_before_anything_is_sent() {
    let scene = Scene::new(4);
    for words in [
        ["--renew-every", "0", "must be longer than 0s"],
        [
            "--renew-every",
            "18446744073709551615",
            "; choose a shorter --renew-every\n",
        ],
        [
            "--kill-after",
            "18446744073709551615",
            "; choose a shorter --kill-after\n",
        ],
    ] {
        let output = scene
            .hold(&[&words[..2], &["--", "echo", "ran"]].concat())
            .run();
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(2), ""),
            "{output}"
        );
        assert!(output.stderr.contains(words[2]), "{output}");
    }
    assert_eq!(scene.proxy.requests().len(), 0);
}

#[test]
fn the_second_that_client_go_leaves_is_not_inherited() {
    let scene = Scene::new(1);
    let output = scene.hold(&["--", "echo", "ran"]).run();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(recorded(&scene), 15);
}

#[test]
fn a_duration_that_somebody_removes_is_no_loss_and_is_recorded_again() {
    for without_watch in [false, true] {
        let scene = if without_watch {
            Scene::without_watch(3)
        } else {
            Scene::new(3)
        };
        let gate = scene.gate();
        let held = scene.start(&until(&gate));
        for _ in 0..2 {
            scene.ns.edit("job", |lease| {
                lease["spec"]["leaseDurationSeconds"] = Value::Null
            });
            scene.wait_renewals(2);
            assert_eq!(recorded(&scene), 3);
        }
        std::fs::write(gate, "").expect("a file");
        let output = held.end();
        assert_eq!(output.code, Some(0), "{output}");
        assert!(!output.stderr.contains("lost"), "{output}");
        assert_eq!(scene.ns.holder("job"), None);
    }
}

#[test]
fn a_longer_duration_is_no_loss_and_neither_is_the_way_back() {
    let scene = Scene::new(3);
    let gate = scene.gate();
    let held = scene.start(&until(&gate));
    for seconds in [60, 3] {
        scene.ns.edit("job", |lease| {
            lease["spec"]["leaseDurationSeconds"] = json!(seconds)
        });
        scene.wait_renewals(2);
        assert_eq!(recorded(&scene), seconds);
    }
    std::fs::write(gate, "").expect("a file");
    let output = held.end();
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn a_duration_that_is_removed_and_then_set_shorter_is_a_loss() {
    let scene = Scene::new(4);
    let held = scene.start("exec sleep 600");
    for value in [Value::Null, json!(2)] {
        scene.wait_renewals(1);
        scene.ns.edit("job", |lease| {
            lease["spec"]["leaseDurationSeconds"] = value.clone()
        });
    }
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
    assert!(
        output.stderr.contains("shortened its duration to 2s"),
        "{output}"
    );
}
