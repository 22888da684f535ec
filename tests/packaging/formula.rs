//! The Homebrew formula: the same archives and checksums as the manifest, and everything of an archive put in its place.

use std::fs;
use std::process::Command;

use crate::support::{
    PLATFORMS, VERSION, archive, folder, refused, release, script, sha256, succeeded,
};

#[test]
fn the_formula_names_the_archives_of_the_manifest_and_installs_pages_and_completions() {
    let out = release("formula");
    let mut command = script("packaging/formula");
    let formula = succeeded(&command.arg(out.join("lease.yaml")).output().unwrap());
    assert!(!formula.contains('@'), "{formula}");
    let mut lines = formula.lines().map(str::trim);
    for platform in PLATFORMS.iter().filter(|one| !one.starts_with("windows")) {
        let (name, sum) = (archive(platform), sha256(&out.join(archive(platform))));
        let url = format!("/releases/download/{VERSION}/{name}\"");
        let mut pairs = formula.lines().map(str::trim);
        let found = pairs.find(|line| line.starts_with("url ") && line.ends_with(&url));
        assert!(found.is_some(), "{platform}: {formula}");
        assert_eq!(pairs.next(), Some(format!("sha256 \"{sum}\"").as_str()));
        let (os, cpu) = platform.split_once('-').unwrap();
        let os = if os == "darwin" {
            "on_macos do"
        } else {
            "on_linux do"
        };
        let cpu = if cpu == "arm64" {
            "on_arm do"
        } else {
            "on_intel do"
        };
        let order = [os, cpu, &format!("sha256 \"{sum}\"")].map(str::to_owned);
        let mut from = formula.lines().map(str::trim);
        for wanted in order {
            assert!(from.any(|line| line == wanted), "{platform}: {formula}");
        }
    }
    for wanted in [
        "bin.install \"kubectl-lease\"",
        "bin.install_symlink \"kubectl-lease\" => \"kubectl_complete-lease\"",
        "man1.install Dir[\"man/*.1\"]",
        "bash_completion.install \"completions/kubectl-lease.bash\" => \"kubectl-lease\"",
        "fish_completion.install \"completions/kubectl-lease.fish\"",
        "zsh_completion.install \"completions/_kubectl-lease\"",
    ] {
        assert!(lines.any(|line| line == wanted), "{wanted}: {formula}");
    }
    // brew is for Macs; its formulas are Ruby.
    let file = folder("formula-syntax").join("kubectl-lease.rb");
    fs::write(&file, formula).unwrap();
    match Command::new("ruby").arg("-c").arg(file).output() {
        Ok(checked) => assert_eq!(succeeded(&checked), "Syntax OK\n"),
        Err(error) => println!("SKIPPED: the formula's syntax: ruby: {error}"),
    }
}

#[test]
fn there_is_no_formula_of_a_release_that_lacks_a_platform() {
    let out = release("formula-lacks");
    let manifest = fs::read_to_string(out.join("lease.yaml")).unwrap();
    let arm = manifest
        .find("  - selector:\n      matchLabels:\n        os: darwin\n        arch: arm64")
        .unwrap();
    let next = manifest[arm + 1..].find("  - selector:").unwrap();
    let without = manifest[..arm].to_owned() + &manifest[arm + 1 + next..];
    fs::write(out.join("lease.yaml"), without).unwrap();
    let mut command = script("packaging/formula");
    let output = command.arg(out.join("lease.yaml")).output().unwrap();
    refused(&output, "has no archive of darwin-arm64");
}
