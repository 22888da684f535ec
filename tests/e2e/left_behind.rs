//! Times that an earlier grant has left in a Lease are not shown as those of the next holder, who wrote none.

use crate::support::{fresh, stored};
use lease_harness::{Namespace, User, lease};
use serde_json::{Value, json};

/// A Lease that was held and given back by this tool, and then taken by a client that writes a holder alone.
fn taken_after_a_hold(manager: &str, change: impl Fn(&mut Value)) -> (Namespace, User) {
    let (ns, user) = fresh();
    let mut made = lease("job").build();
    made["metadata"]["annotations"] = json!({ "app.terraform.io/lock-info": "" });
    ns.create(&made);
    let held = ns.run(&user, ["hold", "job", "--", "true"]);
    assert_eq!(held.code, Some(0), "{held}");
    let mut lease = stored(&ns, "job");
    assert!(lease["spec"]["renewTime"].is_string(), "{lease}");
    change(&mut lease);
    let path = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases/job?fieldManager={manager}",
        ns.name()
    );
    let api = ns.cluster().api(&ns.admin());
    let answer = api.call("PUT", &path, Some(&lease)).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    (ns, user)
}

#[track_caller]
fn is_shown_without_times(ns: &Namespace, user: &User, acquired: &str) {
    let shown = ns.run(user, ["status", "job"]).stdout;
    for label in ["Acquired:    ", "Renewed:     "] {
        let line = shown.lines().find(|line| line.starts_with(label));
        let line = line.unwrap_or_else(|| panic!("no {label} in {shown}"));
        assert!(line.starts_with(&format!("{label}<none> (2")), "{shown}");
        assert!(line.ends_with(" is of an earlier grant)"), "{shown}");
    }
    let listed = ns
        .run(user, ["status", "-o", "wide", "--no-headers"])
        .stdout;
    let cells: Vec<&str> = listed.split_whitespace().collect();
    assert_eq!(
        (cells[1], cells[3], cells[8]),
        ("Held", "-", "-"),
        "{listed}"
    );
    let document = ns.run(user, ["status", "job", "-o", "json"]).stdout;
    let document: Value = serde_json::from_str(&document).expect("JSON");
    for field in ["acquireTime", "renewTime", "renewedSecondsAgo"] {
        assert_eq!(document[field], Value::Null, "{document}");
        assert!(document["spec"][field].is_string() || field == "renewedSecondsAgo");
    }
    let stolen = ns.run(user, ["steal", "job", "--yes", "--now", "--force"]);
    assert_eq!(stolen.code, Some(0), "{stolen}");
    assert!(stolen.stderr.contains(acquired), "{stolen}");
}

#[test]
fn a_lock_of_terraforms_is_as_old_as_it_says() {
    let (ns, user) = taken_after_a_hold("HashiCorp", |lease| {
        let info = r#"{"ID":"1111","Operation":"OperationTypeApply","Created":"2024-02-18T01:53:51.747726783Z"}"#;
        lease["spec"]["holderIdentity"] = json!("1111");
        lease["metadata"]["annotations"] = json!({ "app.terraform.io/lock-info": info });
    });
    is_shown_without_times(&ns, &user, "acquired 2y");
}

#[test]
fn a_holder_that_writes_no_times_has_none() {
    let (ns, user) = taken_after_a_hold("fleetlock", |lease| {
        lease["spec"]["holderIdentity"] = json!("a6a0f8b1c2d34e5f8091a2b3c4d5e6f7");
        lease["spec"]["leaseTransitions"] = json!(2);
    });
    is_shown_without_times(&ns, &user, "acquired at an unknown time");
}

#[test]
fn the_next_grant_of_ours_has_times_again() {
    let (ns, user) = taken_after_a_hold("fleetlock", |_| ());
    let acquired = ns.run(&user, ["acquire", "job", "--holder=me"]);
    assert_eq!(acquired.code, Some(0), "{acquired}");
    let shown = ns.run(&user, ["status", "job"]).stdout;
    assert!(!shown.contains("earlier grant"), "{shown}");
}
