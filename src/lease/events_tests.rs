//! What Events say: whole objects of each kind, and the limits that the API server has.

use serde_json::{Value, json};

use super::*;
use crate::lease::testing::{free, grant_terms, held, wall};

const NOW: &str = "2026-05-05T05:05:05.123456Z";

fn granted(before: &Record, holder: &str) -> Record {
    let granted = before.granted(&grant_terms(holder), wall(NOW));
    granted.expect("countable")
}

fn event<'a>(reason: EventReason, lease: &'a Record, because: Option<&'a str>) -> Event<'a> {
    Event {
        reason,
        lease,
        by: "me",
        because,
        at: wall(NOW),
        mark: 7,
    }
}

fn note(reason: EventReason, lease: &Record, because: Option<&str>) -> String {
    let event = event(reason, lease, because).to_json();
    event["note"].as_str().expect("a note").to_owned()
}

#[test]
fn an_event_is_a_whole_object_about_the_very_lease() {
    let lease = granted(&free(60), "me");
    assert_eq!(
        event(EventReason::Acquired, &lease, Some("upgrading db")).to_json(),
        json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": { "namespace": "default", "name": "my-lease.18ac92ee4e9f9407" },
            "eventTime": "2026-05-05T05:05:05.123456Z",
            "type": "Normal", "reason": "LeaseAcquired", "action": "Acquire",
            "note": "acquired by \"me\" (reason: upgrading db)",
            "reportingController": "kubectl-lease", "reportingInstance": "me",
            "regarding": {
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "namespace": "default",
                "name": "my-lease", "uid": "uid-1", "resourceVersion": "7",
            },
        })
    );
}

/// A clock that is wrong by centuries, say.
#[test]
fn an_event_has_a_name_at_any_time() {
    for (time, end) in [
        ("1960-01-01T00:00:00Z", ".7"),
        ("9999-12-30T22:00:00.999999Z", ".dbca97cddeb89861f"),
    ] {
        let lease = granted(&free(60), "me");
        let event = Event {
            at: wall(time),
            ..event(EventReason::Acquired, &lease, None)
        };
        let event = event.to_json();
        let name = event["metadata"]["name"].as_str().expect("a name");
        assert_eq!(name.strip_prefix("my-lease"), Some(end), "{time}");
    }
}

#[test]
fn each_says_who_did_what_to_whom_and_why() {
    let text = |text: &str| text.to_owned();
    let (lease, why) = (held("ada", 60), Some("stuck"));
    let taken = granted(&lease, "me");
    for (reason, lease, expected) in [
        (
            EventReason::Acquired,
            &taken,
            "Normal LeaseAcquired: acquired by \"me\" (reason: stuck): the lease of \"ada\" had expired",
        ),
        (
            EventReason::Acquired,
            &granted(&held("me", 60), "me"),
            "Normal LeaseAcquired: acquired by \"me\" (reason: stuck)",
        ),
        (
            EventReason::Stolen { from: text("ada") },
            &taken,
            "Warning LeaseStolen: stolen by \"me\" (reason: stuck) from \"ada\"",
        ),
        (
            EventReason::FailedOver {
                from: text("ada"),
                to: Some(text("bob")),
            },
            &taken,
            "Normal LeaseFailedOver: failed over by \"me\" (reason: stuck) from \"ada\": \"bob\" has taken over",
        ),
        (
            EventReason::FailedOver {
                from: text("ada"),
                to: None,
            },
            &taken,
            "Normal LeaseFailedOver: failed over by \"me\" (reason: stuck) from \"ada\": nobody has taken over yet",
        ),
        (
            EventReason::ForceReleased { from: text("ada") },
            &lease,
            "Warning LeaseForceReleased: released by \"me\" (reason: stuck), who is not its holder: it was held by \"ada\"",
        ),
        (
            EventReason::ForceReleased { from: text("me") },
            &lease,
            "Warning LeaseForceReleased: released by \"me\" (reason: stuck), by force",
        ),
        (
            EventReason::Lost(text("taken over by \"bob\"")),
            &lease,
            "Warning LeaseLost: lost by \"me\" (reason: stuck): taken over by \"bob\"",
        ),
        (
            EventReason::Pruned {
                from: Some(text("ada")),
                expired: text("3d"),
            },
            &lease,
            "Normal LeasePruned: deleted by \"me\" (reason: stuck): expired for 3d, last held by \"ada\"",
        ),
    ] {
        let event = event(reason, lease, why).to_json();
        let part = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let said = format!("{} {}: {}", part("type"), part("reason"), part("note"));
        assert_eq!(said, expected);
        assert!(!part("action").is_empty());
    }
}

