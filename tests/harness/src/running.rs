//! A command in the background, its output on pipes.

use crate::outlet::Unread;
use crate::output::Output;
use crate::process::{self, Asker, tagged};
use crate::supervised::{Progress, Supervised};
use std::process::{Child, ExitStatus};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A running command. Dropping it kills it and everything it started.
pub struct Running {
    process: Supervised,
    unread: Mutex<[Option<Unread>; 2]>,
    asker: Option<Asker>,
}

/// The status of whoever ends because of [`Running::terminate`].
pub const TERMINATED: i32 = process::TERMINATED;

/// Where what is read belongs: stdout, stderr.
const KEEP: [fn(&mut Progress, &[u8]); 2] = [
    |progress, bytes| progress.stdout.extend(bytes),
    |progress, bytes| progress.stderr.extend(bytes),
];

impl Running {
    pub(crate) fn new(
        mut child: Child,
        title: String,
        tag: String,
        started: Instant,
        unread: [Option<Unread>; 2],
        own_console: bool,
    ) -> Running {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let asker = own_console.then(|| Asker::of(child.id()));
        let process = Supervised::new(child, title, tag, started);
        if let Some(stdout) = stdout {
            process.read(stdout, KEEP[0]);
        }
        if let Some(stderr) = stderr {
            process.read(stderr, KEEP[1]);
        }
        Running {
            process,
            unread: Mutex::new(unread),
            asker,
        }
    }

    /// Begins to read what nobody has read so far ([`crate::Outlet::Full`]).
    ///
    /// # Panics
    ///
    /// When a pipe cannot be read.
    #[track_caller]
    pub fn read_on(&self) {
        let mut unread = self.unread.lock().expect("nothing panics here");
        for (unread, keep) in unread.iter_mut().zip(KEEP) {
            if let Some(unread) = unread.take() {
                let reader = unread.read_on().expect("the pipe is full");
                self.process.read(reader, keep);
            }
        }
    }

    /// Closes the pipes that nobody reads: what the command writes there fails from now on.
    pub fn hang_up(&self) {
        let mut unread = self.unread.lock().expect("nothing panics here");
        *unread = [None, None];
    }

    /// The process id of the command itself.
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// The living processes of the command: itself and all that it started, reparented or not (Linux and Windows only).
    pub fn tree(&self) -> Vec<u32> {
        tagged(&self.process.tag)
    }

    /// Sends a signal, such as `libc::SIGTERM`, to the command itself only.
    #[cfg(unix)]
    pub fn signal(&self, number: i32) {
        self.process.tell(|pid| process::signal(pid, number));
    }

    /// Asks the command to end as a person does: by Ctrl-C, which is SIGINT where there are signals.
    ///
    /// # Panics
    ///
    /// When it was not started in a console of its own ([`crate::Command::own_console`]).
    #[track_caller]
    pub fn interrupt(&self) {
        self.ask(Asker::interrupt);
    }

    /// Asks the command to end as another program does: by SIGTERM. Windows has nothing but Ctrl-C.
    ///
    /// # Panics
    ///
    /// As [`Running::interrupt`].
    #[track_caller]
    pub fn terminate(&self) {
        self.ask(Asker::terminate);
    }

    #[track_caller]
    fn ask(&self, ask: fn(&Asker, u32)) {
        let asker = self.asker.as_ref().expect("it has a console of its own");
        self.process.tell(|pid| ask(asker, pid));
    }

    /// Ends the command itself only, at once.
    pub fn kill(&self) {
        self.process.tell(process::kill);
    }

