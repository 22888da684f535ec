//! The archives: the same bytes from the same files, what is inside, and what `krew/check` makes of one that is not so.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::*;

#[test]
fn the_same_input_gives_the_same_archive() {
    for platform in [host().as_str(), "windows-arm64"] {
        let (one, two) = (
            folder(&format!("same-1-{platform}")),
            folder(&format!("same-2-{platform}")),
        );
        let (binary, other) = (small(&one), small(&two));
        let first = package(&binary, platform, &one);
        // Neither the folder nor the age and the mode of the binary is part of the input, nor the time zone.
        fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
        let old = fs::File::options().write(true).open(&other).unwrap();
        old.set_modified(std::time::UNIX_EPOCH).unwrap();
        let mut command = script("krew/package");
        command.env("TZ", "Asia/Tokyo").env("LC_ALL", "C.UTF-8");
        command.args(["--platform", platform, "--native", BINARY]);
        command.arg("--binary").arg(&other).arg("--out").arg(&two);
        succeeded(&command.output().unwrap());
        assert_eq!(sha256(&first), sha256(&two.join(archive(platform))));
        assert_eq!(
            fs::read(one.join("lease.yaml")).unwrap(),
            fs::read(two.join("lease.yaml")).unwrap()
        );
    }
}

#[test]
fn every_archive_has_its_man_pages_and_the_completions_of_four_shells() {
    let out = release("inside");
    for platform in PLATFORMS {
        let names = listed(&out.join(archive(platform)));
        assert!(names.is_sorted(), "{names:?}");
        for wanted in [
            program(platform),
            "LICENSE",
            "README.md",
            "completions/_kubectl-lease",
            "completions/kubectl-lease.bash",
            "completions/kubectl-lease.fish",
            "completions/kubectl-lease.ps1",
            "man/kubectl-lease.1",
            "man/kubectl-lease-hold.1",
        ] {
            let there = names.iter().any(|name| name == wanted);
            assert!(there, "{platform} has no {wanted}: {names:?}");
        }
    }
    // They are written by a build that runs here.
    let mut command = script("krew/package");
    command
        .arg("--binary")
        .arg(small(&out))
        .arg("--out")
        .arg(&out);
    command.args(["--platform", "windows-amd64"]);
    refused(&command.output().unwrap(), "give it as --native");
}

#[test]
fn an_archive_that_is_not_what_the_manifest_says_is_refused() {
    let out = release("archives");
    let repacked = |platform: &str, tar: &str, because: &str| {
        let (stage, packed) = (folder("archives-stage"), out.join(archive(platform)));
        let before = sha256(&packed);
        fs::write(stage.join("kubectl-lease"), "not executable").unwrap();
        fs::write(stage.join("kubectl-lease.exe"), "is by its name").unwrap();
        std::os::unix::fs::symlink("kubectl-lease", stage.join("LICENSE")).unwrap();
        fs::create_dir_all(stage.join("folder/LICENSE")).unwrap();
        let mut sh = Command::new("sh");
        sh.args(["-c", &format!("rm -f \"$0\" && {tar}")])
            .arg(&packed);
        succeeded(&sh.current_dir(&stage).output().unwrap());
        refused(&check(&out, &[]), "sha256 is not that of");
        let whole = fs::read_to_string(out.join("lease.yaml")).unwrap();
        edit(&out, &before, &sha256(&packed));
        refused(&check(&out, &[]), because);
        fs::write(
            out.join("lease.yaml"),
            whole.replace(&before, &sha256(&packed)),
        )
        .unwrap();
    };
    #[rustfmt::skip]
    let archives = [
        ("linux-amd64", "tar -czf \"$0\" kubectl-lease", "has no LICENSE"),
        ("linux-amd64", "tar -czf \"$0\" -C folder LICENSE", "has no LICENSE"), // it is a folder
        ("linux-amd64", "tar -czf \"$0\" kubectl-lease", "is not an executable"),
        ("linux-amd64", "tar -czf \"$0\" kubectl-lease LICENSE", "holds more than files and folders"),
        ("linux-amd64", "tar -cPzf \"$0\" folder/../kubectl-lease", "has .. in it"),
        ("linux-amd64", "tar -cPzf \"$0\" \"$PWD/kubectl-lease\"", "a name is absolute"),
        ("linux-amd64", "tar -cf \"$0\" kubectl-lease", "by its first bytes"),
        ("windows-amd64", "zip -q \"$0\" kubectl-lease.exe", "has no LICENSE"),
        ("windows-amd64", "zip -q -y \"$0\" kubectl-lease.exe LICENSE", "holds more than files and folders"),
        ("windows-arm64", "tar -czf \"$0\" LICENSE", "has no kubectl-lease.exe"), // krew looks into it, too
    ];
    for (platform, tar, because) in archives {
        repacked(platform, tar, because);
    }
}
