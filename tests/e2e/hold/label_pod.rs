//! `hold --label-pod`: the pod carries the label exactly while the command runs under the lease.

use std::time::Duration;

use lease_harness::{Cluster, Command, Fault, Match, Namespace, Request, Rule, wait_gone};
use serde_json::{Value, json};

use super::scene::{Held, SOON, announced, is_release, until};
use super::scene::{Scene, signal};
use crate::support::{pass_to, stored};
use nix::sys::signal::Signal;

const LABEL: &str = "role=active";

/// A Lease `job`, a pod `web-0`, and a user who may use the one and label the other.
struct Labelled {
    scene: Scene,
}

fn permissions(pods: &[&str]) -> Vec<Rule> {
    let mut rules = vec![Rule::leases(&["get", "update", "watch"])];
    if !pods.is_empty() {
        rules.push(Rule::leases(pods).on(&["pods"]));
    }
    rules
}

impl Labelled {
    fn new(seconds: u32) -> Self {
        let mut scene = Scene::on(Cluster::shared(), seconds, &["get"]);
        scene.user = scene.ns.user_with(&permissions(&["patch"]));
        scene.ns.create_pod("web-0");
        Self { scene }
    }

    fn ns(&self) -> &Namespace {
        &self.scene.ns
    }

    fn hold(&self, flags: &[&str], script: &str) -> Command {
        self.as_pod(flags, script, "web-0")
    }

    fn as_pod(&self, flags: &[&str], script: &str, pod: &str) -> Command {
        let script = announced(script);
        let words = [
            &["--label-pod", LABEL],
            flags,
            &["--", "/bin/sh", "-c", &script],
        ]
        .concat();
        let command = self.scene.hold(&words).env("POD_NAME", pod);
        command.env("POD_NAMESPACE", self.ns().name())
    }

    fn label(&self) -> Option<String> {
        self.ns().pod_label("web-0", "role")
    }

    #[track_caller]
    fn wait_label(&self, wanted: Option<&str>) {
        let shows = |pod: Option<&Value>| {
            pod.is_some_and(|pod| pod["metadata"]["labels"]["role"].as_str() == wanted)
        };
        self.ns().wait_pod("web-0", shows, SOON);
    }

    /// Nothing of ours is left on the pod.
    #[track_caller]
    fn is_clean(&self) {
        let pod = self.ns().pod("web-0").expect("it is there");
        let metadata = &pod["metadata"];
        assert_eq!(metadata["labels"].get("role"), None, "{metadata:#}");
        let annotations = metadata["annotations"].to_string();
        assert!(!annotations.contains("kubectl-lease"), "{metadata:#}");
    }
}

fn is_patch(request: &Request) -> bool {
    request.method == "PATCH" && request.path.contains("/pods/")
}

/// A patch that sets the label.
fn sets(request: &Request) -> bool {
    is_patch(request) && request.json()["metadata"]["labels"]["role"] == "active"
}

/// A patch that takes it off.
fn clears(request: &Request) -> bool {
    let labels = &request.json()["metadata"]["labels"];
    is_patch(request) && labels.get("role").is_some_and(Value::is_null)
}

fn positions(requests: &[Request], which: fn(&Request) -> bool) -> Vec<usize> {
    let found = requests
        .iter()
        .enumerate()
        .filter(|(_, request)| which(request));
    found.map(|(at, _)| at).collect()
}

#[test]
fn the_pod_is_labelled_before_the_command_starts_and_not_any_more_when_the_lease_is_released() {
    let all = Labelled::new(15);
    let gate = all.scene.gate();
    let held = Held::start(&all.hold(&[], &format!("{}; exit 3", until(&gate))));
    // The command runs: it is there.
    assert_eq!(all.label().as_deref(), Some("active"));
    let output = held.end_at(&gate);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(3), ""),
        "{output}"
    );
    all.is_clean();
    let requests = all.scene.proxy.requests();
    let (cleared, released) = (
        positions(&requests, clears),
        positions(&requests, is_release),
    );
    assert!(
        cleared.len() == 1 && cleared < released,
        "{cleared:?} {released:?}"
    );
    // With the least permission: nothing was read.
    assert!(
        !requests
            .iter()
            .any(|r| r.method == "GET" && r.path.contains("/pods/"))
    );
}

