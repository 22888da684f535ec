//! The archive and the manifest that krew gets, from `krew/package` and `krew/check`; tests/newcomer.rs installs it.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "tests fail where something is not there"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_yaml::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-lease");
const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));
const PLATFORMS: [&str; 5] = [
    "linux-amd64",
    "linux-arm64",
    "darwin-amd64",
    "darwin-arm64",
    "windows-amd64",
];

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("krew")
        .join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// A script of `krew/`, with the time of the archives' files fixed.
fn script(name: &str) -> Command {
    let mut command = Command::new(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("krew")
            .join(name),
    );
    command.env("SOURCE_DATE_EPOCH", "1700000000");
    command
}

fn package(binary: &Path, platform: &str, out: &Path) -> PathBuf {
    let mut command = script("package");
    command.arg("--binary").arg(binary).arg("--out").arg(out);
    command.args(["--platform", platform]);
    succeeded(&command.output().unwrap());
    out.join(format!("kubectl-lease-{VERSION}-{platform}.tar.gz"))
}

/// Something small in place of the plugin.
fn small(folder: &Path) -> PathBuf {
    let binary = folder.join("binary");
    fs::write(&binary, "not the plugin, but packed like it\n").unwrap();
    binary
}

/// All five archives of it and their manifest, packed once and copied for each test.
fn release(name: &str) -> PathBuf {
    static PACKED: OnceLock<PathBuf> = OnceLock::new();
    let packed = PACKED.get_or_init(|| {
        // Some runners give each test a process of its own.
        let out = folder(&format!("packed-{}", std::process::id()));
        let binary = small(&out);
        for platform in PLATFORMS {
            package(&binary, platform, &out);
        }
        out
    });
    let out = folder(name);
    for file in fs::read_dir(packed).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), out.join(file.file_name())).unwrap();
    }
    out
}

fn check(folder: &Path, flags: &[&str]) -> Output {
    let mut command = script("check");
    command.arg("--archives").arg(folder).args(flags);
    command.arg(folder.join("lease.yaml")).output().unwrap()
}

fn edit(folder: &Path, from: &str, to: &str) {
    let manifest = folder.join("lease.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(from), "{from:?} is not in:\n{text}");
    fs::write(manifest, text.replacen(from, to, 1)).unwrap();
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output, because: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "accepted, despite: {because}");
    assert!(said.contains(because), "{because:?} is not in:\n{said}");
}

fn sha256(file: &Path) -> String {
    let output = Command::new("sh")
        .args(["-c", "sha256sum <\"$0\" || shasum -a 256 <\"$0\""])
        .arg(file)
        .output()
        .unwrap();
    succeeded(&output)[..64].to_owned()
}

fn host() -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    format!("{os}-{arch}")
}

#[test]
fn the_same_input_gives_the_same_archive_with_its_man_pages() {
    let (one, two) = (folder("same-1"), folder("same-2"));
    let (binary, other) = (small(&one), small(&two));
    let first = package(&binary, &host(), &one);
    // Neither the folder nor the age and the mode of the binary is part of the input.
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
    let old = fs::File::options().write(true).open(&other).unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    let second = package(&other, &host(), &two);
    assert_eq!(sha256(&first), sha256(&second));
    assert_eq!(
        fs::read(one.join("lease.yaml")).unwrap(),
        fs::read(two.join("lease.yaml")).unwrap()
    );
    let out = folder("man");
    let pages = out.join("pages");
    let mut man = Command::new(BINARY);
    succeeded(&man.arg("man").arg(&pages).output().unwrap());
    let binary = small(&out);
    let mut command = script("package");
    command.arg("--binary").arg(&binary).arg("--out").arg(&out);
    command.arg("--man").arg(&pages);
    succeeded(&command.output().unwrap());
    let archive = out.join(format!("kubectl-lease-{VERSION}-{}.tar.gz", host()));
    let mut tar = Command::new("tar");
    let listed = succeeded(&tar.arg("-tzf").arg(archive).output().unwrap());
    for page in ["man/kubectl-lease.1", "man/kubectl-lease-hold.1"] {
        assert!(listed.lines().any(|line| line == page), "{listed}");
    }
}

