//! The Debian packages: what they say of themselves, where their files are, and the program run out of one.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{BINARY, VERSION, folder, script, small, succeeded};

/// What `command` prints, or nothing where there is no such program.
fn said(command: &mut Command) -> Option<String> {
    command.output().ok().map(|output| succeeded(&output))
}

#[test]
fn a_package_of_each_processor_puts_everything_where_debian_looks_for_it_and_asks_for_nothing() {
    let binaries = folder("debian");
    for platform in ["linux-amd64", "linux-arm64"] {
        fs::create_dir(binaries.join(platform)).unwrap();
    }
    // A debug build takes long to compress: this runs it, under the name that itself was called by.
    let program = format!("#!/bin/bash\nexec -a \"$0\" '{BINARY}' \"$@\"\n");
    fs::write(binaries.join("linux-amd64/kubectl-lease"), program).unwrap();
    fs::rename(small(&binaries), binaries.join("linux-arm64/kubectl-lease")).unwrap();
    let out = binaries.join("out");
    let mut command = script("packaging/deb");
    command
        .arg("--binaries")
        .arg(&binaries)
        .arg("--out")
        .arg(&out);
    let output = command.args(["--native", BINARY]).output().unwrap();
    if output.status.code() == Some(3) {
        print!("{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    succeeded(&output);
    for arch in ["amd64", "arm64"] {
        let version = env!("CARGO_PKG_VERSION");
        let package = out.join(format!("kubectl-lease_{version}-1_{arch}.deb"));
        assert!(package.exists(), "{output:?}");
        let mut fields = Command::new("dpkg-deb");
        let Some(fields) = said(fields.arg("--field").arg(&package)) else {
            println!("SKIPPED: dpkg-deb is not here, so that no package is opened");
            return;
        };
        for line in [
            "Package: kubectl-lease",
            &format!("Version: {version}-1"),
            &format!("Architecture: {arch}"),
            "Section: admin",
        ] {
            assert!(fields.lines().any(|field| field == line), "{fields}");
        }
        let depends = fields.lines().find(|field| field.starts_with("Depends:"));
        assert_eq!(depends.unwrap_or_default().trim(), "Depends:", "{fields}");
        assert!(
            fields.contains(&format!("Homepage: {}", env!("CARGO_PKG_REPOSITORY"))),
            "{fields}"
        );
        let mut contents = Command::new("dpkg-deb");
        let contents = said(contents.arg("--contents").arg(&package)).unwrap();
        for (mode, file) in [
            ("-rwxr-xr-x", "./usr/bin/kubectl-lease"),
            (
                "lrwxrwxrwx",
                "./usr/bin/kubectl_complete-lease -> kubectl-lease",
            ),
            ("-rw-r--r--", "./usr/share/man/man1/kubectl-lease.1.gz"),
            ("-rw-r--r--", "./usr/share/man/man1/kubectl-lease-hold.1.gz"),
            (
                "-rw-r--r--",
                "./usr/share/bash-completion/completions/kubectl-lease",
            ),
            (
                "-rw-r--r--",
                "./usr/share/fish/vendor_completions.d/kubectl-lease.fish",
            ),
            (
                "-rw-r--r--",
                "./usr/share/zsh/vendor-completions/_kubectl-lease",
            ),
            ("-rw-r--r--", "./usr/share/doc/kubectl-lease/copyright"),
        ] {
            let there = contents.lines().any(|line| {
                line.starts_with(mode) && line.contains(" 0/0 ") && line.ends_with(file)
            });
            assert!(there, "{arch} has no {mode} {file}:\n{contents}");
        }
    }
    runs(
        &binaries,
        &out.join(format!(
            "kubectl-lease_{}-1_amd64.deb",
            env!("CARGO_PKG_VERSION")
        )),
    );
}

/// Unpacked into a root of its own, the program runs, and so does the completion that bash-completion would load there.
fn runs(folder: &Path, package: &Path) {
    let root = folder.join("root");
    let mut unpack = Command::new("dpkg-deb");
    succeeded(&unpack.arg("-x").arg(package).arg(&root).output().unwrap());
    let mut plugin = Command::new(root.join("usr/bin/kubectl-lease"));
    assert_eq!(
        succeeded(&plugin.arg("version").output().unwrap()),
        format!("kubectl-lease {VERSION}\n")
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", ". \"$0\" && complete -p kubectl-lease"]);
    let completion = root.join("usr/share/bash-completion/completions/kubectl-lease");
    let registered = succeeded(&bash.arg(completion).output().unwrap());
    assert!(registered.ends_with(" kubectl-lease\n"), "{registered}");
    // kubectl asks this one for the words of `kubectl lease`.
    let mut asked = Command::new(root.join("usr/bin/kubectl_complete-lease"));
    let words = succeeded(&asked.args(["acq"]).output().unwrap());
    assert!(words.contains("acquire"), "{words}");
}
