//! Processes on Windows: each command of a test lives in a job object of its own, by which all that it started is found and ended.

use std::collections::HashMap;
use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle, RawHandle};
use std::os::windows::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use windows_sys::Win32::Foundation::{FALSE, WAIT_TIMEOUT};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_BREAKAWAY_OK,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectBasicProcessIdList, JobObjectExtendedLimitInformation, QueryInformationJobObject,
    SetInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, CREATE_SUSPENDED, INFINITE, OpenProcess,
    PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SUSPEND_RESUME, PROCESS_SYNCHRONIZE,
    PROCESS_TERMINATE, QueryFullProcessImageNameW, TerminateProcess, WaitForSingleObject,
};

/// What separates the folders of a PATH, and the files of KUBECONFIG.
pub const PATH_SEPARATOR: char = ';';

/// A folder that is always there.
pub(crate) const ROOT: &str = "C:\\";

/// The variable that names a person's own folder.
pub const HOME: &str = "USERPROFILE";

/// More processes than any test's command has at once.
const MOST: usize = 256;

/// Of each tag, the job with all that carries it. Each ends with this process, and all in it: kill-on-close.
static JOBS: LazyLock<Mutex<HashMap<String, OwnedHandle>>> = LazyLock::new(Mutex::default);

#[link(name = "ntdll")]
unsafe extern "system" {
    /// Each thread of the process stands still; what debuggers use, for want of anything documented.
    fn NtSuspendProcess(process: RawHandle) -> i32;
    fn NtResumeProcess(process: RawHandle) -> i32;
}

/// Where commands are looked for: where the system has its own, and before that those that each other system has.
pub(crate) fn path() -> String {
    let root = of_ours("SystemRoot");
    let own = crate::portable::folder().map(|folder| format!("{};", folder.display()));
    format!("{}{root}\\system32;{root}", own.unwrap_or_default())
}

/// What every program needs in its environment: without SystemRoot there are no sockets.
pub(crate) fn environment_of_every_program() -> impl Iterator<Item = (String, String)> {
    let needed = ["SystemRoot", "ComSpec", "PATHEXT", "TEMP", "TMP"];
    let identity = ["COMPUTERNAME", "USERNAME"];
    let names = needed.into_iter().chain(identity);
    names.map(|name| (name.to_owned(), of_ours(name)))
}

