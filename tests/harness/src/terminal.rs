//! A command on a pseudo-terminal of its own, seen as a person sees it.

use crate::process::{self, tagged};
use crate::supervised::{Progress, Supervised};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// A command that leads a session on its own terminal. Dropping it kills it and everything it started.
pub struct Terminal {
    process: Supervised,
    master: File,
}

impl Terminal {
    pub(crate) fn start(
        command: Command,
        title: &str,
        tag: String,
        rows: u16,
        columns: u16,
    ) -> Terminal {
        let started = Instant::now();
        let (child, master) = crate::keeper::run(move || spawn(command, rows, columns))
            .unwrap_or_else(|error| panic!("cannot start `{title}` on a terminal: {error}"));
        let process = Supervised::new(child, title.to_owned(), tag, started);
        process.progress().screen = Some(vt100::Parser::new(rows, columns, 0));
        let reader = master.try_clone().expect("a descriptor can be duplicated");
        process.read(reader, |progress, bytes| {
            progress.stdout.extend(bytes);
            if let Some(screen) = &mut progress.screen {
                screen.process(bytes);
            }
        });
        Terminal { process, master }
    }

    /// The process id of the command itself.
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// The living processes of the command: itself and all that it started, reparented or not (Linux only).
    pub fn tree(&self) -> Vec<u32> {
        tagged(&self.process.tag)
    }

    /// Sends a signal to the command itself only. For Ctrl-C as typed, [`Terminal::send`] `b"\x03"`.
    pub fn signal(&self, number: i32) {
        self.process.tell(|pid| process::signal(pid, number));
    }

    /// Types `bytes`: `b"y\r"`, `b"\x03"` for Ctrl-C, `b"\x1a"` for Ctrl-Z.
    pub fn send(&self, bytes: &[u8]) {
        (&self.master)
            .write_all(bytes)
            .expect("the terminal is open");
    }

    /// What is on the screen now, without trailing spaces.
    pub fn screen(&self) -> String {
        screen(&self.process.progress())
    }

    /// Gives it another size, as a person does who drags a window's corner.
    ///
    /// # Panics
    ///
    /// When the terminal is closed.
    pub fn resize(&self, rows: u16, columns: u16) {
        let size = nix::pty::Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // SAFETY: TIOCSWINSZ reads a winsize, which lives across the call.
        let result = unsafe {
            libc::ioctl(
                self.master.as_raw_fd(),
                libc::TIOCSWINSZ as _,
                &raw const size,
            )
        };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        if let Some(screen) = &mut self.process.progress().screen {
            screen.screen_mut().set_size(rows, columns);
        }
    }

    /// Its height.
    pub fn rows(&self) -> u16 {
        let progress = self.process.progress();
        progress
            .screen
            .as_ref()
            .map_or(0, |parser| parser.screen().size().0)
    }

    /// All bytes written so far, escape sequences included.
    pub fn raw(&self) -> Vec<u8> {
        self.process.progress().stdout.clone()
    }

    /// Waits until the screen's text is as `wanted`, and returns it.
    ///
    /// # Panics
    ///
    /// When it is not within `timeout`: with what it shows instead.
    #[track_caller]
    pub fn wait_screen(&self, wanted: impl Fn(&str) -> bool, timeout: Duration) -> String {
        let look = |progress: &Progress| screen(progress);
        let found = self
            .process
            .wait(timeout, look, |text| wanted(&text).then_some(text));
        found.unwrap_or_else(|| {
            panic!(
                "not on the screen after {timeout:?}:\n{}",
                self.process.so_far()
            )
        })
    }

    /// Waits for the command's end and for the rest of its output.
    ///
    /// # Panics
    ///
    /// When it runs longer than `timeout`: it is killed, and the screen shown.
    #[track_caller]
    pub fn wait(&self, timeout: Duration) -> ExitStatus {
        let Some(status) = self.process.wait_status(timeout) else {
            panic!(
                "still running after {timeout:?}:\n{}",
                self.process.so_far()
            );
        };
        self.process.wait_closed();
        status
    }
}

fn screen(progress: &Progress) -> String {
    progress
        .screen
        .as_ref()
        .map(|parser| parser.screen().contents())
        .unwrap_or_default()
}

/// Runs on the keeper's thread: no other child of ours may inherit the descriptors before they are marked.
fn spawn(mut command: Command, rows: u16, columns: u16) -> io::Result<(Child, File)> {
    let size = nix::pty::Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let pair = nix::pty::openpty(&size, None)?;
    for descriptor in [&pair.master, &pair.slave] {
        close_on_exec(descriptor)?;
    }
    command
        .stdin(pair.slave.try_clone()?)
        .stdout(pair.slave.try_clone()?)
        .stderr(pair.slave);
    let lead = || {
        nix::unistd::setsid()?;
        // The type of a request differs between systems, and between glibc and musl.
        // SAFETY: descriptor 0 is the terminal by now; TIOCSCTTY takes a number.
        if unsafe { libc::ioctl(0, libc::TIOCSCTTY as _, 0) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    };
    // SAFETY: the closure makes only async-signal-safe system calls and allocates nothing.
    unsafe { command.pre_exec(lead) };
    crate::keeper::hear_signals(&mut command);
    crate::keeper::die_with_us(&mut command);
    Ok((command.spawn()?, File::from(pair.master)))
}

fn close_on_exec(descriptor: &OwnedFd) -> io::Result<()> {
    // SAFETY: fcntl on a descriptor that is open while it is borrowed.
    match unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
