//! A hold that is started by somebody else than the test itself: a shell that changes something first, another user, a
//! namespace.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use lease_harness::{Command, Output};

use super::scene::Scene;

/// `kubectl lease hold job …`, started by a shell that first does `before`.
pub fn under(scene: &Scene, before: &str, arguments: &[&str]) -> Command {
    let binary = lease_harness::binary().display().to_string();
    let line = format!("{before}; exec \"$0\" hold job \"$@\"");
    let words = ["-c", line.as_str(), binary.as_str()];
    Command::new("/bin/sh", words.iter().chain(arguments))
        .kubeconfig(scene.ns.kubeconfig_via(&scene.user, &scene.proxy.url()))
}

/// Whether an unprivileged process may make these namespaces here.
pub fn may_unshare(options: &[&str]) -> bool {
    let tried = Command::new("unshare", options.iter().chain(&["true"])).run();
    tried.code == Some(0)
}

#[expect(clippy::disallowed_macros, reason = "captured with the test's output")]
pub fn skipped(why: &str) {
    eprintln!("not shown here: {why}");
}

/// The binary and a kubeconfig where any user may read them, until dropped.
pub struct Open {
    folder: PathBuf,
    pub binary: PathBuf,
    pub config: PathBuf,
}

impl Open {
    pub fn new(scene: &Scene) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("lease-open-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let (binary, config) = (folder.join("kubectl-lease"), folder.join("config"));
        let kubeconfig = scene.ns.kubeconfig_via(&scene.user, &scene.proxy.url());
        lease_harness::copy_program(lease_harness::binary(), &binary);
        std::fs::copy(kubeconfig, &config).expect("there is space");
        for path in [&folder, &config] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("ours");
        }
        Self {
            folder,
            binary,
            config,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

static NEXT: AtomicU32 = AtomicU32::new(0);

#[track_caller]
pub fn assert_free(scene: &Scene, output: &Output) {
    assert_eq!(scene.ns.holder("job"), None, "{output}");
}
