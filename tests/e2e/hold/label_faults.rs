//! `hold --label-pod` where the pod, the label, a permission or the way to the server stands in the way.

use std::time::Duration;

use lease_harness::{Fault, Match, wait_gone};
use serde_json::json;

use super::label_pod::{LABEL, Labelled, clears, permissions, positions, sets};
use super::scene::{Held, SOON, is_release};
use crate::support::{pass_to, stored};

#[test]
fn without_the_permission_nothing_starts_and_the_role_that_is_missing_is_printed() {
    let mut all = Labelled::new(15);
    all.scene.user = all.ns().user_with(&permissions(&[]));
    let before = stored(all.ns(), "job");
    let output = all.hold(&[], "echo ran").run();
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(125), ""),
        "{output}"
    );
    let role = format!(
        "kubectl create role patch-pods -n {} --verb=patch --resource=pods",
        all.ns().name()
    );
    assert!(output.stderr.contains(&role), "{output}");
    assert!(
        output
            .stderr
            .contains("pod \"web-0\" cannot be labelled role=active"),
        "{output}"
    );
    assert_eq!(
        stored(all.ns(), "job"),
        before,
        "the lease was not even taken"
    );
}

#[test]
fn a_label_that_cannot_be_set_any_more_starts_nothing_and_gives_the_lease_back() {
    let all = Labelled::new(15);
    let no = Fault::status(403, "Forbidden", "a policy says no");
    all.scene.proxy.fault(Match::when(sets), no, 9);
    let output = all.hold(&[], "echo ran").run();
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(125), ""),
        "{output}"
    );
    assert!(output.stderr.contains("a policy says no"), "{output}");
    assert!(
        output.stderr.contains("was released: nobody holds it"),
        "{output}"
    );
    assert_eq!(all.ns().holder("job"), None, "{output}");
    all.is_clean();
}

#[test]
fn whatever_is_wrong_with_the_pod_or_the_label_is_said_before_anything_is_written() {
    let all = Labelled::new(15);
    let before = stored(all.ns(), "job");
    let standby = json!({ "metadata": { "labels": { "role": "standby" } } });
    all.ns().patch_pod("web-0", &standby);
    let pod = all.ns().pod("web-0");
    let hold = |flags: &[&str]| {
        let words = [&["hold", "job"], flags, &["--", "echo", "ran"]].concat();
        all.ns().command(&all.scene.user, words)
    };
    for (command, code, said) in [
        (
            all.hold(&[], "echo ran"),
            125,
            "it has had role=standby before",
        ),
        (
            all.as_pod(&[], "echo ran", "gone"),
            125,
            "there is no such pod",
        ),
        (
            hold(&["--label-pod", LABEL]).env("POD_NAME", ""),
            2,
            "does not know which pod",
        ),
        (hold(&["--label-pod", "role"]), 2, "key=value"),
        (hold(&["--label-pod", "a=1,b=2"]), 2, "KEY=VALUE"),
        (hold(&["--label-pod", "role=a b"]), 2, "not allowed"),
        (
            hold(&["--label-pod", LABEL, "--pod", "A/b"]),
            2,
            "namespace",
        ),
        (hold(&["--pod", "web-0"]), 2, "--label-pod"),
    ] {
        let output = command.run();
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(code), ""),
            "{output}"
        );
        assert!(output.stderr.contains(said), "{said}: {output}");
    }
    assert_eq!(all.ns().pod("web-0"), pod);
    assert_eq!(stored(all.ns(), "job"), before);
}

#[test]
fn a_pod_of_a_controller_is_not_taken_from_it_by_a_label_that_it_was_made_with() {
    let all = Labelled::new(15);
    let mut pod = lease_harness::pod("web-7f9c-x");
    pod["metadata"]["labels"] = json!({ "role": "active" });
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7f9c", "uid": "r", "controller": true,
    }]);
    let pod = all.ns().create_pod_as(&pod);
    let output = all.as_pod(&[], "echo ran", "web-7f9c-x").run();
    assert_eq!(output.code, Some(125), "{output}");
    assert!(
        output.stderr.contains("no controller selects it by"),
        "{output}"
    );
    assert_eq!(all.ns().pod("web-7f9c-x"), Some(pod));
}

#[test]
fn lost_replies_and_late_requests_leave_neither_a_label_nor_a_lease() {
    // The request to set it is held back, and the lease is lost meanwhile.
    let all = Labelled::new(15);
    all.scene
        .proxy
        .fault(Match::when(sets), Fault::Delay(Duration::from_secs(2)), 1);
    let running = all.hold(&[], "echo ran").spawn();
    all.scene
        .proxy
        .wait_for(|requests| requests.iter().any(sets), SOON);
    pass_to(all.ns(), "job", "thief");
    let output = running.wait(SOON);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(123), ""),
        "{output}"
    );
    all.is_clean();
    for fault in [
        Fault::DropReply,
        Fault::Refuse,
        Fault::status(503, "ServiceUnavailable", "busy"),
    ] {
        for which in [sets, clears] {
            let all = Labelled::new(15);
            all.scene.proxy.fault(Match::when(which), fault.clone(), 1);
            let output = all.hold(&[], "exit 4").run();
            assert_eq!(output.code, Some(4), "{output}");
            all.is_clean();
            assert_eq!(all.ns().holder("job"), None, "{output}");
        }
    }
}

#[test]
fn a_label_that_cannot_be_taken_off_is_waited_for_no_longer_than_the_lease_would_last() {
    let all = Labelled::new(3);
    let no = Fault::status(403, "Forbidden", "a policy says no");
    all.scene.proxy.fault(Match::when(clears), no, 999);
    let output = all.hold(&[], "exit 4").run();
    assert_eq!(output.code, Some(4), "{output}");
    assert!(output.elapsed >= Duration::from_secs(3), "{output}");
    let by_hand = format!("kubectl label pod web-0 role- -n {}", all.ns().name());
    assert_eq!(output.stderr.matches(&by_hand).count(), 2, "{output}");
    assert!(
        output
            .stderr
            .contains("a policy says no; trying for 3s more"),
        "{output}"
    );
    assert_eq!(all.ns().holder("job"), None, "{output}");
    // The lease was kept renewed while it was tried.
    let requests = all.scene.proxy.requests();
    let (first, released) = (
        positions(&requests, clears)[0],
        positions(&requests, is_release)[0],
    );
    let renewals = requests[first..released]
        .iter()
        .filter(|r| r.method == "PUT")
        .count();
    assert!(renewals >= 2, "{output}");
}

#[cfg(unix)] // signals to the command
#[test]
fn whoever_asks_twice_does_not_wait_for_the_label() {
    let all = Labelled::new(15);
    all.scene.proxy.fault(Match::when(clears), Fault::Hang, 999);
    let held = Held::start(&all.hold(&[], "exec sleep 600"));
    held.running.signal(nix::libc::SIGTERM);
    wait_gone(held.child, SOON);
    all.scene
        .proxy
        .wait_for(|requests| requests.iter().any(clears), SOON);
    held.running.signal(nix::libc::SIGTERM);
    let output = held.end();
    assert_eq!(output.code, Some(143), "{output}");
    assert!(output.elapsed < Duration::from_secs(12), "{output}");
    assert!(
        output.stderr.contains("kubectl label pod web-0 role-"),
        "{output}"
    );
    assert_eq!(all.ns().holder("job"), None, "{output}");
}
