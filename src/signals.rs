//! The signals that ask this process to end or are meant for its command, as channels of all received so far.

use tokio::sync::watch;

use crate::error::Error;

/// Signals received, in order.
pub type Received = watch::Receiver<Vec<i32>>;

/// Listens for the signals that ask a process to end; it no longer dies of them by itself. Those that were ignored
/// when it started (nohup) stay ignored.
///
/// # Errors
/// When the handlers cannot be installed.
#[cfg(unix)]
pub fn listen() -> Result<Received, Error> {
    use tokio::signal::unix::SignalKind;
    channel(&[
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::quit(),
    ])
}

/// Listens for the signals that only a command can make sense of.
///
/// # Errors
/// When the handlers cannot be installed.
#[cfg(unix)]
pub fn listen_for_command() -> Result<Received, Error> {
    use tokio::signal::unix::SignalKind;
    channel(&[SignalKind::user_defined1(), SignalKind::user_defined2()])
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

#[cfg(unix)]
fn channel(kinds: &[tokio::signal::unix::SignalKind]) -> Result<Received, Error> {
    let (sender, receiver) = watch::channel(Vec::new());
    for &kind in kinds {
        let number = kind.as_raw_value();
        if is_ignored(number) {
            continue;
        }
        let mut stream = tokio::signal::unix::signal(kind)
            .map_err(|error| Error::Local(format!("cannot handle signals: {error}")))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                sender.send_modify(|all| all.push(number));
            }
        });
    }
    Ok(receiver)
}

/// Whether this process ignores a signal, as far as the system says so (proc(5), SigIgn).
#[cfg(unix)]
pub fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// Listens for Ctrl-C.
///
/// # Errors
/// Never, on this system.
#[cfg(not(unix))]
pub fn listen() -> Result<Received, Error> {
    let (sender, receiver) = watch::channel(Vec::new());
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            sender.send_modify(|all| all.push(2));
        }
    });
    Ok(receiver)
}

/// There are no others here.
///
/// # Errors
/// Never, on this system.
#[cfg(not(unix))]
pub fn listen_for_command() -> Result<Received, Error> {
    Ok(watch::channel(Vec::new()).1)
}
