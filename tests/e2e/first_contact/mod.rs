//! What a newcomer meets first, each told in two lines: what is wrong, and what to do. Situation → all of stderr.

mod answers;
mod files;
mod kubeconfig;
mod way;

use crate::support::{said_like, shared};
use lease_harness::{Command, Output};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-lease");
const SEE_ADDRESS: &str = "kubectl config view --minify shows the address";
const CHECK_FILE: &str =
    "Check the file that KUBECONFIG or --kubeconfig names: kubectl config view";
const CHECK_USER: &str =
    "Check the exec plugin of the user in the kubeconfig: kubectl config view --minify";
const SET_ONE: &str = "Set KUBECONFIG, give --kubeconfig FILE, or give --server and --token";
const NO_PAGE: &str = "Is the address right, or is there a login page or a proxy in between?";

/// Every subcommand that asks a server.
const SUBCOMMANDS: [&str; 7] = [
    "status job",
    "status",
    "create job",
    "acquire job",
    "release job",
    "renew job",
    "steal job --yes",
];

/// A kubeconfig with one of each: cluster `kind-dev`, user `alice`, and the context `dev` in the namespace `shop`.
fn config(server: &str, ca: Option<&str>, user: &Value) -> Value {
    let mut cluster = json!({ "server": server });
    if let Some(ca) = ca {
        cluster["certificate-authority"] = json!(file("ca.pem", ca));
    }
    let context = json!({ "cluster": "kind-dev", "user": "alice", "namespace": "shop" });
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "dev",
        "clusters": [{ "name": "kind-dev", "cluster": cluster }],
        "users": [{ "name": "alice", "user": user }],
        "contexts": [{ "name": "dev", "context": context }],
    })
}

/// A file that no other call writes.
fn file(name: &str, contents: &str) -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let folder = shared().existing_namespace("first-contact");
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    folder.file(&format!("{number}-{name}"), contents)
}

fn run(config: &Value, arguments: &str) -> Output {
    command(config, arguments).run()
}

fn command(config: &Value, arguments: &str) -> Command {
    let file = file("kubeconfig", &config.to_string());
    Command::new(BINARY, arguments.split_whitespace()).kubeconfig(file)
}

fn token() -> Value {
    json!({ "token": "secret" })
}

/// Exit 1, nothing on stdout, and on stderr exactly these lines (`…` for what is not ours to word), in no time.
#[track_caller]
fn two_lines(output: &Output, what: &str, then: &str) {
    said_like(output, 1, "", &format!("{what}\n{then}\n"));
    assert!(output.elapsed < Duration::from_secs(8), "{output}");
}
