//! The watchdog's process on Windows from its beginning until its command is to run. It knows nothing of Kubernetes.
//!
//! The command is in a job object from before it does anything, with all that it starts. Only the watchdog has a handle to that
//! job, and the kernel ends the job with that handle: however the watchdog ends, nothing of the command outlives it.

mod begin;
mod console;
mod post;
mod priority;
mod watch;

use std::ffi::OsString;
use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle};
use std::process::ExitCode;
use std::sync::mpsc::channel;

use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};

use super::inbox::Inbox;
use super::wire::{ToSupervisor, ToWatchdog};
use crate::job_object::JobObject;
use post::Post;

/// The first argument of a watchdog.
pub const MARK: &str = "--watchdog";

/// The second: its orders come by stdin, and its news go by stdout.
pub const BY_STDIO: &str = "by-stdio";

/// Runs as the watchdog if the arguments say so. All else comes by its stdin, so that somebody who ends processes by the
/// command's name does not end the one that guards it.
pub fn main(args: &[OsString]) -> Option<ExitCode> {
    if args.get(1)? != MARK || args.get(2)? != BY_STDIO {
        return None;
    }
    Some(match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn serve() -> io::Result<()> {
    let mut news = Post::new()?;
    let job = match get_ready() {
        Ok(job) => job,
        Err(why) => {
            news.tell(&ToSupervisor::Unready(why));
            news.deliver();
            return Ok(());
        }
    };
    news.tell(&ToSupervisor::Ready);
    let mut inbox = Inbox::default();
    // Comes with the grant; or never, if there is none.
    let Some(ToWatchdog::Start(start)) = inbox.wait(io::stdin())? else {
        return Err(io::Error::other("no command"));
    };
    let (events, happened) = channel();
    watch::listen(inbox, events.clone())?;
    watch::run(*start, job, news, events, &happened)
}

/// Everything that can fail, but for the start of the command itself: done before the lease is taken.
fn get_ready() -> Result<JobObject, String> {
    priority::raise();
    console::take_charge().map_err(|error| format!("cannot handle console events: {error}"))?;
    let kept = keep_to_ourselves(&io::stdin()).and_then(|()| keep_to_ourselves(&io::stdout()));
    kept.map_err(|error| format!("cannot keep its pipes to itself: {error}"))?;
    JobObject::dying_with_its_owner()
        .map_err(|error| format!("this system gives it no job object that ends with it: {error}"))
}

/// Whom a handle was handed down to hands it down in turn: the command would have our pipes, and keep them open when we are dead.
#[expect(unsafe_code, reason = "the standard library has no such call")]
fn keep_to_ourselves(stream: &impl AsHandle) -> io::Result<()> {
    let handle = stream.as_handle().as_raw_handle();
    // SAFETY: the handle is open.
    match unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
