//! Room on the stack, whatever limit we were started with.

use std::ffi::OsString;
use std::process::ExitCode;

/// Below this much, arguments alone can overflow the main thread's stack.
#[cfg(unix)]
const ENOUGH: u64 = 2 << 20;

/// Runs `body` with `args` where there is room: here, or in a thread with a stack of its own where the main thread's is small.
pub fn with_room(args: Vec<OsString>, body: fn(Vec<OsString>) -> ExitCode) -> ExitCode {
    let copy = args.clone();
    let roomy = std::thread::Builder::new().stack_size(8 << 20);
    if is_small()
        && let Ok(thread) = roomy.spawn(move || body(copy))
    {
        // A panic has been reported already.
        return thread.join().unwrap_or(ExitCode::from(101));
    }
    body(args)
}

/// Whether the main thread's stack is small, by a limit (`ulimit -s`).
#[cfg(unix)]
fn is_small() -> bool {
    use nix::sys::resource::{Resource, getrlimit};
    getrlimit(Resource::RLIMIT_STACK).is_ok_and(|(now, _)| now < ENOUGH)
}

/// It is: one megabyte, unless the linker is told otherwise ("Thread Stack Size").
#[cfg(windows)]
fn is_small() -> bool {
    true
}
