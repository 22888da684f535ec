//! GET of one object.

use serde_json::json;

use crate::client::{Client, path};

#[test]
fn a_missing_lease_is_not_found_even_in_a_missing_namespace() {
    let client = Client::admin();
    for path in [path("x"), path("x").replace("default", "nope")] {
        let answer = client.get(&path);
        assert_eq!(
            answer.body,
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "leases.coordination.k8s.io \"x\" not found", "reason": "NotFound",
                "details": {"name": "x", "group": "coordination.k8s.io", "kind": "leases"}, "code": 404})
        );
    }
}

#[test]
fn a_version_that_is_not_there_yet_times_out() {
    let client = Client::admin();
    client.create("a", json!({}));
    assert_eq!(
        client.get(&format!("{}?resourceVersion=0", path("a"))).code,
        200
    );
    let answer = client.get(&format!("{}?resourceVersion=99999999", path("a")));
    assert_eq!(
        (answer.code, answer.body["reason"].as_str()),
        (504, Some("Timeout"))
    );
    assert!(
        answer
            .message()
            .starts_with("Timeout: Too large resource version: 99999999, current: ")
    );
    let answer = client.get(&format!("{}?resourceVersion=abc", path("a")));
    assert_eq!(
        answer.message(),
        "resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax"
    );
}
