//! The real control plane: serves, and is gone afterwards. Needs KUBEBUILDER_ASSETS; skipped without.
// A real kube-apiserver and etcd.
#![cfg(unix)]

use lease_harness::{Cluster, Command, ControlPlane, PlaneOptions, Rule, alive, lease, wait_gone};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(10);

/// Set in the process that a test starts only to kill it.
const VICTIM: &str = "LEASE_HARNESS_VICTIM";

fn assets() -> Option<PathBuf> {
    let assets = Cluster::assets();
    if assets.is_none() {
        eprintln!("SKIPPED: KUBEBUILDER_ASSETS is not set");
    }
    assets
}

#[test]
fn it_serves_leases_to_users_with_just_the_verbs_they_were_given() {
    if assets().is_none() {
        return;
    }
    let start = Instant::now();
    let cluster = Cluster::shared();
    eprintln!("shared control plane after {:?}", start.elapsed());
    let ns = cluster.namespace();
    let start = Instant::now();
    let user = ns.user(&["get", "update"]);
    eprintln!("user after {:?}", start.elapsed());
    ns.create(
        &lease("job")
            .holder("me")
            .duration(15)
            .renewed_ago(3, 0)
            .build(),
    );
    let path = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
        ns.name()
    );
    let api = cluster.api(&user);
    assert_eq!(
        api.call("GET", &format!("{path}/job"), None)
            .expect("reachable")
            .status,
        200
    );
    let denied = api.call("GET", &path, None).expect("reachable");
    assert_eq!(
        (denied.status, denied.body["reason"].as_str()),
        (403, Some("Forbidden"))
    );

    ns.set_rules(
        &user,
        &[Rule::leases(&["list"]), Rule::leases(&["get"]).everywhere()],
    );
    assert_eq!(api.call("GET", &path, None).expect("reachable").status, 200);
    let other = cluster.namespace();
    let elsewhere = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases/none",
        other.name()
    );
    assert_eq!(
        api.call("GET", &elsewhere, None).expect("reachable").status,
        404
    );
    ns.set_rules(&user, &[]);
    assert_eq!(
        api.call("GET", &elsewhere, None).expect("reachable").status,
        403
    );
}

#[test]
fn the_api_server_can_be_stopped_frozen_and_started_again_at_the_same_address() {
    let Some(assets) = assets() else { return };
    let cluster = Cluster::private();
    let plane = cluster.control_plane().expect("assets are set");
    assert!(assets.is_dir() && cluster.is_real());
    let ns = cluster.namespace();
    ns.create(&lease("job").build());

    plane.stop_api_server();
    assert!(cluster.admin().call("GET", "/readyz", None).is_err());
    let start = Instant::now();
    plane.start_api_server();
    eprintln!("restarted after {:?}", start.elapsed());
    assert!(ns.get("job").is_some(), "etcd kept it");

    let pid = *plane.pids().last().expect("two processes");
    plane.freeze_api_server();
    assert!(lease_harness::stopped(pid));
    plane.thaw_api_server();
    ns.edit("job", |lease| lease["spec"]["holderIdentity"] = json!("me"));
    assert_eq!(ns.holder("job").as_deref(), Some("me"));
    // Both are gone after the last handle.
    let pids = plane.pids();
    assert!(
        pids.len() == 2 && pids.iter().all(|pid| alive(*pid)),
        "{pids:?}"
    );
    drop((ns, cluster));
    assert!(!pids.iter().any(|pid| alive(*pid)), "{pids:?}");
}

/// Not a test by itself: what the next test starts and kills.
#[test]
fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let plane = ControlPlane::start(&assets().expect("set by the killer")).expect("it starts");
    let folder = Cluster::shared().namespace().file("x", "");
    let mut out = std::io::stdout();
    writeln!(out, "pids {:?} {}", plane.pids(), folder.display()).expect("stdout is open");
    out.flush().expect("stdout is open");
    loop {
        std::thread::park();
    }
}

