//! Console events on Windows: heard by a process, and sent to all that share another's console.

use super::alive;
use crate::portable::portable;
use crate::random;
use std::fs::File;
use std::io::{Read, Write, stdin, stdout};
use std::os::windows::io::AsHandle;
use std::process::{Child, Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;
use windows_sys::Win32::Foundation::{FALSE, TRUE};
use windows_sys::Win32::System::Console::{
    AttachConsole, CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, FreeConsole,
    GenerateConsoleCtrlEvent, SetConsoleCtrlHandler,
};
use windows_sys::core::BOOL;

static HEARD: Mutex<Vec<u32>> = Mutex::new(Vec::new());
static MORE: Condvar = Condvar::new();

/// Hears events from now on, and does not end by them.
pub(crate) fn listen() {
    // A process group that was made as a new one does not hear Ctrl-C before it is told to.
    // SAFETY: no handler, and a handler that is there as long as the process.
    let set = unsafe {
        SetConsoleCtrlHandler(None, FALSE);
        SetConsoleCtrlHandler(Some(hear), TRUE)
    };
    assert_ne!(set, FALSE, "{}", std::io::Error::last_os_error());
}

unsafe extern "system" fn hear(event: u32) -> BOOL {
    HEARD
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(event);
    MORE.notify_all();
    TRUE
}

/// Waits for an event that was not told yet, and tells it.
pub(crate) fn heard() -> &'static str {
    let heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    let mut heard = MORE
        .wait_while(heard, |heard| heard.is_empty())
        .unwrap_or_else(PoisonError::into_inner);
    match heard.remove(0) {
        CTRL_C_EVENT => "heard ctrl-c",
        CTRL_BREAK_EVENT => "heard ctrl-break",
        CTRL_CLOSE_EVENT => "heard the console close",
        _ => "heard another event",
    }
}

/// Who asks a process to end: by Ctrl-C in its console. That takes a process of its own, which leaves its console for it; it
/// is there from the beginning, so that the event comes at once.
pub(crate) struct Asker {
    typist: Mutex<Child>,
    tag: String,
}

impl Asker {
    pub(crate) fn of(pid: u32) -> Asker {
        let words = portable(&["type-for-each-line", &pid.to_string()]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let tag = random::hex(8);
        let typist = super::start(command, &tag, true).expect("our own program can be started");
        Asker {
            typist: Mutex::new(typist),
            tag,
        }
    }

    pub(crate) fn interrupt(&self, pid: u32) {
        let mut typist = self.typist.lock().unwrap_or_else(PoisonError::into_inner);
        let Child { stdin, stdout, .. } = &mut *typist;
        let (stdin, stdout) = stdin.as_mut().zip(stdout.as_mut()).expect("both are pipes");
        let mut typed = [0];
        let done = stdin.write_all(b"\n");
        let done = done.and_then(|()| stdout.read_exact(&mut typed));
        assert!(done.is_ok() || !alive(pid), "nobody types: {done:?}");
    }

    /// There is nothing but Ctrl-C.
    pub(crate) fn terminate(&self, pid: u32) {
        self.interrupt(pid);
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        super::kill_tagged(&self.tag);
    }
}

/// The status of whoever ends by [`Asker::terminate`].
pub(crate) const TERMINATED: i32 = 130;

/// For each line that it reads, types Ctrl-C in the console of that process, and then writes a byte.
pub(crate) fn type_for_each_line(pid: u32) {
    let pipes = (stdin().as_handle().try_clone_to_owned())
        .and_then(|input| Ok((input, stdout().as_handle().try_clone_to_owned()?)));
    let (input, output) = pipes.expect("they are open");
    let (mut input, mut output) = (File::from(input), File::from(output));
    enter(pid);
    let mut line = [0];
    while input.read_exact(&mut line).is_ok() {
        send(CTRL_C_EVENT);
        if output.write_all(&line).is_err() {
            return;
        }
    }
}

/// Sends an event to all processes of the console that this one has, and waits until we hear it ourselves: it has been
/// sent by then, and whoever left the console before would end by it.
pub(crate) fn interrupt(pid: u32, event: &str) {
    let event = match event {
        "ctrl-c" => CTRL_C_EVENT,
        "ctrl-break" => CTRL_BREAK_EVENT,
        other => panic!("no such event: {other}"),
    };
    enter(pid);
    send(event);
}

/// Leaves our console for that of this process, once it has one, and hears what is sent there.
fn enter(pid: u32) {
    // SAFETY: these take numbers.
    unsafe { FreeConsole() };
    // SAFETY: as above.
    while unsafe { AttachConsole(pid) } == FALSE {
        let error = std::io::Error::last_os_error();
        assert!(alive(pid), "{pid} has gone: {error}");
        std::thread::sleep(Duration::from_millis(10));
    }
    listen();
}

fn send(event: u32) {
    // SAFETY: this takes numbers.
    let sent = unsafe { GenerateConsoleCtrlEvent(event, 0) };
    assert_ne!(sent, FALSE, "{}", std::io::Error::last_os_error());
    heard();
}
