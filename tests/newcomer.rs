//! The README as a newcomer follows it: a fresh clone, the plugin as krew lays it out, each command word by word with
//! the output it promises, completion through kubectl, and everything gone again.
#![cfg(unix)]
#![expect(
    clippy::disallowed_macros,
    clippy::unwrap_used,
    reason = "tests say what they skip, and fail where something is not there"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lease_harness::{Cluster, Namespace, User};

const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-lease");
const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// Set where cargo may build the clone, which takes a minute: `.ci/run` does.
const BUILDS: &str = "NEWCOMER_BUILDS";

/// What a fenced block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// ```` ```sh ````: a script to run.
    Script,
    /// ```` ```console ````: `$ command` lines, each followed by what it prints.
    Session,
}

/// A block of the README that is to be run.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    kind: Kind,
    text: String,
}

/// The blocks to run, in order; not those after `<!-- not run: reason -->`, nor the suite itself after `<!-- test -->`.
fn blocks(readme: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut skipped = false;
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        let kind = match line {
            "```sh" => Some(Kind::Script),
            "```console" => Some(Kind::Session),
            _ => None,
        };
        if line.starts_with("```") {
            let inside = lines.by_ref().take_while(|line| *line != "```");
            let text: String = inside.flat_map(|line| [line, "\n"]).collect();
            if let Some(kind) = kind.filter(|_| !skipped) {
                found.push(Block { kind, text });
            }
        }
        if !line.trim().is_empty() {
            skipped = line.starts_with("<!-- not run: ") || line == "<!-- test -->";
        }
    }
    found
}

/// A session as a script that prints what a terminal would show, as it is when the whole is pasted at once.
fn script_of(session: &str) -> String {
    let mut script = String::new();
    for command in session.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let quoted = command.replace('\'', "'\\''");
        script += &format!("echo '$ {quoted}'\n{command}\n");
    }
    script + "wait\n"
}

/// Whether `text` is `pattern` with each `…` standing for any text within its line.
fn is_like(text: &str, pattern: &str) -> bool {
    let line_is_like = |(line, pattern): (&str, &str)| {
        let parts: Vec<String> = pattern.split('…').map(regex_lite::escape).collect();
        let pattern = format!("^{}$", parts.join(".*"));
        regex_lite::Regex::new(&pattern).unwrap().is_match(line)
    };
    text.lines().count() == pattern.lines().count()
        && text.lines().zip(pattern.lines()).all(line_is_like)
}

/// The machine of somebody new: a clone, and a krew folder with the plugin.
struct Newcomer {
    clone: PathBuf,
    krew: PathBuf,
    ns: Namespace,
    user: User,
}

impl Newcomer {
    fn arrives() -> Newcomer {
        lease_harness::set_binary(BINARY);
        let ns = Cluster::shared().namespace();
        let user = ns.user(&["get", "list", "watch", "create", "update"]);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("newcomer");
        let _ = fs::remove_dir_all(&folder);
        let (clone, krew) = (folder.join("kubectl-lease"), folder.join("krew"));
        fs::create_dir_all(krew.join("bin")).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut copy = if source.join(".git").exists() {
            let mut git = Command::new("git");
            git.args(["clone", "--quiet", "--no-hardlinks"]).arg(source);
            git
        } else {
            fs::create_dir_all(&clone).unwrap();
            let mut tar = Command::new("sh");
            tar.args([
                "-c",
                "tar -C \"$0\" --exclude=./target -cf - . | tar -xf - -C \"$1\"",
            ]);
            tar.arg(source);
            tar
        };
        succeeded(copy.arg(&clone));
        Newcomer {
            clone,
            krew,
            ns,
            user,
        }
    }

    /// krew extracts what the manifest's `files` name, and links `bin` under the plugin's name.
    fn installs_the_archive(&self) {
        let out = self.clone.join("archive");
        let mut pack = Command::new(self.clone.join("krew/package"));
        pack.env("SOURCE_DATE_EPOCH", "1700000000");
        let packed = succeeded(pack.arg("--binary").arg(BINARY).arg("--out").arg(&out));
        let archive = packed.split_whitespace().last().unwrap();
        let store = self.krew.join("store/lease").join(VERSION);
        fs::create_dir_all(&store).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(archive).arg("-C").arg(&store);
        succeeded(tar.args(["kubectl-lease", "LICENSE"]));
        let link = self.krew.join("bin/kubectl-lease");
        std::os::unix::fs::symlink(store.join("kubectl-lease"), link).unwrap();
    }

    /// krew removes the link and the plugin's folder of the store; the README names the other link.
    fn uninstalls(&self) {
        for link in ["bin/kubectl-lease", "bin/kubectl_complete-lease"] {
            fs::remove_file(self.krew.join(link)).unwrap();
        }
        fs::remove_dir_all(self.krew.join("store/lease")).unwrap();
        for folder in ["bin", "store"] {
            let left = fs::read_dir(self.krew.join(folder)).unwrap().flatten();
            let left: Vec<_> = left
                .map(|entry| entry.file_name())
                .filter(|name| name != "kubectl")
                .collect();
            assert!(left.is_empty(), "{folder}: {left:?}");
        }
    }

