//! Coordinated elections, which are from 1.31 on and always have to be switched on; and the other Leases that a control plane
//! of some version has.

use super::{of, on};
use crate::support::{SOON, each, ended, held, holder, said, stored};
use lease_harness::lease;
use lease_harness::lease_api_server::{Difference, Options};
use serde_json::{Value, json};

const ELECTION: [&str; 3] = ["create", "job", "--strategy=OldestEmulationVersion"];
const NEEDS: &str = "Coordinated elections need Kubernetes 1.31 or newer with the feature gate CoordinatedLeaderElection (kubectl version).";

#[test]
fn what_a_server_drops_of_an_election_is_told_whether_it_warns_or_not() {
    // Before 1.25 in silence, then with a warning, from 1.31 on in silence where it is switched off, as it is everywhere.
    each([20, 24, 25, 30, 31, 37], |minor| {
        let (ns, user) = of(minor);
        let dropped = "the server stored no strategy instead of \"OldestEmulationVersion\" (an admission webhook?)";
        let told = format!("error: lease \"job\" not created: in a dry run {dropped}\n{NEEDS}\n");
        said(&ns.run(&user, ELECTION), 1, "", &told);
        assert_eq!(ns.get("job"), None);
    });
}

#[test]
fn an_election_is_created_from_1_31_on_where_it_is_switched_on_and_another_strategy_refused() {
    for (minor, code) in [(30, 1), (31, 0), (32, 0), (37, 0)] {
        let (ns, user) =
            on(Options::of_kubernetes(minor).but(Difference::CoordinatedElections, true));
        let output = ns.run(&user, ELECTION);
        assert_eq!(output.code, Some(code), "{minor}: {output}");
        if code == 0 {
            let output = ns.run(&user, ["create", "own", "--strategy=example.com/own"]);
            assert_eq!(output.code, Some(0), "{output}");
            let output = ns.run(&user, ["create", "other", "--strategy=Newest"]);
            ended(&output, 1, "");
            let told = "spec.strategy.strategy: Unsupported value: \"Newest\"";
            assert!(output.stderr.contains(told), "{output}");
        }
    }
}

/// They have been in three versions of the API, none of which every server has.
#[test]
fn candidates_are_found_wherever_the_version_has_them() {
    each(
        [
            (31, "v1alpha1"),
            (32, "v1alpha2"),
            (33, "v1beta1"),
            (37, "v1beta1"),
        ],
        |(minor, api)| {
            let (ns, user) =
                on(Options::of_kubernetes(minor).but(Difference::CoordinatedElections, true));
            let path = format!(
                "/apis/coordination.k8s.io/{api}/namespaces/{}/leasecandidates",
                ns.name()
            );
            for name in ["first", "second"] {
                let candidate = json!({
                    "apiVersion": format!("coordination.k8s.io/{api}"), "kind": "LeaseCandidate",
                    "metadata": { "name": name },
                    "spec": {
                        "leaseName": "job", "binaryVersion": "1.31.0", "emulationVersion": "1.31.0",
                        "strategy": "OldestEmulationVersion", "preferredStrategies": ["OldestEmulationVersion"],
                    },
                });
                let answer = ns.cluster().admin().call("POST", &path, Some(&candidate));
                assert_eq!(answer.expect("an answer").status, 201);
            }
            let mut elected = held("job", "first", 15);
            elected["spec"]["strategy"] = json!("OldestEmulationVersion");
            ns.create(&elected);
            let running = ns.spawn(&user, ["failover", "job", "--holder=me", "--yes"]);
            let wanted = |lease: &Value| lease["spec"]["preferredHolder"] == "second";
            ns.wait_until("job", wanted, SOON);
            // As the control plane does.
            ns.edit("job", |lease| {
                lease["spec"]["holderIdentity"] = json!("second");
                lease["spec"]["preferredHolder"] = Value::Null;
                lease["spec"]["leaseTransitions"] = json!(4);
            });
            let output = running.wait(SOON);
            assert_eq!(output.code, Some(0), "{minor}: {output}");
            assert_eq!(holder(&stored(&ns, "job")), "second");
            // To take it by hand would be undone.
            let output = ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=0"]);
            assert_ne!(output.code, Some(0), "{output}");
        },
    );
}

/// An upgrade of the control plane, and its way back.
#[test]
fn an_election_that_was_there_stays_one_where_it_is_switched_off_and_is_an_ordinary_one_before_1_31()
 {
    let (ns, user) = on(Options::of_kubernetes(37));
    let mut elected = held("job", "first", 15);
    elected["metadata"]["namespace"] = json!(ns.name());
    elected["spec"]["strategy"] = json!("OldestEmulationVersion");
    let server = ns.cluster().api_server().expect("in-process");
    server.seed(elected);
    let acquire = ["acquire", "job", "--holder=me", "--timeout=0"];
    let refused = ns.run(&user, acquire);
    assert!(refused.stderr.contains("elect"), "{refused}");
    // Its leader renews: what the older server does not know is gone from then on.
    server.become_kubernetes(30);
    crate::support::renew(&ns, "job", 0);
    assert_eq!(stored(&ns, "job")["spec"]["strategy"], Value::Null);
    ended(&ns.run(&user, acquire), 124, "");
}

/// From 1.20 on they could be switched on, and are by default from 1.26 on; their name and their label have changed since.
#[test]
fn the_identity_of_an_api_server_is_known_by_the_name_and_the_label_of_any_version() {
    let run = "0c8914f7-0f35-440e-8676-7844977d3a05";
    each(
        [
            (
                20,
                "kube-apiserver-c4vwjftbvpc5os2vvzle4qg27a",
                "k8s.io/component",
            ),
            (
                26,
                "apiserver-dbwliaqnbjndmefkqorqizdkz4",
                "k8s.io/component",
            ),
            (
                27,
                "apiserver-dbwliaqnbjndmefkqorqizdkz4",
                "apiserver.kubernetes.io/identity",
            ),
            (
                37,
                "apiserver-07a5ea9b9b072c4a5f3d1c3702",
                "apiserver.kubernetes.io/identity",
            ),
            // Whatever became of the label.
            (37, "apiserver-07a5ea9b9b072c4a5f3d1c3703", ""),
        ],
        |(minor, name, label)| {
            let (ns, _) = of(minor);
            let system = ns.cluster().existing_namespace("kube-system");
            let identity = lease(name).holder(&format!("{name}_{run}")).duration(3600);
            let identity = identity.renewed_ago(0, 0);
            let identity = match label {
                "" => identity,
                label => identity.label(label, "kube-apiserver"),
            };
            system.create(&identity.build());
            let admin = ns.admin();
            let output = system.run(&admin, ["status", "--class=apiserver", "-o", "name"]);
            ended(&output, 0, &format!("lease.coordination.k8s.io/{name}\n"));
            let output = system.run(&admin, ["steal", name, "--holder=me", "--yes", "--now"]);
            assert_ne!(output.code, Some(0), "{output}");
            assert!(output.stderr.contains("--force"), "{output}");
        },
    );
}
