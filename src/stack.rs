//! Room on the stack, whatever limit we were started with.

use std::ffi::OsString;
use std::process::ExitCode;

/// Below this much, arguments alone can overflow the main thread's stack.
#[cfg(unix)]
const ENOUGH: u64 = 2 << 20;

/// Runs `body` with `args` where there is room: here, or in a thread with a stack of its own where the limit of the main
/// thread's (`ulimit -s`) is low.
pub fn with_room(args: Vec<OsString>, body: fn(Vec<OsString>) -> ExitCode) -> ExitCode {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit};
        let low = getrlimit(Resource::RLIMIT_STACK).is_ok_and(|(now, _)| now < ENOUGH);
        let copy = args.clone();
        let roomy = std::thread::Builder::new().stack_size(8 << 20);
        if low && let Ok(thread) = roomy.spawn(move || body(copy)) {
            // A panic has been reported already.
            return thread.join().unwrap_or(ExitCode::from(101));
        }
    }
    body(args)
}
