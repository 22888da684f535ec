//! POST: what is created, what the server fills in, and what it refuses.

use lease_api_server::Options;
use serde_json::json;

use crate::client::{Client, LEASES, lease, path};

#[test]
fn the_server_fills_in_what_is_its_own() {
    let client = Client::admin();
    let mut sent = lease("a", json!({"holderIdentity": "x", "unknown": 1}));
    sent["metadata"]["uid"] = "mine".into();
    sent["metadata"]["creationTimestamp"] = "2001-01-01T00:00:00Z".into();
    let answer = client.post(LEASES, &sent);
    assert_eq!(answer.code, 201);
    let metadata = &answer.body["metadata"];
    assert_eq!(metadata["namespace"], "default");
    assert_eq!(metadata["uid"].as_str().map(str::len), Some(36));
    assert_ne!(metadata["creationTimestamp"], "2001-01-01T00:00:00Z");
    assert_eq!(metadata["managedFields"][0]["manager"], "tester");
    assert_eq!(answer.body["spec"], json!({"holderIdentity": "x"}));
    assert_eq!(client.get(&path("a")).body, answer.body);
}

#[test]
fn a_name_that_exists_is_a_conflict() {
    let client = Client::admin();
    client.create("a", json!({}));
    let answer = client.post(LEASES, &lease("a", json!({})));
    assert_eq!(
        answer.body,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "leases.coordination.k8s.io \"a\" already exists", "reason": "AlreadyExists",
            "details": {"name": "a", "group": "coordination.k8s.io", "kind": "leases"}, "code": 409})
    );
}

#[test]
fn what_does_not_go_with_the_path_or_the_moment_is_refused() {
    let client = Client::admin();
    let with = |field: &str, value: &str| {
        let mut sent = lease("a", json!({}));
        sent["metadata"][field] = value.into();
        sent
    };
    let nowhere = LEASES.replace("default", "nope");
    for (place, sent, code, message) in [
        (
            &*nowhere,
            lease("a", json!({})),
            404,
            "namespaces \"nope\" not found",
        ),
        (
            LEASES,
            with("resourceVersion", "5"),
            400,
            "resourceVersion should not be set on objects to be created",
        ),
        (
            LEASES,
            with("namespace", "kube-system"),
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ] {
        let answer = client.post(place, &sent);
        assert_eq!((answer.code, answer.message()), (code, message), "{sent}");
    }
}

#[test]
fn every_wrong_field_is_a_cause() {
    let answer = Client::admin().post(
        LEASES,
        &lease(
            "q",
            json!({"leaseDurationSeconds": 0, "leaseTransitions": -1}),
        ),
    );
    assert_eq!(answer.code, 422);
    assert_eq!(
        answer.message(),
        "Lease.coordination.k8s.io \"q\" is invalid: [spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0, \
         spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0]"
    );
    assert_eq!(
        answer.body["details"],
        json!({"name": "q", "group": "coordination.k8s.io", "kind": "Lease", "causes": [
            {"reason": "FieldValueInvalid", "message": "Invalid value: 0: must be greater than 0",
             "field": "spec.leaseDurationSeconds"},
            {"reason": "FieldValueInvalid", "message": "Invalid value: -1: must be greater than or equal to 0",
             "field": "spec.leaseTransitions"},
        ]})
    );
}

#[test]
fn a_name_that_is_no_subdomain_is_invalid() {
    let client = Client::admin();
    let answer = client.post(LEASES, &lease("A_b", json!({})));
    assert!(
        answer.message().starts_with(
            "Lease.coordination.k8s.io \"A_b\" is invalid: metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must"
        ),
        "{}",
        answer.message()
    );
    let answer = client.post(LEASES, &json!({}));
    assert_eq!(
        answer.message(),
        "Lease.coordination.k8s.io \"\" is invalid: metadata.name: Required value: name or generateName is required"
    );
}

#[test]
fn wrong_types_and_times_without_six_digits_are_bad_requests() {
    let client = Client::admin();
    for (spec, told) in [
        (json!({"holderIdentity": 5}), "spec.holderIdentity"),
        (json!({"leaseDurationSeconds": "5"}), "spec.leaseDur"),
        (
            json!({"leaseDurationSeconds": 99999999999_u64}),
            "99999999999 into",
        ),
    ] {
        let answer = client.post(LEASES, &lease("a", spec));
        assert_eq!(answer.code, 400);
        assert!(answer.message().contains(told), "{}", answer.message());
    }
    let answer = client.send("POST", LEASES, "application/json", "{\"a\":");
    assert!(
        answer
            .message()
            .contains("json parse error: unexpected end of JSON input ({\"a\":)")
    );
    assert_eq!(client.send("POST", LEASES, "text/plain", "{}").code, 415);
    let answer = Client::admin().post(
        LEASES,
        &lease("a", json!({"renewTime": "2024-01-01T00:00:00Z"})),
    );
    assert_eq!(answer.code, 400);
    assert_eq!(
        answer.message(),
        "Lease in version \"v1\" cannot be handled as a Lease: parsing time \"2024-01-01T00:00:00Z\" as \
         \"2006-01-02T15:04:05.000000Z07:00\""
    );
}

#[test]
fn fields_of_coordinated_election_are_known_since_1_31() {
    let spec = json!({"strategy": "OldestEmulationVersion", "preferredHolder": "x"});
    for (version, stored) in [((1, 31), spec.clone()), ((1, 30), json!({}))] {
        let client = Client::with(Options {
            tls: false,
            version,
            ..Options::default()
        });
        assert_eq!(client.create("a", spec.clone())["spec"], stored);
    }
    let answer = Client::admin().post(LEASES, &lease("a", json!({"preferredHolder": "x"})));
    assert!(answer.message().contains(
        "spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"
    ));
}

#[test]
fn unknown_fields_are_an_error_in_strict_validation_only() {
    let client = Client::admin();
    let sent = lease("a", json!({"foo": 1}));
    let answer = client.post(&format!("{LEASES}?fieldValidation=Strict"), &sent);
    assert_eq!(
        answer.message(),
        "Lease in version \"v1\" cannot be handled as a Lease: strict decoding error: unknown field \"spec.foo\""
    );
    assert_eq!(
        client
            .post(&format!("{LEASES}?fieldValidation=Ignore"), &sent)
            .code,
        201
    );
}

#[test]
fn a_dry_run_stores_nothing_and_takes_no_resource_version() {
    let client = Client::admin();
    let before = client.get(LEASES).version();
    let answer = client.post(&format!("{LEASES}?dryRun=All"), &lease("a", json!({})));
    assert_eq!(answer.code, 201);
    assert_eq!(answer.body["metadata"].get("resourceVersion"), None);
    assert_eq!(client.get(&path("a")).code, 404);
    assert_eq!(client.get(LEASES).version(), before);
    let answer = client.post(&format!("{LEASES}?dryRun=Foo"), &lease("a", json!({})));
    assert_eq!(answer.code, 422);
    assert_eq!(
        answer.message(),
        "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: []string{\"Foo\"}: supported values: \"All\""
    );
}