    /// Whether there is a kubectl; where there is none, something that only runs the plugin is put in its place.
    fn has_kubectl(&self) -> bool {
        if self.types("command -v kubectl").code == Some(0) {
            return true;
        }
        println!(
            "SKIPPED: there is no kubectl on PATH: the plugin runs without it, and completes nothing"
        );
        let path = self.krew.join("bin/kubectl");
        fs::write(&path, "#!/bin/sh\nshift\nexec kubectl-lease \"$@\"\n").unwrap();
        succeeded(Command::new("chmod").arg("+x").arg(path));
        false
    }

    /// A script in the clone, stderr with stdout as a terminal shows them.
    fn types(&self, script: &str) -> lease_harness::Output {
        let path = format!("{}/bin:/usr/local/bin:/usr/bin:/bin", self.krew.display());
        let script = format!("cd '{}' && exec 2>&1\n{script}", self.clone.display());
        let bash = self.ns.program(&self.user, "bash", ["-c", &script]);
        // Whoever has a pod's name is not called by user and host, which the README cannot know.
        let bash = bash.env("PATH", path).env("POD_NAME", "ada@laptop");
        bash.spawn().wait(Duration::from_secs(60))
    }

    /// A script that builds, as whoever runs the tests, in the folder that has the dependencies built.
    fn builds(&self, script: &str) -> String {
        let target = Path::new(BINARY).ancestors().nth(2).unwrap();
        let mut bash = Command::new("bash");
        bash.args(["-ec", script]).current_dir(&self.clone);
        succeeded(bash.env("CARGO_TARGET_DIR", target))
    }

    fn follows(&self, block: &Block) {
        let text = block.text.as_str();
        if block.kind == Kind::Script && text.starts_with("cargo ") {
            if std::env::var_os(BUILDS).is_none() {
                println!("SKIPPED: {BUILDS} is not set: {text}");
                return;
            }
            let said = self.builds(text);
            assert!(said.contains("my-lease"), "{text}{said}");
            return;
        }
        let output = match block.kind {
            Kind::Script => self.types(text),
            Kind::Session => self.types(&script_of(text)),
        };
        assert_eq!(output.code, Some(0), "{text}{output}");
        if block.kind == Kind::Session {
            assert!(
                is_like(&output.stdout, text),
                "the README says\n{text}but\n{output}"
            );
        }
    }
}

fn succeeded(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_newcomer_installs_follows_the_readme_and_uninstalls() {
    let newcomer = Newcomer::arrives();
    newcomer.installs_the_archive();
    let kubectl = newcomer.has_kubectl();
    let version = newcomer.types("kubectl lease version");
    assert_eq!(
        version.stdout,
        format!("kubectl-lease {VERSION}\n"),
        "{version}"
    );

    let readme = fs::read_to_string(newcomer.clone.join("README.md")).unwrap();
    let blocks = blocks(&readme);
    for kind in [Kind::Script, Kind::Session] {
        assert!(
            blocks.iter().any(|block| block.kind == kind),
            "no {kind:?}: {blocks:#?}"
        );
    }
    for block in &blocks {
        newcomer.follows(block);
    }
    if kubectl {
        let completed = newcomer.types("kubectl __complete lease status my- 2>/dev/null");
        assert!(
            completed.stdout.starts_with("my-lease\tfree\n:4\n"),
            "{completed}"
        );
    }

    newcomer.uninstalls();
    let gone = newcomer.types("kubectl lease version");
    assert_ne!(gone.code, Some(0), "{gone}");
    if kubectl {
        assert!(gone.stdout.contains("unknown command \"lease\""), "{gone}");
    }
}

#[test]
fn what_the_readme_says_is_not_run_is_not_run() {
    let readme = "<!-- not run: it is slow -->\n```sh\nslow\n```\n```sh\nquick\n```\n```yaml\nkey: value\n```\n\
        <!-- test -->\n```sh\ncargo test\n```\ntext\n\n```console\n$ one\nline\n```\n";
    let block = |kind, text: &str| Block {
        kind,
        text: text.to_owned(),
    };
    let wanted = [
        block(Kind::Script, "quick\n"),
        block(Kind::Session, "$ one\nline\n"),
    ];
    assert_eq!(blocks(readme), wanted);
}

#[test]
fn an_output_is_compared_line_by_line() {
    assert!(is_like(
        "held by a_1\nacquired\n",
        "held by a_…\nacquired\n"
    ));
    for other in [
        "held by b\nacquired\n",
        "held by a_1\n",
        "held by a_1\nacquired\nmore\n",
    ] {
        assert!(!is_like(other, "held by a_…\nacquired\n"), "{other}");
    }
}
