//! The watchdog goes before its command, which may keep all processors busy, at any priority that an ordinary user can have.

use std::sync::OnceLock;

use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetCurrentThread, GetPriorityClass, HIGH_PRIORITY_CLASS, SetPriorityClass,
    SetThreadPriority, THREAD_PRIORITY_TIME_CRITICAL,
};

/// The class that this process had, which is its command's.
static COMMANDS: OnceLock<u32> = OnceLock::new();

/// Raises this process, and most of all the thread that calls. Where that is refused, it stays as it is.
#[expect(unsafe_code, reason = "the standard library knows no priorities")]
pub fn raise() {
    // SAFETY: it takes nothing, and what it returns needs not be closed.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: as above; each takes that handle and a number.
    COMMANDS.get_or_init(|| unsafe { GetPriorityClass(process) });
    // SAFETY: as above.
    unsafe {
        SetPriorityClass(process, HIGH_PRIORITY_CLASS);
        SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_TIME_CRITICAL);
    }
}

/// What a command is started with (CreateProcessW, creation flags), so that it has the priority that it would have without us.
pub fn of_command() -> u32 {
    COMMANDS.get().copied().unwrap_or_default()
}
