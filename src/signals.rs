//! The signals that ask this process to end or are meant for its command, as channels of all received so far.

use std::io;
use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::sync::watch;

use crate::clock::{Clock, Instant, SystemClock};

/// Signals received, in order.
pub type Received = watch::Receiver<Vec<i32>>;

/// Listens for the signals that ask a process to end, which are all that end one by default and can come from others: an
/// `alarm` before the exec, a CPU limit, a service manager's PWR or RTMIN+3. It no longer dies of them by itself. Those that
/// were ignored when it started (nohup) stay ignored.
///
/// # Errors
/// When the handlers cannot be installed.
#[cfg(unix)]
pub fn listen() -> io::Result<Received> {
    channel(from_others().into_iter().filter(|signal| ends(*signal)))
}

/// Listens for the signals that only a command can make sense of.
///
/// # Errors
/// When the handlers cannot be installed.
#[cfg(unix)]
pub fn listen_for_command() -> io::Result<Received> {
    use nix::libc::{SIGUSR1, SIGUSR2};
    channel([SIGUSR1, SIGUSR2])
}

/// A file that is longer than it may be is a write that fails, as on a full disk, and no end (setrlimit(2), RLIMIT_FSIZE).
#[cfg(unix)]
pub fn survive_long_files() {
    if is_ignored(signal_hook::consts::SIGXFSZ) {
        return;
    }
    // A handler that does nothing, because what is ignored goes through exec. Without one it is as it was.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Default::default());
}

/// Makes sure that this process hears of its children. Who starts it may have SIGCHLD ignored, which goes through exec:
/// then there is no exit status to wait for (waitpid(2), ECHILD). It may have it blocked too.
#[cfg(unix)]
pub fn hear_of_children() {
    use nix::sys::signal::{SigSet, Signal};

    // Having a handler is all it is for: what we start begins with the default (execve(2)). A failure would be noticed
    // at the first wait.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGCHLD, Default::default());
    let _ = SigSet::from(Signal::SIGCHLD).thread_unblock();
}

/// When the last of the signals came that a terminal sends for a key (Ctrl-C, Ctrl-\).
static TYPED: Mutex<Option<Instant>> = Mutex::new(None);

/// When the last of the signals that a terminal sends for a key was heard of.
pub fn typed() -> Option<Instant> {
    *TYPED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note_typed(signal: i32) {
    #[cfg(unix)]
    let by_key = [nix::libc::SIGINT, nix::libc::SIGQUIT];
    #[cfg(windows)]
    let by_key = [SIGINT, SIGBREAK];
    if by_key.contains(&signal) {
        *TYPED.lock().unwrap_or_else(PoisonError::into_inner) = Some(SystemClock.now());
    }
}

#[cfg(unix)]
fn channel(numbers: impl IntoIterator<Item = i32>) -> io::Result<Received> {
    let (sender, receiver) = watch::channel(Vec::new());
    for number in numbers {
        if is_ignored(number) {
            continue;
        }
        let kind = tokio::signal::unix::SignalKind::from_raw(number);
        let mut stream = tokio::signal::unix::signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                note_typed(number);
                sender.send_modify(|all| all.push(number));
            }
        });
    }
    Ok(receiver)
}