    /// What it wrote to stdout so far.
    pub fn stdout(&self) -> String {
        text(&self.process.progress().stdout)
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> String {
        text(&self.process.progress().stderr)
    }

    /// Whether it has not ended yet.
    pub fn is_running(&self) -> bool {
        self.process.progress().status.is_none()
    }

    /// How it ended, and how long after its start; none while it runs. What it started may be alive.
    pub fn ended(&self) -> Option<(ExitStatus, Duration)> {
        let progress = self.process.progress();
        let took = progress.ended? - self.process.started;
        progress.status.map(|status| (status, took))
    }

    /// When it had ended, as who waits for it saw it; none while it runs.
    pub fn ended_at(&self) -> Option<Instant> {
        self.process.progress().ended
    }

    /// Waits until the command is blocked writing to stdout, which nobody reads (Linux only).
    ///
    /// # Panics
    ///
    /// When it is not after `timeout`, or has ended: with all output so far.
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub fn wait_blocked(&self, timeout: Duration) {
        // The system call that a thread is in, and its first argument (proc(5)).
        let writing = format!("{} 0x1 ", libc::SYS_write);
        let tasks = format!("/proc/{}/task", self.pid());
        let deadline = Instant::now() + timeout;
        loop {
            let tasks = std::fs::read_dir(&tasks).into_iter().flatten().flatten();
            let calls =
                tasks.filter_map(|task| std::fs::read_to_string(task.path().join("syscall")).ok());
            if calls.into_iter().any(|call| call.starts_with(&writing)) {
                return;
            }
            assert!(
                Instant::now() < deadline && self.is_running(),
                "it is not blocked in a write to stdout:\n{}{}",
                self.stdout(),
                self.stderr()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Nothing tells which system call a process is in.
    ///
    /// # Panics
    ///
    /// Always, on this system.
    #[cfg(not(target_os = "linux"))]
    #[track_caller]
    pub fn wait_blocked(&self, _: Duration) {
        panic!("whether it is blocked cannot be seen on this system");
    }

    /// Waits for a line on stdout, past or to come, and returns it.
    ///
    /// # Panics
    ///
    /// When none comes within `timeout`, or the output ends without one: with all output so far.
    #[track_caller]
    pub fn wait_stdout(&self, wanted: impl Fn(&str) -> bool, timeout: Duration) -> String {
        self.wait_line("stdout", |progress| &progress.stdout, wanted, timeout)
    }

    /// As [`Running::wait_stdout`], for stderr.
    #[track_caller]
    pub fn wait_stderr(&self, wanted: impl Fn(&str) -> bool, timeout: Duration) -> String {
        self.wait_line("stderr", |progress| &progress.stderr, wanted, timeout)
    }

    /// Waits for the command's end and returns everything it wrote.
    ///
    /// # Panics
    ///
    /// When it runs longer than `timeout`: it is killed and its output so far shown.
    #[track_caller]
    pub fn wait(self, timeout: Duration) -> Output {
        let Some(status) = self.process.wait_status(timeout) else {
            panic!(
                "still running after {timeout:?}:\n{}",
                self.process.so_far()
            );
        };
        self.process.wait_closed();
        let progress = self.process.progress();
        Output {
            command: self.process.title.clone(),
            stdout: text(&progress.stdout),
            stderr: text(&progress.stderr),
            code: status.code(),
            signal: process::ending_signal(status),
            elapsed: progress.ended.unwrap_or_else(Instant::now) - self.process.started,
            pipes_open: progress.open > 0,
        }
    }

    #[track_caller]
    fn wait_line(
        &self,
        name: &str,
        stream: fn(&Progress) -> &Vec<u8>,
        wanted: impl Fn(&str) -> bool,
        timeout: Duration,
    ) -> String {
        let look = |progress: &Progress| (text(stream(progress)), progress.open == 0);
        let answer = self.process.wait(timeout, look, |(text, closed)| {
            let line = whole_lines(&text)
                .find(|line| wanted(line))
                .map(str::to_owned);
            // An answer of None ends the wait early: nothing more can come.
            line.map(Some).or_else(|| closed.then_some(None))
        });
        match answer {
            Some(Some(line)) => line,
            Some(None) => panic!(
                "{name} ended without the line waited for:\n{}",
                self.process.so_far()
            ),
            None => panic!(
                "no such line on {name} after {timeout:?}:\n{}",
                self.process.so_far()
            ),
        }
    }
}

/// The lines that are complete: half a line could match by accident.
fn whole_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
