//! The flags of etcd and kube-apiserver, chosen to suit Kubernetes 1.20 and today's.

use super::options::{self, PlaneOptions};
use std::path::Path;
use std::process::{Command, Stdio};

pub(super) fn etcd(
    program: &Path,
    data: &Path,
    port: u16,
    peer_port: u16,
    options: PlaneOptions,
) -> Vec<String> {
    let client = format!("http://127.0.0.1:{port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    let mut arguments = vec![
        "--name=default".to_owned(),
        format!("--data-dir={}", data.display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        // Alone it elects itself after one election timeout, a second by default.
        "--heartbeat-interval=20".to_owned(),
        "--election-timeout=200".to_owned(),
    ];
    if options.history {
        arguments.extend([
            // Hours of revisions, none of which is ever forgotten.
            "--quota-backend-bytes=8589934592".to_owned(),
            // What has been applied stays in memory up to this many entries, 100,000 by default.
            "--snapshot-count=5000".to_owned(),
        ]);
    } else {
        arguments.push("--quota-backend-bytes=268435456".to_owned());
    }
    // Not in etcd's help text, and unknown to versions before 3.4.
    let unsafe_no_fsync = "--unsafe-no-fsync";
    let known = Command::new(program)
        .args([unsafe_no_fsync, "--version"])
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if known.is_ok_and(|status| status.success()) {
        arguments.push(unsafe_no_fsync.to_owned());
    }
    arguments
}

pub(super) fn kube_apiserver(
    folder: &Path,
    port: u16,
    etcd_port: u16,
    options: PlaneOptions,
) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut arguments = vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", folder.display()),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        format!("--token-auth-file={}", file("tokens.csv")),
        "--anonymous-auth=false".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        // Kubernetes 1.20 does not find the public key in a PKCS #8 private one.
        format!("--service-account-key-file={}", file("service-account.pub")),
        format!(
            "--service-account-signing-key-file={}",
            file("service-account.key")
        ),
        "--service-cluster-ip-range=10.96.0.0/24".to_owned(),
        // There are no controllers: nobody makes service accounts or endpoints.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        // Many tests at once, and each write's answer soon: no queues in front of them.
        "--enable-priority-and-fairness=false".to_owned(),
        "--max-requests-inflight=2000".to_owned(),
        "--max-mutating-requests-inflight=1000".to_owned(),
        "--profiling=false".to_owned(),
        "--event-ttl=10m".to_owned(),
    ];
    if options.history {
        arguments.extend(history(folder));
    }
    arguments
}

/// Whatever is stored can be read afterwards, by two ways.
fn history(folder: &Path) -> [String; 6] {
    [
        "--storage-media-type=application/json".to_owned(),
        "--etcd-compaction-interval=0".to_owned(),
        format!(
            "--audit-policy-file={}",
            options::audit_policy(folder).display()
        ),
        format!("--audit-log-path={}", options::audit_log(folder).display()),
        "--audit-log-mode=blocking".to_owned(),
        // In megabytes; 0 would be a hundred, and then another file.
        "--audit-log-maxsize=1000000".to_owned(),
    ]
}
