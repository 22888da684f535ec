//! A copy of this repository's sources in which rules are broken, and what is built of it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::patch::Control;

/// The repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The program.
const PROGRAM: &str = "kubectl-lease";

/// The folder with the copy, with a target folder of its own, in which the dependencies are built once.
pub struct Workshop {
    folder: PathBuf,
}

impl Workshop {
    /// The one below the folder in which cargo has put this program.
    ///
    /// # Errors
    /// Where that cannot be told, or not be written.
    pub fn open() -> Result<Workshop, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let target = program.ancestors().nth(2).unwrap_or(Path::new("target"));
        let folder = target.join("controls");
        let workshop = Workshop { folder };
        for part in ["programs", "runs", "sources"] {
            let path = workshop.folder.join(part);
            std::fs::create_dir_all(&path).map_err(|error| at(&path, error))?;
        }
        Ok(workshop)
    }

    /// A file of a trial.
    pub fn run_file(&self, name: &str) -> PathBuf {
        self.folder.join("runs").join(name)
    }

    /// Builds the program with one rule broken, or none, and says where it is.
    ///
    /// # Errors
    /// What cargo said, or what stands in the way of the copy.
    pub fn build(&self, name: &str, control: Option<&Control>) -> Result<PathBuf, String> {
        let sources = self.folder.join("sources");
        // What an earlier control has broken is mended with it.
        copy(Path::new(ROOT), &sources)?;
        if let Some(control) = control {
            apply(&control.path, &sources)?;
        }
        let target = self.folder.join("target");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(&sources)
            .args(["build", "--quiet", "--bin", PROGRAM, "--target-dir"])
            .arg(&target);
        output(&mut command)?;
        let program = self.folder.join("programs").join(name);
        // One that still runs somewhere cannot be written to.
        let _ = std::fs::remove_file(&program);
        let built = target.join("debug").join(PROGRAM);
        std::fs::copy(&built, &program).map_err(|error| at(&built, error))?;
        Ok(program)
    }
}

/// Copies what git knows of, and what it would know of. A file that is the same stays untouched, so that cargo does not build
/// it again.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let listing = output(Command::new("git").current_dir(from).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let names = listing
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    for name in names {
        let name = Path::new(OsStr::from_bytes(name));
        let (source, copy) = (from.join(name), to.join(name));
        // One that was removed, and git does not know yet.
        let Ok(contents) = std::fs::read(&source) else {
            continue;
        };
        if std::fs::read(&copy).is_ok_and(|old| old == contents) {
            continue;
        }
        let folder = copy.parent().unwrap_or(to);
        std::fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
        std::fs::write(&copy, contents).map_err(|error| at(&copy, error))?;
    }
    Ok(())
}

fn apply(patch: &Path, sources: &Path) -> Result<(), String> {
    output(git_apply(sources).arg(patch)).map(drop)
}

/// `git apply` in a folder, whatever repository is around it.
fn git_apply(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder))
        .arg("apply");
    command
}

/// What it prints on stdout, if it succeeds.
fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let name = command.get_program().display().to_string();
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{name}: {}: {}", output.status, said.trim()))
        }
    }
}

fn at(path: &Path, error: std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::super::patch;
    use super::*;

    #[test]
    fn a_copy_is_mended_where_it_was_broken_and_left_alone_elsewhere() {
        let folder = std::env::temp_dir().join(format!("lease-soak-copy-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        std::fs::create_dir_all(&from).expect("it can be made");
        output(Command::new("git").args(["init", "--quiet"]).arg(&from)).expect("git is there");
        for (name, text) in [
            ("a", "whole\n"),
            ("b", "same\n"),
            (".gitignore", "built\n"),
            ("built", "no\n"),
        ] {
            std::fs::write(from.join(name), text).expect("it can be written");
        }
        copy(&from, &to).expect("it can be copied");
        let modified = |name: &str| std::fs::metadata(to.join(name)).and_then(|all| all.modified());
        let before = modified("b").expect("it is copied");
        let broken = "head: text\n\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-whole\n+broken\n";
        let patch = folder.join("one.patch");
        std::fs::write(&patch, broken).expect("it can be written");
        apply(&patch, &to).expect("it fits");
        let read = |name: &str| std::fs::read_to_string(to.join(name)).unwrap_or_default();
        assert_eq!(read("a"), "broken\n");
        copy(&from, &to).expect("it can be copied");
        assert_eq!(
            (read("a"), read("built")),
            ("whole\n".to_owned(), String::new())
        );
        assert_eq!(modified("b").expect("it is still there"), before);
        std::fs::remove_dir_all(&folder).expect("it is ours");
    }

    #[test]
    fn every_control_fits_the_sources_of_today() {
        let root = Path::new(ROOT).canonicalize().expect("it is there");
        for control in patch::all().expect("each has a head") {
            let fits = output(
                git_apply(&root)
                    .args(["--check", "--verbose"])
                    .arg(&control.path),
            );
            assert!(fits.is_ok(), "{}: {}", control.name, fits.unwrap_err());
        }
    }
}
