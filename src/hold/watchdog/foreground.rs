//! The terminal's foreground, taken by a command before it begins.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getpid, tcgetpgrp, tcsetpgrp};

/// The command is in the foreground before it begins. Were it put there by the supervisor later, one that reads at once
/// would be stopped first, and the SIGCONT for that would undo a Ctrl-Z typed meanwhile.
#[expect(unsafe_code, reason = "runs between fork and exec")]
pub fn take(starter: &mut Command, from: Pid) {
    // Made before the fork: the first handle in a process allocates its buffer.
    let terminal = io::stdin();
    // SAFETY: system calls only, which are async-signal-safe; nothing is allocated.
    unsafe {
        starter.pre_exec(move || {
            // Ctrl-Z and `bg` may have come first: then the terminal is the shell's.
            if tcgetpgrp(&terminal) == Ok(from) {
                // From the background, tcsetpgrp(3) raises SIGTTOU, unless it is blocked.
                let blocked = SigSet::from(Signal::SIGTTOU);
                blocked.thread_block()?;
                // Without it the command is stopped when it asks for the terminal, and gets it then.
                let _ = tcsetpgrp(&terminal, getpid());
                blocked.thread_unblock()?;
            }
            Ok(())
        });
    }
}