/// Whether this process ignores a signal (sigaction(2)).
#[cfg(unix)]
#[expect(unsafe_code, reason = "nix cannot ask without setting")]
pub fn is_ignored(signal: i32) -> bool {
    use nix::libc;
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action it only fills in the present one, and does so wherever it returns 0.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// The signals that somebody else may mean for a whole service, process group or terminal: all that can be handled, but
/// for those that a process brings upon itself by a fault and cannot go on after.
#[cfg(unix)]
pub fn from_others() -> Vec<i32> {
    use nix::sys::signal::Signal;
    let own = [
        // Cannot be handled.
        Signal::SIGKILL,
        Signal::SIGSTOP,
        // Faults.
        Signal::SIGBUS,
        Signal::SIGFPE,
        Signal::SIGILL,
        Signal::SIGSEGV,
        Signal::SIGSYS,
        // Children, whom everybody listens for in their own way.
        Signal::SIGCHLD,
    ];
    let named = Signal::iterator()
        .filter(|signal| !own.contains(signal))
        .map(|signal| signal as i32);
    named.chain(real_time()).collect()
}

/// Whether one of [`from_others`] is for this process, and asks it to end.
#[cfg(unix)]
fn ends(signal: i32) -> bool {
    use nix::libc;
    let other = [
        // Do nothing by default.
        libc::SIGCONT,
        libc::SIGURG,
        libc::SIGWINCH,
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        libc::SIGINFO,
        // Job control.
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
        // For the command.
        libc::SIGUSR1,
        libc::SIGUSR2,
        // Of one's own writes, which fail.
        libc::SIGPIPE,
        libc::SIGXFSZ,
    ];
    !other.contains(&signal)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn real_time() -> std::ops::RangeInclusive<i32> {
    nix::libc::SIGRTMIN()..=nix::libc::SIGRTMAX()
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn real_time() -> std::iter::Empty<i32> {
    std::iter::empty()
}

/// Ctrl-C (signal.h of Microsoft's C runtime, which names the next two as well).
#[cfg(windows)]
pub const SIGINT: i32 = 2;

/// Ends at once what it is sent to: no event of Windows, but what `--on-lost` may name.
#[cfg(windows)]
pub const SIGKILL: i32 = 9;

/// The console closes, or the system shuts down.
#[cfg(windows)]
pub const SIGTERM: i32 = 15;

/// Ctrl-Break.
#[cfg(windows)]
pub const SIGBREAK: i32 = 21;

/// Listens for the events of the console that ask a process to end, each under the number that C gives it.
///
/// # Errors
/// When the handler cannot be installed.
#[cfg(windows)]
pub fn listen() -> io::Result<Received> {
    use tokio::signal::windows;

    let (sender, receiver) = watch::channel(Vec::new());
    // Each kind has a type of its own in tokio.
    macro_rules! hear {
        ($($event:ident as $number:expr),*) => {$({
            let mut events = windows::$event()?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while events.recv().await.is_some() {
                    note_typed($number);
                    sender.send_modify(|all| all.push($number));
                }
            });
        })*};
    }
    // The last two end us in seconds, whatever we do: tokio's handler does not return.
    hear!(
        ctrl_c as SIGINT,
        ctrl_break as SIGBREAK,
        ctrl_close as SIGTERM,
        ctrl_shutdown as SIGTERM
    );
    stay_when_somebody_logs_off()?;
    Ok(receiver)
}

/// Services hear of each user that logs off, whoever that is, and what runs below one does: it ends none of them
/// (HandlerRoutine, CTRL_LOGOFF_EVENT).
#[cfg(windows)]
#[expect(unsafe_code, reason = "tokio's handler would end us or never return")]
fn stay_when_somebody_logs_off() -> io::Result<()> {
    use windows_sys::Win32::System::Console::{CTRL_LOGOFF_EVENT, SetConsoleCtrlHandler};

    extern "system" fn stays(event: u32) -> i32 {
        i32::from(event == CTRL_LOGOFF_EVENT)
    }
    // SAFETY: a function of that type, which is always there.
    match unsafe { SetConsoleCtrlHandler(Some(stays), 1) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// There are no others here.
///
/// # Errors
/// Never, on this system.
#[cfg(windows)]
pub fn listen_for_command() -> io::Result<Received> {
    Ok(watch::channel(Vec::new()).1)
}

#[cfg(all(test, unix))]
mod tests {
    use nix::libc;

    use super::*;

    #[test]
    fn what_is_ignored_is_known_without_proc() {
        // The runtime of Rust ignores it from the start; nothing here handles the other.
        assert!(is_ignored(libc::SIGPIPE));
        assert!(!is_ignored(libc::SIGXCPU));
        assert!(!is_ignored(-1));
    }

    #[test]
    fn every_signal_that_ends_or_stops_a_process_from_outside_is_known_by_name() {
        let known = from_others();
        for signal in [
            libc::SIGHUP,
            libc::SIGINT,
            libc::SIGQUIT,
            libc::SIGUSR1,
            libc::SIGUSR2,
            libc::SIGALRM,
            libc::SIGTERM,
            libc::SIGTSTP,
            libc::SIGTTIN,
            libc::SIGTTOU,
            libc::SIGXCPU,
            libc::SIGVTALRM,
            libc::SIGPROF,
            libc::SIGIO,
        ] {
            assert!(known.contains(&signal), "{signal}");
        }
        #[cfg(target_os = "linux")]
        for signal in [
            libc::SIGPWR,
            libc::SIGSTKFLT,
            libc::SIGRTMIN(),
            libc::SIGRTMAX(),
        ] {
            assert!(known.contains(&signal), "{signal}");
        }
        for signal in [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGCHLD] {
            assert!(!known.contains(&signal), "{signal}");
        }
    }
}
