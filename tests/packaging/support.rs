//! The scripts of `krew/` and `packaging/`, something small to pack, and what packs are opened with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

pub const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-lease");
pub const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));
pub const PLATFORMS: [&str; 6] = [
    "linux-amd64",
    "linux-arm64",
    "darwin-amd64",
    "darwin-arm64",
    "windows-amd64",
    "windows-arm64",
];

/// What `cargo binstall` may be asked for.
pub const TARGETS: [(&str, &str); 11] = [
    ("x86_64-unknown-linux-musl", "linux-amd64"),
    ("x86_64-unknown-linux-gnu", "linux-amd64"),
    ("aarch64-unknown-linux-musl", "linux-arm64"),
    ("aarch64-unknown-linux-gnu", "linux-arm64"),
    ("x86_64-apple-darwin", "darwin-amd64"),
    ("aarch64-apple-darwin", "darwin-arm64"),
    ("x86_64-pc-windows-msvc", "windows-amd64"),
    ("x86_64-pc-windows-gnu", "windows-amd64"),
    ("x86_64-pc-windows-gnullvm", "windows-amd64"),
    ("aarch64-pc-windows-msvc", "windows-arm64"),
    ("aarch64-pc-windows-gnullvm", "windows-arm64"),
];

pub fn archive(platform: &str) -> String {
    let kind = if platform.starts_with("windows") {
        "zip"
    } else {
        "tar.gz"
    };
    format!("kubectl-lease-{VERSION}-{platform}.{kind}")
}

pub fn program(platform: &str) -> &str {
    if platform.starts_with("windows") {
        "kubectl-lease.exe"
    } else {
        "kubectl-lease"
    }
}

/// An empty folder of this test's own.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("packaging")
        .join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// A script, with the time of what it packs fixed.
pub fn script(name: &str) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    command.env("SOURCE_DATE_EPOCH", "1700000000");
    command
}

pub fn package(binary: &Path, platform: &str, out: &Path) -> PathBuf {
    let mut command = script("krew/package");
    command.arg("--binary").arg(binary).arg("--out").arg(out);
    command.args(["--platform", platform, "--native", BINARY]);
    succeeded(&command.output().unwrap());
    out.join(archive(platform))
}

/// Something small in place of the plugin.
pub fn small(folder: &Path) -> PathBuf {
    let binary = folder.join("binary");
    fs::write(&binary, "not the plugin, but packed like it\n").unwrap();
    binary
}

/// All archives of it and their manifest, packed once and copied for each test.
pub fn release(name: &str) -> PathBuf {
    static PACKED: OnceLock<PathBuf> = OnceLock::new();
    let packed = PACKED.get_or_init(|| {
        // Some runners give each test a process of its own.
        let out = folder(&format!("packed-{}", std::process::id()));
        let binaries = folder(&format!("binaries-{}", std::process::id()));
        for platform in PLATFORMS {
            fs::create_dir(binaries.join(platform)).unwrap();
            let binary = binaries.join(platform).join(program(platform));
            fs::write(binary, format!("not the plugin of {platform}\n")).unwrap();
        }
        let mut command = script("krew/package");
        command
            .arg("--binaries")
            .arg(binaries)
            .arg("--out")
            .arg(&out);
        succeeded(&command.args(["--native", BINARY]).output().unwrap());
        out
    });
    let out = folder(name);
    for file in fs::read_dir(packed).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), out.join(file.file_name())).unwrap();
    }
    out
}

pub fn check(folder: &Path, flags: &[&str]) -> Output {
    let mut command = script("krew/check");
    command.arg("--archives").arg(folder).args(flags);
    command.arg(folder.join("lease.yaml")).output().unwrap()
}

pub fn edit(folder: &Path, from: &str, to: &str) {
    let manifest = folder.join("lease.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(from), "{from:?} is not in:\n{text}");
    fs::write(manifest, text.replacen(from, to, 1)).unwrap();
}

pub fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn refused(output: &Output, because: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "accepted, despite: {because}");
    assert!(said.contains(because), "{because:?} is not in:\n{said}");
}

pub fn sha256(file: &Path) -> String {
    let output = Command::new("sh")
        .args(["-c", "sha256sum <\"$0\" || shasum -a 256 <\"$0\""])
        .arg(file)
        .output()
        .unwrap();
    succeeded(&output)[..64].to_owned()
}

pub fn host() -> String {
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

/// The names in an archive, in their order.
pub fn listed(archive: &Path) -> Vec<String> {
    let mut list = if archive.extension().unwrap() == "zip" {
        let mut unzip = Command::new("unzip");
        unzip.arg("-Z1");
        unzip
    } else {
        let mut tar = Command::new("tar");
        tar.arg("-tzf");
        tar
    };
    let said = succeeded(&list.arg(archive).output().unwrap());
    let names = said.lines().filter(|name| !name.ends_with('/'));
    names.map(str::to_owned).collect()
}
