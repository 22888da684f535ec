//! The description, whole, for a Lease in each state.

use super::describe::{Surroundings, describe, life};
use super::samples::{
    assert_safe, elected, endless, expired, free, held, hostile, record, row, skewed, stamp,
    terminating,
};
use crate::lease::evidence::Stamps;
use crate::lease::report::Row;
use crate::lease::testing::wall;
use serde_json::{Value, json};

fn shown(lease: &Value) -> String {
    describe(&row(lease), &record(lease), &Surroundings::default())
}

fn line<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let label = format!("{label}:");
    let mut lines = text.lines();
    Some(lines.find(|line| line.starts_with(&label))?[label.len()..].trim())
}

#[test]
fn a_held_lease_that_is_well_and_no_command_that_takes_it() {
    assert_eq!(
        shown(&held()),
        "\
Name:        held
Namespace:   default
Class:       lock
State:       Held (by the holder's renewTime against the server's clock)
Holder:      me@host
Reason:      <none>
Acquired:    2026-01-01T11:50:00.000000Z (10m ago)
Renewed:     2026-01-01T11:59:55.000000Z (5s ago)
Duration:    15s
Expires in:  10s (renewed 5s ago, for 15s)
Transitions: 3
Age:         60m
"
    );
}

#[test]
fn an_expired_lease_is_there_to_be_taken() {
    let text = shown(&expired());
    assert_eq!(
        line(&text, "Expires in"),
        Some("9m45s ago (renewed 10m ago, for 15s)")
    );
    assert!(
        text.ends_with(
            "Whoever waits takes it. To take it: kubectl lease acquire expired -n default   (within 15s: no timestamp of the server proves it, so acquire has to watch it that long)\n"
        ),
        "{text}"
    );
}

#[test]
fn a_free_lease_needs_no_advice() {
    assert_eq!(
        shown(&free()),
        "\
Name:        free
Namespace:   default
Class:       lock
State:       Free
Holder:      <none>
Reason:      <none>
Acquired:    <none>
Renewed:     2026-01-01T11:00:30.000000Z (59m ago)
Duration:    60s
Expires in:  -
Transitions: 12
Age:         60m
"
    );
}

#[test]
fn without_a_duration_it_never_expires() {
    let text = shown(&endless());
    assert_eq!(line(&text, "State"), Some("Held"));
    assert_eq!(line(&text, "Duration"), Some("<none>"));
    assert_eq!(
        line(&text, "Expires in"),
        Some("never: it has no duration; only release or steal ends it")
    );
    assert!(
        text.ends_with(
            "If its holder is gone: kubectl lease steal endless -n default --if-holder terraform\n"
        ),
        "{text}"
    );
}

#[test]
fn a_terminating_lease_says_who_keeps_it() {
    let text = shown(&terminating());
    assert_eq!(line(&text, "State"), Some("Terminating"));
    assert_eq!(line(&text, "Finalizers"), Some("example.com/wait"));
    assert!(!text.contains("kubectl lease"), "{text}");
}

#[test]
fn a_skewed_holder_is_said_to_be_with_amount_and_direction() {
    let text = shown(&skewed());
    assert_eq!(
        line(&text, "State"),
        Some("Held (by the server's own stamp of the last renewal)")
    );
    assert_eq!(
        line(&text, "Skew"),
        Some("the holder's clock is 60m behind the server's")
    );
    assert_eq!(
        line(&text, "Last write"),
        Some("agent, Update, 2026-01-01T11:59:55Z by the server's clock")
    );
    let mut ahead = skewed();
    ahead["spec"]["renewTime"] = json!("2026-01-01T12:01:00.000000Z");
    assert_eq!(
        line(&shown(&ahead), "Skew"),
        Some("the holder's clock is 65s ahead of the server's")
    );
}

