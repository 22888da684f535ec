//! Kubernetes Events of what is done to a Lease: what they say.

use crate::support::{SOON, VERBS, free, held, holder, shared, stored, wait_until};
use lease_harness::{Namespace, Request, Rule, User};
use serde_json::{Value, json};

/// A namespace, and a user who may record Events and see them.
pub fn recorded() -> (Namespace, User) {
    let ns = shared().namespace();
    let user = ns.user_with(&[
        Rule::leases(&VERBS),
        Rule::leases(&["create", "list"]).on(&["events"]),
    ]);
    (ns, user)
}

/// `METHOD` of each request of Events.
pub fn events_of(requests: &[Request]) -> Vec<&str> {
    let events = requests.iter().filter(|request| request.is_of_events());
    events.map(|request| request.method.as_str()).collect()
}

fn notes(ns: &Namespace) -> Vec<String> {
    let say = |event: &Value| {
        let part = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        format!("{} {}: {}", part("type"), part("reason"), part("note"))
    };
    ns.events("job").iter().map(say).collect()
}

#[test]
fn who_acquired_and_who_stole_from_whom_and_why_is_told_by_an_event_of_the_very_lease() {
    let (ns, user) = recorded();
    ns.create(&free("job"));
    let run = |words: &[&str]| {
        let output = ns.run(&user, words);
        assert_eq!(output.code, Some(0), "{output}");
    };
    run(&[
        "acquire",
        "job",
        "--holder=ada",
        "--reason=nightly\u{1b}[2J",
    ]);
    run(&[
        "steal",
        "job",
        "--holder=bob",
        "--reason=stuck",
        "--yes",
        "--now",
    ]);
    run(&["release", "job", "--holder=bob", "--now"]);
    // Nothing is stolen that is free.
    run(&["steal", "job", "--holder=eve", "--yes"]);
    assert_eq!(
        notes(&ns),
        [
            "Normal LeaseAcquired: acquired by \"ada\" (reason: nightly\\u{1b}[2J)",
            "Warning LeaseStolen: stolen by \"bob\" (reason: stuck) from \"ada\" (reason: nightly\\u{1b}[2J)",
            "Normal LeaseAcquired: acquired by \"eve\"",
        ]
    );
    let lease = stored(&ns, "job");
    for event in ns.events("job") {
        let regarding = &event["regarding"];
        assert_eq!(regarding["uid"], lease["metadata"]["uid"]);
        assert_eq!(
            (
                &regarding["kind"],
                &regarding["apiVersion"],
                &regarding["name"]
            ),
            (
                &json!("Lease"),
                &json!("coordination.k8s.io/v1"),
                &json!("job")
            )
        );
        assert!(regarding["resourceVersion"].is_string());
        assert_eq!(event["reportingController"], "kubectl-lease");
        let name = event["metadata"]["name"].as_str().unwrap_or_default();
        assert!(name.starts_with("job.") && name.len() > 10, "{name}");
    }
    let instances: Vec<_> = ns
        .events("job")
        .iter()
        .map(|event| event["reportingInstance"].clone())
        .collect();
    assert_eq!(instances, ["ada", "bob", "eve"]);
}

#[test]
fn a_lease_that_is_acquired_because_it_expired_names_who_let_it_expire() {
    let (ns, user) = recorded();
    ns.create(&held("job", "gone", 1));
    let output = ns.run(&user, ["acquire", "job", "--holder=me", "--duration=60s"]);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(
        notes(&ns),
        ["Normal LeaseAcquired: acquired by \"me\": the lease of \"gone\" had expired"]
    );
}

#[test]
fn a_hold_tells_when_it_acquired_and_when_it_lost_and_its_end_waits_for_it_to_be_told() {
    let (ns, user) = recorded();
    ns.create(&free("job"));
    let hold = ["hold", "job", "--holder=ada", "--reason=nightly", "--"];
    // Over before anything was told of it.
    let output = ns.run(&user, [&hold[..], &["true"]].concat());
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(ns.event_reasons("job"), ["LeaseAcquired"]);
    let running = ns.spawn(&user, [&hold[..], &["sleep", "600"]].concat());
    ns.wait_until("job", |lease| holder(lease) == "ada", SOON);
    let stolen = ns.run(&user, ["steal", "job", "--holder=bob", "--yes", "--now"]);
    assert_eq!(stolen.code, Some(0), "{stolen}");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    let lost = "Warning LeaseLost: lost by \"ada\" (reason: nightly): taken over by \"bob\"";
    let told = notes(&ns);
    assert!(told.iter().any(|note| note == lost), "{told:#?}");
    assert_eq!(told.len(), 4, "{told:#?}");
}

/// They were for the command.
#[cfg(unix)] // SIGHUP
#[test]
fn a_hold_whose_command_was_told_twice_to_read_its_configuration_tells_of_its_loss_all_the_same() {
    let (ns, user) = recorded();
    ns.create(&free("job"));
    let script = "trap 'echo reloaded' HUP; echo runs; while :; do sleep 0.05; done";
    let hold = ["hold", "job", "--holder=ada", "--", "/bin/sh", "-c", script];
    let running = ns.spawn(&user, hold);
    running.wait_stdout(|line| line == "runs", SOON);
    for _ in 0..2 {
        let before = running.stdout().matches("reloaded").count();
        running.signal(libc::SIGHUP);
        wait_until(|| running.stdout().matches("reloaded").count() > before);
    }
    let stolen = ns.run(&user, ["steal", "job", "--holder=bob", "--yes", "--now"]);
    assert_eq!(stolen.code, Some(0), "{stolen}");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    assert!(
        ns.event_reasons("job").contains(&"LeaseLost".to_owned()),
        "{output}"
    );
}

#[test]
fn a_hold_that_is_killed_has_told_that_it_acquired() {
    let (ns, user) = recorded();
    ns.create(&free("job"));
    let running = ns.spawn(&user, ["hold", "job", "--holder=ada", "--", "sleep", "600"]);
    ns.wait_event("job", "LeaseAcquired", SOON);
    running.kill();
    let output = running.wait(SOON);
    assert!(output.was_killed(), "{output}");
    assert_eq!(ns.event_reasons("job"), ["LeaseAcquired"]);
}
