//! `renew`: keeps what is ours, and takes nothing back.

use crate::support::{
    OnItsWay, SOON, forbidden, fresh, held, methods, not_found_as_held, not_held_by_you,
    put_on_its_way, said, stored, untouched,
};
use lease_harness::{Fault, Match, Proxy, lease};
use serde_json::json;
use std::time::Duration;

const RENEWED: &str = "lease.coordination.k8s.io/job renewed\n";
const RENEW: [&str; 3] = ["renew", "job", "--holder=me"];

#[test]
fn only_the_renew_time_changes() {
    let (ns, user) = fresh();
    let before = ns.create(
        &lease("job")
            .holder("me")
            .duration(60)
            .transitions(5)
            .acquired_ago(9, 0)
            .renewed_ago(3, 0)
            .label("a", "b")
            .annotation("kubectl-lease/reason", "migration")
            .build(),
    );
    said(&ns.run(&user, RENEW), 0, RENEWED, "");
    let after = stored(&ns, "job");
    assert!(after["spec"]["renewTime"].as_str() > before["spec"]["renewTime"].as_str());
    let mut spec = after["spec"].clone();
    spec["renewTime"] = before["spec"]["renewTime"].clone();
    assert_eq!(spec, before["spec"]);
    for field in ["labels", "annotations", "uid"] {
        assert_eq!(after["metadata"][field], before["metadata"][field]);
    }
}

#[test]
fn a_lease_of_another_of_nobody_or_gone_is_not_taken_back() {
    let (ns, user) = fresh();
    said(
        &ns.run(&user, RENEW),
        121,
        "",
        &not_found_as_held(&ns, "job"),
    );
    assert!(ns.get("job").is_none());
    let others = ns.create(&held("job", "other", 60));
    let message = not_held_by_you(&ns, "job", "me", "other");
    said(&ns.run(&user, RENEW), 122, "", &message);
    untouched(&ns, &others);
    let nobodys = ns.edit("job", |lease| lease["spec"]["holderIdentity"] = json!(""));
    let message = "error: lease \"job\" is not held by \"me\": it is free\nNothing was written.\n";
    said(&ns.run(&user, RENEW), 122, "", message);
    untouched(&ns, &nobodys);
}

#[test]
fn an_edit_of_labels_meanwhile_is_kept() {
    let OnItsWay { ns, proxy, running } = put_on_its_way(RENEW);
    ns.edit("job", |lease| {
        lease["metadata"]["labels"] = json!({ "new": "label" })
    });
    said(&running.wait(SOON), 0, RENEWED, "");
    let after = stored(&ns, "job");
    assert_eq!(after["metadata"]["labels"], json!({ "new": "label" }));
    assert_eq!(methods(&proxy.requests()), ["GET", "PUT", "GET", "PUT"]);
}

#[test]
fn a_takeover_or_deletion_meanwhile_is_seen() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let renew = || {
        ns.create(&held("job", "me", 60));
        proxy.clear();
        proxy.fault(Match::put(), Fault::Delay(Duration::from_millis(500)), 1);
        let running = ns.command(&user, RENEW).via(&proxy).spawn();
        proxy.wait_for(|all| methods(all) == ["GET", "PUT"], SOON);
        running
    };
    let running = renew();
    let taken = ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = json!("thief")
    });
    let message = not_held_by_you(&ns, "job", "me", "thief");
    said(&running.wait(SOON), 122, "", &message);
    untouched(&ns, &taken);
    ns.delete("job");
    let running = renew();
    ns.delete("job");
    said(&running.wait(SOON), 121, "", &not_found_as_held(&ns, "job"));
    assert!(ns.get("job").is_none());
}

#[test]
fn without_permission_to_update_the_role_is_named() {
    let (ns, _) = fresh();
    let user = ns.user(&["get"]);
    let before = ns.create(&held("job", "me", 60));
    let message = forbidden(&ns, &user, "update", Some("job"), "renew");
    said(&ns.run(&user, RENEW), 1, "", &message);
    untouched(&ns, &before);
}
