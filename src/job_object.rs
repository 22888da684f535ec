//! Job objects of Windows: all that a process starts, counted and ended as one by the kernel.
//!
//! A process is in the job objects of its parent from its birth, and cannot leave one that does not let it go
//! (Job Objects, Win32: "Child processes"). Its parent is who it says: what another process starts on its behalf (a service, the task
//! scheduler, WMI), or it in another's name (PROC_THREAD_ATTRIBUTE_PARENT_PROCESS), is in none of them.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;

use windows_sys::Win32::Foundation::{ERROR_NO_MORE_FILES, INVALID_HANDLE_VALUE, STILL_ACTIVE};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_BASIC_ACCOUNTING_INFORMATION,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectBasicAccountingInformation,
    JobObjectBasicProcessIdList, JobObjectExtendedLimitInformation, QueryInformationJobObject,
    SetInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    GetExitCodeProcess, OpenProcess, OpenThread, PROCESS_QUERY_LIMITED_INFORMATION,
    QueryFullProcessImageNameW, ResumeThread, THREAD_SUSPEND_RESUME,
};

/// So many processes of a job are listed at most.
const LISTED: usize = 512;

/// What a process ends with that was ended with its job: 128 + SIGKILL, as a shell on Unix has it.
const KILLED: u32 = 137;

/// Has a command begin suspended (CreateProcessW), until [`resume`]: so it is in its job before it can do anything.
pub const SUSPENDED: u32 = windows_sys::Win32::System::Threading::CREATE_SUSPENDED;

/// A job object. It lives on, without a name, while processes are in it.
#[derive(Debug)]
pub struct JobObject(OwnedHandle);

impl JobObject {
    /// A new one, with nobody in it.
    ///
    /// # Errors
    /// As CreateJobObjectW.
    #[expect(unsafe_code, reason = "the standard library has no job objects")]
    pub fn new() -> io::Result<Self> {
        // SAFETY: both are optional.
        let handle = unsafe { CreateJobObjectW(std::ptr::null(), std::ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a handle that nobody else has.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    /// A new one, all of which the kernel ends with the last handle to it, however its owner ends.
    ///
    /// # Errors
    /// As CreateJobObjectW and SetInformationJobObject.
    pub fn dying_with_its_owner() -> io::Result<Self> {
        let job = Self::new()?;
        job.limit(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE)?;
        Ok(job)
    }

    /// From now on what runs in it outlives its owner.
    pub fn let_go(&self) {
        // If it fails it ends with the owner.
        let _ = self.limit(0);
    }

    #[expect(unsafe_code, reason = "as JobObject::new")]
    fn limit(&self, flags: JOB_OBJECT_LIMIT) -> io::Result<()> {
        // SAFETY: it is made of numbers, for which zero is a value: no limit.
        let mut limits: JOBOBJECT_EXTENDED_LIMIT_INFORMATION = unsafe { zeroed() };
        limits.BasicLimitInformation.LimitFlags = flags;
        // SAFETY: the class, the structure and its size belong together.
        checked(unsafe {
            SetInformationJobObject(
                self.0.as_raw_handle(),
                JobObjectExtendedLimitInformation,
                std::ptr::from_ref(&limits).cast(),
                size(&limits),
            )
        })
    }

    /// Puts a process into it, and with it all that it will start.
    ///
    /// # Errors
    /// As AssignProcessToJobObject: it has ended, or is in a job that no other can be nested in.
    #[expect(unsafe_code, reason = "as JobObject::new")]
    pub fn adopt(&self, process: &impl AsHandle) -> io::Result<()> {
        let process = process.as_handle().as_raw_handle();
        // SAFETY: both handles are open.
        checked(unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), process) })
    }

    /// Ends all that is in it, at once.
    #[expect(unsafe_code, reason = "as JobObject::new")]
    pub fn terminate(&self) {
        // SAFETY: the handle is open. A failure shows by what still runs.
        unsafe { TerminateJobObject(self.0.as_raw_handle(), KILLED) };
    }

    /// How many processes of it run.
    ///
    /// # Errors
    /// As QueryInformationJobObject.
    #[expect(unsafe_code, reason = "as JobObject::new")]
    pub fn running(&self) -> io::Result<u32> {
        // SAFETY: numbers.
        let mut accounting: JOBOBJECT_BASIC_ACCOUNTING_INFORMATION = unsafe { zeroed() };
        // SAFETY: the class, the structure and its size belong together.
        checked(unsafe {
            QueryInformationJobObject(
                self.0.as_raw_handle(),
                JobObjectBasicAccountingInformation,
                std::ptr::from_mut(&mut accounting).cast(),
                size(&accounting),
                std::ptr::null_mut(),
            )
        })?;
        Ok(accounting.ActiveProcesses)
    }

    /// Whether nothing of it runs any more. What cannot be told runs.
    pub fn is_empty(&self) -> bool {
        self.running().is_ok_and(|running| running == 0)
    }

    /// Those in it, by number: the first few hundred.
    #[expect(unsafe_code, reason = "as JobObject::new")]
    fn processes(&self) -> Vec<usize> {
        // JOBOBJECT_BASIC_PROCESS_ID_LIST: two 32-bit counts, then the numbers, each as wide as a pointer.
        const COUNTS: usize = 2 * size_of::<u32>() / size_of::<usize>();
        let mut list = [0_usize; COUNTS + LISTED];
        // SAFETY: a buffer of that size, aligned as the structure is. One that is too short is filled as far as it goes.
        unsafe {
            QueryInformationJobObject(
                self.0.as_raw_handle(),
                JobObjectBasicProcessIdList,
                list.as_mut_ptr().cast(),
                size(&list),
                std::ptr::null_mut(),
            )
        };
        list[COUNTS..]
            .iter()
            .copied()
            .take_while(|&id| id != 0)
            .collect()
    }

