//! Everything below this process on macOS, which has no subreaper and no pidfd: by who forked whom, whoever the parent is
//! now, and woken by each fork.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use nix::errno::Errno;
use nix::libc;
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};

use super::libproc;
use super::lineage::{Family, Id, Kernel, Relative, Seen, is_itself, visit_while};
use super::wait::is_nobody;

/// A process below us: a child of ours that we have not waited for, or one that is compared before each signal.
pub struct Process {
    pid: Pid,
    /// The child of ours that it is below, or is.
    top: Pid,
    /// `None` for a child of ours, whose number is its own until we wait for it.
    id: Option<Id>,
}

impl Process {
    /// A child of ours that we have not waited for.
    pub fn own(pid: Pid) -> Self {
        Self {
            pid,
            top: pid,
            id: None,
        }
    }

    fn of(relative: &Relative) -> Self {
        Self {
            pid: relative.pid,
            top: relative.top,
            id: (!relative.is_child).then_some(relative.id),
        }
    }

    /// Its number, which may be another's once it has ended if it is not our own child.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The child of ours that it is below, or was.
    pub fn top(&self) -> Pid {
        self.top
    }

    /// Nobody is hidden here.
    pub fn is_hidden(&self) -> bool {
        false
    }

    /// Sends it a signal. Gone already, or not ours to signal any more: nothing to do about either.
    pub fn signal(&self, signal: Signal) {
        // There is no pidfd: its number would have to be given away again within a microsecond.
        if self.id.is_none_or(|id| is_itself(&mut Xnu, self.pid, id)) {
            let _ = kill(self.pid, signal);
        }
    }
}

/// Those who die in one go: nothing is known of how they are scheduled.
#[derive(Default)]
pub struct Crowd {}

impl Crowd {
    /// Nothing to do.
    pub fn dies(&mut self, _: &Process) {}

    /// Nothing to do.
    pub fn let_back(self, _: &[Pid]) {}
}

/// This system's kernel.
struct Xnu;

impl Kernel for Xnu {
    fn all(&mut self) -> io::Result<Vec<Pid>> {
        libproc::all()
    }

    fn children(&mut self, of: Pid) -> io::Result<Vec<Pid>> {
        libproc::children(of)
    }

    fn group(&mut self, leader: Pid) -> io::Result<Vec<Pid>> {
        libproc::group(leader)
    }

    fn see(&mut self, pid: Pid) -> Option<Seen> {
        libproc::see(pid)
    }

    fn follow(&mut self, pid: Pid) {
        let (Some(forks), Ok(ident)) = (FORKS.get(), usize::try_from(pid.as_raw())) else {
            return;
        };
        // NOTE_TRACK, which would follow the children by itself, is refused (xnu, bsd/kern/kern_event.c, filt_procattach).
        let follow = KEvent::new(
            ident,
            EventFilter::EVFILT_PROC,
            EvFlags::EV_ADD | EvFlags::EV_CLEAR,
            FilterFlag::NOTE_FORK | FilterFlag::NOTE_EXIT,
            0,
            0,
        );
        // Gone already: nothing to hear of it.
        let _ = forks.kevent(&[follow], &mut [], Some(NOW));
    }
}

/// No leader of a group.
const NOBODY: Pid = Pid::from_raw(0);

/// Do not wait.
const NOW: libc::timespec = libc::timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// What becomes readable when a known descendant forks or ends, once somebody has asked for it.
static FORKS: OnceLock<Kqueue> = OnceLock::new();

/// The descendants that were seen; `None` before the first look.
static FAMILY: Mutex<Option<Family>> = Mutex::new(None);

/// Does something with the family of this process.
fn with_family<T>(act: impl FnOnce(&mut Family) -> io::Result<T>) -> io::Result<T> {
    let mut family: MutexGuard<'_, Option<Family>> =
        FAMILY.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut *family {
        Some(family) => act(family),
        none => act(none.insert(Family::of(ourselves()?))),
    }
}

fn ourselves() -> io::Result<Seen> {
    libproc::see(getpid()).ok_or_else(|| Errno::last().into())
}

/// Everybody below us who runs, by a look at all processes; and whoever is in the group of `leader`.
fn look(leader: Pid) -> io::Result<Vec<Relative>> {
    // Once it has been waited for its number may be another group's.
    let leader = Some(leader).filter(|&leader| leader.as_raw() > 0 && !is_nobody(leader));
    with_family(|family| {
        family.look(&mut Xnu, leader)?;
        Ok(family.running())
    })
}

/// Has forks of our descendants noticed, for as long as this process runs: what it returns is readable then, and
/// [`heed_forks`] is to be called.
///
/// # Errors
/// When a file descriptor cannot be had.
pub fn notice_forks() -> io::Result<BorrowedFd<'static>> {
    if FORKS.get().is_none() {
        let _ = FORKS.set(Kqueue::new()?);
    }
    let forks = FORKS.get().ok_or(io::ErrorKind::NotFound)?;
    Ok(forks.as_fd())
}

