//! A watchdog made ready before there is a lease that would have to be given back.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use nix::sys::signal::{SigSet, Signal};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};

use super::guard::Watchdog;
use crate::hold::watchdog::wire::ToSupervisor;
use crate::hold::watchdog::{Inbox, MARK, spare, tree};
use crate::limits;

/// How long a watchdog may take to get ready, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(20);

/// So many file descriptors must be free for connections while the lease is held.
const SPARE: usize = 8;

/// A watchdog that waits for its command.
#[derive(Debug)]
pub struct Prepared {
    pub(super) watchdog: Watchdog,
    pub(super) control: UnixStream,
    pub(super) deaths: tokio::signal::unix::Signal,
}

/// A watchdog that gets ready, while others read files say.
#[derive(Debug)]
pub struct Preparing {
    watchdog: Watchdog,
    control: std::os::unix::net::UnixStream,
    deaths: tokio::signal::unix::Signal,
}

fn failed(error: std::io::Error) -> String {
    format!("cannot start the watchdog: {}", limits::words(&error))
}

impl Preparing {
    /// Starts a watchdog.
    ///
    /// # Errors
    /// Why there can be none, and what to do.
    pub fn begin() -> Result<Self, String> {
        tree::check()?;
        limits::room_to_hold().map_err(|error| {
            format!(
                "too little memory is allowed to hold a lease: {}",
                limits::words(&error)
            )
        })?;
        // If the watchdog is killed, its children come to us.
        tree::adopt_orphans()?;
        // Whoever started us may have blocked or ignored it.
        SigSet::from(Signal::SIGCHLD)
            .thread_unblock()
            .map_err(|error| failed(error.into()))?;
        let deaths = signal(SignalKind::child()).map_err(failed)?;
        let (control, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        // A number that is free here is free there: low ones may be the command's own (a jobserver, sockets from an
        // activating service).
        let number = theirs.as_raw_fd();
        let mut starter = Command::new(own_program().map_err(failed)?);
        starter
            .arg0("kubectl-lease-watchdog")
            .args([MARK, &number.to_string()])
            .stdin(Stdio::inherit())
            // Not in our group: what stops or interrupts us must not reach it.
            .process_group(0)
            .fd_mappings(vec![FdMapping {
                parent_fd: OwnedFd::from(theirs),
                child_fd: number,
            }])
            .map_err(|error| format!("cannot start the watchdog: {error}"))?;
        let process = starter.spawn().map_err(failed)?;
        // The mapping holds our copy of the watchdog's end.
        drop(starter);
        Ok(Self {
            watchdog: Watchdog::new(i32::try_from(process.id()).ok()),
            control,
            deaths,
        })
    }

    /// Waits until it is ready; after this and [`Self::begin`] nothing can fail but the start of the command itself: they
    /// are meant to be done before there is a lease that would have to be given back.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn ready(self) -> Result<Prepared, String> {
        let Self {
            watchdog,
            control,
            deaths,
        } = self;
        control.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        // It says this, and nothing after it before it is told to start.
        match Inbox::default().wait(&control).map_err(failed)? {
            Some(ToSupervisor::Ready) => {}
            Some(ToSupervisor::Unready(why)) => {
                return Err(format!("the watchdog cannot work: {why}"));
            }
            _ => return Err("the watchdog ended before it was ready".to_owned()),
        }
        control.set_nonblocking(true).map_err(failed)?;
        let control = UnixStream::from_std(control).map_err(failed)?;
        // Connections need some, and an opened kubeconfig.
        spare(&control, SPARE).map_err(|error| {
            format!(
                "too few open files are allowed to hold a lease: {}",
                limits::words(&error)
            )
        })?;
        Ok(Prepared {
            watchdog,
            control,
            deaths,
        })
    }
}

/// This very program, even if its file was replaced by another version or deleted since (proc(5)).
fn own_program() -> std::io::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe()
}
