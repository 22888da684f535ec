//! `release`: frees what is ours, and writes nothing else.

use crate::support::{
    OnItsWay, SOON, forbidden, free, fresh, held, holder, methods, not_found_as_held,
    not_held_by_you, put_on_its_way, said, stored, transitions, untouched,
};
use lease_harness::{Proxy, lease};
use serde_json::json;

const RELEASED: &str = "lease.coordination.k8s.io/job released\n";
const RELEASE: [&str; 3] = ["release", "job", "--holder=me"];

#[test]
fn our_lease_is_freed_and_everything_but_the_grant_is_kept() {
    let (ns, user) = fresh();
    let before = ns.create(
        &lease("job")
            .holder("me")
            .duration(77)
            .transitions(5)
            .acquired_ago(9, 0)
            .renewed_ago(3, 0)
            .label("a", "b")
            .annotation("kubectl-lease/reason", "migration")
            .annotation("note", "kept")
            .build(),
    );
    said(&ns.run(&user, RELEASE), 0, RELEASED, "");
    let after = stored(&ns, "job");
    assert_eq!(after["spec"].get("holderIdentity"), None);
    assert_eq!(after["spec"]["leaseDurationSeconds"], 77);
    assert_eq!(transitions(&after), 5);
    assert_ne!(after["spec"]["renewTime"], before["spec"]["renewTime"]);
    assert_eq!(after["metadata"]["labels"], json!({ "a": "b" }));
    assert_eq!(after["metadata"]["annotations"], json!({ "note": "kept" }));
}

#[test]
fn a_lease_of_another_or_of_nobody_is_refused_without_a_write() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let others = ns.create(&held("job", "other", 60));
    let output = ns.command(&user, RELEASE).via(&proxy).run();
    said(
        &output,
        122,
        "",
        &not_held_by_you(&ns, "job", "me", "other"),
    );
    untouched(&ns, &others);
    let nobodys = ns.edit("job", |lease| lease["spec"]["holderIdentity"] = json!(""));
    let output = ns.command(&user, RELEASE).via(&proxy).run();
    said(
        &output,
        122,
        "",
        "error: lease \"job\" is not held by \"me\": it is free\nNothing was written.\n",
    );
    untouched(&ns, &nobodys);
    assert_eq!(methods(&proxy.requests()), ["GET", "GET"]);
}

#[test]
fn an_absent_lease_is_not_found_and_not_created() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let output = ns.command(&user, RELEASE).via(&proxy).run();
    said(&output, 121, "", &not_found_as_held(&ns, "job"));
    assert!(ns.get("job").is_none());
    assert!(
        proxy
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
}

#[test]
fn an_edit_of_labels_meanwhile_is_kept_and_the_lease_freed() {
    let OnItsWay { ns, proxy, running } = put_on_its_way(RELEASE);
    ns.edit("job", |lease| {
        lease["metadata"]["labels"] = json!({ "new": "label" })
    });
    said(&running.wait(SOON), 0, RELEASED, "");
    let after = stored(&ns, "job");
    assert_eq!(holder(&after), "");
    assert_eq!(after["metadata"]["labels"], json!({ "new": "label" }));
    assert_eq!(methods(&proxy.requests()), ["GET", "PUT", "GET", "PUT"]);
}

#[test]
fn a_takeover_meanwhile_is_left_alone() {
    let OnItsWay {
        ns,
        proxy: _proxy,
        running,
    } = put_on_its_way(RELEASE);
    let taken = ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = json!("thief")
    });
    said(
        &running.wait(SOON),
        122,
        "",
        &not_held_by_you(&ns, "job", "me", "thief"),
    );
    untouched(&ns, &taken);
}

#[test]
fn a_deletion_meanwhile_does_not_bring_the_lease_back() {
    let OnItsWay {
        ns,
        proxy: _proxy,
        running,
    } = put_on_its_way(RELEASE);
    ns.delete("job");
    said(&running.wait(SOON), 121, "", &not_found_as_held(&ns, "job"));
    assert!(ns.get("job").is_none());
}

#[test]
fn without_permission_to_update_the_role_is_named() {
    let (ns, _) = fresh();
    let user = ns.user(&["get"]);
    let before = ns.create(&held("job", "me", 60));
    said(
        &ns.run(&user, RELEASE),
        1,
        "",
        &forbidden(&ns, &user, "update", Some("job"), "release"),
    );
    untouched(&ns, &before);
}

#[test]
fn a_released_lease_can_be_acquired_at_once() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    for round in 1..=3 {
        let acquire = ["acquire", "job", "--holder=me", "--timeout=0"];
        assert_eq!(ns.run(&user, acquire).code, Some(0));
        said(&ns.run(&user, RELEASE), 0, RELEASED, "");
        assert_eq!(transitions(&stored(&ns, "job")), 3 + round);
    }
}
