//! What each shell's own completion makes of names that somebody put into a cluster or a kubeconfig to be run by it.

use crate::support::{SOON, fresh_in_process, held};
use lease_harness::lease_api_server::Options;
use lease_harness::{Command, Namespace, Terminal, User};
use serde_json::json;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Names that a shell would run, split, or take for something else, one of a kind; all are in `src/complete/word.rs`.
/// `{}` is the file that they would leave behind.
const TRAPS: [&str; 6] = [
    "x$(touch {})",
    "x;touch {}",
    "x\ntouch {}",
    "x'y",
    "--now",
    "=ls",
];

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A shell that completes for kubectl, at a terminal.
struct Shell {
    terminal: Terminal,
    ns: Namespace,
    left_behind: PathBuf,
}

impl Shell {
    /// Starts it with `rc`, where `@` is the folder of the plugin; `None`, and a word about it, where something of what
    /// it takes is not installed.
    fn start(program: &str, arguments: &[&str], rc: (&str, &str), needs: &[&str]) -> Option<Shell> {
        for needed in [program, "kubectl"].iter().chain(needs) {
            if Command::new(
                "/bin/sh",
                ["-c", &format!("command -v {needed} || test -e {needed}")],
            )
            .env("PATH", PATH)
            .run()
            .code
                != Some(0)
            {
                println!("SKIPPED: there is no {needed}");
                return None;
            }
        }
        let (ns, user) = fresh_in_process(Options::default());
        let folder = workshop(&ns);
        let left_behind = folder.join("left-behind");
        let config = arrange(&ns, &user, &left_behind);
        let at = folder.display().to_string();
        ns.file(rc.0, rc.1.replace('@', &at));
        let arguments = arguments.iter().map(|argument| argument.replace('@', &at));
        let terminal = ns
            .program(&user, program, arguments)
            .kubeconfig(config)
            .env("PATH", format!("{at}:{PATH}"))
            .env("HOME", &folder)
            .env("ZDOTDIR", &folder)
            .env("XDG_CONFIG_HOME", &folder)
            .env("XDG_DATA_HOME", &folder)
            .env("TERM", "xterm")
            .env("LANG", "C.UTF-8")
            .current_dir(&folder)
            .spawn_pty(50, 160);
        terminal.wait_screen(|screen| screen.contains("ready>"), SOON);
        Some(Shell {
            terminal,
            ns,
            left_behind,
        })
    }

    /// Types a line and TAB, and waits until it has become that.
    fn becomes(&self, line: &str, completed: &str) {
        self.terminal.send(format!("{line}\t").as_bytes());
        let whole = format!("{line}{completed}");
        self.terminal
            .wait_screen(|screen| screen.contains(&whole), SOON);
        // Ctrl-U, for the next line.
        self.terminal.send(b"\x15");
        let gone = |screen: &str| !screen.contains(&whole);
        self.terminal.wait_screen(gone, SOON);
    }

    /// Types a line, TAB as often as anybody would, and Enter; the next prompt says that all of that is over.
    fn offers_nothing(&self, line: &str, mark: &str) {
        self.terminal.send(format!("{line}\t\t\r").as_bytes());
        self.terminal
            .send(format!("echo over-{mark}''-now\r").as_bytes());
        let over = format!("over-{mark}-now");
        let screen = self
            .terminal
            .wait_screen(|screen| screen.contains(&over), SOON);
        let mut typed = screen.lines().filter(|line| line.starts_with("ready>"));
        assert!(!typed.any(|line| line.contains("touch ")), "{screen}");
    }

