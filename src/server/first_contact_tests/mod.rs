//! What a newcomer meets first, from the kubeconfig to the answer: each situation with all that is said of it, as snapshots.

mod files;
mod kubeconfig;
mod way;
mod who;

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use lease_harness::lease_api_server::Options;
use lease_harness::{Cluster, Namespace, User, lease};
use serde_json::{Value, json};

use super::ConnectionOptions;
use super::testing::{Folder, kubeconfig, said};
use crate::clock::{Clock, SystemClock};

/// Files of a test's own, and what was said so far.
struct Scene {
    folder: Folder,
    files: Cell<u32>,
    told: String,
}

impl Scene {
    fn new() -> Self {
        Self {
            folder: Folder::new(),
            files: Cell::new(0),
            told: String::new(),
        }
    }

    /// A file that no other call writes.
    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        self.files.set(self.files.get() + 1);
        let path = self
            .folder
            .file(&format!("{}-{name}", self.files.get()), contents);
        path.display().to_string()
    }

    /// What is said of a Lease by this kubeconfig and these flags, in no time.
    #[track_caller]
    fn said(&self, config: &Value, flags: ConnectionOptions) -> String {
        self.said_by(&self.file("config", config.to_string()), flags)
    }

    /// The same by the kubeconfig at this path.
    #[track_caller]
    fn said_by(&self, path: &str, mut flags: ConnectionOptions) -> String {
        flags.kubeconfig = Some(path.into());
        let begun = SystemClock.now();
        let said = said(&flags, Duration::from_secs(3));
        assert!(
            SystemClock.now().since(begun) < Duration::from_secs(20),
            "{said}"
        );
        said
    }

    /// Notes what is said in this situation.
    #[track_caller]
    fn tell(&mut self, situation: &str, config: &Value, flags: ConnectionOptions) {
        let said = self.said(config, flags);
        self.note(situation, &said);
    }

    fn note(&mut self, situation: &str, said: &str) {
        self.told += &format!("## {situation}\n{said}\n\n");
    }

    /// All of it, without what differs from run to run.
    fn told(self) -> String {
        let ports = regex_lite::Regex::new(r"127\.0\.0\.1:\d{2,}").expect("it is one");
        let told = self.told.replace(&self.folder.path(), "FOLDER");
        ports.replace_all(&told, "127.0.0.1:PORT").into_owned()
    }
}

/// A kubeconfig for this server.
fn config(server: &str, user: &Value) -> Value {
    kubeconfig(&json!({ "server": server }), user)
}

/// The same for one with this authority.
fn trusting(server: &str, authority: &str, user: &Value) -> Value {
    use base64::Engine;

    let data = base64::engine::general_purpose::STANDARD.encode(authority);
    kubeconfig(
        &json!({ "server": server, "certificate-authority-data": data }),
        user,
    )
}

fn token() -> Value {
    json!({ "token": "secret" })
}

fn none() -> ConnectionOptions {
    ConnectionOptions::default()
}

fn flags(edit: impl FnOnce(&mut ConnectionOptions)) -> ConnectionOptions {
    let mut flags = none();
    edit(&mut flags);
    flags
}

/// A namespace on a server of this process with the Lease `job`, and somebody who may read it.
fn served() -> (Namespace, User) {
    static SERVER: OnceLock<Cluster> = OnceLock::new();
    let server = SERVER.get_or_init(|| Cluster::in_process(Options::default()));
    let ns = server.namespace();
    let user = ns.user(&["get"]);
    ns.create(&lease("job").holder("other").duration(60).build());
    (ns, user)
}

/// Its kubeconfig, with this as the user's entry.
fn served_as(ns: &Namespace, user: &User, entry: &Value) -> Value {
    let mut config = ns.kubeconfig_json(user);
    config["users"][0]["user"] = entry.clone();
    config
}
