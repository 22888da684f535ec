//! One server program in the background, with its log in a file; it never outlives its value or this process.

use crate::keeper;
use crate::process::to_pid;
use nix::sys::signal::{self, Signal};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};

/// How much of a log an error shows.
const TAIL_LINES: usize = 30;

pub(crate) struct ServerProcess {
    child: Child,
    log: PathBuf,
}

impl ServerProcess {
    /// Starts `program`; both its outputs are appended to `log`.
    pub(crate) fn start(
        program: &Path,
        arguments: &[String],
        log: &Path,
    ) -> io::Result<ServerProcess> {
        let output = File::options().create(true).append(true).open(log)?;
        let mut command = keeper::command(program);
        command
            .args(arguments)
            .env_clear()
            .current_dir(log.parent().unwrap_or(Path::new("/")))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        Ok(ServerProcess {
            child: keeper::spawn(command)?,
            log: log.to_owned(),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status, once it has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            // Not yet waited for, so the id is still this child's.
            let _ = signal::kill(to_pid(self.pid()), signal);
        }
    }

    /// Stops it and returns once each of its threads has stopped: the signal alone may take effect later.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::SIGSTOP);
        // SAFETY: waitid fills the zeroed siginfo_t it is given; WNOWAIT takes nothing away from std's own wait.
        unsafe {
            let mut information: libc::siginfo_t = std::mem::zeroed();
            let flags = libc::WSTOPPED | libc::WEXITED | libc::WNOWAIT;
            libc::waitid(libc::P_PID, self.pid(), &raw mut information, flags);
        }
    }

    /// The last lines of the log.
    pub(crate) fn tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // KILL reaches a stopped process too; nothing it holds is worth a graceful end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
