//! Other clients on the same Lease: what each reads there after ours, and what ours does with what each wrote.

use crate::support::{
    fresh, fresh_in_process, held, holder, said, said_like, stored, transitions, untouched,
};
use lease_harness::lease_api_server::Options;
use lease_harness::{Namespace, lease};
use serde_json::{Value, json};

const LOCK: &str = "lock-tfstate-default-app";
const LOCK_INFO: &str = "app.terraform.io/lock-info";

/// Terraform's and OpenTofu's backend: locked while a holder is present, even an empty one.
fn terraform_locks(ns: &Namespace, id: &str) -> Result<(), String> {
    let lease = stored(ns, LOCK);
    if let Some(holder) = lease["spec"].get("holderIdentity") {
        return Err(format!("already locked by {holder}"));
    }
    ns.edit(LOCK, |lease| {
        lease["spec"]["holderIdentity"] = json!(id);
        lease["metadata"]["annotations"][LOCK_INFO] = json!(format!("{{\"ID\":\"{id}\"}}"));
    });
    Ok(())
}

/// Its unlock at the end of a run, and `force-unlock`.
fn terraform_unlocks(ns: &Namespace, id: &str) -> Result<(), String> {
    let lease = stored(ns, LOCK);
    match lease["spec"].get("holderIdentity").and_then(Value::as_str) {
        None => return Err("already unlocked".to_owned()),
        Some(holder) if holder != id => return Err(format!("{id} does not match {holder}")),
        Some(_) => {}
    }
    ns.edit(LOCK, |lease| {
        let spec = lease["spec"].as_object_mut().expect("a spec");
        spec.remove("holderIdentity");
        let annotations = lease["metadata"]["annotations"].as_object_mut();
        annotations.expect("annotations").remove(LOCK_INFO);
    });
    Ok(())
}

/// A lock as Terraform leaves it when nobody holds it.
fn terraform_free() -> Value {
    let mut lease = lease(LOCK)
        .label("tfstate", "true")
        .label("app.kubernetes.io/managed-by", "terraform")
        .build();
    lease["spec"] = json!({});
    lease
}

#[test]
fn terraform_gets_its_lock_back_however_a_grant_of_ours_ends() {
    let endings: [(&[&str], &[&str]); 4] = [
        (
            &["acquire", LOCK, "--holder=me"],
            &["release", LOCK, "--holder=me"],
        ),
        (
            &["acquire", LOCK, "--holder=me", "--duration=1h"],
            &["release", LOCK, "--holder=me"],
        ),
        (&["hold", LOCK, "--", "true"], &["version"]),
        (
            &["steal", LOCK, "--holder=me", "--yes"],
            &["release", LOCK, "--holder=me"],
        ),
    ];
    for (begins, ends) in endings {
        let (ns, user) = fresh();
        ns.create(&terraform_free());
        assert_eq!(ns.run(&user, begins).code, Some(0), "{begins:?}");
        assert_eq!(ns.run(&user, ends).code, Some(0), "{begins:?}");
        let lease = stored(&ns, LOCK);
        assert_eq!(
            lease["spec"].get("leaseDurationSeconds"),
            None,
            "{begins:?}"
        );
        assert_eq!(terraform_locks(&ns, "first"), Ok(()), "{begins:?}");
        let waits = ns.run(&user, ["acquire", LOCK, "--holder=me", "--timeout=0"]);
        assert_eq!(waits.code, Some(124), "{waits}");
        assert!(
            waits.stderr.contains("held by \"first\" without an expiry"),
            "{waits}"
        );
        assert_eq!(terraform_unlocks(&ns, "first"), Ok(()), "{begins:?}");
    }
}

#[test]
fn a_running_apply_is_not_taken_from_after_its_lock_was_stolen_and_released() {
    let (ns, user) = fresh();
    ns.create(&terraform_free());
    assert_eq!(terraform_locks(&ns, "first"), Ok(()));
    let steal = ["steal", LOCK, "--holder=me", "--if-holder=first", "--yes"];
    let stolen = ns.run(&user, steal);
    assert_eq!(stolen.code, Some(0), "{stolen}");
    // The end of the apply that was robbed does not free what is ours.
    assert_eq!(
        terraform_unlocks(&ns, "first"),
        Err("first does not match me".to_owned())
    );
    assert_eq!(
        terraform_locks(&ns, "second"),
        Err("already locked by \"me\"".to_owned())
    );
    assert_eq!(
        ns.run(&user, ["release", LOCK, "--holder=me"]).code,
        Some(0)
    );
    assert_eq!(terraform_locks(&ns, "second"), Ok(()));
    let waits = ns.run(&user, ["acquire", LOCK, "--holder=me", "--timeout=0"]);
    assert_eq!(waits.code, Some(124), "{waits}");
    assert!(waits.stderr.contains("without an expiry"), "{waits}");
    assert_eq!(holder(&stored(&ns, LOCK)), "second");
}

