//! The programs and folders of a run, reachable by every user that takes part.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lease_harness::copy_program;

use crate::server::Server;

/// Copies, so that a build meanwhile changes nothing, in a folder that is gone when the soak is.
pub struct Tools {
    /// `kubectl-lease`.
    pub binary: PathBuf,
    /// This program: worker, launcher, burner.
    pub soak: PathBuf,
    /// The library that lies about clocks, where it has been built.
    pub clocks: Option<PathBuf>,
    /// What the tool may take for its home and its folders; nothing of it may be left there.
    pub homes: PathBuf,
    /// The kubeconfig of each contender, through its proxy.
    pub kubeconfigs: Vec<PathBuf>,
    /// The sink's folder.
    pub folder: PathBuf,
}

impl Tools {
    /// # Errors
    ///
    /// When this program's own file is not known, or a folder cannot be made.
    pub fn gather(
        server: &Server,
        users: u32,
        binary: &Path,
        clocks: Option<&Path>,
    ) -> std::io::Result<Tools> {
        let ns = server.namespace();
        let copy = |source: &Path, name: &str| ns.program_file(name, source);
        let (binary, soak) = (
            copy(binary, "kubectl-lease"),
            copy(&std::env::current_exe()?, "lease-soak"),
        );
        let folder = binary.parent().unwrap_or(Path::new("/")).to_owned();
        let clocks = clocks.map(|library| {
            let copied = folder.join("clocks.so");
            copy_program(library, &copied);
            copied
        });
        let homes = folder.join("homes");
        std::fs::create_dir(&homes)?;
        std::fs::set_permissions(&homes, std::fs::Permissions::from_mode(0o777))?;
        let mut kubeconfigs = Vec::new();
        for contender in 0..users {
            let url = server.proxy(contender).url();
            let path = ns.kubeconfig_via(server.user(contender), &url);
            // Some run as another user, and all of it is worth nothing tomorrow.
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
            kubeconfigs.push(path);
        }
        Ok(Tools {
            kubeconfigs,
            binary,
            soak,
            clocks,
            homes,
            folder,
        })
    }
}
