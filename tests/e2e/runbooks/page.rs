//! A page of docs/runbooks.md: the commands that it has for a shell, run one after the other as they are written.

use std::path::PathBuf;

use lease_harness::{Command, Namespace, Output, Running, User};

use crate::support::SOON;

pub const RUNBOOKS: &str = include_str!("../../../docs/runbooks.md");

/// `kubectl lease` is the plugin with or without a kubectl; everything else is kubectl's own.
const KUBECTL: &str = "#!/bin/sh\n\
    if [ \"$1\" = lease ]; then shift; exec kubectl-lease \"$@\"; fi\n\
    PATH=/usr/local/bin:/usr/bin:/bin exec kubectl \"$@\"\n";

/// Title and text of each page, without the contents above the first.
pub fn pages() -> Vec<(&'static str, &'static str)> {
    let sections = RUNBOOKS.split("\n## ").skip(1);
    let split = |section: &'static str| section.split_once('\n').unwrap_or((section, ""));
    sections.map(split).collect()
}

/// The commands of a page, each a line of its fenced blocks, which are all for a shell.
#[track_caller]
fn commands(text: &'static str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            assert_eq!(language, "sh", "a block that no test would run");
            found.extend(lines.by_ref().take_while(|line| *line != "```"));
        }
    }
    found
}

/// One page as somebody follows it, in a namespace of its own.
pub struct Page {
    pub ns: Namespace,
    user: User,
    commands: std::vec::IntoIter<&'static str>,
    variables: Vec<(&'static str, String)>,
    replaced: Vec<(&'static str, String)>,
}

impl Page {
    #[track_caller]
    pub fn of(title: &str, ns: Namespace) -> Self {
        let page = pages().into_iter().find(|(of, _)| *of == title);
        let commands = commands(page.expect("the page is there").1);
        assert!(!commands.is_empty(), "a page without a command");
        let user = ns.admin();
        for script in ["deploy.sh", "backup.sh", "crawl.sh", "server"] {
            let says = format!("#!/bin/sh\necho \"{script} runs\"\n");
            ns.script(script, &says);
        }
        ns.script("kubectl", KUBECTL);
        Self {
            ns,
            user,
            commands: commands.into_iter(),
            variables: Vec::new(),
            replaced: Vec::new(),
        }
    }

    /// Who follows the page from here on.
    pub fn follow_as(&mut self, user: User) {
        self.user = user;
    }

    /// What the page expects in the environment.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    /// What is another name in the test than on the page.
    pub fn replace(&mut self, written: &'static str, with: &str) {
        self.replaced.push((written, with.to_owned()));
    }

    /// The folder with the scripts.
    fn folder(&self) -> PathBuf {
        let file = self.ns.file("here", "");
        file.parent().expect("a file is in a folder").to_owned()
    }

    /// The next command of the page, which has to begin like this.
    #[track_caller]
    fn next(&mut self, begins: &str) -> Command {
        let written = self.commands.next().expect("the page has more commands");
        assert!(
            written.starts_with(begins),
            "the page goes on with\n{written}\nand not with\n{begins}"
        );
        let replaced = self.replaced.iter();
        let line = replaced.fold(written.to_owned(), |line, (from, to)| {
            line.replace(from, to)
        });
        self.shell(&line)
    }

    /// A line for a shell in the folder of the scripts.
    pub fn shell(&self, line: &str) -> Command {
        let folder = self.folder();
        let plugin = lease_harness::binary().parent().expect("it is in a folder");
        let path = format!(
            "{}:{}:/usr/local/bin:/usr/bin:/bin",
            folder.display(),
            plugin.display()
        );
        let bash = self.ns.program(&self.user, "bash", ["-c", line]);
        let bash = bash.env("PATH", path).current_dir(folder);
        let variables = self.variables.iter();
        variables.fold(bash, |bash, (name, value)| bash.env(name, value))
    }

    /// Runs the next command to its end, which has to be this.
    #[track_caller]
    pub fn run(&mut self, begins: &str, code: i32) -> Output {
        let output = self.next(begins).run();
        println!("{output}");
        assert_eq!(output.code, Some(code), "{output}");
        output
    }

    /// The same for a command of kubectl's own, where there is one.
    #[track_caller]
    pub fn run_kubectl(&mut self, begins: &str) -> Option<Output> {
        let command = self.next(begins);
        let found = self.shell("PATH=/usr/local/bin:/usr/bin:/bin command -v kubectl");
        if found.run().code != Some(0) {
            println!("SKIPPED: there is no kubectl on PATH: {begins}");
            return None;
        }
        let output = command.run();
        println!("{output}");
        assert_eq!(output.code, Some(0), "{output}");
        Some(output)
    }

    /// Runs the next command at a terminal, and says yes to what it asks.
    #[track_caller]
    pub fn agree(&mut self, begins: &str, question: &str) -> String {
        let terminal = self.next(begins).spawn_pty(40, 160);
        terminal.wait_screen(|text| text.contains(question), SOON);
        terminal.send(b"y\r");
        let status = terminal.wait(SOON);
        let screen = terminal.screen();
        println!("{screen}");
        assert_eq!(status.code(), Some(0), "{begins}: {screen}");
        screen
    }

    /// Starts the next command, for a test that goes on beside it.
    #[track_caller]
    pub fn start(&mut self, begins: &str) -> Running {
        self.next(begins).spawn()
    }

    /// All commands of the page have been run.
    #[track_caller]
    pub fn end(&mut self) {
        let left: Vec<_> = self.commands.by_ref().collect();
        assert!(
            left.is_empty(),
            "commands of the page that nothing runs: {left:#?}"
        );
    }
}
