//! Lines of the audit log, as kube-apiserver writes them.

use serde_json::{Value, json};

use super::super::clocks::Clocks;
use super::{Asked, BEGIN, Meant, Outcome, read};

fn line(verb: &str, query: &str, status: u16, sent: Value, stored: Value) -> String {
    let rest = json!({
        "stage": "ResponseComplete",
        "requestURI": format!("/apis/coordination.k8s.io/v1/namespaces/ns/leases/job{query}"),
        "verb": verb,
        "user": { "username": "user-1" },
        "objectRef": { "resource": "leases", "namespace": "ns", "name": "job" },
        "responseStatus": { "code": status },
        "requestObject": sent,
        "responseObject": stored,
        "requestReceivedTimestamp": "2100-01-01T00:00:00.000000Z",
        "stageTimestamp": "2100-01-01T00:00:00.250000Z",
    });
    format!("{BEGIN}v1\",{}", rest.to_string().trim_start_matches('{'))
}

fn lease(version: u64, holder: &str) -> Value {
    json!({
        "kind": "Lease",
        "metadata": { "name": "job", "resourceVersion": version.to_string() },
        "spec": { "holderIdentity": holder },
    })
}

fn asked(log: &str) -> Vec<Asked> {
    read(log.as_bytes(), "ns", &Clocks::new()).expect("memory can be read")
}

fn outcomes(log: &str) -> Vec<Outcome> {
    asked(log).into_iter().map(|asked| asked.outcome).collect()
}

#[test]
fn a_write_has_its_writer_its_times_and_what_came_of_it() {
    let gone = json!({ "kind": "Status", "details": { "uid": "u" } });
    let log = [
        line("update", "", 200, lease(5, "a"), lease(6, "a")),
        line("delete", "", 200, Value::Null, gone),
    ];
    let asked = asked(&log.join("\n"));
    let told: Vec<_> = asked
        .iter()
        .map(|asked| {
            (
                asked.lease.as_str(),
                asked.verb.as_str(),
                asked.user.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("job", "update", "user-1"), ("job", "delete", "user-1")]
    );
    assert_eq!(asked[0].outcome, Outcome::Stored(6));
    assert_eq!(asked[1].outcome, Outcome::Deleted(Some("u".into())));
    let took = asked[0].answered.since(asked[0].received);
    assert_eq!(took.as_millis(), 250);
}

#[test]
fn what_is_tried_refused_elsewhere_or_changes_nothing_is_no_write() {
    let try_body = json!({ "dryRun": ["All"] });
    let log = [
        line(
            "patch",
            "?dryRun=All&timeout=1s",
            200,
            lease(5, "a"),
            lease(5, "a"),
        ),
        line("delete", "", 200, try_body, Value::Null),
        line("update", "", 409, lease(4, "a"), Value::Null),
        line("update", "", 200, lease(5, "a"), lease(5, "a")),
        line("update", "", 200, lease(5, "a"), lease(6, "a")).replace("\"ns\"", "\"other\""),
    ];
    assert_eq!(outcomes(&log.join("\n")), []);
}

#[test]
fn a_failure_of_the_server_may_have_been_stored() {
    let patch = json!({ "spec": { "holderIdentity": "a" } });
    let log = [
        line("update", "", 504, lease(5, "a"), Value::Null),
        line("patch", "", 500, patch.clone(), Value::Null),
    ];
    let spec = json!({ "holderIdentity": "a" });
    let meant = [Meant::Replace { over: 5, spec }, Meant::Patch(patch)];
    assert_eq!(outcomes(&log.join("\n")), meant.map(Outcome::Unknown));
}

#[test]
fn a_line_that_was_begun_by_a_server_that_was_killed_is_that_of_the_next_one() {
    let [lost, told] =
        [6, 7].map(|version| line("update", "", 200, lease(5, "a"), lease(version, "a")));
    for cut in [1, 60, lost.len() - 1] {
        let log = format!("{}{told}\n", &lost[..cut]);
        assert_eq!(outcomes(&log), [Outcome::Stored(7)], "{cut}");
    }
    // Nor does an end without a beginning stop it.
    assert_eq!(
        outcomes(&format!("{}\n{told}\n", &lost[..60])),
        [Outcome::Stored(7)]
    );
}
