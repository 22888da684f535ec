//! The command's start on Windows: found on PATH, created suspended, given to whoever lets it run.

use std::ffi::OsString;
use std::io;
use std::os::windows::io::{FromRawHandle, OwnedHandle, RawHandle};
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use super::priority;
use crate::hold::watchdog::wire::Start;
use crate::job_object::SUSPENDED;

/// A process that has done nothing yet. Dropped, it never will.
pub struct Suspended(pub Child);

impl Suspended {
    /// Waits for its end, once it may run, and tells its status.
    pub fn status(mut self) -> u32 {
        let status = self.0.wait().ok().and_then(|status| status.code());
        // The bits of it are those of the 32-bit status.
        status.unwrap_or(-1) as u32
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        // What has ended is not found by its number, but by its handle: nobody else is meant.
        let _ = self.0.kill();
    }
}

/// Starts the command in a thread of its own: what is executed may be on a share that hangs. It stays suspended, so that it
/// is in its job, and in time, before it does anything. So is the search for it on PATH.
///
/// # Errors
/// When there is no thread to be had, or no command.
pub fn begin(
    start: Start,
    begun: impl FnOnce(io::Result<Suspended>) + Send + 'static,
) -> io::Result<()> {
    let Start {
        environment,
        command,
        streams,
        ..
    } = start;
    let mut words = command.into_iter().map(|word| word.0);
    let program = words.next().ok_or_else(|| io::Error::other("no command"))?;
    let [stdin, stdout, stderr] = streams.map(stream);
    let class = priority::of_command();
    thread::Builder::new().spawn(move || {
        let environment = environment.into_iter();
        let child = Command::new(found(program))
            .args(words)
            .envs(environment.map(|(name, value)| (name.0, value.0)))
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr)
            .creation_flags(SUSPENDED | class)
            .spawn();
        begun(child.map(Suspended));
    })?;
    Ok(())
}

/// The file that a command names, as a shell finds it: of a batch file the standard library wants the whole name, and it would
/// look in our own folder first.
fn found(program: OsString) -> OsString {
    let search = std::env::var_os("PATH");
    which::which_in(&program, search, Path::new(".")).map_or(program, PathBuf::into_os_string)
}

/// A stream of the supervisor's, which has handed a copy of it to this process.
#[expect(unsafe_code, reason = "a handle comes as a number")]
fn stream(handle: Option<usize>) -> Stdio {
    match handle {
        // SAFETY: the supervisor made it for us, and only we have it.
        Some(handle) => Stdio::from(unsafe { OwnedHandle::from_raw_handle(handle as RawHandle) }),
        None => Stdio::null(),
    }
}
