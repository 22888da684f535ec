//! The answer as one line of the terminal, in the modes that it is in: dialoguer, which words the question, reads key by
//! key, so that an answer would be whatever was typed before the question, or the first letter of a paste.

use std::io::{self, Read, stdin};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use dialoguer::theme::{SimpleTheme, Theme};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{
    FlushArg, LocalFlags, SetArg, SpecialCharacterIndices, tcflush, tcgetattr, tcsetattr,
};

use super::is_yes;
use crate::clock::{Clock, SystemClock};
use crate::output::terminal;

/// What comes so soon after a line was not typed: it was pasted with it. A terminal far away hands on a paste in pieces.
const PASTED: Duration = Duration::from_millis(50);

/// The rest of a paste is thrown away until nothing comes any more, or for so many times [`PASTED`].
const PIECES: usize = 20;

/// A question that took so long to be shown (Ctrl-S) may have been answered before it was seen.
const SHOWN_LATE: Duration = Duration::from_millis(100);

/// What was read.
enum Answer {
    Line(String),
    /// Ctrl-D, or the terminal is gone.
    End,
    /// More came with it.
    Pasted,
    /// The process was stopped meanwhile (Ctrl-Z): whatever was typed since was typed for somebody else.
    Continued,
}

/// Asks, and reads a line.
///
/// # Errors
/// With what came instead of an answer, or why it cannot be asked.
pub fn confirm(question: &str) -> Result<bool, String> {
    let told = |error: io::Error| error.to_string();
    let (mut continued, sender) = UnixStream::pair().map_err(told)?;
    continued.set_nonblocking(true).map_err(told)?;
    let handler = signal_hook::low_level::pipe::register(signal_hook::consts::SIGCONT, sender)
        .map_err(told)?;
    let answer = loop {
        await_foreground().map_err(told)?;
        forget_input().map_err(told)?;
        drain(&mut continued);
        show(question).map_err(told)?;
        match answer(&continued) {
            Ok(Answer::Continued) => {}
            answer => break answer.map_err(told),
        }
    };
    signal_hook::low_level::unregister(handler);
    match answer? {
        Answer::Line(line) => Ok(is_yes(&line)),
        Answer::End => {
            // The cursor stands behind the question.
            terminal::say_always("");
            Err("there was no answer".to_owned())
        }
        Answer::Pasted | Answer::Continued => {
            Err("more than a line came at once, as if it was pasted".to_owned())
        }
    }
}

fn show(question: &str) -> io::Result<()> {
    let mut text = String::new();
    SimpleTheme
        .format_confirm_prompt(&mut text, question, Some(false))
        .map_err(io::Error::other)?;
    let begun = SystemClock.now();
    terminal::put(&text)?;
    if SystemClock.now().since(begun) > SHOWN_LATE {
        forget_input()?;
    }
    Ok(())
}

fn answer(continued: &UnixStream) -> io::Result<Answer> {
    let mut line = Vec::new();
    loop {
        match wait(continued, PollTimeout::NONE)? {
            Woken::Continued => return Ok(Answer::Continued),
            Woken::Input => {}
            Woken::Nothing => continue,
        }
        // Past the buffers of the standard library, which read ahead.
        let mut bytes = [0; 4096];
        let count = match nix::unistd::read(stdin(), &mut bytes) {
            Ok(count) => count,
            Err(Errno::EINTR | Errno::EAGAIN) => continue,
            // A terminal that is gone.
            Err(Errno::EIO) => 0,
            Err(errno) => return Err(errno.into()),
        };
        if count == 0 {
            return Ok(Answer::End);
        }
        line.extend_from_slice(&bytes[..count]);
        // Without an end of line it was pushed by Ctrl-D. A terminal that was left in another mode has its Enter be CR.
        if let Some(end) = line.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let more = line.len() > end + 1;
            let alone = alone(continued)?;
            forget_input()?;
            return Ok(match alone {
                Alone::Continued => Answer::Continued,
                Alone::No => Answer::Pasted,
                Alone::Yes if more => Answer::Pasted,
                Alone::Yes => Answer::Line(String::from_utf8_lossy(&line[..end]).into_owned()),
            });
        }
    }
}

/// Whether nothing came with a line.
enum Alone {
    Yes,
    No,
    Continued,
}

fn alone(continued: &UnixStream) -> io::Result<Alone> {
    let pause = PollTimeout::try_from(PASTED).unwrap_or(PollTimeout::ZERO);
    let mut alone = Alone::Yes;
    for _ in 0..PIECES {
        match wait(continued, pause)? {
            Woken::Continued => return Ok(Alone::Continued),
            Woken::Nothing if !has_begun_a_line() => break,
            Woken::Nothing | Woken::Input => {
                alone = Alone::No;
                forget_input()?;
            }
        }
    }
    Ok(alone)
}

/// What woke us.
enum Woken {
    Continued,
    Input,
    Nothing,
}

fn wait(continued: &UnixStream, timeout: PollTimeout) -> io::Result<Woken> {
    let stdin = stdin();
    let mut asked = [
        PollFd::new(continued.as_fd(), PollFlags::POLLIN),
        PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
    ];
    match poll(&mut asked, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let [continued, input] = asked.map(|asked| asked.any().unwrap_or(false));
    Ok(match (continued, input) {
        (true, _) => Woken::Continued,
        (false, true) => Woken::Input,
        (false, false) => Woken::Nothing,
    })
}

/// Whether there is input without an end of line: nobody sees it while the terminal hands out lines.
fn has_begun_a_line() -> bool {
    let Ok(modes) = tcgetattr(stdin()) else {
        return false;
    };
    let mut keys = modes.clone();
    keys.local_flags.remove(LocalFlags::ICANON);
    keys.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
    keys.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
    if tcsetattr(stdin(), SetArg::TCSANOW, &keys).is_err() {
        return false;
    }
    let stdin = stdin();
    let mut asked = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    let some = poll(&mut asked, PollTimeout::ZERO).is_ok_and(|ready| ready > 0);
    // It worked a moment ago.
    let _ = tcsetattr(&stdin, SetArg::TCSANOW, &modes);
    some
}

/// In the background this stops us (SIGTTOU), until `fg`. Flushing the input would do so as well, but Linux forgets
/// what was typed for the shell before it looks who asks (`tty_ioctl`, TCFLSH).
fn await_foreground() -> io::Result<()> {
    uninterrupted(|| tcsetattr(stdin(), SetArg::TCSANOW, &tcgetattr(stdin())?))
}

/// What was typed before the question is no answer to it; what was pasted with the answer is not for the shell.
fn forget_input() -> io::Result<()> {
    uninterrupted(|| tcflush(stdin(), FlushArg::TCIFLUSH))
}

fn uninterrupted(call: impl Fn() -> nix::Result<()>) -> io::Result<()> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            done => return Ok(done?),
        }
    }
}

fn drain(continued: &mut UnixStream) {
    let mut bytes = [0; 64];
    while continued.read(&mut bytes).is_ok_and(|count| count > 0) {}
}
