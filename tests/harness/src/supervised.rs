//! A child process with everything it wrote so far, and its certain end: the part that pipes and terminals share.

use crate::process;
use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// How long an ended process's output may stay open, held by what it started.
const OUTPUT_CLOSES: Duration = Duration::from_secs(1);

/// What is known of the process by now.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// The screen, where the process has a terminal.
    pub(crate) screen: Option<vt100::Parser>,
    /// How many outputs are still open, here or in a process that inherited them.
    pub(crate) open: usize,
    pub(crate) status: Option<ExitStatus>,
    pub(crate) ended: Option<Instant>,
    /// Counts what happened, for those who wait.
    changes: u64,
}

#[derive(Default)]
struct Shared {
    progress: Mutex<Progress>,
    changed: Condvar,
}

pub(crate) struct Supervised {
    pub(crate) pid: u32,
    /// The command as a person would type it.
    pub(crate) title: String,
    pub(crate) started: Instant,
    pub(crate) tag: String,
    shared: Arc<Shared>,
}

impl Supervised {
    pub(crate) fn new(child: Child, title: String, tag: String, started: Instant) -> Supervised {
        let shared = Arc::<Shared>::default();
        let pid = child.id();
        let reaper = shared.clone();
        thread::spawn(move || reap(child, &reaper));
        Supervised {
            pid,
            title,
            started,
            tag,
            shared,
        }
    }

    /// Reads `source` in the background; `keep` puts each piece where it belongs.
    pub(crate) fn read(
        &self,
        mut source: impl Read + Send + 'static,
        keep: fn(&mut Progress, &[u8]),
    ) {
        let shared = self.shared.clone();
        lock(&shared).open += 1;
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                // A pseudo-terminal answers EIO when the last process on it is gone (Linux).
                let count = match source.read(&mut buffer) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    other => other.unwrap_or(0),
                };
                let mut progress = lock(&shared);
                if count == 0 {
                    progress.open -= 1;
                } else {
                    keep(&mut progress, &buffer[..count]);
                }
                progress.changes += 1;
                shared.changed.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
    }

    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        lock(&self.shared)
    }

    /// Waits until `found` has an answer to what `look` saw; `None` after `timeout`.
    ///
    /// `found` runs without the lock: a test's predicate may ask this process other things.
    pub(crate) fn wait<V, T>(
        &self,
        timeout: Duration,
        look: impl Fn(&Progress) -> V,
        mut found: impl FnMut(V) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + timeout;
        loop {
            let progress = self.progress();
            let (changes, view) = (progress.changes, look(&progress));
            drop(progress);
            if let Some(answer) = found(view) {
                return Some(answer);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let unchanged = |progress: &mut Progress| progress.changes == changes;
            let waited = self
                .shared
                .changed
                .wait_timeout_while(self.progress(), left, unchanged);
            drop(waited.expect("nothing panics while progress is locked"));
        }
    }

    /// Its exit status, within `timeout`.
    pub(crate) fn wait_status(&self, timeout: Duration) -> Option<ExitStatus> {
        self.wait(timeout, |progress| progress.status, |status| status)
    }

    /// Waits, not long, until nobody holds its output open.
    pub(crate) fn wait_closed(&self) {
        self.wait(
            OUTPUT_CLOSES,
            |progress| progress.open,
            |open| (open == 0).then_some(()),
        );
    }

    /// Does this to this process only, by its id. Does nothing once it has been reaped.
    pub(crate) fn tell(&self, tell: impl FnOnce(u32)) {
        // Reaping takes this lock too: while it is held without a status, the id is this child's.
        let progress = self.progress();
        if progress.status.is_none() {
            tell(self.pid);
        }
    }

    /// Everything written so far, for a panic's message.
    pub(crate) fn so_far(&self) -> String {
        let progress = self.progress();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let screen = progress
            .screen
            .as_ref()
            .map(|parser| parser.screen().contents());
        format!(
            "$ {} (process {}, running for {:?}, status {:?})\n--- stdout\n{}\n--- stderr\n{}\n{}",
            self.title,
            self.pid,
            self.started.elapsed(),
            progress.status,
            text(&progress.stdout),
            text(&progress.stderr),
            screen
                .map(|screen| format!("--- screen\n{screen}\n"))
                .unwrap_or_default(),
        )
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.tell(process::kill);
        self.wait_status(Duration::from_secs(5));
        process::kill_tagged(&self.tag);
    }
}

/// Waits for the child's end without reaping it, then reaps it under the lock.
fn reap(mut child: Child, shared: &Shared) {
    process::wait_for_end(&child);
    let mut progress = lock(shared);
    progress.ended = Some(Instant::now());
    progress.changes += 1;
    progress.status = Some(child.wait().unwrap_or_else(|_| process::unknown_end()));
    shared.changed.notify_all();
}

fn lock(shared: &Shared) -> MutexGuard<'_, Progress> {
    shared
        .progress
        .lock()
        .expect("nothing panics while progress is locked")
}

/// Starts `command` in a way that it dies with this process.
pub(crate) fn start(
    command: std::process::Command,
    title: &str,
    tag: &str,
    own_console: bool,
) -> Child {
    process::start(command, tag, own_console)
        .unwrap_or_else(|error| panic!("cannot start `{title}`: {error}"))
}
