//! Describes a command to run: program, arguments and a scrubbed environment.

use crate::access::User;
use crate::namespace::Namespace;
use crate::outlet::Outlet;
use crate::output::Output;
use crate::process::{self, TAG};
use crate::proxy::Proxy;
use crate::running::Running;
#[cfg(unix)]
use crate::terminal::Terminal;
use crate::{random, scratch, supervised};
use std::env::consts::EXE_SUFFIX;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// No command of the suite needs longer.
const LIMIT: Duration = Duration::from_secs(60);

static BINARY: OnceLock<PathBuf> = OnceLock::new();

/// Says where the tool is: `env!("CARGO_BIN_EXE_kubectl-lease")`. The first call in a process counts.
pub fn set_binary(path: impl Into<PathBuf>) {
    let _ = BINARY.set(path.into());
}

/// The tool: as said by [`set_binary`], else where cargo puts it for an integration test.
///
/// # Panics
///
/// When it is in neither place.
pub fn binary() -> &'static Path {
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().expect("the test's own path is known");
        let found = test
            .ancestors()
            .skip(1)
            .take(2)
            .map(|folder| folder.join(format!("kubectl-lease{EXE_SUFFIX}")));
        let mut found = found.filter(|path| path.is_file());
        found
            .next()
            .expect("call set_binary(env!(\"CARGO_BIN_EXE_kubectl-lease\")) first")
    })
}

/// A command to run, once or more often. Its environment holds only what a test put there, HOME, PATH, TZ, and what no program can do without.
#[derive(Clone)]
pub struct Command {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    input: Vec<u8>,
    folder: Option<PathBuf>,
    connection: Option<(Namespace, User)>,
    stdout: Outlet,
    stderr: Outlet,
    own_console: bool,
}

impl Command {
    /// Any program; found on the standard PATH unless it is a path. Without a kubeconfig.
    pub fn new<I: AsRef<OsStr>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = I>,
    ) -> Command {
        Command {
            program: program.into(),
            arguments: arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_owned())
                .collect(),
            environment: Vec::new(),
            input: Vec::new(),
            folder: None,
            connection: None,
            stdout: Outlet::Read,
            stderr: Outlet::Read,
            own_console: false,
        }
    }

    pub(crate) fn connected(mut self, namespace: &Namespace, user: &User) -> Command {
        self.connection = Some((namespace.clone(), user.clone()));
        self.env("KUBECONFIG", namespace.kubeconfig(user))
    }

    pub(crate) fn with_binary_on_path(self) -> Command {
        let folder = binary().parent().expect("a file is in a folder");
        let path = [folder.display().to_string(), process::path()];
        self.env("PATH", path.join(&process::PATH_SEPARATOR.to_string()))
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Command {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<I: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = I>) -> Command {
        arguments.into_iter().fold(self, Command::arg)
    }

    /// Sets an environment variable; a later value replaces an earlier one.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Command {
        self.environment
            .push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Uses this kubeconfig (or several, separated as the system separates paths).
    #[must_use]
    pub fn kubeconfig(self, path: impl AsRef<OsStr>) -> Command {
        self.env("KUBECONFIG", path)
    }

    /// Talks to the server through `proxy`.
    ///
    /// # Panics
    ///
    /// When the command was not made by a namespace.
    #[must_use]
    pub fn via(self, proxy: &Proxy) -> Command {
        let connection = self.connection.as_ref();
        let (namespace, user) = connection.expect("the command was made by a namespace");
        let path = namespace.kubeconfig_via(user, &proxy.url());
        self.env("KUBECONFIG", path)
    }

    /// What it reads from stdin, which is empty otherwise.
    #[must_use]
    pub fn stdin(mut self, input: impl AsRef<[u8]>) -> Command {
        self.input = input.as_ref().to_vec();
        self
    }

    /// Where its stdout leads.
    #[must_use]
    pub fn stdout(mut self, outlet: Outlet) -> Command {
        self.stdout = outlet;
        self
    }

    /// Where its stderr leads.
    #[must_use]
    pub fn stderr(mut self, outlet: Outlet) -> Command {
        self.stderr = outlet;
        self
    }

    /// The folder it runs in, the root otherwise.
    #[must_use]
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Command {
        self.folder = Some(folder.into());
        self
    }

    /// Starts it so that it can be interrupted ([`Running::interrupt`]): on Windows in a console of its own, without a window.
    #[must_use]
    pub fn own_console(mut self) -> Command {
        self.own_console = true;
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    ///
    /// When it cannot be started, or runs longer than a minute: it is killed and its output so far shown.
    #[track_caller]
    pub fn run(&self) -> Output {
        self.spawn().wait(LIMIT)
    }

    /// Starts it in a process group of its own, with pipes.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[track_caller]
    pub fn spawn(&self) -> Running {
        let (mut command, tag) = self.prepare(process::command(&self.program));
        let open = |outlet: &Outlet| outlet.open().expect("a pipe or file can be opened");
        let (stdout, unread_stdout) = open(&self.stdout);
        let (stderr, unread_stderr) = open(&self.stderr);
        command.stdout(stdout).stderr(stderr);
        command.stdin(if self.input.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        });
        let title = self.title();
        let started = Instant::now();
        let mut child = supervised::start(command, &title, &tag, self.own_console);
        if let Some(mut pipe) = child.stdin.take() {
            let input = self.input.clone();
            // A command may end without reading all of it.
            std::thread::spawn(move || drop(pipe.write_all(&input)));
        }
        let unread = [unread_stdout, unread_stderr];
        Running::new(child, title, tag, started, unread, self.own_console)
    }

    /// Starts it on a pseudo-terminal of this size, as the leader of a session.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[cfg(unix)]
    #[track_caller]
    pub fn spawn_pty(&self, rows: u16, columns: u16) -> Terminal {
        let (mut command, tag) = self.prepare(std::process::Command::new(&self.program));
        command.env("TERM", "xterm-256color");
        command.envs(self.environment.iter().map(|(key, value)| (key, value)));
        Terminal::start(command, &self.title(), tag, rows, columns)
    }

    fn prepare(&self, mut command: std::process::Command) -> (std::process::Command, String) {
        let tag = random::hex(8);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(process::environment_of_every_program())
            .env("PATH", process::path())
            .env(process::HOME, scratch::folder("home"))
            .env("TZ", "UTC")
            .env(TAG, &tag)
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .current_dir(self.folder.as_deref().unwrap_or(Path::new(process::ROOT)));
        (command, tag)
    }

    /// As a person would type it: the tool's own name is `kubectl lease`.
    fn title(&self) -> String {
        let name = self
            .program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let name = if name.trim_end_matches(EXE_SUFFIX) == "kubectl-lease" {
            "kubectl lease".into()
        } else {
            name
        };
        let words = self
            .arguments
            .iter()
            .map(|argument| argument.to_string_lossy());
        std::iter::once(name)
            .chain(words)
            .collect::<Vec<_>>()
            .join(" ")
    }
}