#[test]
fn the_manifest_says_the_same_to_a_yaml_library_and_every_checksum_is_text() {
    let out = release("manifest");
    let manifest = fs::read_to_string(out.join("lease.yaml")).unwrap();
    let manifest: Value = serde_yaml::from_str(&manifest).unwrap();
    let spec = &manifest["spec"];
    assert_eq!(manifest["metadata"]["name"], "lease");
    assert_eq!(spec["version"], VERSION);
    assert_eq!(spec["homepage"], env!("CARGO_PKG_REPOSITORY"));
    let platforms = spec["platforms"].as_sequence().unwrap();
    assert_eq!(platforms.len(), PLATFORMS.len());
    for (platform, wanted) in platforms.iter().zip(PLATFORMS) {
        let label = |key: &str| platform["selector"]["matchLabels"][key].as_str().unwrap();
        assert_eq!(format!("{}-{}", label("os"), label("arch")), wanted);
        let archive = format!("kubectl-lease-{VERSION}-{wanted}.tar.gz");
        let repository = env!("CARGO_PKG_REPOSITORY");
        let uri = format!("{repository}/releases/download/{VERSION}/{archive}");
        assert_eq!(platform["uri"], uri.as_str());
        assert_eq!(platform["sha256"], sha256(&out.join(archive)).as_str());
    }
    // What a reader of YAML 1.1, as krew's, makes something else of, is quoted: a checksum may be of digits alone.
    let draft = Path::new(env!("CARGO_MANIFEST_DIR")).join("krew/lease.yaml");
    for file in [out.join("lease.yaml"), draft] {
        let text = fs::read_to_string(&file).unwrap();
        let sums: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("sha256: "))
            .collect();
        assert_eq!(sums.len(), PLATFORMS.len(), "{text}");
        for sum in sums {
            let inside = sum.strip_prefix('"').and_then(|sum| sum.strip_suffix('"'));
            assert_eq!(inside.map(str::len), Some(64), "{sum}");
        }
    }
}

#[test]
fn a_release_has_five_archives_and_a_repository() {
    let out = release("release");
    let manifest = out.join("lease.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    if text.contains("/OWNER/") {
        refused(&check(&out, &["--release"]), "placeholder OWNER");
    }
    fs::write(&manifest, text.replace("/OWNER/", "/someone/")).unwrap();
    succeeded(&check(&out, &["--release"]));
    fs::remove_file(out.join(format!("kubectl-lease-{VERSION}-darwin-arm64.tar.gz"))).unwrap();
    refused(&check(&out, &["--release"]), "in none of the folders");
    let out = folder("host-only");
    let binary = small(&out);
    package(&binary, "linux-arm64", &out);
    let manifest = fs::read_to_string(out.join("lease.yaml")).unwrap();
    assert_eq!(manifest.matches("selector:").count(), 1, "{manifest}");
    succeeded(&check(&out, &[]));
    refused(&check(&out, &["--release"]), "a release has windows-amd64");
}

