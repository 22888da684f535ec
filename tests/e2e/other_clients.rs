//! Other clients on the same Lease: what each reads there after ours, and what ours does with what each wrote.

use crate::support::{fresh, held, holder, said_like, stored, transitions, untouched};
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
fn terraform_gets_its_lock_back_however_a_grant_of_ours_ends_and_its_run_is_not_taken_from() {
    let (ns, user) = fresh();
    ns.create(&terraform_free());
    let run = |words: &[&str]| {
        let output = ns.run(&user, words);
        assert_eq!(output.code, Some(0), "{words:?} {output}");
    };
    // Waited for without an end, whatever a grant before had as its duration.
    let is_waited_for = |timeout: &str| {
        let acquire = ["acquire", LOCK, "--holder=me", "--timeout", timeout];
        let waits = ns.run(&user, acquire);
        assert_eq!(waits.code, Some(124), "{waits}");
        assert!(waits.stderr.contains("without an expiry"), "{waits}");
    };
    for begins in [
        &["acquire", LOCK, "--holder=me", "--duration=1h"][..],
        &["hold", LOCK, "--", "true"],
        &["steal", LOCK, "--holder=me", "--yes"],
    ] {
        run(begins);
        if begins[0] != "hold" {
            run(&["release", LOCK, "--holder=me"]);
        }
        let spec = stored(&ns, LOCK)["spec"].clone();
        assert_eq!(spec.get("leaseDurationSeconds"), None, "{begins:?}");
        assert_eq!(terraform_locks(&ns, "first"), Ok(()), "{begins:?}");
        is_waited_for("0");
        assert_eq!(terraform_unlocks(&ns, "first"), Ok(()), "{begins:?}");
    }
    // Stolen from a run: its end does not free what is ours, and after ours the next run has it.
    assert_eq!(terraform_locks(&ns, "first"), Ok(()));
    run(&["steal", LOCK, "--holder=me", "--if-holder=first", "--yes"]);
    let not_its_own = Err("first does not match me".to_owned());
    assert_eq!(terraform_unlocks(&ns, "first"), not_its_own);
    let locked = Err("already locked by \"me\"".to_owned());
    assert_eq!(terraform_locks(&ns, "second"), locked);
    run(&["release", LOCK, "--holder=me"]);
    assert_eq!(terraform_locks(&ns, "second"), Ok(()));
    is_waited_for("0");
    assert_eq!(terraform_unlocks(&ns, "second"), Ok(()));
    // The holder of a grant is dead, and an operator frees it with what Terraform has for that.
    run(&["acquire", LOCK, "--holder=me", "--duration=1s"]);
    assert_eq!(terraform_unlocks(&ns, "me"), Ok(()));
    assert_eq!(terraform_locks(&ns, "third"), Ok(()));
    is_waited_for("2s");
    let shown = ns.run(&user, ["status", LOCK]);
    let not_its = "<none> (1s is recorded, and is not its holder's)";
    assert!(shown.stdout.contains(not_its), "{shown}");
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

pub fn heartbeat() -> Value {
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
            "error: lease \"job\" is not a lock: {what}…\n\
             Nothing was written. To steal it anyway: kubectl lease steal job -n {} --holder me --now --force\n",
            ns.name()
        );
        said_like(&refused, 120, "", &expected);
        untouched(&ns, &before);
        let other = ns.command(&user, steal).arg("--if-holder=other").run();
        assert_eq!(other.code, Some(122), "{other}");
        let forced = ns.command(&user, steal).arg("--force").run();
        assert_eq!(forced.code, Some(0), "{forced}");
        let warning = format!("warning: it is not a lock: {what}");
        assert!(forced.stderr.contains(&warning), "{forced}");
        assert_eq!(holder(&stored(&ns, "job")), "me");
    }
}