#[test]
fn whatever_is_long_or_strange_keeps_within_the_servers_limits_and_off_the_terminal() {
    let long = "ü\u{1b}[2J\n".repeat(500);
    let lease = held(&long, 60).with(|object| object["metadata"]["name"] = "a.-".repeat(84).into());
    let stolen = EventReason::Stolen { from: long.clone() };
    let taken = Event {
        by: &long,
        because: Some(&long),
        ..event(stolen, &lease, None)
    };
    let taken = taken.to_json();
    let length = |pointer: &str| taken.pointer(pointer).and_then(Value::as_str).map(str::len);
    assert!(length("/note") <= Some(LONGEST_NOTE));
    assert!(length("/reportingInstance") <= Some(LONGEST_INSTANCE));
    assert!(length("/metadata/name") <= Some(LONGEST_NAME));
    let name = taken["metadata"]["name"].as_str().expect("a name");
    assert!(!name.contains("-.1") && !name.contains("..1"), "{name}");
    let text = taken["note"].as_str().expect("a note");
    assert!(!text.contains(char::is_control), "{text}");
    assert!(text.contains("from \"ü"), "{text}");
    let lost = EventReason::Lost("x".repeat(5000));
    assert_eq!(note(lost, &lease, None).len(), LONGEST_NOTE);
    assert_eq!(
        note(EventReason::Acquired, &granted(&free(60), "me"), Some("  ")),
        "acquired by \"me\""
    );
}

#[test]
fn the_newest_of_this_very_lease_are_read_whoever_wrote_them() {
    let stored = |version: u32, uid: &str, more: Value| {
        let mut event = json!({
            "metadata": { "resourceVersion": version.to_string(), "creationTimestamp": "2026-01-01T00:00:09Z" },
            "regarding": { "uid": uid }, "reason": format!("R{version}"),
        });
        let fields = more.as_object().cloned().unwrap_or_default();
        event.as_object_mut().expect("a map").extend(fields);
        read(&event)
    };
    let old = json!({
        "deprecatedCount": 3, "deprecatedFirstTimestamp": "2026-01-01T00:00:08Z",
        "deprecatedLastTimestamp": "2026-01-01T00:05:00Z", "deprecatedSource": { "component": "kube-scheduler", "host": "h" },
        "note": "became leader", "type": "Normal",
    });
    let series = json!({
        "eventTime": "2026-01-01T00:00:00.000001Z", "reportingController": "c", "reportingInstance": "i",
        "series": { "count": 2, "lastObservedTime": "2026-01-01T00:06:00.000000Z" },
    });
    let once = json!({ "eventTime": "2031-01-01T00:00:00.000000Z" });
    let all = vec![
        stored(9, "u", old),
        stored(11, "u", series),
        stored(10, "other", json!({})),
        stored(2, "u", once),
        stored(1, "u", json!({})),
    ];
    let found = newest(all, "u", 3);
    let shown: Vec<_> = found
        .iter()
        .map(|event| {
            let last = event.last.map(|time| time.to_string());
            (
                &*event.reason,
                last.unwrap_or_default(),
                event.count,
                &*event.controller,
            )
        })
        .collect();
    let time = |text: &str| text.to_owned();
    assert_eq!(
        shown,
        [
            ("R11", time("2026-01-01T00:06:00Z"), 2, "c"),
            ("R9", time("2026-01-01T00:05:00Z"), 3, "kube-scheduler"),
            // The reporter's clock is wrong.
            ("R2", time("2026-01-01T00:00:09Z"), 1, ""),
        ]
    );
}
