//! The signals that ask this process to end, as a channel of all received so far.

use tokio::sync::watch;

use crate::error::Error;

/// Listens from now on; the process no longer dies of these signals by itself.
///
/// # Errors
/// When the handlers cannot be installed.
#[cfg(unix)]
pub fn listen() -> Result<watch::Receiver<Vec<i32>>, Error> {
    use tokio::signal::unix::{SignalKind, signal};

    let (sender, receiver) = watch::channel(Vec::new());
    for kind in [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::quit(),
    ] {
        let mut stream = signal(kind)
            .map_err(|error| Error::Local(format!("cannot handle signals: {error}")))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                sender.send_modify(|all| all.push(kind.as_raw_value()));
            }
        });
    }
    Ok(receiver)
}

/// Listens from now on for Ctrl-C.
///
/// # Errors
/// When the handler cannot be installed.
#[cfg(not(unix))]
pub fn listen() -> Result<watch::Receiver<Vec<i32>>, Error> {
    let (sender, receiver) = watch::channel(Vec::new());
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            sender.send_modify(|all| all.push(2));
        }
    });
    Ok(receiver)
}