#[test]
fn a_renewal_that_is_still_to_come_is_no_age_and_no_time_left() {
    let mut lease = held();
    lease["spec"]["renewTime"] = json!("2026-01-01T14:00:00.000000Z");
    let text = shown(&lease);
    assert_eq!(line(&text, "State"), Some("Held"));
    assert_eq!(
        line(&text, "Renewed"),
        Some("2026-01-01T14:00:00.000000Z (120m ahead of the server's clock)")
    );
    assert_eq!(
        line(&text, "Expires in"),
        Some("unknown, because a clock is wrong: renewTime is in the future")
    );
    assert_eq!(
        line(&text, "Skew"),
        Some("the holder's clock is at least 120m ahead of the server's")
    );
}

#[test]
fn the_times_of_one_write_agree_whatever_is_cut_to_whole_seconds() {
    let mut lease = held();
    for field in ["acquireTime", "renewTime"] {
        lease["spec"][field] = json!("2026-01-01T11:59:58.900000Z");
    }
    lease["spec"]["leaseDurationSeconds"] = json!(60);
    stamp(&mut lease, "2026-01-01T11:59:58Z");
    // As it goes on between two answers.
    let date = wall("2026-01-01T11:59:59.400000Z");
    let row = Row::new(row(&lease).lease, Some(date), Stamps::Trusted);
    assert_eq!(
        life(&row, &record(&lease)),
        "Held (by the server's own stamp of the last renewal), acquired 1s ago, expires in 59s (renewed 1s ago, for 60s)"
    );
}

#[test]
fn an_elections_candidates_and_holder_are_named() {
    let mut lease = elected();
    lease["spec"]["preferredHolder"] = json!("b-2");
    let around = Surroundings {
        holder: Some("Pod me: Running, ready".to_owned()),
        candidates: vec!["a".to_owned(), "b".to_owned()],
        token: Some("76".to_owned()),
    };
    let text = describe(&row(&lease), &record(&lease), &around);
    assert_eq!(line(&text, "Holder is"), Some("Pod me: Running, ready"));
    assert_eq!(line(&text, "Strategy"), Some("OldestEmulationVersion"));
    assert_eq!(line(&text, "Candidates"), Some("a, b"));
    assert_eq!(line(&text, "Preferred"), Some("b-2"));
    assert_eq!(
        line(&text, "Token"),
        Some("76 (of the grant that this runs under)")
    );
    assert_eq!(line(&shown(&lease), "Token"), None);
    assert!(
        !text.contains("kubectl lease"),
        "nothing but an election may free it: {text}"
    );
    assert_eq!(line(&shown(&lease), "Candidates"), Some("<none>"));
}

#[test]
fn an_owner_is_named() {
    let mut lease = held();
    lease["metadata"]["ownerReferences"] = json!([{"kind": "Job", "name": "nightly"}]);
    assert_eq!(line(&shown(&lease), "Owner"), Some("Job/nightly"));
}

#[test]
fn hostile_content_stays_in_its_line() {
    let labels = shown(&held()).lines().count();
    for lease in hostile() {
        let text = shown(&lease);
        assert_safe(&text);
        let lines = text.lines().count();
        assert!((labels - 2..=labels + 2).contains(&lines), "{text:.3000}");
        for (line, label) in text.lines().zip([
            "Name:",
            "Namespace:",
            "Class:",
            "State:",
            "Holder:",
            "Reason:",
        ]) {
            assert!(line.starts_with(label), "{line:.200}");
        }
    }
}

#[test]
fn nothing_is_advised_where_taking_it_means_something_else() {
    let mut expired = expired();
    expired["metadata"]["namespace"] = json!("kube-node-lease");
    let node = shown(&expired);
    expired["metadata"]["namespace"] = json!("default");
    expired["spec"]["holderIdentity"] = json!("pod-1_2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10");
    let election = shown(&expired);
    expired["metadata"]["labels"] = json!({"k8s.io/component": "kube-apiserver"});
    let server = shown(&expired);
    for (class, text) in [
        ("node", node),
        ("election", election),
        ("apiserver", server),
    ] {
        assert_eq!(line(&text, "Class"), Some(class));
        assert!(!text.contains("kubectl lease"), "{text}");
    }
}

