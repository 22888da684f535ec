//! The container image: every digest and size from its index down to the layers, what is in them and as whom it runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{BINARY, VERSION, folder, refused, script, sha256, small, succeeded};

/// `packaging/image` of these binaries, with the roots that the tests say.
fn lay_out(binaries: &Path, out: &Path) -> Command {
    let roots = binaries.join("roots");
    fs::write(&roots, "not certificates, but packed like them\n").unwrap();
    let mut command = script("packaging/image");
    command
        .arg("--binaries")
        .arg(binaries)
        .arg("--certificates")
        .arg(roots);
    command.arg("--out").arg(out);
    command
}

/// The folder, with something small in place of the binaries.
fn binaries(folder: &Path) -> PathBuf {
    for platform in ["linux-amd64", "linux-arm64"] {
        fs::create_dir_all(folder.join(platform)).unwrap();
    }
    fs::write(folder.join("linux-amd64/kubectl-lease"), "another one\n").unwrap();
    fs::rename(small(folder), folder.join("linux-arm64/kubectl-lease")).unwrap();
    folder.to_owned()
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// The blob that a descriptor names, whose digest and size are looked at.
fn blob(layout: &Path, descriptor: &Value) -> PathBuf {
    let digest = descriptor["digest"].as_str().unwrap();
    let file = layout.join("blobs").join(digest.replace(':', "/"));
    assert_eq!(format!("sha256:{}", sha256(&file)), digest);
    assert_eq!(descriptor["size"], fs::metadata(&file).unwrap().len());
    file
}

#[test]
fn each_digest_and_size_is_right_from_the_index_to_the_layers_and_both_processors_are_there() {
    let folder = folder("image");
    let layout = folder.join("layout");
    let said = succeeded(&lay_out(&binaries(&folder), &layout).output().unwrap());
    let version = json(&layout.join("oci-layout"));
    assert_eq!(version["imageLayoutVersion"], "1.0.0");
    let index = json(&layout.join("index.json"));
    let tagged = &index["manifests"][0];
    assert_eq!(
        tagged["annotations"]["org.opencontainers.image.ref.name"],
        VERSION
    );
    assert!(
        said.starts_with(tagged["digest"].as_str().unwrap()),
        "{said}"
    );
    let mut seen = vec![blob(&layout, tagged)];
    let both = json(&seen[0]);
    assert_eq!(both["mediaType"], tagged["mediaType"]);
    let manifests = both["manifests"].as_array().unwrap();
    let of = |manifest: &Value| {
        manifest["platform"]["architecture"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        manifests.iter().map(of).collect::<Vec<_>>(),
        ["amd64", "arm64"]
    );
    for descriptor in manifests {
        let manifest = json(&blob(&layout, descriptor));
        let config = json(&blob(&layout, &manifest["config"]));
        let layer = blob(&layout, &manifest["layers"][0]);
        seen.extend([
            blob(&layout, descriptor),
            blob(&layout, &manifest["config"]),
            layer.clone(),
        ]);
        assert_eq!(
            config["architecture"],
            descriptor["platform"]["architecture"]
        );
        assert_eq!(config["variant"], descriptor["platform"]["variant"]);
        assert_eq!(config["os"], "linux");
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(
            config["config"]["Entrypoint"],
            serde_json::json!(["/kubectl-lease"])
        );
        let unpacked = folder.join("layer.tar");
        let mut gunzip = Command::new("sh");
        gunzip
            .args(["-c", "gzip -dc \"$0\" >\"$1\""])
            .arg(&layer)
            .arg(&unpacked);
        succeeded(&gunzip.output().unwrap());
        let digest = format!("sha256:{}", sha256(&unpacked));
        assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!([digest]));
        let labels = &config["config"]["Labels"];
        assert_eq!(labels, &manifest["annotations"]);
        for (label, value) in [
            ("created", "2023-11-14T22:13:20Z"),
            ("description", env!("CARGO_PKG_DESCRIPTION")),
            ("licenses", env!("CARGO_PKG_LICENSE")),
            ("source", env!("CARGO_PKG_REPOSITORY")),
            ("title", env!("CARGO_PKG_NAME")),
            ("version", VERSION),
        ] {
            assert_eq!(labels[format!("org.opencontainers.image.{label}")], value);
        }
        assert!(labels["org.opencontainers.image.revision"].is_string());
        let mut list = Command::new("tar");
        let listed = succeeded(&list.arg("-tzvf").arg(&layer).output().unwrap());
        let inside: Vec<_> = listed
            .lines()
            .map(|line| {
                let words: Vec<_> = line.split_whitespace().collect();
                format!("{} {} {}", words[0], words[1], words.last().unwrap())
            })
            .collect();
        assert_eq!(
            inside,
            [
                "-rw-r--r-- 0/0 LICENSE",
                "drwxr-xr-x 0/0 etc/",
                "drwxr-xr-x 0/0 etc/ssl/",
                "drwxr-xr-x 0/0 etc/ssl/certs/",
                "-rw-r--r-- 0/0 etc/ssl/certs/ca-certificates.crt",
                "-rwxr-xr-x 0/0 kubectl-lease",
            ]
        );
    }
    // And nothing else is there.
    seen.sort();
    seen.dedup();
    assert_eq!(
        fs::read_dir(layout.join("blobs/sha256")).unwrap().count(),
        seen.len()
    );
}

#[test]
fn the_same_files_give_the_same_digest_and_another_file_another() {
    let (one, two) = (folder("image-same-1"), folder("image-same-2"));
    let digest = |said: String| said.split_whitespace().next().unwrap().to_owned();
    let made = |folder: &Path, out: &str, zone: &str| {
        let mut command = lay_out(folder, &folder.join(out));
        digest(succeeded(&command.env("TZ", zone).output().unwrap()))
    };
    let first = made(&binaries(&one), "layout", "UTC");
    binaries(&two);
    let old = fs::File::options()
        .write(true)
        .open(two.join("linux-amd64/kubectl-lease"))
        .unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(first, made(&two, "layout", "Asia/Tokyo"));
    let again = lay_out(&two, &two.join("layout")).output().unwrap();
    refused(&again, "there is something already");
    fs::write(two.join("linux-arm64/kubectl-lease"), "another").unwrap();
    assert_ne!(first, made(&two, "other", "UTC"));
}

#[test]
fn an_image_of_one_processor_only_is_refused() {
    let folder = folder("image-one");
    fs::remove_dir_all(binaries(&folder).join("linux-arm64")).unwrap();
    let output = lay_out(&folder, &folder.join("layout")).output().unwrap();
    refused(&output, "no such file: ");
    assert!(!folder.join("layout").exists());
}

/// As an engine runs it: the layer as the root of the file system, and nobody's rights. The debug build wants the C library of
/// this machine, which a release does not.
#[test]
fn the_program_of_the_image_runs_as_the_user_of_the_image() {
    let folder = folder("image-runs");
    let layout = folder.join("layout");
    fs::copy(BINARY, binaries(&folder).join("linux-amd64/kubectl-lease")).unwrap();
    succeeded(&lay_out(&folder, &layout).output().unwrap());
    let both = json(&blob(
        &layout,
        &json(&layout.join("index.json"))["manifests"][0],
    ));
    let manifest = json(&blob(&layout, &both["manifests"][0]));
    let root = folder.join("root");
    fs::create_dir(&root).unwrap();
    let mut tar = Command::new("tar");
    tar.arg("-xzf")
        .arg(blob(&layout, &manifest["layers"][0]))
        .arg("-C")
        .arg(&root);
    succeeded(&tar.output().unwrap());
    let mut libraries = Command::new("sh");
    libraries.args(["-c", "for file in $(ldd \"$0\" | grep -o '/[^ ]*'); do mkdir -p \"$1${file%/*}\" && cp -L \"$file\" \"$1$file\"; done"]);
    succeeded(&libraries.arg(BINARY).arg(&root).output().unwrap());
    let mut chroot = Command::new("chroot");
    chroot
        .arg("--userspec=65532:65532")
        .arg(&root)
        .arg("/kubectl-lease");
    let output = chroot.arg("version").output().unwrap();
    if String::from_utf8_lossy(&output.stderr).contains("cannot change root directory") {
        println!("SKIPPED: only root may change the root directory");
        return;
    }
    assert_eq!(succeeded(&output), format!("kubectl-lease {VERSION}\n"));
    fs::remove_dir_all(&folder).unwrap(); // a debug build, several times
}
