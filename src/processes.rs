//! Processes of Windows by their number, which another may have had before: when one began.

use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

use windows_sys::Win32::Foundation::{FILETIME, WAIT_TIMEOUT};
use windows_sys::Win32::System::Threading::{
    GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE,
    WaitForSingleObject,
};

/// When a living process began, in 100 ns since 1601 (GetProcessTimes).
#[expect(
    unsafe_code,
    reason = "the standard library knows only processes that it has started"
)]
pub fn start(number: u32) -> Option<u64> {
    let access = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
    // SAFETY: it takes numbers.
    let process = unsafe { OpenProcess(access, 0, number) };
    if process.is_null() {
        return None;
    }
    // SAFETY: a handle that nobody else has.
    let process = unsafe { OwnedHandle::from_raw_handle(process) };
    let [mut created, mut exited, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: the handle is open, and each structure is one to be written to.
    let asked = unsafe {
        GetProcessTimes(
            process.as_raw_handle(),
            &mut created,
            &mut exited,
            &mut kernel,
            &mut user,
        )
    };
    // SAFETY: the handle is open.
    let lives = unsafe { WaitForSingleObject(process.as_raw_handle(), 0) } == WAIT_TIMEOUT;
    let start = u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime);
    (asked != 0 && lives).then_some(start)
}