#[test]
fn a_loss_takes_the_label_off_while_the_command_still_stops() {
    let all = Labelled::new(15);
    let gate = all.scene.gate();
    let script = format!("trap '' TERM; READY; {}", until(&gate));
    let held = Held::start(&all.hold(&["--kill-after", "4s"], &script));
    pass_to(all.ns(), "job", "thief");
    all.wait_label(None);
    assert!(held.running.is_running(), "the command ignores the signal");
    let output = held.end_at(&gate);
    assert_eq!(output.code, Some(123), "{output}");
    all.is_clean();
}

#[test]
fn what_an_earlier_process_has_left_is_taken_off_before_the_lease_is_waited_for() {
    let all = Labelled::new(15);
    let held = Held::start(&all.hold(&[], "exec sleep 600"));
    signal(held.running.pid(), Signal::SIGKILL);
    wait_gone(held.child, SOON);
    assert_eq!(
        all.label().as_deref(),
        Some("active"),
        "nobody was left to take it off"
    );
    pass_to(all.ns(), "job", "another");
    // The container is started again.
    let again = all.hold(&[], "true").spawn();
    again.wait_stderr(|line| line.starts_with("waiting"), SOON);
    all.is_clean();
}

#[test]
fn who_comes_next_labels_its_own_pod_and_touches_no_other() {
    let all = Labelled::new(3);
    all.ns().create_pod("web-1");
    let held = Held::start(&all.hold(&[], "exec sleep 600"));
    // Frozen with all it has: its watchdog ends the command, and nobody takes the label off.
    signal(held.running.pid(), Signal::SIGSTOP);
    let gate = all.scene.gate();
    let next = Held::start(&all.as_pod(&[], &until(&gate), "web-1"));
    let labels = |pod| all.ns().pod_label(pod, "role");
    assert_eq!(labels("web-1").as_deref(), Some("active"));
    assert_eq!(labels("web-0").as_deref(), Some("active"));
    let before = all.ns().pod("web-0");
    assert_eq!(next.end_at(&gate).code, Some(0));
    assert_eq!(all.ns().pod("web-0"), before);
    // It wakes up, and knows better.
    signal(held.running.pid(), Signal::SIGCONT);
    assert_eq!(held.end().code, Some(123));
    all.is_clean();
}

#[test]
fn a_pod_that_took_the_name_meanwhile_is_left_as_it_is() {
    let all = Labelled::new(15);
    let gate = all.scene.gate();
    let held = Held::start(&all.hold(&[], &until(&gate)));
    all.ns().delete_pod("web-0");
    let mut next = lease_harness::pod("web-0");
    next["metadata"]["labels"] = json!({ "role": "active" });
    let next = all.ns().create_pod_as(&next);
    let output = held.end_at(&gate);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(all.ns().pod("web-0"), Some(next), "{output}");
    // One whose uid is known from the start is not mistaken for it either.
    let stale = all.hold(&[], "echo ran").env("POD_UID", "another").run();
    assert_eq!(stale.code, Some(125), "{stale}");
    assert!(
        stale.stderr.contains("another pod has that name now"),
        "{stale}"
    );
    assert_eq!(all.ns().holder("job"), None);
}

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
fn the_pod_is_named_by_the_flag_as_well() {
    let all = Labelled::new(15);
    let named = format!("{}/web-0", all.ns().name());
    let gate = all.scene.gate();
    let command = all.as_pod(&["--pod", &named], &until(&gate), "elsewhere");
    let held = Held::start(&command.env("POD_NAMESPACE", "elsewhere"));
    assert_eq!(all.label().as_deref(), Some("active"));
    assert_eq!(held.end_at(&gate).code, Some(0));
    all.is_clean();
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

#[test]
fn without_a_command_the_pod_carries_it_while_the_lease_is_held() {
    let all = Labelled::new(15);
    let words = ["--label-pod", LABEL, "--pod", "web-0"];
    let running = all
        .scene
        .hold(&words)
        .env("POD_NAMESPACE", all.ns().name())
        .spawn();
    all.wait_label(Some("active"));
    running.signal(nix::libc::SIGINT);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(130), "{output}");
    assert!(output.stdout.ends_with(" released\n"), "{output}");
    all.is_clean();
}
