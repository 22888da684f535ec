//! A credential plugin run on Windows: in a job object, which ends it with all that it started; what it prints, how it ended.

use std::io::{self, Read};
use std::os::windows::process::CommandExt;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use windows_sys::Win32::Foundation::STATUS_CONTROL_C_EXIT;
use windows_sys::Win32::System::Threading::{CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW};

use super::lookup::{self, Missing, Places};
use super::{Circumstances, Ended, Outcome, Program};
use crate::job_object::{self, JobObject};

/// The most that is read of what a plugin prints; a certificate with its key and chain takes some 10 KiB.
const STDOUT_LIMIT: usize = 1 << 20;

/// The most that is kept of what it says.
const STDERR_LIMIT: usize = 1 << 16;

/// What a plugin has printed is there when it has ended. How long the end of its streams is waited for, which something that it
/// has left may keep open.
const REST: Duration = Duration::from_millis(300);

/// So many pieces of a stream wait to be looked at.
const PIECES: usize = 16;

/// The signal that Ctrl-C is elsewhere.
const INTERRUPTED: i32 = 2;

/// Runs `program`. Dropped, it ends the program and all that it started.
pub async fn run(program: &Program, circumstances: Circumstances) -> Outcome {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut too_late = pin!(too_late(circumstances.limit));
    let ended = match start(program.clone(), too_late.as_mut()).await {
        Ok(mut running) => {
            let ended = running
                .wait(too_late.as_mut(), &mut stdout, &mut stderr)
                .await;
            let by_itself = matches!(ended, Ended::Exited(_));
            if by_itself && !circumstances.unattended {
                // The browser that it opened for a login is in the job too.
                running.job.let_go();
            } else {
                running.job.terminate();
            }
            running.rest(&mut stdout, &mut stderr).await;
            ended
        }
        Err(ended) => ended,
    };
    Outcome {
        ended,
        stdout,
        stderr,
    }
}

/// The limit, once it has passed.
async fn too_late(limit: Option<Duration>) -> Duration {
    match limit {
        Some(limit) => {
            tokio::time::sleep(limit).await;
            limit
        }
        None => std::future::pending().await,
    }
}

/// In a thread of its own: it is searched on PATH, of which a folder may be on a share that hangs. What begins when nobody waits
/// for it any more ends with its job.
async fn start(
    program: Program,
    too_late: Pin<&mut impl Future<Output = Duration>>,
) -> Result<Running, Ended> {
    let (sender, started) = oneshot::channel();
    let begins = move || {
        let _ = sender.send(Running::start(&program));
    };
    thread("plugin's start", begins).map_err(Ended::NotStarted)?;
    tokio::select! {
        started = started => match started {
            Ok(started) => started.map_err(Ended::NotStarted),
            Err(_) => Err(Ended::NotStarted(io::ErrorKind::Other.into())),
        },
        limit = too_late => Err(Ended::TimedOut(limit)),
    }
}

struct Running {
    job: JobObject,
    exit: oneshot::Receiver<io::Result<ExitStatus>>,
    stdout: Pieces,
    stderr: Pieces,
}

impl Running {
    fn start(program: &Program) -> io::Result<Self> {
        let stream = |inherit, ours| if inherit { Stdio::inherit() } else { ours };
        let mut starter = Command::new(find(&program.command)?);
        starter
            .args(&program.arguments)
            .envs(program.environment.iter().cloned())
            .stdin(stream(program.interactive, Stdio::null()))
            .stdout(Stdio::piped())
            .stderr(stream(program.aloud, Stdio::piped()))
            .creation_flags(job_object::SUSPENDED | apart(program));
        for name in &program.without {
            starter.env_remove(name);
        }
        let job = JobObject::dying_with_its_owner()?;
        let mut child = starter.spawn().map_err(batch)?;
        let begun = job
            .adopt(&child)
            .and_then(|()| job_object::resume(child.id()));
        if let Err(error) = begun {
            // It never ran.
            let _ = child.kill();
            return Err(error);
        }
        let (stdout, stderr) = (pieces(child.stdout.take())?, pieces(child.stderr.take())?);
        let (sender, exit) = oneshot::channel();
        thread("plugin", move || {
            // Nobody waits any more where nobody hears it.
            let _ = sender.send(child.wait());
        })?;
        Ok(Self {
            job,
            exit,
            stdout,
            stderr,
        })
    }

