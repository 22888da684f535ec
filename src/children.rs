//! The kernel's lists of children, `/proc/PID/task/TID/children` (proc(5)): one of each thread. Who reads them decides
//! what an empty one means.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::unistd::{Pid, getpid};

/// What [`keep_open`] opened.
static KEPT: OnceLock<Kept> = OnceLock::new();

struct Kept {
    lists: Vec<File>,
    /// `/proc/loadavg`, whose last word is the newest process id (proc(5)).
    newest: Option<File>,
}

/// Opens the lists of the present threads for a time when this process can open no file any more, or has lost its /proc:
/// those that start processes must be there already. Orphans come to the main one (kernel/exit.c, find_new_reaper).
///
/// # Errors
/// Where the kernel keeps no such list (CONFIG_PROC_CHILDREN), or a limit leaves no room.
pub fn keep_open() -> io::Result<()> {
    let mut lists = Vec::new();
    let mut missing = None;
    for thread in fs::read_dir("/proc/self/task")? {
        match File::open(thread?.path().join("children")) {
            Ok(list) => lists.push(list),
            // A thread that ended just now; or a kernel that keeps no lists.
            Err(error) if is_gone(&error) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    if let Some(missing) = missing.filter(|_| lists.is_empty()) {
        return Err(missing);
    }
    for list in &lists {
        // Has the kernel's memory for it too.
        read(list)?;
    }
    // Where it is missing, the lists have to do.
    let newest = File::open("/proc/loadavg").ok();
    // Later ones are no better.
    let _ = KEPT.set(Kept { lists, newest });
    Ok(())
}

/// The children of this process, dead or alive, by all of its threads. They stay in the list until they are waited for.
///
/// # Errors
/// Whenever there can be children that are not listed: nobody may take that for having none.
pub fn own() -> io::Result<Vec<Pid>> {
    // Not there at all: we are, so it is the /proc that is gone, or another is mounted over it.
    let listed = proc_is_ours().and_then(|()| of_threads(fs::read_dir("/proc/self/task")?));
    listed.or_else(|error| kept().unwrap_or(Err(error)))
}

/// As [`own`], at the cost of one system call, by the lists that are kept open; `None` if none are.
pub fn kept() -> Option<io::Result<Vec<Pid>>> {
    let lists: io::Result<Vec<_>> = KEPT.get()?.lists.iter().map(read).collect();
    Some(lists.map(|lists| lists.concat()))
}

/// The process id that was given away last, if [`keep_open`] was called before. The next are greater, but for a wrap.
pub fn newest() -> Option<i32> {
    let mut bytes = [0; 128];
    let count = KEPT.get()?.newest.as_ref()?.read_at(&mut bytes, 0).ok()?;
    let words = std::str::from_utf8(&bytes[..count]).ok()?;
    words.split_ascii_whitespace().next_back()?.parse().ok()
}

/// The children that another process has. One that has ended has none: they have come to somebody else. Not to be relied
/// upon where that process waits for some of them at this time, but then there is a next look.
///
/// # Errors
/// As [`own`], and where the process is hidden from us.
pub fn of(pid: Pid) -> io::Result<Vec<Pid>> {
    proc_is_ours()?;
    of_tasks(&format!("/proc/{pid}/task"))
}

/// Another PID namespace's may have been mounted over ours since: its numbers are other processes' here, and we are not in
/// it, or under another number.
fn proc_is_ours() -> io::Result<()> {
    let ourselves = fs::read_link("/proc/self")?;
    match ourselves.to_str().and_then(|us| us.parse().ok()) == Some(getpid().as_raw()) {
        true => Ok(()),
        false => Err(io::Error::other("/proc is another PID namespace's")),
    }
}

fn of_tasks(tasks: &str) -> io::Result<Vec<Pid>> {
    match fs::read_dir(tasks) {
        Err(error) if is_gone(&error) => Ok(Vec::new()),
        threads => of_threads(threads?),
    }
}

fn of_threads(threads: fs::ReadDir) -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for thread in threads {
        let list = match thread {
            Ok(thread) => fs::read_to_string(thread.path().join("children")),
            Err(error) => Err(error),
        };
        match list {
            Ok(list) => found.extend(numbers(&list)),
            // A thread that ended meanwhile: its children are another thread's.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn read(list: &File) -> io::Result<Vec<Pid>> {
    let (mut text, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        match list.read_at(&mut bytes, text.len() as u64) {
            Ok(0) => break,
            Ok(count) => text.extend_from_slice(&bytes[..count]),
            Err(error) if is_gone(&error) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(numbers(&String::from_utf8_lossy(&text)).collect())
}

fn numbers(list: &str) -> impl Iterator<Item = Pid> {
    list.split_ascii_whitespace()
        .filter_map(|number| Some(Pid::from_raw(number.parse().ok()?)))
}

/// Whether that is the error of a process or thread that has ended (proc(5)), and not one of ours.
fn is_gone(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::ENOENT | Errno::ESRCH))
}

#[cfg(test)]
mod tests {
    use nix::unistd::gettid;

    use super::*;

    #[test]
    fn a_process_that_is_gone_has_no_children() {
        // Greater than any process id (proc(5), pid_max).
        let nobody = of(Pid::from_raw(i32::MAX)).expect("nobody is no error");
        assert_eq!(nobody, Vec::new());
    }

    #[test]
    fn a_list_that_cannot_be_read_is_not_an_empty_one() {
        assert!(of_tasks("/proc/self/status").is_err());
        // One "thread" whose list is no file.
        let folder = std::env::temp_dir().join(format!("lease-children-{}", std::process::id()));
        fs::create_dir_all(folder.join("1/children")).expect("a folder");
        let read = of_tasks(&folder.display().to_string());
        fs::remove_dir_all(&folder).expect("it is ours");
        assert!(read.is_err(), "{read:?}");
    }

    #[test]
    fn a_process_that_was_just_started_is_among_the_newest() {
        keep_open().expect("there is a list");
        let mut child = std::process::Command::new("true")
            .spawn()
            .expect("it starts");
        let (pid, newest) = (child.id(), newest());
        child.wait().expect("it is ours");
        let newest = newest.and_then(|newest| u32::try_from(newest).ok());
        // Others start some meanwhile; the numbers begin anew at their greatest.
        assert!(newest.is_some_and(|newest| newest < 10_000 || newest >= pid));
    }

    #[test]
    fn a_list_kept_open_shows_who_came_since() {
        let list = File::open(format!("/proc/self/task/{}/children", gettid())).expect("a list");
        let before = read(&list).expect("it is there");
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .expect("it starts");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("process ids are small"));
        let (after, own) = (read(&list), own());
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        assert!(!before.contains(&pid));
        assert!(after.expect("it is there").contains(&pid));
        assert!(own.expect("it is there").contains(&pid));
        assert!(!read(&list).expect("it is there").contains(&pid));
    }
}
