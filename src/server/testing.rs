//! What the tests of this room share: files of their own, a kubeconfig, and what is said when a Lease is read with it.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, Connection, ConnectionOptions};
use crate::error::{Error, Subject};
use crate::lease::api::Api;
use crate::lease::operate::End;

/// A folder that goes when the test does.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let name = format!("kubectl-lease-test-{}", uuid::Uuid::new_v4());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }

    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, contents).expect("the folder is ours");
        path
    }

    #[cfg_attr(windows, allow(dead_code, reason = "its callers are tests for Unix"))]
    pub fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A kubeconfig with one of each: cluster `kind-dev`, user `alice`, and the context `dev` in the namespace `shop`.
pub fn kubeconfig(cluster: &Value, user: &Value) -> Value {
    let context = json!({ "cluster": "kind-dev", "user": "alice", "namespace": "shop" });
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "dev",
        "clusters": [{ "name": "kind-dev", "cluster": cluster }],
        "users": [{ "name": "alice", "user": user }],
        "contexts": [{ "name": "dev", "context": context }],
    })
}

/// A runtime as the program has one.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// What is said when the Lease `job` is read; `ok` where it is there, or could be.
#[cfg_attr(windows, allow(dead_code, reason = "its callers are tests for Unix"))]
pub fn said(options: &ConnectionOptions, limit: Duration) -> String {
    let runtime = runtime();
    let said = runtime.block_on(async {
        let connection = match Connection::load(options).await {
            Ok(connection) => connection,
            Err(error) => return error.lines(),
        };
        let namespace = connection.namespace().to_owned();
        let lease = Client::new(connection).lease(&namespace, "job");
        let subject = || Subject {
            namespace: namespace.clone(),
            name: "job".to_owned(),
            holder: None,
            only_asks: true,
            conflict: None,
            reenters: false,
            if_holder: None,
            takes_by: crate::error::TakesBy::default(),
            frees: false,
            beside: false,
            steals: false,
            of_slots: false,
        };
        match lease.get(limit).await {
            Ok(_) => vec!["ok".to_owned()],
            Err(fault) => Error::lease(subject(), End::Fault(fault)).lines(),
        }
    });
    runtime.shutdown_background();
    said.join("\n")
}