/// The holder of a grant is dead, and an operator frees it with what Terraform has for that.
#[test]
fn a_running_apply_is_not_taken_from_after_force_unlock_ended_our_grant() {
    let (ns, user) = fresh();
    ns.create(&terraform_free());
    let acquire = ["acquire", LOCK, "--holder=me", "--duration=1s"];
    assert_eq!(ns.run(&user, acquire).code, Some(0));
    assert_eq!(terraform_unlocks(&ns, "me"), Ok(()));
    assert_eq!(terraform_locks(&ns, "second"), Ok(()));
    let waits = ns.run(&user, ["acquire", LOCK, "--holder=you", "--timeout=3"]);
    assert_eq!(waits.code, Some(124), "{waits}");
    let shown = ns.run(&user, ["status", LOCK]);
    assert!(shown.stdout.contains("never"), "{shown}");
}

#[test]
fn terraform_takes_a_lease_that_create_made() {
    let (ns, user) = fresh();
    assert_eq!(ns.run(&user, ["create", LOCK]).code, Some(0));
    ns.edit(LOCK, |lease| lease["metadata"]["annotations"] = json!({}));
    assert_eq!(terraform_locks(&ns, "first"), Ok(()));
}

#[test]
fn check_and_renew_know_a_grant_right_after_one_that_was_released() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 60));
    for _ in 0..2 {
        for (verb, done) in [
            ("release", "released"),
            ("acquire", "acquired"),
            ("check", "held"),
            ("renew", "renewed"),
        ] {
            let output = ns.run(&user, [verb, "job", "--holder=me"]);
            said(
                &output,
                0,
                &format!("lease.coordination.k8s.io/job {done}\n"),
                "",
            );
        }
    }
}

#[test]
fn an_election_of_client_go_goes_on_after_a_grant_of_ours() {
    let (ns, user) = fresh();
    // As client-go releases one.
    ns.create(
        &lease("job")
            .holder("")
            .duration(1)
            .transitions(7)
            .acquired_ago(100, 0)
            .renewed_ago(100, 0)
            .build(),
    );
    assert_eq!(
        ns.run(&user, ["acquire", "job", "--holder=me"]).code,
        Some(0)
    );
    let grant = stored(&ns, "job");
    assert_eq!(
        (
            grant["spec"]["leaseDurationSeconds"].as_i64(),
            transitions(&grant)
        ),
        (Some(60), 8)
    );
    assert_eq!(
        ns.run(&user, ["release", "job", "--holder=me"]).code,
        Some(0)
    );
    // It reads an absent holder as an empty one, and replaces the whole spec.
    assert_eq!(stored(&ns, "job")["spec"].get("holderIdentity"), None);
    ns.edit("job", |lease| {
        lease["spec"] =
            held("job", "pod-1_9ca3a9c7-610d-4b47-91bb-2d916d1307ed", 15)["spec"].clone();
        lease["spec"]["leaseTransitions"] = json!(9);
    });
    let waits = ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=0"]);
    assert_eq!(waits.code, Some(124), "{waits}");
    assert!(waits.stderr.contains("for at most 15s more"), "{waits}");
}

#[test]
fn a_reboot_lock_of_fleetlock_never_expires_and_is_free_for_it_after_us() {
    let (ns, user) = fresh();
    let mut lock = lease("job").build();
    lock["spec"] =
        json!({ "holderIdentity": "a6a0f8b1c2d34e5f8091a2b3c4d5e6f7", "leaseTransitions": 3 });
    ns.create(&lock);
    let waits = ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=0"]);
    assert_eq!(waits.code, Some(124), "{waits}");
    assert!(waits.stderr.contains("without an expiry"), "{waits}");
    let stolen = ns.run(&user, ["steal", "job", "--holder=me", "--yes"]);
    assert_eq!(stolen.code, Some(0), "{stolen}");
    assert_eq!(
        ns.run(&user, ["release", "job", "--holder=me"]).code,
        Some(0)
    );
    // It replaces the whole spec with these two.
    let spec = stored(&ns, "job")["spec"].clone();
    assert_eq!(
        (
            spec.get("holderIdentity"),
            spec["leaseTransitions"].as_i64()
        ),
        (None, Some(4))
    );
    assert_eq!(spec.get("leaseDurationSeconds"), None);
}

