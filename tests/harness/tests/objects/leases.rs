//! Leases and their candidates: deletions with preconditions, and uids that stay.

use crate::{admin, lease_path, said};
use lease_harness::{Cluster, lease};
use serde_json::{Value, json};

#[test]
fn a_deletion_of_a_lease_heeds_its_options() {
    let ns = Cluster::shared().namespace();
    let stored = ns.create(&lease("job").build());
    let text = |field: &str| {
        stored["metadata"][field]
            .as_str()
            .expect("a text")
            .to_owned()
    };
    let (uid, version) = (text("uid"), text("resourceVersion"));
    let delete = |options: Value| admin(&ns, "DELETE", &lease_path(&ns, "job"), &options);
    let refused = |preconditions: Value, told: &str| {
        let answer = delete(json!({ "preconditions": preconditions }));
        let message =
            format!("Operation cannot be fulfilled on Lease.coordination.k8s.io \"job\": {told}");
        assert_eq!(said(&answer), (409, "Conflict", message.as_str()));
    };
    refused(
        json!({ "uid": "x", "resourceVersion": "1" }),
        &format!(
            "the UID in the precondition (x) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        ),
    );
    refused(
        json!({ "uid": uid, "resourceVersion": "1" }),
        &format!(
            "the ResourceVersion in the precondition (1) does not match the ResourceVersion in record ({version}). The object might have been modified"
        ),
    );
    refused(
        json!({ "resourceVersion": "" }),
        &format!(
            "the ResourceVersion in the precondition () does not match the ResourceVersion in record ({version}). The object might have been modified"
        ),
    );
    let meant = json!({ "uid": uid, "resourceVersion": version });
    for (options, status) in [
        (json!({ "preconditions": meant, "dryRun": ["All"] }), 200),
        (json!({ "dryRun": ["Some"] }), 422),
        (json!({ "propagationPolicy": "Sideways" }), 422),
        (json!({ "kind": "Foo", "apiVersion": "v1" }), 500),
    ] {
        assert_eq!(delete(options.clone()).status, status, "{options}");
        assert!(ns.get("job").is_some(), "{options}");
    }
    let gone = delete(json!({ "preconditions": meant, "propagationPolicy": "Background" }));
    assert_eq!(
        (gone.status, &gone.body["status"]),
        (200, &"Success".into())
    );
    assert_eq!(gone.body["details"]["uid"], uid);
    assert_eq!(
        said(&delete(json!({ "preconditions": meant }))),
        (
            404,
            "NotFound",
            "leases.coordination.k8s.io \"job\" not found"
        )
    );
    // With a body, the query does not count.
    ns.create(&lease("job").build());
    let path = format!("{}?dryRun=All", lease_path(&ns, "job"));
    assert_eq!(admin(&ns, "DELETE", &path, &Value::Null).status, 200);
    assert!(ns.get("job").is_some());
    admin(&ns, "DELETE", &path, &json!({}));
    assert!(ns.get("job").is_none());
}

#[test]
fn a_lease_keeps_its_uid_through_a_patch() {
    let ns = Cluster::shared().namespace();
    ns.create(&lease("job").build());
    let other = json!({ "metadata": { "uid": "1" } });
    assert_eq!(
        said(&admin(&ns, "PATCH", &lease_path(&ns, "job"), &other)),
        (
            422,
            "Invalid",
            "Lease.coordination.k8s.io \"job\" is invalid: metadata.uid: Invalid value: \"1\": field is immutable"
        )
    );
}

#[test]
fn a_candidate_is_for_a_lease() {
    let ns = Cluster::in_process(lease_harness::lease_api_server::Options::default()).namespace();
    let candidate = ns.create_candidate("c", "job");
    assert_eq!(
        (
            &candidate["spec"]["leaseName"],
            &candidate["metadata"]["namespace"]
        ),
        (&"job".into(), &ns.name().into())
    );
}