    async fn wait(
        &mut self,
        mut too_late: Pin<&mut impl Future<Output = Duration>>,
        stdout: &mut Vec<u8>,
        stderr: &mut Vec<u8>,
    ) -> Ended {
        loop {
            tokio::select! {
                piece = next(&mut self.stdout) => {
                    stdout.extend(piece);
                    if stdout.len() > STDOUT_LIMIT {
                        return Ended::TooMuch;
                    }
                }
                // The rest is read and dropped: a plugin must not block on what nobody keeps.
                piece = next(&mut self.stderr) => keep(stderr, &piece),
                status = &mut self.exit => return match status {
                    Ok(Ok(status)) => ended(status),
                    Ok(Err(error)) => Ended::NotStarted(error),
                    Err(_) => Ended::NotStarted(io::ErrorKind::Other.into()),
                },
                limit = &mut too_late => return Ended::TimedOut(limit),
            }
        }
    }

    /// Takes what is there already.
    async fn rest(&mut self, stdout: &mut Vec<u8>, stderr: &mut Vec<u8>) {
        let printed = async {
            while let Some(piece) = self.stdout.recv().await {
                if stdout.len() <= STDOUT_LIMIT {
                    stdout.extend(piece);
                }
            }
        };
        let said = async {
            while let Some(piece) = self.stderr.recv().await {
                keep(stderr, &piece);
            }
        };
        let reading = async { tokio::join!(printed, said) };
        let _ = tokio::time::timeout(REST, reading).await;
    }
}

type Pieces = mpsc::Receiver<Vec<u8>>;

/// What comes out of a stream, read by a thread of its own: a pipe without a name cannot be waited for otherwise.
fn pieces(pipe: Option<impl Read + Send + 'static>) -> io::Result<Pieces> {
    let (sender, receiver) = mpsc::channel(PIECES);
    if let Some(mut pipe) = pipe {
        thread("plugin's output", move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut bytes) {
                let piece = bytes.get(..count).unwrap_or_default().to_vec();
                if sender.blocking_send(piece).is_err() {
                    return;
                }
            }
        })?;
    }
    Ok(receiver)
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map(drop)
}

/// Never returns once there is no more.
async fn next(pieces: &mut Pieces) -> Vec<u8> {
    match pieces.recv().await {
        Some(piece) => piece,
        None => std::future::pending().await,
    }
}

fn keep(stderr: &mut Vec<u8>, piece: &[u8]) {
    stderr.extend_from_slice(piece);
    stderr.truncate(STDERR_LIMIT);
}

/// How a program is kept apart from us at the console. Who asks somebody needs it, and hears of a Ctrl-C as we do. Who only says
/// something hears of none. Anybody else has a console of their own, which nobody sees, so that nothing is asked for on ours.
fn apart(program: &Program) -> u32 {
    match (program.interactive, program.aloud) {
        (true, _) => 0,
        (false, true) => CREATE_NEW_PROCESS_GROUP,
        (false, false) => CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW,
    }
}

fn ended(status: ExitStatus) -> Ended {
    match status.code() {
        Some(STATUS_CONTROL_C_EXIT) => Ended::Signalled(INTERRUPTED),
        code => Ended::Exited(code.unwrap_or(-1)),
    }
}

fn find(command: &str) -> io::Result<PathBuf> {
    let here = match std::env::var_os("NoDefaultCurrentDirectoryInExePath") {
        Some(_) => None,
        None => std::env::current_dir().ok(),
    };
    let places = Places {
        path: std::env::var_os("PATH"),
        ends: std::env::var("PATHEXT").ok(),
        here: here.as_deref(),
    };
    lookup::find(command, &places).map_err(|missing| match missing {
        Missing::NotFound => io::ErrorKind::NotFound.into(),
        Missing::NotByItsName(found) => io::Error::other(format!(
            "{} is in the current folder, from where kubectl runs nothing by its name alone; put it on PATH, or give its path in the kubeconfig",
            found.display()
        )),
    })
}

/// A batch file is run by cmd.exe, for which the standard library quotes, or refuses.
fn batch(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::InvalidInput => io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is a batch file, and an argument has what cannot be quoted for one (a line break, or a quote at its end); have the kubeconfig name the program that it runs",
        ),
        _ => error,
    }
}

/// Whatever runs ends with us: the job objects do that.
pub fn end_all() {}

#[cfg(test)]
#[path = "run_windows_tests.rs"]
mod tests;
