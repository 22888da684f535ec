//! Console events on Windows: heard by a process, and sent to all that share another's console.

use std::sync::{Condvar, Mutex, PoisonError};
use windows_sys::Win32::Foundation::{FALSE, TRUE};
use windows_sys::Win32::System::Console::{
    AttachConsole, CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, FreeConsole,
    GenerateConsoleCtrlEvent, SetConsoleCtrlHandler,
};
use windows_sys::core::BOOL;

static HEARD: Mutex<Vec<u32>> = Mutex::new(Vec::new());
static MORE: Condvar = Condvar::new();

/// Hears events from now on, and does not end by them.
pub(crate) fn listen() {
    // A process group that was made as a new one does not hear Ctrl-C before it is told to.
    // SAFETY: no handler, and a handler that is there as long as the process.
    let set = unsafe {
        SetConsoleCtrlHandler(None, FALSE);
        SetConsoleCtrlHandler(Some(hear), TRUE)
    };
    assert_ne!(set, FALSE, "{}", std::io::Error::last_os_error());
}

unsafe extern "system" fn hear(event: u32) -> BOOL {
    HEARD
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(event);
    MORE.notify_all();
    TRUE
}

/// Waits for an event that was not told yet, and tells it.
pub(crate) fn heard() -> &'static str {
    let heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    let mut heard = MORE
        .wait_while(heard, |heard| heard.is_empty())
        .unwrap_or_else(PoisonError::into_inner);
    match heard.remove(0) {
        CTRL_C_EVENT => "heard ctrl-c",
        CTRL_BREAK_EVENT => "heard ctrl-break",
        CTRL_CLOSE_EVENT => "heard the console close",
        _ => "heard another event",
    }
}

/// Sends an event to all processes of the console that this one has, and waits until we hear it ourselves: it has been
/// sent by then, and whoever left the console before would end by it.
pub(crate) fn interrupt(pid: u32, event: &str) {
    let event = match event {
        "ctrl-c" => CTRL_C_EVENT,
        "ctrl-break" => CTRL_BREAK_EVENT,
        other => panic!("no such event: {other}"),
    };
    // SAFETY: these take numbers.
    let attached = unsafe {
        FreeConsole();
        AttachConsole(pid)
    };
    assert_ne!(attached, FALSE, "{}", std::io::Error::last_os_error());
    listen();
    // SAFETY: as above.
    let sent = unsafe { GenerateConsoleCtrlEvent(event, 0) };
    assert_ne!(sent, FALSE, "{}", std::io::Error::last_os_error());
    heard();
}
