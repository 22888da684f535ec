//! Who waits in line, as people and programs read it.

use super::Row;
use super::in_line::{array, below, described, on_screen, order, short};
use super::samples::{assert_safe, object, row, with};
use crate::lease::decide::in_line;
use serde_json::{Value, json};

/// The ticket of this waiter, of this place.
fn ticket(holder: &str, place: u32) -> Value {
    let spec = json!({
        "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 1,
        "acquireTime": "2026-01-01T11:50:00.000000Z", "renewTime": "2026-01-01T11:59:55.000000Z",
    });
    let ticket = object(&format!("deploy.waiter-{place}"), spec);
    let ticket = with(
        ticket,
        "metadata/labels",
        json!({ "kubectl-lease/queue-of": "deploy" }),
    );
    annotated(ticket, "place", &place.to_string())
}

fn annotated(mut ticket: Value, key: &str, text: &str) -> Value {
    ticket["metadata"]["annotations"][format!("kubectl-lease/{key}")] = json!(text);
    ticket
}

fn expired(ticket: Value) -> Value {
    with(
        ticket,
        "spec/renewTime",
        json!("2026-01-01T11:59:00.000000Z"),
    )
}

fn rows(tickets: &[Value]) -> Vec<Row> {
    in_line(tickets.iter().map(row))
}

/// As they stand in a list, by their names.
fn three() -> [Value; 3] {
    [
        ticket("ci-9", 52),
        annotated(expired(ticket("ci-7", 40)), "reason", "deploy of\n7"),
        annotated(ticket("ada@laptop", 61), "priority", "5"),
    ]
}

#[test]
fn a_line_is_described_like_this() {
    let many: Vec<Value> = (1..=13)
        .map(|place| ticket(&format!("ci-{place}"), place))
        .collect();
    let mut all = String::new();
    for (title, waiters) in [
        ("nobody", Ok(Vec::new())),
        ("not known", Err("no answer in time".to_owned())),
        ("one", Ok(rows(&[ticket("ci-9", 52)]))),
        ("three", Ok(rows(&three()))),
        ("many", Ok(rows(&many))),
    ] {
        all += &format!("## {title}\n{}\n", described(&waiters, None));
    }
    all += &format!(
        "## in 60 columns\n{}\n",
        described(
            &Ok(rows(&[annotated(
                ticket("ci-9", 52),
                "reason",
                &"long ".repeat(40)
            )])),
            Some(60)
        )
    );
    all += &format!(
        "## below a table\n{}\n",
        below("deploy", &Ok(rows(&three())), None)
    );
    all += &format!(
        "## on a screen\n{}\n",
        on_screen(&rows(&many), 2, 80).join("\n")
    );
    all += &format!(
        "## in a pipe\n{}\n{}\n{}\n",
        short("deploy", &rows(&three())),
        short("deploy", &rows(&three()[1..2])),
        short("deploy", &[])
    );
    insta::assert_snapshot!(all);
}

#[test]
fn a_document_has_all_of_them() {
    let all = array(&rows(&three()));
    let expected = json!([
        {
            "position": 1, "holder": "ada@laptop", "since": "2026-01-01T11:00:00Z", "waitingSeconds": 3600,
            "priority": 5, "expired": false, "reason": null, "ticket": "deploy.waiter-61",
        },
        {
            "position": 2, "holder": "ci-7", "since": "2026-01-01T11:00:00Z", "waitingSeconds": 3600,
            "priority": 0, "expired": true, "reason": "deploy of\n7", "ticket": "deploy.waiter-40",
        },
        {
            "position": 3, "holder": "ci-9", "since": "2026-01-01T11:00:00Z", "waitingSeconds": 3600,
            "priority": 0, "expired": false, "reason": null, "ticket": "deploy.waiter-52",
        },
    ]);
    assert_eq!(json!(all), expected);
}

#[test]
fn a_renewal_moves_nobody_and_who_comes_leaves_or_expires_does() {
    let before = order(&rows(&three()));
    let renewed = three().map(|ticket| match ticket["spec"]["holderIdentity"] == "ci-9" {
        true => with(
            ticket,
            "spec/renewTime",
            json!("2026-01-01T12:00:00.000000Z"),
        ),
        false => ticket,
    });
    assert_eq!(order(&rows(&renewed)), before);
    assert_ne!(order(&rows(&three()[1..])), before);
    assert_ne!(order(&rows(&three().map(expired))), before);
    let given_back = three().map(|ticket| with(ticket, "spec/holderIdentity", json!("")));
    assert_eq!(order(&rows(&given_back)), []);
}

#[test]
fn hostile_waiters_stay_in_their_lines() {
    let hostile = annotated(
        ticket("a\u{1b}[2J\nb\u{202e}", 1),
        "reason",
        "x\n\u{1b}]0;y\u{7}",
    );
    let waiters = rows(&[hostile]);
    assert_eq!(waiters.len(), 1);
    let described = described(&Ok(waiters.clone()), Some(80));
    assert_eq!(described.lines().count(), 4, "{described}");
    for text in [described, short("deploy", &waiters)] {
        assert_safe(&text);
    }
}

#[test]
fn a_long_identity_leaves_room_for_what_else_there_is_of_a_waiter() {
    let long = "runner-shop-backend-x1-6d8f7c9b5-x2x9k_0f4a1c52-9a52-4f0e-8d9b-6c1f4a53b7a1";
    let waiters = rows(&[
        annotated(ticket(long, 52), "reason", &"long ".repeat(40)),
        annotated(ticket("ada", 61), "priority", "-5"),
    ]);
    for columns in [60, 80, 120] {
        let lines = on_screen(&waiters, 10, columns);
        assert_eq!(lines.len(), 5, "{lines:?}");
        for line in &lines[1..] {
            assert!(crate::words::shown::width(line) <= columns, "{line:?}");
        }
        for part in ["runner-", "60m ago", "-5", "long"] {
            assert!(lines[3..].concat().contains(part), "{part}: {lines:?}");
        }
    }
    assert_eq!(on_screen(&waiters, 0, 80).len(), 1);
}
