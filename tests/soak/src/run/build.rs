//! The program under test and the library of clocks: built like the soak itself, and found beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The library's file.
const CLOCKS: &str = "liblease_clocks.so";

/// Builds `kubectl-lease` with the soak's own profile, and says where it is.
///
/// # Errors
///
/// What stands in the way.
pub fn program() -> Result<PathBuf, String> {
    let folder = folder()?;
    cargo(&folder, &["--bin", "kubectl-lease"])?;
    Ok(folder.join("kubectl-lease"))
}

/// Builds the library, and says where it is; none where this system has no such thing.
pub fn clocks() -> Option<PathBuf> {
    let folder = folder().ok()?;
    cargo(&folder, &["-p", "lease-clocks"]).ok()?;
    Some(folder.join(CLOCKS)).filter(|path| path.is_file())
}

/// Where cargo has put this program.
fn folder() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    Ok(folder.to_owned())
}

fn cargo(folder: &Path, what: &[&str]) -> Result<(), String> {
    let target = folder.parent().unwrap_or(Path::new("/"));
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some(name) => name,
        None => return Err("this program is in no folder of cargo's; say --binary".to_owned()),
    };
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--quiet", "--profile", profile, "--target-dir"])
        .arg(target)
        .args(what)
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if built.success() {
        Ok(())
    } else {
        Err(format!("cargo build {}: {built}", what.join(" ")))
    }
}