fn of_ours(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// What starts `program`.
pub(crate) fn command(program: &Path) -> Command {
    Command::new(program)
}

/// Starts `command` in a job of its own, before its first instruction. In a console of its own it hears what is sent
/// there; else it is a process group, which nothing that a person types reaches.
pub(crate) fn start(mut command: Command, tag: &str, own_console: bool) -> io::Result<Child> {
    let job = new_job()?;
    let place = if own_console {
        CREATE_NO_WINDOW
    } else {
        CREATE_NEW_PROCESS_GROUP
    };
    command.creation_flags(place | CREATE_SUSPENDED);
    let mut child = command.spawn()?;
    let process = child.as_raw_handle();
    // SAFETY: both handles are open while this function has their owners.
    let assigned = unsafe { AssignProcessToJobObject(job.as_raw_handle(), process) };
    let assigned = succeeded(assigned);
    if let Err(error) = assigned {
        let _ = child.kill();
        return Err(error);
    }
    jobs().insert(tag.to_owned(), job);
    // SAFETY: the handle is open while `child` lives.
    unsafe { NtResumeProcess(process) };
    Ok(child)
}

/// A job whose processes end with its last handle, and may leave it where they ask for that: the tool's own job may not
/// be helped by the one around it.
fn new_job() -> io::Result<OwnedHandle> {
    // SAFETY: no attributes and no name; the handle is new and nobody else's.
    let job = unsafe { CreateJobObjectW(std::ptr::null(), std::ptr::null()) };
    if job.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above.
    let job = unsafe { OwnedHandle::from_raw_handle(job) };
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_BREAKAWAY_OK;
    // SAFETY: the structure is the one that this class of information takes, with its own size.
    let set = unsafe {
        SetInformationJobObject(
            job.as_raw_handle(),
            JobObjectExtendedLimitInformation,
            (&raw const limits).cast::<c_void>(),
            size_of_val(&limits).try_into().expect("a small structure"),
        )
    };
    succeeded(set)?;
    Ok(job)
}

/// Whether the process exists and has not ended.
pub fn alive(pid: u32) -> bool {
    open(pid, PROCESS_SYNCHRONIZE).is_some_and(|process| {
        // SAFETY: the handle is open while `process` lives.
        unsafe { WaitForSingleObject(process.as_raw_handle(), 0) == WAIT_TIMEOUT }
    })
}

/// The living processes that a command with this tag started, itself too.
pub fn tagged(tag: &str) -> Vec<u32> {
    /// As the system fills it: JOBOBJECT_BASIC_PROCESS_ID_LIST, with room for all.
    #[repr(C)]
    struct List {
        assigned: u32,
        count: u32,
        ids: [usize; MOST],
    }
    let jobs = jobs();
    let Some(job) = jobs.get(tag) else {
        return Vec::new();
    };
    let mut list = List {
        assigned: 0,
        count: 0,
        ids: [0; MOST],
    };
    // SAFETY: the structure is as the system documents it, with its own size.
    let asked = unsafe {
        QueryInformationJobObject(
            job.as_raw_handle(),
            JobObjectBasicProcessIdList,
            (&raw mut list).cast::<c_void>(),
            size_of::<List>().try_into().expect("a small structure"),
            std::ptr::null_mut(),
        )
    };
    succeeded(asked).expect("the job's processes fit into the list");
    let count = usize::try_from(list.count).expect("a small number");
    let ids = list.ids.iter().take(count);
    let ids = ids.map(|id| u32::try_from(*id).expect("process ids have 32 bits"));
    ids.filter(|pid| alive(*pid)).collect()
}

/// The program that a process runs, while it lives.
pub fn image(pid: u32) -> Option<PathBuf> {
    let process = open(pid, PROCESS_QUERY_LIMITED_INFORMATION)?;
    let mut path = [0_u16; 1024];
    let mut length = u32::try_from(path.len()).expect("a small number");
    // SAFETY: the buffer has the length that is given.
    let asked = unsafe {
        QueryFullProcessImageNameW(
            process.as_raw_handle(),
            0,
            path.as_mut_ptr(),
            &raw mut length,
        )
    };
    succeeded(asked).ok()?;
    let path = &path[..usize::try_from(length).expect("a small number")];
    Some(String::from_utf16_lossy(path).into())
}

/// The status of whom [`kill`] ends.
const KILLED: u32 = 1;

/// Ends the process at once.
pub(crate) fn kill(pid: u32) {
    if let Some(process) = open(pid, PROCESS_TERMINATE) {
        // SAFETY: the handle is open while `process` lives. It may have ended: then there is nothing to do.
        unsafe { TerminateProcess(process.as_raw_handle(), KILLED) };
    }
}

/// Whether a process ended by [`kill`].
pub(crate) fn was_killed(code: Option<i32>, _signal: Option<i32>) -> bool {
    code == Some(KILLED.cast_signed())
}

/// Has it stand still, all its threads.
pub(crate) fn suspend(pid: u32) {
    if let Some(process) = open(pid, PROCESS_SUSPEND_RESUME) {
        // SAFETY: the handle is open while `process` lives.
        unsafe { NtSuspendProcess(process.as_raw_handle()) };
    }
}

/// Has it go on.
pub(crate) fn resume(pid: u32) {
    if let Some(process) = open(pid, PROCESS_SUSPEND_RESUME) {
        // SAFETY: the handle is open while `process` lives.
        unsafe { NtResumeProcess(process.as_raw_handle()) };
    }
}

/// Ends what is left of the command with this tag, and forgets it.
pub(crate) fn kill_tagged(tag: &str) {
    if let Some(job) = jobs().remove(tag) {
        // SAFETY: the handle is open while `job` lives.
        unsafe { TerminateJobObject(job.as_raw_handle(), 1) };
    }
}

/// No process here ends by a signal.
pub(crate) fn ending_signal(_status: ExitStatus) -> Option<i32> {
    None
}

/// How a process ended of which nobody can tell.
pub(crate) fn unknown_end() -> ExitStatus {
    ExitStatus::from_raw(u32::MAX)
}

/// Waits for the child's end. Its id stays its own until `child` is dropped.
pub(crate) fn wait_for_end(child: &Child) {
    // SAFETY: the handle is open while `child` lives.
    unsafe { WaitForSingleObject(child.as_raw_handle(), INFINITE) };
}

/// Sleeps until the process exits or `timeout` passes, whichever is first.
pub(crate) fn wait_for_exit(pid: u32, timeout: Duration) {
    if let Some(process) = open(pid, PROCESS_SYNCHRONIZE) {
        let milliseconds = u32::try_from(timeout.as_millis().clamp(1, 60_000)).expect("clamped");
        // SAFETY: the handle is open while `process` lives.
        unsafe { WaitForSingleObject(process.as_raw_handle(), milliseconds) };
    }
}

fn open(pid: u32, access: u32) -> Option<OwnedHandle> {
    // SAFETY: takes numbers, and returns a handle that is new and nobody else's, or none.
    let process = unsafe { OpenProcess(access, FALSE, pid) };
    // SAFETY: as above.
    (!process.is_null()).then(|| unsafe { OwnedHandle::from_raw_handle(process) })
}

fn succeeded(result: i32) -> io::Result<()> {
    if result == FALSE {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn jobs() -> MutexGuard<'static, HashMap<String, OwnedHandle>> {
    JOBS.lock().unwrap_or_else(PoisonError::into_inner)
}
