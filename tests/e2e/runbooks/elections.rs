//! The pages on leaders and on nodes.

use lease_harness::lease_api_server::Options;
use lease_harness::{Cluster, Namespace, lease};
use serde_json::json;

use super::page::Page;
use crate::examples::all_rules;
use crate::support::elector::{Elector, Times};
use crate::support::{held, holder, shared, stored};

const UUID: &str = "2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10";

pub fn does_not_lead(page: &mut Page) {
    let times = Times::of(3);
    let whole = format!("controller-a_{UUID}");
    page.replace("controller-a", &whole);
    let leader = Elector::start(&page.ns, "my-controller", &whole, times);
    leader.leads();
    let _next = Elector::start(&page.ns, "my-controller", "controller-b", times);
    page.follow_as(page.ns.user_with(&all_rules("rbac-failover.yaml")));
    let shown = page.run("kubectl lease status my-controller", 0);
    assert!(shown.stdout.contains("controller-a"), "{shown}");
    let question = "step down?";
    let screen = page.agree("kubectl lease failover my-controller", question);
    assert!(screen.contains("to \"controller-b\""), "{screen}");
    assert!(leader.terms()[0].ended.is_some(), "{screen}");
    page.run("kubectl lease wait my-controller --for=not-holder=", 0);
    page.run("kubectl lease wait my-controller --for=held", 0);
}

pub fn planned(page: &mut Page) {
    let times = Times::of(3);
    let [first, second] = ["controller-a", "controller-b"].map(|name| format!("{name}_{UUID}"));
    let leader = Elector::start(&page.ns, "my-controller", &first, times);
    leader.leads();
    let next = Elector::start(&page.ns, "my-controller", &second, times);
    page.follow_as(page.ns.user_with(&all_rules("rbac-failover.yaml")));
    let shown = page.run("kubectl lease status my-controller", 0);
    assert!(shown.stdout.contains(&first), "{shown}");
    page.run("kubectl lease failover my-controller --to controller-b", 0);
    let ended = leader.terms()[0].ended.expect("it has stepped down");
    assert!(ended < next.leads().began);
    let shown = page.run("kubectl lease status my-controller -o jsonpath=", 0);
    assert_eq!(shown.stdout, second);
}

/// One where only watching proves an expiry, and what the holder wrote says when it was: no test waits for a day.
pub fn of_old_server() -> Namespace {
    if shared().is_real() {
        return shared().namespace();
    }
    let old = Options {
        version: (1, 20),
        ..Options::default()
    };
    Cluster::in_process(old).namespace()
}

pub fn orphaned(page: &mut Page) {
    // The namespace of all heartbeats is every test's; an owner makes one of any lease as well.
    let name = page.ns.name().to_owned();
    page.replace("kube-node-lease", &name);
    let here = format!("{name}-here");
    let node = page.ns.cluster().create_node(&here);
    let heartbeat = |name: &str, uid: &str| {
        let mut lease = lease(name)
            .holder(name)
            .duration(1)
            .renewed_ago(2 * 86_400, 0)
            .build();
        lease["metadata"]["ownerReferences"] =
            json!([{ "apiVersion": "v1", "kind": "Node", "name": name, "uid": uid }]);
        page.ns.create(&lease);
    };
    let gone = format!("{name}-gone");
    heartbeat(&gone, UUID);
    heartbeat(&here, node["metadata"]["uid"].as_str().expect("it has one"));
    page.ns.create(&held("lock", "ada", 60));
    let status = "kubectl lease status -n kube-node-lease --holder-gone";
    let prune = "kubectl lease prune -n kube-node-lease --class node";
    for command in [status, prune] {
        let shown = page.run(command, 0);
        let (is, is_not) = (shown.stdout.contains(&gone), shown.stdout.contains(&here));
        assert!(is && !is_not, "{shown}");
    }
    page.follow_as(page.ns.user_with(&all_rules("rbac-prune.yaml")));
    let deleted = page.run(&format!("{prune} --yes"), 0);
    assert!(deleted.stdout.contains(&gone), "{deleted}");
    assert!(page.ns.get(&gone).is_none());
    let shown = page.run(prune, 0);
    assert!(!shown.stdout.contains(&gone), "{shown}");
    assert_eq!(holder(&stored(&page.ns, &here)), here);
    page.ns.cluster().delete_node(&here);
}
