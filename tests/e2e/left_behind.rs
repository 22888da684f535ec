//! Times that an earlier grant has left in a Lease are not shown as those of the next holder, who wrote none.

use crate::support::{fresh, stored};
use lease_harness::{Namespace, User, lease};
use serde_json::{Value, json};

/// A Lease that was held and given back by this tool, and then taken by a client that writes a holder alone.
fn taken_after_a_hold() -> (Namespace, User) {
    let (ns, user) = fresh();
    let mut made = lease("job").build();
    made["metadata"]["annotations"] = json!({ "app.terraform.io/lock-info": "" });
    ns.create(&made);
    let held = ns.run(&user, ["hold", "job", "--", "true"]);
    assert_eq!(held.code, Some(0), "{held}");
    let mut lease = stored(&ns, "job");
    assert!(lease["spec"]["renewTime"].is_string(), "{lease}");
    lease["spec"]["holderIdentity"] = json!("a6a0f8b1c2d34e5f8091a2b3c4d5e6f7");
    lease["spec"]["leaseTransitions"] = json!(2);
    let path = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases/job?fieldManager=fleetlock",
        ns.name()
    );
    let api = ns.cluster().api(&ns.admin());
    let answer = api.call("PUT", &path, Some(&lease)).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    (ns, user)
}

#[test]
fn a_holder_that_writes_no_times_has_none_and_the_next_grant_of_ours_has() {
    let (ns, user) = taken_after_a_hold();
    let shown = ns.run(&user, ["status", "job"]).stdout;
    for label in ["Acquired:    ", "Renewed:     "] {
        let line = shown.lines().find(|line| line.starts_with(label));
        let line = line.unwrap_or_else(|| panic!("no {label} in {shown}"));
        assert!(line.starts_with(&format!("{label}<none> (2")), "{shown}");
        assert!(line.ends_with(" is of an earlier grant)"), "{shown}");
    }
    let listed = ns
        .run(&user, ["status", "-o", "wide", "--no-headers"])
        .stdout;
    let cells: Vec<&str> = listed.split_whitespace().collect();
    assert_eq!(
        (cells[1], cells[3], cells[8]),
        ("Held", "-", "-"),
        "{listed}"
    );
    let document = ns.run(&user, ["status", "job", "-o", "json"]).stdout;
    let document: Value = serde_json::from_str(&document).expect("JSON");
    for field in ["acquireTime", "renewTime", "renewedSecondsAgo"] {
        assert_eq!(document[field], Value::Null, "{document}");
        assert!(document["spec"][field].is_string() || field == "renewedSecondsAgo");
    }
    let stolen = ns.run(&user, ["steal", "job", "--holder=me", "--yes", "--now"]);
    assert_eq!(stolen.code, Some(0), "{stolen}");
    assert!(
        stolen.stderr.contains("acquired at an unknown time"),
        "{stolen}"
    );
    let shown = ns.run(&user, ["status", "job"]).stdout;
    assert!(!shown.contains("earlier grant"), "{shown}");
}