#[test]
fn terraforms_lock_is_read_for_people_and_freed_by_its_own_command() {
    let mut lease = endless();
    lease["metadata"]["annotations"] = json!({
        "app.terraform.io/lock-info": "{\"ID\":\"terraform\",\"Operation\":\"OperationTypeApply\",\"Who\":\"me@\\u001bhost\",\"Created\":\"2026-01-01T11:00:00.5Z\",\"Info\":\"\"}",
        "note": "two\nlines",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    });
    let text = shown(&lease);
    assert_eq!(line(&text, "Lock ID"), Some("terraform"));
    assert_eq!(line(&text, "Operation"), Some("OperationTypeApply"));
    assert_eq!(line(&text, "Who"), Some("me@\\u{1b}host"));
    assert_eq!(
        line(&text, "Created"),
        Some("2026-01-01T11:00:00.5Z (59m ago)")
    );
    assert_eq!(line(&text, "Info"), None);
    assert_eq!(line(&text, "Annotations"), Some("note: two\\nlines"));
    assert!(!text.contains("last-applied"), "{text}");
    assert!(
        text.ends_with("terraform force-unlock terraform   (tofu for OpenTofu)\n"),
        "{text}"
    );
    lease["spec"]["holderIdentity"] = json!("another");
    let text = shown(&lease);
    assert!(
        text.contains("terraform (left by an earlier lock"),
        "{text}"
    );
}

#[test]
fn labels_are_shown_up_to_a_number_and_values_up_to_a_length() {
    let mut lease = free();
    for number in 0..300 {
        lease["metadata"]["labels"][format!("l{number:03}")] = json!("v");
    }
    lease["metadata"]["annotations"] = json!({"long": "x".repeat(5000)});
    let text = shown(&lease);
    assert_eq!(line(&text, "Labels"), Some("l000=v"));
    assert!(
        text.contains("\n             l019=v\n             … and 280 more\n"),
        "{text}"
    );
    let annotation = line(&text, "Annotations").unwrap_or_default();
    assert!(annotation.len() < 200, "{annotation}");
    assert!(annotation.ends_with("x… (5006 bytes)"), "{annotation}");
}

#[test]
fn a_reason_is_shown_for_the_grant_that_it_was_given_for() {
    let mut lease = held();
    lease["metadata"]["annotations"] = json!({"kubectl-lease/reason": "night run"});
    let entry = |manager: &str, fields: Value| json!({"manager": manager, "operation": "Update", "time": "2026-01-01T11:59:55Z", "fieldsV1": fields});
    let reason = json!({"f:annotations": {".": {}, "f:kubectl-lease/reason": {}}});
    let holder = json!({"f:holderIdentity": {}, "f:renewTime": {}});
    lease["metadata"]["managedFields"] = json!([entry(
        "kubectl-lease",
        json!({"f:metadata": reason, "f:spec": holder})
    )]);
    let both = |lease: &Value| {
        let text = shown(lease);
        let alone = line(&text, "Reason").map(str::to_owned);
        (alone, row(lease).lease.reason)
    };
    let night = Some("night run".to_owned());
    assert_eq!(both(&lease), (night.clone(), night));
    // Another client takes it over, and leaves the annotation.
    lease["metadata"]["managedFields"] = json!([
        entry("kubectl-lease", json!({"f:metadata": reason})),
        entry("agent", json!({"f:spec": holder})),
    ]);
    assert_eq!(both(&lease), (Some("<none>".to_owned()), None));
    // It frees it.
    lease["metadata"]["managedFields"] =
        json!([entry("kubectl-lease", json!({"f:metadata": reason}))]);
    lease["spec"]["holderIdentity"] = json!("");
    assert_eq!(both(&lease), (Some("<none>".to_owned()), None));
    assert!(!shown(&lease).contains("night run"));
}
