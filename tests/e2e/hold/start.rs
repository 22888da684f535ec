//! How a hold begins: what it waits for, what its command is told, and holding without one.

use crate::support::{ended, pass_to};
use std::time::Duration;

use lease_harness::TERMINATED;
use serde_json::json;

use super::scene::{SOON, Scene};

fn held_by_another(scene: &Scene) {
    scene.ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = json!("another");
        lease["spec"]["leaseDurationSeconds"] = json!(3600);
    });
}

#[test]
fn a_timeout_bounds_the_waiting_alone_with_124_or_the_code_asked_for() {
    let scene = Scene::new(4);
    held_by_another(&scene);
    for (words, code) in [
        (&["--timeout", "2s"][..], 124),
        (&["--timeout", "0", "-E", "77"], 77),
        (&["--timeout", "0", "--conflict-exit-code", "0"], 0),
    ] {
        let words = [words, &["--", "echo", "ran"]].concat();
        let output = scene.hold(&words).run();
        assert_eq!(output.code, Some(code), "{output}");
        assert_eq!(output.stdout, "");
        assert!(output.stderr.contains("another"), "{output}");
        assert!(output.elapsed < Duration::from_secs(8), "{output}");
    }
    assert_eq!(scene.writes(), 0);
    crate::support::set_free(&scene.ns, "job");
    let words = ["--duration", "4s", "--timeout", "2s", "--", "sleep", "3"];
    let output = scene.hold(&words).run();
    assert_eq!(output.code, Some(0), "{output}");
}

#[cfg(unix)] // what a shell sees; tests/e2e/windows has the like
#[test]
fn the_command_sees_the_grant_in_its_environment_also_of_a_lease_that_is_created() {
    let scene = Scene::new(4);
    let gate = scene.gate();
    let script = format!(
        "env | grep ^KUBECTL_LEASE_ | sort; echo; {}",
        super::scene::until(&gate)
    );
    let running = scene
        .hold(&[
            "--holder",
            "me",
            "--duration",
            "60s",
            "--",
            "/bin/sh",
            "-c",
            &script,
        ])
        .spawn();
    running.wait_stdout(str::is_empty, SOON);
    let token = scene.ns.get("job").expect("it is there")["metadata"]["resourceVersion"].clone();
    std::fs::write(gate, "").expect("the folder is ours");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
    let requests = scene.proxy.requests();
    let grant = requests
        .iter()
        .find(|r| r.method == "PUT")
        .expect("the grant");
    assert_eq!(grant.json()["spec"]["holderIdentity"], "me");
    let uid = scene.ns.get("job").expect("it is there")["metadata"]["uid"].clone();
    let expected = format!(
        "KUBECTL_LEASE_FENCING_TOKEN={}\nKUBECTL_LEASE_HOLDER=me\n\
         KUBECTL_LEASE_KEPT_BY=hold\nKUBECTL_LEASE_NAME=job\n\
         KUBECTL_LEASE_NAMESPACE={}\nKUBECTL_LEASE_TRANSITIONS=1\nKUBECTL_LEASE_UID={}\n\n",
        token.as_str().expect("text"),
        scene.ns.name(),
        uid.as_str().expect("text"),
    );
    assert_eq!(output.stdout, expected);
    scene.ns.delete("job");
    let output = scene.hold(&["--", "echo", "ran"]).run();
    ended(&output, 121, "");
    let admin = scene.ns.admin();
    let words = [
        "hold",
        "job",
        "--create",
        "--duration",
        "3s",
        "--",
        "echo",
        "ran",
    ];
    let output = scene.ns.run(&admin, words);
    ended(&output, 0, "ran\n");
    let spec = scene.ns.get("job").expect("created")["spec"].clone();
    assert_eq!(spec["leaseDurationSeconds"], 3);
}

#[test]
fn without_a_command_it_says_acquired_and_holds_until_a_signal_or_says_why_it_was_lost() {
    let scene = Scene::new(2);
    let running = scene.hold(&[]).own_console().spawn();
    let line = running.wait_stdout(|line| line.contains("acquired"), SOON);
    assert_eq!(line, "lease.coordination.k8s.io/job acquired");
    scene.wait_renewals(2);
    assert!(scene.ns.holder("job").is_some());
    running.terminate();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(TERMINATED), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
    let scene = Scene::new(4);
    let running = scene.hold(&[]).spawn();
    running.wait_stdout(|line| line.contains("acquired"), SOON);
    pass_to(&scene.ns, "job", "thief");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    assert!(
        output.stderr.contains("taken over by \"thief\""),
        "{output}"
    );
    assert_eq!(scene.ns.holder("job").as_deref(), Some("thief"));
}
