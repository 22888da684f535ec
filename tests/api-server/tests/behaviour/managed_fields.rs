//! managedFields over the API: who owns what, stamped by the server's clock.

use jiff::{SignedDuration, Timestamp};
use lease_api_server::Options;
use serde_json::{Value, json};

use crate::client::{self, Client, of_kubernetes, path};

fn entry<'a>(lease: &'a Value, manager: &str) -> &'a Value {
    let entries = lease["metadata"]["managedFields"]
        .as_array()
        .expect("managedFields");
    entries
        .iter()
        .find(|entry| entry["manager"] == manager)
        .expect("an entry of the manager")
}

fn stamp(lease: &Value, manager: &str) -> Timestamp {
    entry(lease, manager)["time"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a timestamp")
}

#[test]
fn a_field_belongs_to_the_last_manager_that_changed_it() {
    let client = Client::admin();
    let time = |second: u8| format!("2024-01-01T00:00:{second:02}.000000Z");
    client.create("a", json!({"holderIdentity": "x", "renewTime": time(1)}));
    let other = client.user("admin").header("user-agent", "other/2.0");
    other.merge(
        &path("a"),
        &json!({"spec": {"renewTime": time(2)}, "metadata": {"labels": {"l": "1"}}}),
    );
    let named = client.put(&format!("{}?fieldManager=named", path("a")), &{
        let mut lease = client.get(&path("a")).body;
        lease["spec"]["leaseTransitions"] = 1.into();
        lease
    });
    assert_eq!(
        entry(&named.body, "tester")["fieldsV1"],
        json!({"f:spec": {"f:holderIdentity": {}}})
    );
    assert_eq!(
        entry(&named.body, "other")["fieldsV1"],
        json!({"f:metadata": {"f:labels": {".": {}, "f:l": {}}}, "f:spec": {"f:renewTime": {}}})
    );
    let own = entry(&named.body, "named");
    assert_eq!(
        own["fieldsV1"],
        json!({"f:spec": {"f:leaseTransitions": {}}})
    );
    assert_eq!(
        (own["operation"].as_str(), own["fieldsType"].as_str()),
        (Some("Update"), Some("FieldsV1"))
    );
    assert_eq!(own["apiVersion"], "coordination.k8s.io/v1");
}

#[test]
fn renewals_are_stamped_with_the_servers_clock_only_by_servers_that_restamp() {
    for (minor, restamps) in [(24, false), (25, true)] {
        let client = of_kubernetes(minor);
        let created = client.create("a", json!({"renewTime": "2024-01-01T00:00:01.000000Z"}));
        client
            .server
            .set_clock_offset(SignedDuration::from_hours(1));
        let renewed = client.merge(
            &path("a"),
            &json!({"spec": {"renewTime": "2024-01-01T00:00:02.000000Z"}}),
        );
        let passed = stamp(&renewed.body, "tester").duration_since(stamp(&created, "tester"));
        assert_eq!(
            passed >= SignedDuration::from_mins(59),
            restamps,
            "{passed}"
        );
    }
}

#[test]
fn seeded_entries_are_kept_and_updated() {
    let client = Client::admin();
    let entries = json!([{"manager": "kubelet", "operation": "Update", "apiVersion": "coordination.k8s.io/v1",
        "time": "2020-01-01T00:00:00Z", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:holderIdentity": {}, "f:renewTime": {}}}}]);
    let seeded = client.server.seed(json!({
        "metadata": {"name": "a", "managedFields": entries},
        "spec": {"holderIdentity": "x", "renewTime": "2024-01-01T00:00:00.000000Z"},
    }));
    assert_eq!(seeded["metadata"]["managedFields"], entries);
    let renewed = client.merge(
        &path("a"),
        &json!({"spec": {"renewTime": "2024-01-01T00:00:01.000000Z"}}),
    );
    assert_eq!(
        entry(&renewed.body, "kubelet")["fieldsV1"],
        json!({"f:spec": {"f:holderIdentity": {}}})
    );
    assert_eq!(
        entry(&renewed.body, "kubelet")["time"],
        "2020-01-01T00:00:00Z"
    );
    assert_eq!(
        entry(&renewed.body, "tester")["fieldsV1"],
        json!({"f:spec": {"f:renewTime": {}}})
    );
}

#[test]
fn a_dry_run_of_a_replace_is_stamped_with_now_and_stores_nothing() {
    for (minor, manager, stamped) in [
        (25, "tester", true),
        (24, "tester", false),
        (24, "somebody-new", true),
    ] {
        let client = of_kubernetes(minor);
        let renewed = |second: u8| format!("2024-01-01T00:00:{second:02}.000000Z");
        let created = client.create("a", json!({"renewTime": renewed(1)}));
        let later = SignedDuration::from_hours(1);
        client.server.set_clock_offset(later);
        let mut lease = created.clone();
        lease["spec"]["renewTime"] = renewed(2).into();
        let url = format!("{}?dryRun=All&fieldManager={manager}", path("a"));
        let tried = client.put(&url, &lease);
        assert_eq!(tried.code, 200, "{}", tried.body);
        let passed = stamp(&tried.body, manager).duration_since(stamp(&created, "tester"));
        assert_eq!(passed >= SignedDuration::from_mins(59), stamped, "{passed}");
        assert_eq!(
            tried.body["metadata"]["resourceVersion"],
            created["metadata"]["resourceVersion"]
        );
        assert_eq!(client.get(&path("a")).body, created);
        lease["metadata"]["resourceVersion"] = "1".into();
        assert_eq!(client.put(&url, &lease).code, 409);
    }
}

#[test]
fn a_dry_run_can_be_refused_while_writes_are_not() {
    let client = Client::with(Options {
        tls: false,
        refuse_dry_run: Some(400),
        ..Options::default()
    });
    let created = client.create("a", json!({"renewTime": "2024-01-01T00:00:01.000000Z"}));
    let tried = client.put(&format!("{}?dryRun=All", path("a")), &created);
    let message = "admission webhook \"side.effects.example\" does not support dry run";
    assert_eq!((tried.code, tried.message()), (400, message));
    let lease = client::lease("b", json!({}));
    let tried = client.post(&format!("{}?dryRun=All", client::LEASES), &lease);
    assert_eq!((tried.code, tried.message()), (400, message));
    let tried = client.delete(&format!("{}?dryRun=All", path("a")));
    assert_eq!((tried.code, tried.message()), (400, message));
    assert_eq!(client.put(&path("a"), &created).code, 200);
}
