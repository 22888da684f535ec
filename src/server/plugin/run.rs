//! A credential plugin run through its keeper: what it prints, how it ended, and its end when nobody waits any more.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpgrp};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use super::keeper::MARK;
use super::{Circumstances, Ended, Outcome, Program};
use crate::side::{self, OnTheSide};

/// The most that is read of what a plugin prints; a certificate with its key and chain takes some 10 KiB.
const STDOUT_LIMIT: usize = 1 << 20;

/// The most that is kept of what it says.
const STDERR_LIMIT: usize = 1 << 16;

/// How long a keeper may take to end everything.
const END_LIMIT: Duration = Duration::from_secs(1);

/// How often to look whether a keeper is gone that is about to be.
const LOOK: Duration = Duration::from_millis(2);

/// How long a signal that a plugin died of may take to reach us too.
const SIGNAL_LIMIT: Duration = Duration::from_millis(200);

/// Keepers that have not been collected, each noted as long.
static KEEPERS: Mutex<Vec<(Pid, OnTheSide)>> = Mutex::new(Vec::new());

fn keepers() -> std::sync::MutexGuard<'static, Vec<(Pid, OnTheSide)>> {
    KEEPERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `program`. Dropped, it ends the program and all that it started.
pub async fn run(program: &Program, circumstances: Circumstances) -> Outcome {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let ended = match Keeper::start(program, circumstances.unattended) {
        Ok(mut keeper) => {
            keeper
                .wait(circumstances.limit, &mut stdout, &mut stderr)
                .await
        }
        Err(error) => Ended::NotStarted(error),
    };
    Outcome {
        ended,
        stdout,
        stderr,
    }
}

struct Keeper {
    process: Pid,
    news: Lines<BufReader<UnixStream>>,
    stdout: Output,
    stderr: Output,
    noted: Option<OnTheSide>,
}

impl Keeper {
    fn start(program: &Program, unattended: bool) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        // A number that is free here is free there: low ones may be meant for the plugin.
        let number = theirs.as_raw_fd();
        // A plugin may open the terminal itself, whatever its stdin is.
        let above = if unattended { 0 } else { getpgrp().as_raw() };
        let mut starter = Command::new(own_program()?);
        starter
            .arg0("kubectl-lease-plugin")
            .args([MARK, &number.to_string()])
            .arg(above.to_string())
            .arg(&program.command)
            .args(&program.arguments)
            .envs(program.environment.iter().cloned())
            .stdin(if program.interactive {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(if program.aloud {
                Stdio::inherit()
            } else {
                Stdio::piped()
            })
            // Not in our group: what stops or interrupts us must not reach it.
            .process_group(0)
            .fd_mappings(vec![FdMapping {
                parent_fd: OwnedFd::from(theirs),
                child_fd: number,
            }])
            .map_err(io::Error::other)?;
        for name in &program.without {
            starter.env_remove(name);
        }
        let mut child = starter.spawn()?;
        // The mapping holds our copy of the keeper's end.
        drop(starter);
        let process = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
        // Nobody has looked at our children in between: this thread alone does.
        keepers().push((process, side::note(process.as_raw())));
        ours.set_nonblocking(true)?;
        Ok(Self {
            process,
            news: BufReader::new(UnixStream::from_std(ours)?).lines(),
            stdout: Output::of(child.stdout.take().map(OwnedFd::from), STDOUT_LIMIT)?,
            stderr: Output::of(child.stderr.take().map(OwnedFd::from), STDERR_LIMIT)?,
            noted: None,
        })
    }

    /// Whether this is a process that the keeper started, as far as this system tells.
    fn has_child(&self, process: i32) -> bool {
        #[cfg(target_os = "linux")]
        return crate::children::of(self.process)
            .is_ok_and(|children| children.contains(&Pid::from_raw(process)));
        #[cfg(not(target_os = "linux"))]
        return process > 0;
    }

    async fn wait(
        &mut self,
        limit: Option<Duration>,
        stdout: &mut Vec<u8>,
        stderr: &mut Vec<u8>,
    ) -> Ended {
        let too_late = async {
            match limit {
                Some(limit) => {
                    tokio::time::sleep(limit).await;
                    limit
                }
                None => std::future::pending().await,
            }
        };
        tokio::pin!(too_late);
        let ended = loop {
            tokio::select! {
                line = self.news.next_line() => {
                    let Ok(Some(line)) = line else {
                        // Somebody killed the keeper.
                        break Ended::Signalled(Signal::SIGKILL as i32);
                    };
                    let (verb, number) = line.split_once(' ').unwrap_or((&line, ""));
                    let number = number.parse().unwrap_or_default();
                    match verb {
                        // Who may copy the keeper's socket may write there.
                        "started" if self.noted.is_none() && self.has_child(number) => {
                            self.noted = Some(side::note(number));
                        }
                        "started" => {}
                        "exited" => break Ended::Exited(number),
                        "signalled" => break Ended::Signalled(number),
                        "asked" => break Ended::Asked,
                        _ => break Ended::NotStarted(io::Error::from_raw_os_error(number)),
                    }
                }
                () = self.stdout.read(stdout) => {
                    if stdout.len() > STDOUT_LIMIT {
                        break Ended::TooMuch;
                    }
                }
                // The rest is read and dropped: a plugin must not block on what nobody keeps.
                () = self.stderr.read(stderr) => stderr.truncate(STDERR_LIMIT),
                limit = &mut too_late => break Ended::TimedOut(limit),
            }
        };
        self.stdout.rest(stdout);
        self.stderr.rest(stderr);
        self.end().await;
        if let Ended::Signalled(nix::libc::SIGINT | nix::libc::SIGQUIT) = ended {
            // Typed for the whole job, and on its way to us: what it does comes first.
            tokio::time::sleep(SIGNAL_LIMIT).await;
        }
        ended
    }

    /// Asks the keeper to end everything, and waits until it did.
    async fn end(&mut self) {
        let socket = self.news.get_ref().get_ref();
        let _ = nix::sys::socket::shutdown(socket.as_raw_fd(), nix::sys::socket::Shutdown::Write);
        let gone = async { while let Ok(Some(_)) = self.news.next_line().await {} };
        let gone = tokio::time::timeout(END_LIMIT, gone).await;
        // With its socket it closes everything else.
        while gone.is_ok() && !collect(self.process) {
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // The socket closes with us, and the keeper ends everything. One that somebody stopped must hear it too.
        if !collect(self.process) {
            let _ = kill(self.process, Signal::SIGCONT);
        }
    }
}

/// Whether the keeper has ended, and is collected.
#[expect(
    clippy::disallowed_methods,
    reason = "one child by its number, whose status is not asked for: any error means that it is gone"
)]
fn collect(keeper: Pid) -> bool {
    let mut all = keepers();
    let Some(at) = all.iter().position(|(pid, _)| *pid == keeper) else {
        return true;
    };
    let gone = !matches!(
        waitpid(keeper, Some(WaitPidFlag::WNOHANG)),
        Ok(nix::sys::wait::WaitStatus::StillAlive)
    );
    if gone {
        all.swap_remove(at);
    }
    gone
}

