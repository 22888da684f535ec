//! The tool under test: built here, so that no older one is tried by mistake.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;

use serde_json::Value;

/// Where the tool's own workspace is.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

static BUILT: Once = Once::new();

/// Builds `kubectl-lease` and tells the harness where it is.
///
/// # Panics
///
/// When it cannot be built: with what cargo said.
pub fn build() {
    BUILT.call_once(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build
            .args(["build", "--locked", "--quiet", "--bin", "kubectl-lease"])
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(ROOT);
        // What cargo told this test of its own package: build scripts would run again for it, each time.
        let of_package =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        for (name, _) in std::env::vars().filter(|(name, _)| of_package(name)) {
            build.env_remove(name);
        }
        let built = build
            .output()
            .expect("cargo, which runs this test, can be run");
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "the tool cannot be built:\n{said}");
        let path = executable(&built.stdout).expect("cargo says where it has put the tool");
        lease_harness::set_binary(path);
    });
}

/// What cargo says that it has built, a line of JSON each.
fn executable(messages: &[u8]) -> Option<PathBuf> {
    let messages = serde_json::Deserializer::from_slice(messages).into_iter::<Value>();
    let mut paths =
        messages.filter_map(|message| message.ok()?["executable"].as_str().map(PathBuf::from));
    paths.next()
}
