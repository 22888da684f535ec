//! The processes of macOS as its kernel lists them (libproc): numbers, and who forked whom. Nothing is decided here.
//!
//! A process has a number of 64 bits of its own, and keeps its first parent's for good (xnu, bsd/sys/proc_ro.h, p_uniqueid;
//! bsd/sys/proc_internal.h, p_puniqueid). Both are told of anybody's processes, and of those that nobody has waited for yet.

#![expect(unsafe_code, reason = "no library has these calls in safe code")]

use std::io;

use nix::errno::Errno;
use nix::libc::{c_int, c_void, proc_listallpids, proc_listchildpids, proc_listpgrppids};
use nix::libc::{proc_name, proc_pidinfo};
use nix::unistd::Pid;

use super::lineage::{Id, Seen};

/// PROC_PIDUNIQIDENTIFIERINFO (xnu, bsd/sys/proc_info_private.h, "This structure is API"; unchanged since macOS 10.12).
const UNIQUE_IDENTIFIERS: c_int = 17;

/// `struct proc_uniqidentifierinfo`.
#[repr(C)]
#[derive(Default)]
struct UniqueIdentifiers {
    executable: [u8; 16],
    process: u64,
    parent: u64,
    versions: [i32; 2],
    reserved: [u64; 2],
}

const _: () = assert!(size_of::<UniqueIdentifiers>() == 56);

/// The numbers of all processes.
///
/// # Errors
/// When the kernel does not tell.
pub fn all() -> io::Result<Vec<Pid>> {
    // SAFETY: it is called with a buffer and its length in bytes.
    list(&mut |buffer, bytes| unsafe { proc_listallpids(buffer, bytes) })
}

/// The numbers of the children of a process, those that nobody has waited for yet too.
///
/// # Errors
/// As [`all`].
pub fn children(of: Pid) -> io::Result<Vec<Pid>> {
    // SAFETY: as above.
    list(&mut |buffer, bytes| unsafe { proc_listchildpids(of.as_raw(), buffer, bytes) })
}

/// The numbers of those in a process group.
///
/// # Errors
/// As [`all`].
pub fn group(group: Pid) -> io::Result<Vec<Pid>> {
    // SAFETY: as above.
    list(&mut |buffer, bytes| unsafe { proc_listpgrppids(group.as_raw(), buffer, bytes) })
}

/// Fills a buffer that is larger than the list, so that nobody is cut off.
fn list(fill: &mut dyn FnMut(*mut c_void, c_int) -> c_int) -> io::Result<Vec<Pid>> {
    let mut numbers: Vec<c_int> = vec![0; 1024];
    loop {
        let bytes = c_int::try_from(size_of_val(&*numbers)).map_err(io::Error::other)?;
        // An error is told as zero, as an empty list is (libproc.c, proc_listpids).
        Errno::clear();
        let count = fill(numbers.as_mut_ptr().cast(), bytes);
        if count <= 0 {
            return match Errno::last_raw() {
                0 => Ok(Vec::new()),
                error => Err(io::Error::from_raw_os_error(error)),
            };
        }
        let count = usize::try_from(count).map_err(io::Error::other)?;
        if count < numbers.len() {
            numbers.truncate(count);
            return Ok(numbers.into_iter().map(Pid::from_raw).collect());
        }
        numbers.resize(numbers.len() * 2, 0);
    }
}

/// Who has this number; `None` for nobody, or somebody who is just ending.
pub fn see(pid: Pid) -> Option<Seen> {
    identifiers(pid, false).or_else(|| identifiers(pid, true))
}

/// With `ended` one that has ended is shown too (xnu, bsd/kern/proc_info.c, proc_pidinfo: `arg` for this flavor).
fn identifiers(pid: Pid, ended: bool) -> Option<Seen> {
    let mut found = UniqueIdentifiers::default();
    let size = c_int::try_from(size_of_val(&found)).ok()?;
    let buffer = (&raw mut found).cast();
    // SAFETY: the call writes as many bytes as it is told there are, into a structure of plain numbers that outlives it.
    let written =
        unsafe { proc_pidinfo(pid.as_raw(), UNIQUE_IDENTIFIERS, ended.into(), buffer, size) };
    (written == size).then_some(Seen {
        pid,
        id: Id(found.process),
        parent: Id(found.parent),
        ended,
    })
}

/// What a process calls itself, if that may be known.
pub fn name(pid: Pid) -> Option<String> {
    let mut bytes = [0_u8; 128];
    let size = u32::try_from(bytes.len()).ok()?;
    // SAFETY: it is called with a buffer and its length in bytes.
    let count = unsafe { proc_name(pid.as_raw(), bytes.as_mut_ptr().cast(), size) };
    let name = bytes.get(..usize::try_from(count).ok()?)?;
    (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
}
