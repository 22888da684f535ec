//! `hold --label-pod`: the pod carries the label exactly while the command runs under the lease.

use lease_harness::{
    Cluster, Command, Namespace, Request, Rule, resume_process, suspend_process, wait_gone,
};
use serde_json::{Value, json};

use super::scene::{Held, SOON, Scene, announced, deaf_until, is_release, shell, until};
use crate::support::pass_to;

pub const LABEL: &str = "role=active";

/// A Lease `job`, a pod `web-0`, and a user who may use the one and label the other.
pub struct Labelled {
    pub scene: Scene,
}

pub fn permissions(pods: &[&str]) -> Vec<Rule> {
    let mut rules = vec![Rule::leases(&["get", "update", "watch"])];
    if !pods.is_empty() {
        rules.push(Rule::leases(pods).on(&["pods"]));
    }
    rules
}

impl Labelled {
    pub fn new(seconds: u32) -> Self {
        let mut scene = Scene::on(Cluster::shared(), seconds, &["get"]);
        scene.user = scene.ns.user_with(&permissions(&["patch"]));
        scene.ns.create_pod("web-0");
        Self { scene }
    }

    pub fn ns(&self) -> &Namespace {
        &self.scene.ns
    }

    pub fn hold(&self, flags: &[&str], script: &str) -> Command {
        self.as_pod(flags, script, "web-0")
    }

    pub fn as_pod(&self, flags: &[&str], script: &str, pod: &str) -> Command {
        let hold = [&["--label-pod", LABEL], flags, &["--"]].concat();
        let hold = self.scene.hold(&hold).env("POD_NAME", pod);
        hold.args(shell(&announced(script)))
            .env("POD_NAMESPACE", self.ns().name())
    }

    pub fn label(&self) -> Option<String> {
        self.ns().pod_label("web-0", "role")
    }

    #[track_caller]
    pub fn wait_label(&self, wanted: Option<&str>) {
        let shows = |pod: Option<&Value>| {
            pod.is_some_and(|pod| pod["metadata"]["labels"]["role"].as_str() == wanted)
        };
        self.ns().wait_pod("web-0", shows, SOON);
    }

    /// Nothing of ours is left on the pod.
    #[track_caller]
    pub fn is_clean(&self) {
        let pod = self.ns().pod("web-0").expect("it is there");
        let metadata = &pod["metadata"];
        assert_eq!(metadata["labels"].get("role"), None, "{metadata:#}");
        let annotations = metadata["annotations"].to_string();
        assert!(!annotations.contains("kubectl-lease"), "{metadata:#}");
    }
}

pub fn is_patch(request: &Request) -> bool {
    request.method == "PATCH" && request.path.contains("/pods/")
}

/// A patch that sets the label.
pub fn sets(request: &Request) -> bool {
    is_patch(request) && request.json()["metadata"]["labels"]["role"] == "active"
}

/// A patch that takes it off.
pub fn clears(request: &Request) -> bool {
    let labels = &request.json()["metadata"]["labels"];
    is_patch(request) && labels.get("role").is_some_and(Value::is_null)
}

pub fn positions(requests: &[Request], which: fn(&Request) -> bool) -> Vec<usize> {
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
    let held = Held::start(&all.hold(&["--kill-after", "4s"], &deaf_until(&gate)));
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
    held.running.kill();
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

#[cfg(any(target_os = "linux", windows))] // where the other hold's process is known
#[test]
fn a_second_hold_in_the_pod_leaves_the_label_of_the_one_that_runs() {
    let all = Labelled::new(15);
    let gate = all.scene.gate();
    let held = Held::start(&all.hold(&[], &until(&gate)));
    let before = all.ns().pod("web-0");
    let second = all.hold(&["--timeout", "0"], "echo ran").run();
    assert_eq!(second.code, Some(125), "{second}");
    let why = format!(
        "another hold has given it that label: process {}",
        held.running.pid()
    );
    assert!(second.stderr.contains(&why), "{second}");
    assert_eq!(all.ns().pod("web-0"), before, "{second}");
    assert_eq!(held.end_at(&gate).code, Some(0));
    all.is_clean();
}

#[test]
fn who_comes_next_labels_its_own_pod_and_touches_no_other() {
    let all = Labelled::new(3);
    all.ns().create_pod("web-1");
    let held = Held::start(&all.hold(&[], "exec sleep 600"));
    // Frozen with all it has: its watchdog ends the command, and nobody takes the label off.
    suspend_process(held.running.pid());
    let gate = all.scene.gate();
    let next = Held::start(&all.as_pod(&[], &until(&gate), "web-1"));
    let labels = |pod| all.ns().pod_label(pod, "role");
    assert_eq!(labels("web-1").as_deref(), Some("active"));
    assert_eq!(labels("web-0").as_deref(), Some("active"));
    let before = all.ns().pod("web-0");
    assert_eq!(next.end_at(&gate).code, Some(0));
    assert_eq!(all.ns().pod("web-0"), before);
    // It wakes up, and knows better.
    resume_process(held.running.pid());
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
fn without_a_command_the_pod_carries_it_while_the_lease_is_held() {
    let all = Labelled::new(15);
    let words = ["--label-pod", LABEL, "--pod", "web-0"];
    let running = all
        .scene
        .hold(&words)
        .env("POD_NAMESPACE", all.ns().name())
        .own_console()
        .spawn();
    all.wait_label(Some("active"));
    running.interrupt();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(130), "{output}");
    assert!(output.stdout.ends_with(" released\n"), "{output}");
    all.is_clean();
}
