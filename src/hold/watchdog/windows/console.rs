//! Events of the console: the watchdog lives through them, and asks the command to end by one.
//!
//! The watchdog leads a console process group, and its command is in it: so Ctrl-Break can be sent to both and to nobody else
//! (GenerateConsoleCtrlEvent; Ctrl-C cannot, it is for all on a console).

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_LOGOFF_EVENT, GenerateConsoleCtrlEvent,
    SetConsoleCtrlHandler,
};

use crate::clock::{Clock, Instant, SystemClock};

/// So many Ctrl-Breaks of our own were sent and not heard yet.
static OURS: AtomicU32 = AtomicU32::new(0);

/// When one was heard last that somebody else sent, to all on the console.
static TYPED: Mutex<Option<Instant>> = Mutex::new(None);

/// A Ctrl-Break that was typed has gone to all on the console; that it was is heard of in two ways, so far apart at most.
pub const APART: Duration = Duration::from_millis(100);

/// Hears the console's events from now on. Whoever leads a group begins with Ctrl-C ignored, and what it starts would too
/// (CreateProcessW, CREATE_NEW_PROCESS_GROUP).
///
/// # Errors
/// As SetConsoleCtrlHandler.
#[expect(unsafe_code, reason = "tokio's handlers need a runtime")]
pub fn take_charge() -> io::Result<()> {
    // SAFETY: no handler is Ctrl-C's own flag; the other is a function of that type.
    let done =
        unsafe { SetConsoleCtrlHandler(None, 0) != 0 && SetConsoleCtrlHandler(Some(hear), 1) != 0 };
    match done {
        true => Ok(()),
        false => Err(io::Error::last_os_error()),
    }
}

/// Called by the system in a thread of its own; what it answers is whether the event is dealt with.
extern "system" fn hear(event: u32) -> i32 {
    match event {
        CTRL_C_EVENT => {}
        CTRL_BREAK_EVENT => {
            let ours = OURS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |ours| {
                ours.checked_sub(1)
            });
            if ours.is_err() {
                *typed() = Some(SystemClock.now());
            }
        }
        // Whoever that was: only services hear of it, and it ends none (HandlerRoutine).
        CTRL_LOGOFF_EVENT => {}
        // The console closes, or the system shuts down: it ends us when this returns, or in seconds. The command has until then.
        _ => loop {
            std::thread::park();
        },
    }
    1
}

fn typed() -> std::sync::MutexGuard<'static, Option<Instant>> {
    // An instant is whole whatever happened to whoever held the lock.
    TYPED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the command has had a Ctrl-Break already that this process is told of now, because it was typed.
pub fn was_typed() -> bool {
    let heard = typed().take();
    heard.is_some_and(|at| SystemClock.now().since(at) <= 10 * APART)
}

/// Asks the command, and all of its process group, to end by Ctrl-Break; false where there is no console to do it by.
#[expect(unsafe_code, reason = "the standard library has no console events")]
pub fn send_break() -> bool {
    OURS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: no pointer is passed.
    let sent = unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, std::process::id()) } != 0;
    if !sent {
        OURS.fetch_sub(1, Ordering::SeqCst);
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_logs_off_ends_nothing() {
        assert_eq!(hear(CTRL_LOGOFF_EVENT), 1);
    }
}
