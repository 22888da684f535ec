//! What a client is made of where the kubeconfig changes, or a plugin gives a part of it.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kube::config::AuthInfo;
use serde_json::json;

use super::{Connection, ConnectionOptions, left_for_kube};
use crate::server::plugin::Identity;

struct File(PathBuf);

impl File {
    fn new() -> Self {
        let name = format!("kubectl-lease-owner-{}", uuid::Uuid::new_v4());
        Self(std::env::temp_dir().join(name))
    }

    fn write(&self, token: &str) {
        let config = json!({
            "current-context": "c",
            "clusters": [{ "name": "c", "cluster": { "server": "https://127.0.0.1:1" } }],
            "users": [{ "name": "u", "user": { "token": token } }],
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        });
        std::fs::write(&self.0, config.to_string()).expect("the folder is there");
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The clock stands still but where everybody waits, so that every limit is over before a thread has read anything.
#[test]
fn what_is_read_too_late_for_one_client_is_there_for_the_next() {
    let file = File::new();
    file.write("first");
    let options = ConnectionOptions {
        kubeconfig: Some(file.0.clone()),
        ..ConnectionOptions::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let connection = Connection::load(&options).await.expect("it is one");
        let before = connection.known().print.clone();
        file.write("second");
        connection.read_again().await;
        while connection.reading.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_ne!(connection.known().print, before);
    });
}

#[test]
fn kube_is_left_the_certificate_and_nothing_else_of_a_user() {
    let user = AuthInfo {
        token: Some("t".to_owned().into()),
        client_certificate_data: Some("static".to_owned()),
        impersonate: Some("somebody".to_owned()),
        ..AuthInfo::default()
    };
    let identity = Identity {
        certificate: "given".to_owned(),
        key: "key".to_owned(),
    };
    for (identity, certificate) in [(None, "static"), (Some(&identity), "given")] {
        let left = left_for_kube(user.clone(), identity);
        assert_eq!(left.client_certificate_data.as_deref(), Some(certificate));
        assert!(left.token.is_none() && left.impersonate.is_none());
    }
}
