//! A watchdog made ready on Windows before there is a lease that would have to be given back.

use std::io::{self, Write};
use std::os::windows::io::{AsHandle, AsRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use windows_sys::Win32::Foundation::{DUPLICATE_SAME_ACCESS, DuplicateHandle};
use windows_sys::Win32::System::Console::GetConsoleCP;
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, GetCurrentProcess,
};

use super::FromWatchdog;
use crate::hold::watchdog::wire::ToSupervisor;
use crate::hold::watchdog::{BY_STDIO, Inbox, MARK};
use crate::job_object::{self, JobObject};

/// How long a watchdog may take to get ready, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(20);

/// A watchdog's process.
#[derive(Debug)]
pub struct Watchdog {
    /// While it is open, the number is its own.
    process: OwnedHandle,
    number: u32,
}

impl Watchdog {
    /// Has it go on, if somebody has suspended it.
    pub fn resume(&self) {
        // One that has ended goes on no more.
        let _ = job_object::resume(self.number);
    }
}

/// A watchdog that waits for its command.
#[derive(Debug)]
pub struct Prepared {
    job: JobObject,
    watchdog: Watchdog,
    orders: Sender<Vec<u8>>,
    heard: UnboundedReceiver<FromWatchdog>,
}

/// A watchdog that is ready as soon as it has begun.
#[derive(Debug)]
pub struct Preparing(Prepared);

impl Preparing {
    /// Starts a watchdog, and waits until it is ready.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn begin() -> Result<Self, String> {
        Prepared::new().map(Self)
    }

    /// What was made ready.
    ///
    /// # Errors
    /// Never.
    pub fn ready(self) -> Result<Prepared, String> {
        let Self(prepared) = self;
        Ok(prepared)
    }
}

impl Prepared {
    /// Starts a watchdog, and does all else that can fail but for the start of the command itself: it is meant to be done
    /// before there is a lease that would have to be given back.
    ///
    /// # Errors
    /// Why there can be none.
    fn new() -> Result<Self, String> {
        let failed = |error: io::Error| format!("cannot start the watchdog: {error}");
        // However this process ends, the kernel ends all that is below it.
        let job = JobObject::dying_with_its_owner().map_err(failed)?;
        let mut starter = Command::new(std::env::current_exe().map_err(failed)?);
        starter
            .args([MARK, BY_STDIO])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .creation_flags(creation_flags());
        let mut watchdog = starter.spawn().map_err(failed)?;
        let ready = || {
            // Before it is told anything: it has started nobody yet.
            job.adopt(&watchdog)?;
            let process = Watchdog {
                process: watchdog.as_handle().try_clone_to_owned()?,
                number: watchdog.id(),
            };
            let pipes = watchdog.stdin.take().zip(watchdog.stdout.take());
            let (orders, news) = pipes.ok_or_else(|| io::Error::other("it has no pipes"))?;
            let orders = send(orders)?;
            let (first, is_ready) = channel();
            let (said, heard) = unbounded_channel();
            listen(watchdog, news, first, said)?;
            Ok((process, orders, heard, is_ready))
        };
        let (watchdog, orders, heard, is_ready) = match ready() {
            Ok(ready) => ready,
            Err(error) => {
                // It ends by itself when its pipe closes too.
                job.terminate();
                return Err(failed(error));
            }
        };
        let prepared = Self {
            job,
            watchdog,
            orders,
            heard,
        };
        match is_ready.recv_timeout(PATIENCE) {
            Ok(Some(ToSupervisor::Ready)) => return Ok(prepared),
            Ok(Some(ToSupervisor::Unready(why))) => {
                return Err(format!("the watchdog cannot work: {why}"));
            }
            Ok(_) | Err(RecvTimeoutError::Disconnected) => {}
            Err(RecvTimeoutError::Timeout) => {
                prepared.job.terminate();
                return Err(format!("the watchdog was not ready within {PATIENCE:?}"));
            }
        }
        Err("the watchdog ended before it was ready".to_owned())
    }

    /// Gives the watchdog copies of our own stdin, stdout and stderr, which are the command's.
    pub(super) fn hand_over_streams(&self) -> [Option<usize>; 3] {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        let ours = [stdin.as_handle(), stdout.as_handle(), stderr.as_handle()];
        ours.map(|handle| self.copy(&handle))
    }

    /// `None` for a stream that this process does not have.
    #[expect(
        unsafe_code,
        reason = "the standard library copies handles within a process only"
    )]
    fn copy(&self, handle: &impl AsHandle) -> Option<usize> {
        let mut copy = std::ptr::null_mut();
        // SAFETY: the handles are open, or are refused; the copy is a number that only the other process can use.
        let copied = unsafe {
            DuplicateHandle(
                GetCurrentProcess(),
                handle.as_handle().as_raw_handle(),
                self.watchdog.process.as_raw_handle(),
                &mut copy,
                0,
                0,
                DUPLICATE_SAME_ACCESS,
            )
        };
        (copied != 0).then_some(copy as usize)
    }

    /// What a command is started with.
    pub(super) fn into_parts(
        self,
    ) -> (
        JobObject,
        Watchdog,
        Sender<Vec<u8>>,
        UnboundedReceiver<FromWatchdog>,
    ) {
        (self.job, self.watchdog, self.orders, self.heard)
    }
}

/// It leads a console process group: what interrupts us must not reach it, and what it sends must not reach us. Where there
/// is no console, as in a service, it has one that nobody sees, so that its command can be asked to end.
#[expect(
    unsafe_code,
    reason = "the standard library does not tell whether there is a console"
)]
fn creation_flags() -> u32 {
    // SAFETY: it takes nothing.
    match unsafe { GetConsoleCP() } {
        0 => CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW,
        _ => CREATE_NEW_PROCESS_GROUP,
    }
}

/// Writes in a thread of its own: a watchdog that does not read any more must not stop us. The pipe closes with the sender.
fn send(mut pipe: ChildStdin) -> io::Result<Sender<Vec<u8>>> {
    let (sender, messages) = channel::<Vec<u8>>();
    thread::Builder::new().spawn(move || {
        for message in messages {
            if pipe.write_all(&message).is_err() {
                return;
            }
        }
    })?;
    Ok(sender)
}

/// Hears the watchdog in a thread of its own, its first word apart, and waits for its end in another: somebody may have a copy of
/// its pipe.
fn listen(
    mut watchdog: std::process::Child,
    mut pipe: ChildStdout,
    first: Sender<Option<ToSupervisor>>,
    said: UnboundedSender<FromWatchdog>,
) -> io::Result<()> {
    let over = said.clone();
    thread::Builder::new().spawn(move || {
        let _ = watchdog.wait();
        let _ = over.send(FromWatchdog::Over);
    })?;
    thread::Builder::new().spawn(move || {
        let mut inbox = Inbox::default();
        let _ = first.send(inbox.wait(&mut pipe).ok().flatten());
        while let Ok(Some(message)) = inbox.wait(&mut pipe) {
            // Nobody listens any more once the hold is over.
            let _ = said.send(FromWatchdog::Said(message));
        }
        // A line that is none of its own is as good as its end.
        let _ = said.send(FromWatchdog::Silent);
    })?;
    Ok(())
}
