//! `release` and `renew`: free and keep what is ours, and write nothing else.

use crate::support::{
    fresh, held, not_found_as_held, not_held_by_you, pass_to, said, stored, transitions, untouched,
};
use lease_harness::{Proxy, lease};
use serde_json::json;

const RELEASED: &str = "lease.coordination.k8s.io/job released\n";
const RENEWED: &str = "lease.coordination.k8s.io/job renewed\n";
const RELEASE: [&str; 3] = ["release", "job", "--holder=me"];
const RENEW: [&str; 3] = ["renew", "job", "--holder=me"];

#[test]
fn only_the_renew_time_is_renewed_and_everything_but_the_grant_is_kept_by_a_release() {
    let (ns, user) = fresh();
    let grant = lease("job").holder("me").duration(77).transitions(5);
    let grant = grant.acquired_ago(9, 0).renewed_ago(3, 0).label("a", "b");
    let grant = grant.annotation("kubectl-lease/reason", "migration");
    let before = ns.create(&grant.annotation("note", "kept").build());
    said(&ns.run(&user, RENEW), 0, RENEWED, "");
    let after = stored(&ns, "job");
    let renewed = |lease: &serde_json::Value| lease["spec"]["renewTime"].clone();
    assert!(renewed(&after).as_str() > renewed(&before).as_str());
    let mut spec = after["spec"].clone();
    spec["renewTime"] = renewed(&before);
    assert_eq!(spec, before["spec"]);
    for field in ["labels", "annotations", "uid"] {
        assert_eq!(after["metadata"][field], before["metadata"][field]);
    }
    said(&ns.run(&user, RELEASE), 0, RELEASED, "");
    let after = stored(&ns, "job");
    assert_eq!(after["spec"].get("holderIdentity"), None);
    assert_eq!(after["spec"]["leaseDurationSeconds"], 77);
    assert_eq!(transitions(&after), 5);
    assert_ne!(renewed(&after), renewed(&before));
    assert_eq!(after["metadata"]["labels"], json!({ "a": "b" }));
    assert_eq!(after["metadata"]["annotations"], json!({ "note": "kept" }));
    // It can be had at once.
    let acquire = ["acquire", "job", "--holder=me", "--timeout=0"];
    assert_eq!(ns.run(&user, acquire).code, Some(0));
    assert_eq!(transitions(&stored(&ns, "job")), 6);
    // And is known as ours, though it follows one that was given back.
    said(&ns.run(&user, RENEW), 0, RENEWED, "");
    let check = ns.run(&user, ["check", "job", "--holder=me"]);
    assert_eq!(check.code, Some(0), "{check}");
}

#[test]
fn what_another_has_or_nobody_or_is_not_there_is_refused_without_a_write() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let refused = |code: i32, message: &str| {
        for call in [RELEASE, RENEW] {
            let output = ns.command(&user, call).via(&proxy).run();
            said(&output, code, "", message);
        }
    };
    refused(121, &not_found_as_held(&ns, "job"));
    assert!(ns.get("job").is_none());
    let others = ns.create(&held("job", "other", 60));
    refused(122, &not_held_by_you(&ns, "job", "me", "other"));
    untouched(&ns, &others);
    let nobodys = pass_to(&ns, "job", "");
    let is_free = "error: lease \"job\" is not held by \"me\": it is free\nNothing was written.\n";
    refused(122, is_free);
    untouched(&ns, &nobodys);
    let requests = proxy.requests();
    assert!(requests.iter().all(|request| request.method == "GET"));
}
