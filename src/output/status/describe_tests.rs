//! The description, whole, for a Lease in each state.

use super::describe::{Surroundings, describe, life};
use super::samples::{
    NOW, assert_safe, elected, endless, expired, free, held, hostile, record, row, skewed, stamp,
    terminating, with,
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

fn renewed(lease: Value, time: &str) -> Value {
    with(lease, "spec/renewTime", json!(time))
}

fn annotated(lease: Value, annotations: Value) -> Value {
    with(lease, "metadata/annotations", annotations)
}

/// As Terraform locks, beside what is no business of a lock.
fn terraforms() -> Value {
    let info = json!({
        "ID": "terraform", "Operation": "OperationTypeApply", "Who": "me@\u{1b}host", "Created": "2026-01-01T11:00:00.5Z", "Info": "",
    });
    let annotations = json!({
        "app.terraform.io/lock-info": info.to_string(), "note": "two\nlines",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    });
    annotated(endless(), annotations)
}

#[test]
fn each_state_is_described_like_this() {
    let owners = json!([{"kind": "Job", "name": "nightly"}]);
    let labels = (0..300).map(|number| (format!("l{number:03}"), json!("v")));
    let labels = Value::Object(labels.collect());
    let labelled = with(free(), "metadata/labels", labels);
    let mut all = String::new();
    for (title, lease) in [
        ("held", held()),
        ("expired", expired()),
        ("free", free()),
        ("without a duration", endless()),
        ("terminating", terminating()),
        ("a clock behind", skewed()),
        (
            "a clock ahead",
            renewed(skewed(), "2026-01-01T12:01:00.000000Z"),
        ),
        (
            "a renewal that is still to come",
            renewed(held(), "2026-01-01T14:00:00.000000Z"),
        ),
        ("owned", with(held(), "metadata/ownerReferences", owners)),
        ("Terraform's", terraforms()),
        (
            "after Terraform",
            with(terraforms(), "spec/holderIdentity", json!("another")),
        ),
        (
            "many labels, a long annotation",
            annotated(labelled, json!({"long": "x".repeat(5000)})),
        ),
    ] {
        all += &format!("## {title}\n{}\n", shown(&lease));
    }
    let around = Surroundings {
        holder: Some("Pod me: Running, ready".to_owned()),
        candidates: vec!["a".to_owned(), "b".to_owned()],
        token: Some("76".to_owned()),
        ..Surroundings::default()
    };
    let lease = with(elected(), "spec/preferredHolder", json!("b-2"));
    let alone = shown(&lease);
    let whole = describe(&row(&lease), &record(&lease), &around);
    all += &format!("## an election\n{alone}\n## an election and what is around it\n{whole}\n");
    insta::assert_snapshot!(all);
}

#[test]
fn the_times_of_one_write_agree_whatever_is_cut_to_whole_seconds() {
    let mut lease = with(held(), "spec/leaseDurationSeconds", json!(60));
    for field in ["acquireTime", "renewTime"] {
        lease["spec"][field] = json!("2026-01-01T11:59:58.900000Z");
    }
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
fn the_stamp_of_an_old_server_does_not_tell_who_wrote_last() {
    let lease = skewed();
    for (stamps, told) in [(Stamps::Trusted, true), (Stamps::Untrusted, false)] {
        let row = Row::new(row(&lease).lease, Some(wall(NOW)), stamps);
        let text = describe(&row, &record(&lease), &Surroundings::default());
        assert_eq!(line(&text, "Last write").is_some(), told, "{text}");
    }
}

#[test]
fn hostile_content_stays_in_its_line() {
    let labels = shown(&held()).lines().count();
    let first = ["Name", "Namespace", "Class", "State", "Holder", "Reason"];
    for lease in hostile() {
        let text = shown(&lease);
        assert_safe(&text);
        let lines = text.lines().count();
        assert!((labels - 2..=labels + 2).contains(&lines), "{text:.3000}");
        for (line, label) in text.lines().zip(first) {
            assert!(line.starts_with(&format!("{label}:")), "{line:.200}");
        }
    }
}

#[test]
fn nothing_is_advised_where_taking_it_means_something_else() {
    let node = with(expired(), "metadata/namespace", json!("kube-node-lease"));
    let instance = json!("pod-1_2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10");
    let election = with(expired(), "spec/holderIdentity", instance);
    let component = json!({"k8s.io/component": "kube-apiserver"});
    let server = with(election.clone(), "metadata/labels", component);
    for (class, lease) in [
        ("node", node),
        ("election", election),
        ("election", elected()),
        ("apiserver", server),
        ("lock", terminating()),
    ] {
        let text = shown(&lease);
        assert_eq!(line(&text, "Class"), Some(class));
        assert!(!text.contains("kubectl lease"), "{text}");
    }
}

#[test]
fn a_reason_is_shown_for_the_grant_that_it_was_given_for() {
    let entry = |manager: &str, fields: Value| json!({"manager": manager, "operation": "Update", "time": "2026-01-01T11:59:55Z", "fieldsV1": fields});
    let reason = json!({"f:annotations": {".": {}, "f:kubectl-lease/reason": {}}});
    let holder = json!({"f:holderIdentity": {}, "f:renewTime": {}});
    let both = |holder: &str, entries: Value| {
        let lease = with(held(), "spec/holderIdentity", json!(holder));
        let lease = annotated(lease, json!({"kubectl-lease/reason": "night run"}));
        let lease = with(lease, "metadata/managedFields", entries);
        let alone = line(&shown(&lease), "Reason").map(str::to_owned);
        (alone, row(&lease).lease.reason)
    };
    let ours = json!({"f:metadata": reason, "f:spec": holder});
    let night = Some("night run".to_owned());
    let given = both("me@host", json!([entry("kubectl-lease", ours)]));
    assert_eq!(given, (night.clone(), night));
    // Another client takes it over, and leaves the annotation; then it frees it.
    let none = (Some("<none>".to_owned()), None);
    let left = entry("kubectl-lease", json!({"f:metadata": reason}));
    let taken = json!([left, entry("agent", json!({"f:spec": holder}))]);
    assert_eq!(both("me@host", taken), none);
    assert_eq!(both("", json!([left])), none);
}
