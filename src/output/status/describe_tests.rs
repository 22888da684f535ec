//! The description, whole, for a Lease in each state.

use super::describe::{Surroundings, describe};
use super::samples::{
    assert_safe, elected, endless, expired, free, held, hostile, record, row, skewed, terminating,
};
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
fn a_held_lease_and_the_commands_that_free_it() {
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
Token:       77 (resourceVersion)
To take it over: kubectl lease steal held -n default --if-holder me@host
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
            "Whoever waits takes it. To take it: kubectl lease acquire expired -n default   (within 15s, which this server needs as proof)\n"
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
Token:       77 (resourceVersion)
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
fn an_elections_candidates_and_holder_are_named() {
    let lease = elected();
    let around = Surroundings {
        holder: Some("Pod me: Running, ready".to_owned()),
        candidates: vec!["a".to_owned(), "b".to_owned()],
    };
    let text = describe(&row(&lease), &record(&lease), &around);
    assert_eq!(line(&text, "Holder is"), Some("Pod me: Running, ready"));
    assert_eq!(line(&text, "Strategy"), Some("OldestEmulationVersion"));
    assert_eq!(line(&text, "Candidates"), Some("a, b"));
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