fn heartbeat() -> Value {
    let mut lease = held("job", "node-a", 40);
    lease["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "Node", "name": "node-a", "uid": "11111111" }]);
    lease
}

fn identity() -> Value {
    lease("job")
        .holder("apiserver-07a5ea9b9b072c4a5f3d1c3702_0c8914f7-0f35-440e-8676-7844977d3a05")
        .duration(3600)
        .renewed_ago(5, 0)
        .label("apiserver.kubernetes.io/identity", "kube-apiserver")
        .build()
}

#[test]
fn what_is_no_lock_is_stolen_only_by_force_and_with_a_warning() {
    for (object, what) in [
        (heartbeat(), "it is a node's heartbeat"),
        (identity(), "it is an API server's identity"),
    ] {
        let (ns, user) = fresh();
        let before = ns.create(&object);
        let steal = ["steal", "job", "--holder=me", "--yes", "--now"];
        let refused = ns.run(&user, steal);
        let expected = format!(
            "error: lease \"job\" is no lock: {what}…\n\
             Nothing was written. To steal it all the same: kubectl lease steal job -n {} --force\n",
            ns.name()
        );
        said_like(&refused, 120, "", &expected);
        untouched(&ns, &before);
        let other = ns.command(&user, steal).arg("--if-holder=other").run();
        assert_eq!(other.code, Some(122), "{other}");
        let forced = ns.command(&user, steal).arg("--force").run();
        assert_eq!(forced.code, Some(0), "{forced}");
        let warning = format!("warning: it is no lock: {what}");
        assert!(forced.stderr.contains(&warning), "{forced}");
        assert_eq!(holder(&stored(&ns, "job")), "me");
    }
}

/// In-process only: the real server of the suite is older than `strategy`, and drops it.
#[test]
fn nobody_is_advised_to_steal_what_is_not_to_be_stolen() {
    let mut elected = held("job", "component-identity-1", 10);
    elected["spec"]["strategy"] = json!("OldestEmulationVersion");
    for (object, what) in [
        (heartbeat(), "it is a node's heartbeat"),
        (identity(), "it is an API server's identity"),
        (elected, "the control plane elects its holder"),
    ] {
        let (ns, user) = fresh_in_process(Options::default());
        let before = ns.create(&object);
        for verb in ["release", "renew", "check"] {
            let output = ns.run(&user, [verb, "job", "--holder=me"]);
            let written = match verb {
                // It never writes.
                "check" => "",
                _ => "Nothing was written. ",
            };
            let expected = format!(
                "error: lease \"job\" is not held by \"me\": it is held by …\n\
                 {written}It is no lock: {what}…\n"
            );
            said_like(&output, 122, "", &expected);
            assert!(!output.stderr.contains("lease steal"), "{output}");
        }
        untouched(&ns, &before);
    }
}

/// Shapes that were found in clusters, and what is to be recorded after a grant of ours: `true` where a duration was before.
#[test]
fn whatever_shape_a_lease_has_a_grant_leaves_no_holder_and_only_the_duration_that_was_there() {
    let shapes = [
        (None, false),
        (Some(json!({})), false),
        (
            Some(json!({
                "holderIdentity": null, "leaseDurationSeconds": null, "acquireTime": null,
                "renewTime": null, "leaseTransitions": null,
            })),
            false,
        ),
        (
            Some(json!({ "holderIdentity": "", "leaseTransitions": 0 })),
            false,
        ),
        (
            Some(json!({ "holderIdentity": "158302", "renewTime": "2026-01-01T06:15:09.459888Z" })),
            false,
        ),
        (
            Some(json!({ "holderIdentity": "backup-2026-07-11t16-25-10z" })),
            false,
        ),
        (
            Some(json!({ "holderIdentity": "navigator-ab12cd34", "leaseDurationSeconds": 180 })),
            true,
        ),
        (
            Some(
                json!({ "holderIdentity": "js", "leaseDurationSeconds": 60, "renewTime": "2022-06-23T18:10:50.278000Z" }),
            ),
            true,
        ),
        (
            Some(
                json!({ "holderIdentity": "ops", "leaseDurationSeconds": 2147483647, "renewTime": "2022-06-23T18:10:50.000000Z" }),
            ),
            true,
        ),
    ];
    let (ns, user) = fresh();
    for (spec, had_duration) in shapes {
        let mut object = lease("job").build();
        match &spec {
            Some(spec) => object["spec"] = spec.clone(),
            None => drop(object.as_object_mut().expect("a map").remove("spec")),
        }
        ns.create(&object);
        let steal = ["steal", "job", "--holder=me", "--yes", "--now"];
        let stolen = ns.run(&user, steal);
        assert_eq!(stolen.code, Some(0), "{spec:?}: {stolen}");
        for verb in ["renew", "release"] {
            let output = ns.run(&user, [verb, "job", "--holder=me"]);
            assert_eq!(output.code, Some(0), "{spec:?}: {output}");
        }
        let after = stored(&ns, "job")["spec"].clone();
        assert_eq!(after.get("holderIdentity"), None, "{spec:?}");
        let has_duration = after.get("leaseDurationSeconds").is_some();
        assert_eq!(has_duration, had_duration, "{spec:?}");
        ns.delete("job");
    }
}
