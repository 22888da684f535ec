//! Ctrl-C: once ends everybody and judges what there is, twice ends at once.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether it has been asked for.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// From here on INT, TERM and HUP are heard.
pub fn hear() {
    let action = SigAction::new(
        SigHandler::Handler(heard),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler only stores to an atomic, or ends the process.
        let _ = unsafe { sigaction(signal, &action) };
    }
}

extern "C" fn heard(number: i32) {
    if INTERRUPTED.swap(true, Ordering::Relaxed) {
        // Everything that was started dies with this process.
        // SAFETY: _exit is async-signal-safe.
        unsafe { libc::_exit(128 + number) };
    }
}
