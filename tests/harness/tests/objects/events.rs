//! Events of a Lease: how they are found, and what is demanded of them.

use crate::{SOON, admin, event, events_path, said};
use lease_harness::Cluster;
use serde_json::{Value, json};

#[test]
fn events_of_a_lease_are_found_and_are_checked_before_they_are_kept() {
    let ns = Cluster::shared().namespace();
    let path = events_path(&ns);
    for name in ["e1", "e2"] {
        let created = admin(&ns, "POST", &path, &event(&ns, name));
        assert_eq!(created.status, 201, "{}", created.body);
    }
    assert_eq!(ns.event_reasons("job"), ["LeaseAcquired", "LeaseAcquired"]);
    assert_eq!(ns.wait_event("job", "LeaseAcquired", SOON)["note"], "taken");
    assert_eq!(ns.events("other"), [Value::Null; 0]);
    assert_eq!(
        said(&admin(&ns, "POST", &path, &event(&ns, "e1"))),
        (
            409,
            "AlreadyExists",
            "events.events.k8s.io \"e1\" already exists"
        )
    );
    let refused = |change: &dyn Fn(&mut Value), told: &str| {
        let mut sent = event(&ns, "e3");
        change(&mut sent);
        let answer = admin(&ns, "POST", &path, &sent);
        assert_eq!(
            said(&answer),
            (
                422,
                "Invalid",
                format!("Event \"e3\" is invalid: {told}").as_str()
            )
        );
    };
    let name_part = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    for field in ["eventTime", "reportingInstance", "action", "reason"] {
        let without = move |sent: &mut Value| sent[field] = Value::Null;
        refused(&without, &format!("{field}: Required value"));
    }
    refused(
        &|sent| sent["type"] = "Strange".into(),
        "type: Invalid value: \"\": has invalid value: Strange",
    );
    refused(
        &|sent| sent["reportingController"] = "kubectl lease".into(),
        &format!("reportingController: Invalid value: \"kubectl lease\": {name_part}"),
    );
    refused(
        &|sent| sent["reportingController"] = Value::Null,
        &format!(
            "[reportingController: Required value, reportingController: Invalid value: \"\": name part must be non-empty, reportingController: Invalid value: \"\": {name_part}]"
        ),
    );
    refused(
        &|sent| sent["regarding"]["namespace"] = Value::Null,
        "involvedObject.namespace: Invalid value: \"\": does not match event.namespace",
    );
    refused(
        &|sent| sent["note"] = "x".repeat(1025).into(),
        "message: Invalid value: \"\": can have at most 1024 characters",
    );
    refused(
        &|sent| sent["reportingInstance"] = "x".repeat(129).into(),
        "reportingInstance: Invalid value: \"\": can have at most 128 characters",
    );
    refused(
        &|sent| sent["deprecatedCount"] = 1.into(),
        "count: Invalid value: \"\": needs to be unset",
    );
    refused(
        &|sent| sent["series"] = json!({ "count": 1 }),
        "[series.count: Invalid value: \"\": should be at least 2, series.lastObservedTime: Required value]",
    );
    let core = format!(
        "/api/v1/namespaces/{}/events?fieldSelector=involvedObject.name%3Djob",
        ns.name()
    );
    let older = &admin(&ns, "GET", &core, &Value::Null).body["items"][0];
    assert_eq!(
        (&older["message"], &older["involvedObject"]["name"]),
        (&"taken".into(), &"job".into())
    );
    let generated = |prefix: &str| {
        let mut sent = event(&ns, "");
        sent["metadata"] = json!({ "generateName": prefix });
        admin(&ns, "POST", &path, &sent)
    };
    let name = generated("job-").body["metadata"]["name"].clone();
    assert!(
        name.as_str()
            .is_some_and(|name| name.len() == "job-".len() + 5),
        "{name}"
    );
    assert_eq!(generated("job.").status, 422);
}
