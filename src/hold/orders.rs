//! What a supervisor sends its watchdog at the start: the times, and the command.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use super::timing::Timing;
use crate::clock::Instant;

/// What a watchdog is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orders {
    /// Before the request that made the grant was sent.
    pub sent_at: Instant,
    /// From there to asking the command to stop.
    pub fence_after: Duration,
    /// From there to killing it.
    pub kill_at: Duration,
    /// From asking to killing, where there is time.
    pub kill_after: Duration,
    /// What the command is asked to stop with.
    pub on_lost: i32,
    /// The process group that the command takes the terminal on stdin from before it begins; 0 for none.
    pub terminal_of: i32,
}

impl Orders {
    /// The orders for a hold.
    pub fn new(timing: &Timing, sent_at: Instant, on_lost: i32, terminal_of: i32) -> Self {
        Self {
            terminal_of,
            sent_at,
            fence_after: timing.fence_after,
            kill_at: timing.kill_at,
            kill_after: timing.kill_after,
            on_lost,
        }
    }

    /// As one argument.
    pub fn to_argument(self) -> String {
        format!(
            "{},{},{},{},{},{}",
            self.sent_at.since_origin().as_nanos(),
            self.fence_after.as_nanos(),
            self.kill_at.as_nanos(),
            self.kill_after.as_nanos(),
            self.on_lost,
            self.terminal_of
        )
    }

    /// What the argument says; `None` if it is none of ours.
    pub fn from_argument(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let mut span = || parts.next()?.parse().ok().map(Duration::from_nanos);
        let (sent_at, fence_after, kill_at, kill_after) = (span()?, span()?, span()?, span()?);
        Some(Self {
            sent_at: Instant::from_origin(sent_at),
            fence_after,
            kill_at,
            kill_after,
            on_lost: parts.next()?.parse().ok()?,
            terminal_of: parts.next()?.parse().ok()?,
        })
    }
}

/// Sends a command: the number of its words, then each with its length, little-endian.
///
/// # Errors
/// When the watchdog is gone.
pub fn send_command(control: &mut impl Write, command: &[OsString]) -> io::Result<()> {
    let number = |number: usize| u32::try_from(number).map_err(io::Error::other);
    let mut message = number(command.len())?.to_le_bytes().to_vec();
    for word in command {
        message.extend(number(word.len())?.to_le_bytes());
        message.extend(word.as_bytes());
    }
    control.write_all(&message)
}

/// Receives what [`send_command`] sent.
///
/// # Errors
/// When it ends too soon.
pub fn receive_command(control: &mut impl Read) -> io::Result<Vec<OsString>> {
    fn number(control: &mut impl Read) -> io::Result<u32> {
        let mut bytes = [0; 4];
        control.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
    let mut command = Vec::new();
    for _ in 0..number(control)? {
        let mut word = vec![0; number(control)? as usize];
        control.read_exact(&mut word)?;
        command.push(OsString::from_vec(word));
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_survive_the_command_line() {
        let timing = Timing::new(Duration::from_secs(15), None, None).expect("fits");
        let orders = Orders::new(
            &timing,
            Instant::from_origin(Duration::from_nanos(123_456_789_012)),
            15,
            4711,
        );
        assert_eq!(Orders::from_argument(&orders.to_argument()), Some(orders));
        assert_eq!(Orders::from_argument("1,2,3,4,5"), None);
    }

    #[test]
    fn a_command_survives_the_socket() {
        let command: Vec<OsString> = ["sh", "", "a b\nc", "ü"].map(OsString::from).into();
        let mut bytes = Vec::new();
        send_command(&mut bytes, &command).expect("a buffer");
        assert_eq!(receive_command(&mut &bytes[..]).expect("the same"), command);
        assert!(receive_command(&mut &bytes[..9]).is_err());
    }
}