    fn tries_everything(self) {
        self.becomes("kubectl lease status --holder ", "ada@desk");
        self.becomes("kubectl lease status go", "od");
        self.becomes(
            "kubectl lease status --context ",
            "arn:aws:eks:eu:1:cluster/x",
        );
        self.becomes("kubectl lease status --user ", "test");
        self.becomes("kubectl-lease stat", "us");
        for number in 0..TRAPS.len() {
            let mark = format!("kubectl{number}");
            let line = format!("kubectl lease steal trap{number} --if-holder ");
            self.offers_nothing(&line, &mark);
        }
        for number in [0, 2] {
            let mark = format!("own{number}");
            // A letter that no file begins with: where nothing is known, the shells offer files.
            let line = format!("kubectl-lease steal trap{number} --if-holder X");
            self.offers_nothing(&line, &mark);
        }
        for typed in [
            "--holder x",
            "--context x",
            "--user x",
            "--cluster x",
            "--holder -",
            "--holder =",
        ] {
            let mark = typed.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            self.offers_nothing(&format!("kubectl lease status {typed}"), &mark);
        }
        assert!(!self.left_behind.exists(), "{}", self.terminal.screen());
        let trapped = self.ns.holder("trap0");
        assert!(
            trapped.is_some_and(|holder| holder.contains("touch")),
            "nothing was stolen"
        );
        self.terminal.signal(9);
    }
}

/// A folder with the plugin and the link by which kubectl completes it.
fn workshop(ns: &Namespace) -> PathBuf {
    let place = ns.file("place", "");
    let folder = place.parent().expect("a file is in a folder");
    for name in ["kubectl-lease", "kubectl_complete-lease"] {
        symlink(env!("CARGO_BIN_EXE_kubectl-lease"), folder.join(name)).expect("it is ours");
    }
    folder.to_owned()
}

/// A trap in every place that is completed from, beside one good name in each.
fn arrange(ns: &Namespace, user: &User, left_behind: &Path) -> PathBuf {
    let mut config = ns.kubeconfig_json(user);
    let file = left_behind.display().to_string();
    ns.create(&held("good", "ada@desk", 60));
    let (mut contexts, mut users, mut clusters) = (Vec::new(), Vec::new(), Vec::new());
    for (number, trap) in TRAPS.iter().enumerate() {
        let trap = trap.replace("{}", &file);
        ns.create(&held(&format!("trap{number}"), &trap, 60));
        contexts.push(json!({ "name": trap, "context": { "cluster": trap, "user": "test" } }));
        users.push(json!({ "name": trap, "user": {} }));
        clusters.push(json!({ "name": trap, "cluster": { "server": "http://127.0.0.1:1" } }));
    }
    let present = config["contexts"][0]["context"].clone();
    config["current-context"] = json!("arn:aws:eks:eu:1:cluster/x");
    contexts.push(json!({ "name": "arn:aws:eks:eu:1:cluster/x", "context": present }));
    config["contexts"] = json!(contexts);
    for (list, more) in [("users", users), ("clusters", clusters)] {
        let list = config[list].as_array_mut().expect("it is a list");
        list.extend(more);
    }
    ns.file("traps.json", config.to_string())
}

#[test]
fn no_shell_runs_anything_of_a_cluster() {
    const BASH_COMPLETION: &str = "/usr/share/bash-completion/bash_completion";
    let bash = format!(
        ". {BASH_COMPLETION}\n. <(kubectl completion bash)\n. <(kubectl-lease completion bash)\n\
         bind 'set enable-bracketed-paste off'\nunset HISTFILE\nPS1='ready> '\n"
    );
    let zsh = "autoload -U compinit\ncompinit -u -d @/zcompdump\n. <(kubectl completion zsh)\n\
               . <(kubectl-lease completion zsh)\nunset zle_bracketed_paste\nPS1='ready> '\n";
    let fish = "set -g fish_greeting\nfunction fish_prompt\n  echo -n 'ready> '\nend\n\
                kubectl completion fish | source\nkubectl-lease completion fish | source\n";
    let rcfile = ["--noprofile", "--rcfile", "@/rc", "-i"];
    let source = ["--no-config", "-i", "-C", "source @/rc"];
    // A panic names the shell by its thread.
    std::thread::scope(|scope| {
        for (program, arguments, rc, needs) in [
            (
                "bash",
                &rcfile[..],
                ("rc", bash.as_str()),
                &[BASH_COMPLETION][..],
            ),
            ("zsh", &["-d", "-i"], (".zshrc", zsh), &[]),
            ("fish", &source, ("rc", fish), &[]),
        ] {
            let tries = move || {
                if let Some(shell) = Shell::start(program, arguments, rc, needs) {
                    shell.tries_everything();
                }
            };
            let thread = std::thread::Builder::new().name(program.to_owned());
            thread
                .spawn_scoped(scope, tries)
                .expect("there are threads");
        }
    });
}
