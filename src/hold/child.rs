//! The command as the supervisor sees it: started through the watchdog, told what to do, heard of.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpgid, getpgrp, getpid};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::machine::Ended;
use super::orders::{Orders, send_command};
use super::tree;
use super::watchdog::{CONTROL_FD, MARK};

/// How often adopted processes are looked at.
const LOOK: Duration = Duration::from_millis(10);

/// News of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It runs, as the leader of this process group.
    Started(Pid),
    /// It could not be started: an errno.
    NotStarted(i32),
    /// It ended.
    Ended(Ended),
    /// It was stopped by this signal.
    Stopped(i32),
    /// Nothing it started is left.
    Gone,
    /// The watchdog died.
    WatchdogDied,
}

/// A started command.
pub struct Child {
    watchdog: Pid,
    news: Lines<BufReader<OwnedReadHalf>>,
    orders: OwnedWriteHalf,
    group: Option<Pid>,
    /// The watchdog is dead, and its children are ours.
    adopted: bool,
}

impl Child {
    /// Starts the watchdog, which starts the command with `environment` added to ours.
    ///
    /// # Errors
    /// When the watchdog cannot be started.
    pub fn start(
        command: &[OsString],
        environment: impl IntoIterator<Item = (&'static str, String)>,
        orders: Orders,
    ) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("cannot start the watchdog: {error}");
        // If the watchdog is killed, its children come to us.
        tree::adopt_orphans()?;
        let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        let mut starter = Command::new(own_program().map_err(failed)?);
        starter
            .arg0("kubectl-lease-watchdog")
            .arg(MARK)
            .arg(orders.to_argument())
            .envs(environment)
            .stdin(Stdio::inherit())
            // Not in our group: what stops or interrupts us must not reach it.
            .process_group(0)
            .fd_mappings(vec![FdMapping {
                parent_fd: OwnedFd::from(theirs),
                child_fd: CONTROL_FD,
            }])
            .map_err(|error| format!("cannot start the watchdog: {error}"))?;
        let process = starter.spawn().map_err(failed)?;
        // The mapping holds our copy of the watchdog's end.
        drop(starter);
        send_command(&mut ours, command).map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let (read, write) = UnixStream::from_std(ours).map_err(failed)?.into_split();
        Ok(Self {
            watchdog: Pid::from_raw(i32::try_from(process.id()).unwrap_or_default()),
            news: BufReader::new(read).lines(),
            orders: write,
            group: None,
            adopted: false,
        })
    }

    /// The next news.
    pub async fn news(&mut self) -> News {
        if self.adopted {
            while !self.adopted_are_gone() {
                tokio::time::sleep(LOOK).await;
            }
            return News::Gone;
        }
        let Ok(Some(line)) = self.news.next_line().await else {
            self.adopted = true;
            return News::WatchdogDied;
        };
        let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let number = argument.parse::<i32>().unwrap_or_default();
        match verb {
            "started" => {
                let group = Pid::from_raw(number);
                self.group = Some(group);
                News::Started(group)
            }
            "failed" => News::NotStarted(number),
            "exited" => News::Ended(Ended::Exited(u8::try_from(number).unwrap_or(u8::MAX))),
            "signalled" => News::Ended(Ended::Signalled(number)),
            "stopped" => News::Stopped(number),
            "gone" => News::Gone,
            _ => {
                self.adopted = true;
                News::WatchdogDied
            }
        }
    }

    /// The command's process group, once it runs.
    pub fn group(&self) -> Option<Pid> {
        self.group
    }

    fn order(&mut self, order: &str) {
        // One that somebody stopped must hear it too. One that does not read any more must not stop us: it is not
        // waited for; and one that is gone is noticed by its silence.
        if self.adopted {
            return;
        }
        let _ = kill(self.watchdog, Signal::SIGCONT);
        let _ = self.orders.try_write(format!("{order}\n").as_bytes());
    }

    /// Tells of an acknowledged renewal that was sent after `sent_at`.
    pub fn held(&mut self, sent_at: crate::clock::Instant) {
        self.order(&format!("held {}", sent_at.since_origin().as_nanos()));
    }

    /// Passes a signal on to the command's process group.
    pub fn forward(&mut self, signal: i32) {
        self.order(&format!("signal {signal}"));
    }

    /// Asks the whole tree to stop.
    pub fn stop(&mut self) {
        self.order("stop");
    }

    /// Kills the whole tree: by the watchdog, and by our own hand in case it is stopped or dead.
    pub fn kill(&mut self) {
        if self.adopted {
            for process in self.left() {
                tree::signal_one(process, Signal::SIGKILL);
            }
        } else {
            tree::signal_all(self.watchdog, self.group, Signal::SIGKILL);
            self.order("kill");
        }
    }

    /// What the command started and still runs, as far as this system tells.
    pub fn left(&self) -> Vec<Pid> {
        let own = getpgrp();
        let mut left = tree::descendants(getpid());
        // Those in our process group are exec plugins of ours; the command's leave theirs for ours only on purpose.
        left.retain(|&pid| pid != self.watchdog && getpgid(Some(pid)) != Ok(own));
        if left.is_empty() && self.group.is_some_and(|group| killpg(group, None).is_ok()) {
            left.extend(self.group);
        }
        left
    }

    fn adopted_are_gone(&self) -> bool {
        let _ = waitpid(self.watchdog, Some(WaitPidFlag::WNOHANG));
        for process in self.left() {
            // One that is not our own child is, once its parents are dead.
            let _ = waitpid(process, Some(WaitPidFlag::WNOHANG));
        }
        self.left().is_empty()
    }

    /// Collects the watchdog once it has ended.
    pub fn reap(&self) {
        let _ = waitpid(self.watchdog, Some(WaitPidFlag::WNOHANG));
    }
}

/// This very program, even if its file was replaced by another version or deleted since (proc(5)).
fn own_program() -> std::io::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe()
}
