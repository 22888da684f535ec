//! The manifest that krew gets: what it says of the archives, and each rule of `krew/check` broken once.

use std::fs;
use std::path::Path;

use serde_yaml::Value;

use crate::support::*;

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
        let archive = archive(wanted);
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
fn a_release_has_an_archive_of_every_platform_and_a_repository() {
    let out = release("release");
    let manifest = out.join("lease.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    if text.contains("/OWNER/") {
        refused(&check(&out, &["--release"]), "placeholder OWNER");
    }
    fs::write(&manifest, text.replace("/OWNER/", "/someone/")).unwrap();
    succeeded(&check(&out, &["--release"]));
    fs::remove_file(out.join(archive("darwin-arm64"))).unwrap();
    refused(&check(&out, &["--release"]), "in none of the folders");
    let out = folder("host-only");
    let binary = small(&out);
    package(&binary, "linux-arm64", &out);
    let manifest = fs::read_to_string(out.join("lease.yaml")).unwrap();
    assert_eq!(manifest.matches("selector:").count(), 1, "{manifest}");
    succeeded(&check(&out, &[]));
    refused(&check(&out, &["--release"]), "a release has windows-arm64");
}

#[test]
fn each_broken_rule_is_refused() {
    let out = release("broken");
    let manifest = out.join("lease.yaml");
    let whole = fs::read_to_string(&manifest).unwrap();
    let version = format!("version: {VERSION}");
    let wide = format!("    {}\n\n    See who", "x".repeat(81));
    let long = format!("shortDescription: {}", "x".repeat(51));
    let packed = archive("linux-amd64");
    let digest = sha256(&out.join(&packed));
    let quoted = format!("\"{digest}\"");
    let shouted = digest.to_uppercase();
    let short = &digest[1..];
    let windows = "arch: amd64\n    uri: "; // the first one is Linux; it becomes a second arm64
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
        (&packed, "kubectl-lease.tar.gz", "the archive of linux-amd64 is called"),
        ("windows-amd64.zip", "windows-amd64.7z", "address of a .tar.gz or .zip"),
        ("name: lease", "name: com1", "Windows has no file of that name"),
        ("name: lease\n", "", "name must be"),
        ("version: ", "minimum: ", "not in the shape"),
        ("      matchLabels:\n        os: linux\n        arch: amd64\n", "", "needs both os and arch"),
        ("    bin: kubectl-lease\n", "", "bin is missing"),
        ("      to: .\n", "      to: \"\"\n", "everything goes to ."),
        ("    - from: LICENSE\n", "    - from: \"\"\n", "must name one file"),
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
    let other = script("krew/check")
        .arg(out.join("other.yaml"))
        .output()
        .unwrap();
    refused(&other, "must be called lease.yaml: other.yaml");
}

#[test]
fn draft_and_template_in_the_repository_are_made_of_this_version() {
    let draft = Path::new(env!("CARGO_MANIFEST_DIR")).join("krew/lease.yaml");
    let made = succeeded(&script("krew/package").arg("--draft").output().unwrap());
    assert_eq!(fs::read_to_string(&draft).unwrap(), made);
    let manifest: Value = serde_yaml::from_str(&made).unwrap();
    let platforms = manifest["spec"]["platforms"].as_sequence().unwrap();
    assert_eq!(platforms.len(), PLATFORMS.len());
    succeeded(&script("krew/check").arg(&draft).output().unwrap());
    let released = script("krew/check").arg("--release").arg(&draft).output();
    refused(&released.unwrap(), "sha256 is still that of a draft");
    let wanted = succeeded(&script("krew/package").arg("--bot").output().unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(".krew.yaml");
    let hint = "run: krew/package --bot >.krew.yaml";
    assert_eq!(fs::read_to_string(file).unwrap(), wanted, "{hint}");
}

#[test]
fn binstall_and_the_workflow_know_the_platforms_and_archives_of_the_manifest() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cargo = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for (target, platform) in TARGETS {
        let line = cargo.lines().find(|line| line.starts_with(target)).unwrap();
        let name = archive(platform).replace(VERSION, "v{ version }");
        let url = name.replace("kubectl-lease-", "/{ name }-");
        assert!(line.contains(&url), "{line}");
        let zipped = line.contains("pkg-fmt = \"zip\"");
        assert_eq!(zipped, platform.starts_with("windows"), "{line}");
    }
    let workflow = fs::read_to_string(root.join(".github/workflows/release.yml")).unwrap();
    let targets = succeeded(&script("packaging/build").arg("--targets").output().unwrap());
    let listed: Vec<&str> = targets.lines().collect();
    assert_eq!(listed.len(), PLATFORMS.len(), "{targets}");
    for (line, platform) in listed.into_iter().zip(PLATFORMS) {
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some(platform), "{targets}");
        let here = format!("platform: {platform}, ");
        let built = workflow.lines().find(|line| line.contains(&here)).unwrap();
        let target = format!("target: {} ", words.next().unwrap());
        assert!(built.contains(&target), "{built}: {target}");
        for target in line.split(' ').skip(1) {
            assert!(TARGETS.contains(&(target, platform)), "{line}");
        }
    }
    // One owner: the package's maintainer is at the account that has the repository.
    let owner = env!("CARGO_PKG_REPOSITORY").split('/').nth(3).unwrap();
    let maintainer = cargo.lines().find(|line| line.starts_with("maintainer = "));
    assert!(maintainer.unwrap().contains(&format!("<{owner}@")));
}