/// At the end of this process, once nothing runs in it any more: waits until what plugins started is dead.
pub fn end_all() {
    let mut waited = Duration::ZERO;
    while waited < END_LIMIT {
        let left: Vec<Pid> = keepers().iter().map(|(pid, _)| *pid).collect();
        if left.into_iter().all(collect) {
            return;
        }
        std::thread::sleep(LOOK);
        waited += LOOK;
    }
}

/// One of a plugin's streams.
struct Output {
    pipe: Option<pipe::Receiver>,
    limit: usize,
}

impl Output {
    fn of(pipe: Option<OwnedFd>, limit: usize) -> io::Result<Self> {
        let pipe = pipe.map(pipe::Receiver::from_owned_fd).transpose()?;
        Ok(Self { pipe, limit })
    }

    /// Appends some of what there is to `to`; never returns once there is no more.
    async fn read(&mut self, to: &mut Vec<u8>) {
        match &mut self.pipe {
            Some(pipe) => {
                if !append(pipe, to).await {
                    self.pipe = None;
                }
            }
            None => std::future::pending().await,
        }
    }

    /// Appends what is there already. The end is not waited for: something that the plugin left may keep it open.
    fn rest(&mut self, to: &mut Vec<u8>) {
        let pipe = self.pipe.take();
        let Some(Ok(pipe)) = pipe.map(pipe::Receiver::into_nonblocking_fd) else {
            return;
        };
        let mut file = std::fs::File::from(pipe);
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = file.read(&mut bytes)
            && to.len() <= self.limit
        {
            to.extend_from_slice(&bytes[..count]);
        }
        to.truncate(self.limit + 1);
    }
}

async fn append(pipe: &mut (impl AsyncRead + Unpin), to: &mut Vec<u8>) -> bool {
    let mut bytes = [0; 4096];
    match pipe.read(&mut bytes).await {
        Ok(count @ 1..) => {
            to.extend_from_slice(&bytes[..count]);
            true
        }
        Ok(0) | Err(_) => false,
    }
}

/// This very program, even if its file was replaced by another version or deleted since (proc(5)).
fn own_program() -> io::Result<PathBuf> {
    let link = PathBuf::from("/proc/self/exe");
    if cfg!(target_os = "linux") && link.exists() {
        return Ok(link);
    }
    std::env::current_exe().or_else(|error| {
        // Without /proc: as it was called.
        let name = std::env::args_os().next().unwrap_or_default();
        which::which(name).map_err(|_| error)
    })
}