#[test]
fn each_broken_rule_is_refused() {
    let out = release("broken");
    let manifest = out.join("lease.yaml");
    let whole = fs::read_to_string(&manifest).unwrap();
    let version = format!("version: {VERSION}");
    let wide = format!("    {}\n\n    See who", "x".repeat(81));
    let long = format!("shortDescription: {}", "x".repeat(51));
    let digest = sha256(&out.join(format!("kubectl-lease-{VERSION}-linux-amd64.tar.gz")));
    let quoted = format!("\"{digest}\"");
    let shouted = digest.to_uppercase();
    let short = &digest[1..];
    let windows = "arch: amd64\n    uri: "; // the first one is Linux; it becomes a second arm64
    let archive = format!("kubectl-lease-{VERSION}-linux-amd64.tar.gz");
    let license = "    - from: LICENSE\n      to: .\n";
    #[rustfmt::skip]
    let rules: &[(&str, &str, &str)] = &[
        ("v1alpha2", "v1alpha1", "apiVersion"),
        ("kind: Plugin", "kind: Plugins", "kind must be Plugin"),
        ("name: lease", "name: leases", "must be called leases.yaml"),
        ("name: lease", "name: Lease", "lower-case letters"),
        (&version, "version: 0.1.0", "must be v and a semantic version"),
        (&version, "version: v01.0.0", "must be v and a semantic version"),
        (&version, "version: v9.9.9", "uri is not of version v9.9.9"),
        ("homepage: https", "homepage: http", "homepage"),
        ("shortDescription: Inspect, lock with and take over Leases", &long, "1 to 50 characters: 51"),
        ("\n    See who", &wide, "wider than 80"),
        ("    See who", "    kubectl lease acquire it\n    See who", "must not show how to use it"),
        ("  description: |", "  details: |", "not in the shape"),
        ("os: linux", "os: plan9", "no such os: plan9"),
        ("        os: linux\n", "", "needs both os and arch"),
        ("arch: amd64", "libc: musl", "not in the shape"),
        ("os: linux", "os: on", "must be quoted: on"),
        ("kind: Plugin", "kind: 1e3", "must be quoted: 1e3"),
        ("kind: Plugin", "kind: 1:30", "must be quoted: 1:30"),
        ("kind: Plugin", "kind: 2024-01-01", "must be quoted: 2024-01-01"),
        (&quoted, &"0".repeat(64), "must be quoted: 000"),
        (windows, "arch: arm64\n    uri: ", "two selectors match linux-arm64"),
        ("bin: kubectl-lease.exe", "bin: kubectl-lease", "must end in .exe"),
        ("bin: kubectl-lease\n", "bin: kubectl-lease.exe\n", "must not end in .exe"),
        ("bin: kubectl-lease\n", "bin: lease\n", "does not install the bin lease"),
        (license, "", "does not install LICENSE"),
        (license, "    - from: LICENSE\n", "from without to"),
        (license, "    - from: LICENSE\n      to: .\n    - from: NOTICE\n      to: .\n", "has no NOTICE"),
        ("      to: .\n", "      to: ..\n", "everything goes to ."),
        (&digest, &shouted, "lower-case hexadecimal"),
        (&digest, short, "64 lower-case"),
        (&archive, "kubectl-lease.tar.gz", "the archive of linux-amd64 is called"),
        ("linux-arm64.tar.gz", "linux-amd64.tar.gz", "two platforms share"),
        ("kind: Plugin", "kind: Plugin\nkind: Plugin", "is there twice"),
        ("kind: Plugin", "kind: *anchor", "not a plain value"),
        ("  platforms:", "\tplatforms:", "tabs"),
    ];
    for (from, to, because) in rules {
        fs::write(&manifest, &whole).unwrap();
        edit(&out, from, to);
        refused(&check(&out, &[]), because);
    }
    fs::write(out.join("other.yaml"), &whole).unwrap();
    let other = script("check")
        .arg(out.join("other.yaml"))
        .output()
        .unwrap();
    refused(&other, "must be called lease.yaml: other.yaml");
}

#[test]
fn an_archive_that_is_not_what_the_manifest_says_is_refused() {
    let out = release("archives");
    let archive = out.join(format!("kubectl-lease-{VERSION}-linux-amd64.tar.gz"));
    let before = sha256(&archive);

    let repacked = |arguments: &[&str], because: &str| {
        let stage = folder("archives-stage");
        fs::write(stage.join("kubectl-lease"), "not executable").unwrap();
        std::os::unix::fs::symlink("kubectl-lease", stage.join("LICENSE")).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(&stage).arg("-czf").arg(&archive);
        succeeded(&tar.args(arguments).output().unwrap());
        refused(&check(&out, &[]), "sha256 is not that of");
        let whole = fs::read_to_string(out.join("lease.yaml")).unwrap();
        edit(&out, &before, &sha256(&archive));
        refused(&check(&out, &[]), because);
        fs::write(out.join("lease.yaml"), whole).unwrap();
    };
    repacked(&["kubectl-lease"], "has no LICENSE");
    repacked(&["kubectl-lease"], "is not an executable");
    repacked(
        &["kubectl-lease", "LICENSE"],
        "holds more than files and folders",
    );
}

#[test]
fn draft_and_template_in_the_repository_are_made_of_this_version() {
    let draft = Path::new(env!("CARGO_MANIFEST_DIR")).join("krew/lease.yaml");
    let made = succeeded(&script("package").arg("--draft").output().unwrap());
    assert_eq!(fs::read_to_string(&draft).unwrap(), made);
    let manifest: Value = serde_yaml::from_str(&made).unwrap();
    let platforms = manifest["spec"]["platforms"].as_sequence().unwrap();
    assert_eq!(platforms.len(), PLATFORMS.len());
    succeeded(&script("check").arg(&draft).output().unwrap());
    let released = script("check").arg("--release").arg(&draft).output();
    refused(&released.unwrap(), "sha256 is still that of a draft");
    let wanted = succeeded(&script("package").arg("--bot").output().unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(".krew.yaml");
    let hint = "run: krew/package --bot >.krew.yaml";
    assert_eq!(fs::read_to_string(file).unwrap(), wanted, "{hint}");
}