/// Gets to know whom our descendants have forked since.
pub fn heed_forks() {
    let Some(forks) = FORKS.get() else { return };
    let nothing = KEvent::new(
        0,
        EventFilter::EVFILT_PROC,
        EvFlags::empty(),
        FilterFlag::empty(),
        0,
        0,
    );
    let mut forked = Vec::new();
    let mut events = [nothing; 64];
    while let Ok(count @ 1..) = forks.kevent(&[], &mut events, Some(NOW)) {
        let forks = (events[..count].iter())
            .filter(|event| event.fflags().contains(FilterFlag::NOTE_FORK))
            .filter_map(|event| i32::try_from(event.ident()).ok());
        forked.extend(forks.map(Pid::from_raw));
    }
    // If they cannot be listed now, the next look at all processes finds most of them.
    let _ = with_family(|family| family.heed(&mut Xnu, &forked));
}

/// There is no such thing here.
///
/// # Errors
/// Never, on this system.
pub fn adopt_orphans() -> Result<(), String> {
    Ok(())
}

/// Nothing is known to be needed.
pub fn go_first() {}

/// Whether this system lets us find our own descendants.
///
/// # Errors
/// Where it does not: why, and what to do.
pub fn check() -> Result<(), String> {
    let refused = |error: io::Error| {
        format!(
            "processes cannot be listed ({error}): hold needs it to find what the command starts; \
             run it outside the sandbox that forbids it"
        )
    };
    ourselves().map_err(refused)?;
    match libproc::all().map_err(refused)?.contains(&getpid()) {
        true => Ok(()),
        false => Err(refused(io::Error::other("this one is not among them"))),
    }
}

/// The children of this process, dead or alive. They stay in the list until they are waited for.
///
/// # Errors
/// When there can be some that are not listed.
pub fn own(_: Pid) -> io::Result<Vec<Pid>> {
    let children = libproc::children(getpid())?;
    // Met before anybody waits for them: what they leave behind is known by them.
    with_family(|family| family.heed(&mut Xnu, &[]))?;
    Ok(children)
}

pub use own as own_at_once;

/// The newest numbers tell nothing that a look does not.
pub fn newest() -> impl Iterator<Item = Pid> {
    std::iter::empty()
}

/// Whether somebody else than the leader still runs, in its group or anywhere below us: orphans are nobody's whom we
/// could wait for.
pub fn group_lives_on(leader: Pid) -> bool {
    // Who cannot be listed may be there.
    look(leader).map_or(true, |running| {
        running.iter().any(|relative| relative.pid != leader)
    })
}

/// Whether somebody runs below a child of ours that is not `exempt`, or was forked there.
pub fn somebody_below(exempt: &dyn Fn(Pid) -> bool) -> bool {
    look(NOBODY).map_or(true, |running| {
        (running.iter()).any(|relative| !relative.is_child && !exempt(relative.top))
    })
}

/// The children, dead or alive, that a child of ours has.
///
/// # Errors
/// When it cannot be told.
pub fn children_of(pid: Pid) -> io::Result<Vec<Pid>> {
    with_family(|family| {
        family.look(&mut Xnu, None)?;
        Ok(family.children_of(pid))
    })
}

/// Calls `each` with every process below this one, as far as they can be found now, for as long as `each` says so; false
/// if it was broken off.
pub fn visit_own_while(leader: Pid, each: &mut dyn FnMut(&Process) -> bool) -> bool {
    match look(leader) {
        Ok(_) => visit_while(&mut || look(leader).unwrap_or_default(), &mut |relative| {
            each(&Process::of(relative))
        }),
        // The leader is our child, whatever cannot be listed.
        Err(_) => leader.as_raw() <= 0 || each(&Process::own(leader)),
    }
}

/// Calls `each` with everything that runs below a child of ours, or was forked there.
pub fn visit_below(root: Pid, each: &mut dyn FnMut(&Process)) {
    visit_while(&mut || look(NOBODY).unwrap_or_default(), &mut |relative| {
        if relative.top == root && !relative.is_child {
            each(&Process::of(relative));
        }
        true
    });
}

/// What a person calls a process, its id and its name; `None` for one that has ended.
pub fn describe_running(process: Pid) -> Option<String> {
    libproc::see(process).filter(|process| !process.ended)?;
    Some(match libproc::name(process) {
        Some(name) => {
            let name: String = (name.chars())
                .map(|char| if char.is_control() { '?' } else { char })
                .collect();
            format!("{process} ({name})")
        }
        // Another user's.
        None => process.to_string(),
    })
}