#[test]
fn both_servers_and_the_folders_are_gone_after_the_owner_is_killed() {
    let Some(assets) = assets() else { return };
    let own = std::env::current_exe().expect("the test's own path is known");
    let owner = Command::new(
        own,
        ["--exact", "victim", "--nocapture", "--test-threads=1"],
    )
    .env(VICTIM, "1")
    .env("KUBEBUILDER_ASSETS", assets)
    .spawn();
    let line = owner.wait_stdout(|line| line.contains("pids"), Duration::from_secs(120));
    let (_, rest) = line.split_once('[').expect("a list");
    let (pids, file) = rest.split_once("] ").expect("a list");
    let pids: Vec<u32> = pids
        .split(", ")
        .map(|pid| pid.parse().expect("a number"))
        .collect();
    let folder = Path::new(file)
        .parent()
        .and_then(Path::parent)
        .expect("in the scratch folder");
    assert!(pids.iter().all(|pid| alive(*pid)) && folder.is_dir());

    owner.signal(libc::SIGKILL);
    for pid in pids {
        wait_gone(pid, SOON);
    }
    let deadline = Instant::now() + SOON;
    while folder.exists() {
        assert!(
            Instant::now() < deadline,
            "{} is still there",
            folder.display()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_server_that_does_not_start_is_an_error_with_the_end_of_its_log() {
    if assets().is_none() {
        return;
    }
    let ns = Cluster::shared().namespace();
    let etcd = ns.script("etcd", "#!/bin/sh\necho out of disk\nexit 3\n");
    let error = ControlPlane::start(etcd.parent().expect("a folder"))
        .err()
        .expect("it cannot start");
    assert!(
        error.contains("etcd ended while starting (exit status: 3)")
            && error.contains("out of disk"),
        "{error}"
    );
}

#[test]
fn the_audit_log_and_etcd_both_know_every_write_also_over_a_kill_of_the_server() {
    if assets().is_none() {
        return;
    }
    let cluster = Cluster::private_with(PlaneOptions { history: true });
    let plane = cluster.control_plane().expect("assets are set");
    let ns = cluster.namespace();
    let created = ns.create(&lease("job").build());
    let updated = ns.edit("job", |lease| lease["spec"]["holderIdentity"] = json!("me"));
    plane.stop_api_server();
    plane.start_api_server();
    ns.delete("job");

    let prefix = format!("/registry/leases/{}/", ns.name());
    let revisions = plane.revisions(&prefix).expect("etcd has its history");
    let told: Vec<_> = revisions
        .iter()
        .map(|r| (r.key.as_str(), r.value.as_ref().map(|v| &v["spec"])))
        .collect();
    let after = [Some(&created["spec"]), Some(&updated["spec"]), None];
    assert_eq!(told, after.map(|spec| ("job", spec)));
    let versions = [&created, &updated].map(|lease| lease["metadata"]["resourceVersion"].clone());
    assert_eq!(
        revisions
            .iter()
            .map(|r| json!(r.revision.to_string()))
            .take(2)
            .collect::<Vec<_>>(),
        versions
    );

    let log = std::fs::read_to_string(plane.audit_log()).expect("there is one");
    let events: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|event: &Value| event["objectRef"]["namespace"] == ns.name())
        .collect();
    let verbs: Vec<_> = events.iter().map(|e| e["verb"].as_str()).collect();
    assert_eq!(verbs, ["create", "update", "delete"].map(Some));
    assert_eq!(
        [
            &events[0]["responseObject"]["spec"],
            &events[1]["responseObject"]["spec"]
        ],
        [&created["spec"], &updated["spec"]]
    );
}

#[test]
fn a_frozen_etcd_lets_requests_wait_until_it_goes_on() {
    if assets().is_none() {
        return;
    }
    let cluster = Cluster::private();
    let plane = cluster.control_plane().expect("assets are set");
    let ns = cluster.namespace();
    ns.create(&lease("job").build());
    plane.freeze_etcd();
    let (sender, answer) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| sender.send(ns.get("job").is_some()));
        assert!(answer.recv_timeout(Duration::from_millis(200)).is_err());
        plane.thaw_etcd();
        assert_eq!(answer.recv_timeout(SOON), Ok(true));
    });
}
