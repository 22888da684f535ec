//! GET of one object, in every form that a client accepts.

use serde_json::json;

use crate::client::{Client, LEASES, path};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

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

#[test]
fn tables_have_the_columns_that_kubectl_prints() {
    let client = Client::admin().header("accept", TABLE);
    client
        .server
        .seed(json!({"metadata": {"name": "a"}, "spec": {"holderIdentity": "me"}}));
    for path in [path("a"), LEASES.to_owned()] {
        let table = client.get(&path).body;
        assert_eq!(
            (table["kind"].as_str(), table["apiVersion"].as_str()),
            (Some("Table"), Some("meta.k8s.io/v1"))
        );
        let names: Vec<_> = table["columnDefinitions"]
            .as_array()
            .expect("columns")
            .iter()
            .map(|c| &c["name"])
            .collect();
        assert_eq!(names, ["Name", "Holder", "Age"]);
        assert_eq!(table["rows"][0]["cells"][0], "a");
        assert_eq!(table["rows"][0]["cells"][1], "me");
        assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    }
}

#[test]
fn ages_are_written_as_kubectl_does() {
    let client = Client::admin().header("accept", TABLE);
    client.server.seed(json!({"metadata": {"name": "a"}}));
    let hour = 3600;
    for (seconds, age) in [
        (100, "100s"),
        (150, "2m30s"),
        (20 * 60, "20m"),
        (4 * hour + 60, "4h1m"),
        (72 * hour, "3d"),
    ] {
        client
            .server
            .set_clock_offset(jiff::SignedDuration::from_secs(seconds));
        let table = client.get(&path("a")).body;
        let shown = table["rows"][0]["cells"][2]
            .as_str()
            .expect("an age")
            .to_owned();
        let a_second_later = |age: &str| age.replace("100s", "101s").replace("30s", "31s");
        assert!(shown == age || shown == a_second_later(age), "{shown}");
    }
}

#[test]
fn metadata_alone_and_unacceptable_forms() {
    let client = Client::admin();
    client.create("a", json!({"holderIdentity": "x"}));
    let partial = client.user("admin").header(
        "accept",
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    );
    let body = partial.get(&path("a")).body;
    assert_eq!(
        (body["kind"].as_str(), body.get("spec")),
        (Some("PartialObjectMetadata"), None)
    );
    let answer = client
        .user("admin")
        .header("accept", "text/plain")
        .get(&path("a"));
    assert_eq!(
        (answer.code, answer.message()),
        (406, "406: Not Acceptable")
    );
}