    /// Those in it that run, for a person: `1234 (sleep.exe)`.
    pub fn names(&self) -> Vec<String> {
        let ids = self.processes().into_iter();
        ids.filter_map(|id| name(u32::try_from(id).ok()?)).collect()
    }
}

/// Has a process begin that was started [`SUSPENDED`], or go on that somebody has suspended: all its threads.
///
/// # Errors
/// When its thread is not found.
#[expect(
    unsafe_code,
    reason = "the standard library keeps the handle of the thread to itself"
)]
pub fn resume(process: u32) -> io::Result<()> {
    // SAFETY: no pointer is passed.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a handle that nobody else has.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    // SAFETY: numbers.
    let mut entry: THREADENTRY32 = unsafe { zeroed() };
    entry.dwSize = size(&entry);
    let mut resumed = false;
    // SAFETY: the snapshot is open, and the entry knows its size.
    let mut more = checked(unsafe { Thread32First(snapshot.as_raw_handle(), &mut entry) });
    while more.is_ok() {
        if entry.th32OwnerProcessID == process {
            // SAFETY: no pointer is passed.
            let thread = unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, entry.th32ThreadID) };
            if thread.is_null() {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: a handle that nobody else has.
            let thread = unsafe { OwnedHandle::from_raw_handle(thread) };
            // It runs once it was resumed as often as it was suspended. A thread that runs is left as it is.
            loop {
                // SAFETY: the handle is open.
                match unsafe { ResumeThread(thread.as_raw_handle()) } {
                    u32::MAX => return Err(io::Error::last_os_error()),
                    0 | 1 => break,
                    _ => {}
                }
            }
            resumed = true;
        }
        // SAFETY: as the first.
        more = checked(unsafe { Thread32Next(snapshot.as_raw_handle(), &mut entry) });
    }
    match more {
        _ if resumed => Ok(()),
        Err(error) if error.raw_os_error() != i32::try_from(ERROR_NO_MORE_FILES).ok() => Err(error),
        Ok(()) | Err(_) => Err(io::Error::other("its thread is not found")),
    }
}

/// A process that runs, for a person; only its number where nobody may look at it.
#[expect(unsafe_code, reason = "as JobObject::new")]
fn name(id: u32) -> Option<String> {
    // SAFETY: no pointer is passed.
    let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, id) };
    if process.is_null() {
        return Some(id.to_string());
    }
    // SAFETY: a handle that nobody else has.
    let process = unsafe { OwnedHandle::from_raw_handle(process) };
    let mut code = 0;
    // SAFETY: the handle is open, and the number is ours.
    let told = unsafe { GetExitCodeProcess(process.as_raw_handle(), &mut code) } != 0;
    if told && code != STILL_ACTIVE as u32 {
        return None;
    }
    let mut path = [0_u16; 1024];
    let mut length = path.len() as u32;
    // SAFETY: a buffer of that length.
    let told = unsafe {
        QueryFullProcessImageNameW(process.as_raw_handle(), 0, path.as_mut_ptr(), &mut length)
    };
    let path = String::from_utf16_lossy(&path[..length.min(1024) as usize]);
    let file = Path::new(&path).file_name().filter(|_| told != 0);
    Some(match file {
        Some(file) => format!("{id} ({})", file.to_string_lossy()),
        None => id.to_string(),
    })
}

fn checked(succeeded: i32) -> io::Result<()> {
    match succeeded {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// No structure here is anywhere near as long as that.
fn size<T>(_: &T) -> u32 {
    const { assert!(size_of::<T>() < u32::MAX as usize) };
    size_of::<T>() as u32
}

#[cfg(test)]
mod tests {
    use std::os::windows::process::CommandExt;
    use std::process::{Child, Command};

    use super::*;
    use crate::clock::{Clock, SystemClock};

    /// A command that would run for a minute, in `job` before it does anything.
    fn started(job: &JobObject) -> Child {
        let mut command = Command::new("cmd.exe");
        command.args(["/c", "ping -n 60 127.0.0.1"]);
        let command = command.stdout(std::process::Stdio::null());
        let child = command.creation_flags(SUSPENDED).spawn();
        let child = child.expect("it is everywhere");
        job.adopt(&child).expect("it has not ended");
        child
    }

    #[test]
    fn a_job_is_counted_named_and_ended_as_one() {
        let job = JobObject::new().expect("a job object");
        assert!(job.is_empty());
        let mut child = started(&job);
        assert_eq!(job.running().expect("it is told"), 1);
        assert_eq!(job.names(), [format!("{} (cmd.exe)", child.id())]);
        resume(child.id()).expect("it is suspended");
        job.terminate();
        let status = child.wait().expect("it is ours");
        assert_eq!(status.code(), Some(KILLED as i32));
        while !job.is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(job.names(), [""; 0]);
    }

    #[test]
    fn a_job_that_dies_with_its_owner_ends_what_is_in_it() {
        let job = JobObject::dying_with_its_owner().expect("a job object");
        let mut child = started(&job);
        resume(child.id()).expect("it is suspended");
        let begun = SystemClock.now();
        drop(job);
        child.wait().expect("it is ours");
        let took = SystemClock.now().since(begun);
        assert!(took.as_secs() < 20, "it ended by itself: {took:?}");
    }

    #[test]
    fn what_has_ended_cannot_be_resumed() {
        let job = JobObject::new().expect("a job object");
        let mut child = started(&job);
        job.terminate();
        child.wait().expect("it is ours");
        assert!(resume(child.id()).is_err());
    }
}
