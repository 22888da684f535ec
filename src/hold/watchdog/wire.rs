//! What a supervisor sends its watchdog at the start: the times, the environment and the command.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use crate::clock::Instant;
use crate::hold::timing::Timing;

/// The times of a hold, and what goes with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orders {
    /// Before the request that made the grant was sent.
    pub sent_at: Instant,
    /// From there to asking the command to stop.
    pub renew_deadline: Duration,
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
            renew_deadline: timing.renew_deadline,
            kill_at: timing.kill_at,
            kill_after: timing.kill_after,
            on_lost,
        }
    }

    /// When the command is asked to stop, unless a renewal is heard of.
    pub fn fence_at(&self) -> Instant {
        self.sent_at + self.renew_deadline
    }

    /// A renewal that was acknowledged, by when it was sent: nanoseconds since the clock's origin, as a word.
    pub fn renewed(&mut self, word: &str) {
        if let Ok(nanos) = word.parse() {
            let sent_at = Instant::from_origin(Duration::from_nanos(nanos));
            self.sent_at = self.sent_at.max(sent_at);
        }
    }

    /// As one word.
    pub fn to_word(self) -> String {
        format!(
            "{},{},{},{},{},{}",
            self.sent_at.since_origin().as_nanos(),
            self.renew_deadline.as_nanos(),
            self.kill_at.as_nanos(),
            self.kill_after.as_nanos(),
            self.on_lost,
            self.terminal_of
        )
    }

    /// What the word says; `None` if it is none of ours.
    pub fn from_word(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let mut span = || parts.next()?.parse().ok().map(Duration::from_nanos);
        let (sent_at, renew_deadline, kill_at, kill_after) = (span()?, span()?, span()?, span()?);
        Some(Self {
            sent_at: Instant::from_origin(sent_at),
            renew_deadline,
            kill_at,
            kill_after,
            on_lost: parts.next()?.parse().ok()?,
            terminal_of: parts.next()?.parse().ok()?,
        })
    }
}

/// What to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Under which times.
    pub orders: Orders,
    /// Variables for the command.
    pub environment: Vec<(OsString, OsString)>,
    /// The command and its arguments.
    pub command: Vec<OsString>,
}

impl Start {
    /// Sends it: three lists of words.
    ///
    /// # Errors
    /// When the watchdog is gone, or does not read.
    pub fn send(&self, control: &mut impl Write) -> io::Result<()> {
        let mut message = Vec::new();
        write_words(&mut message, &[self.orders.to_word().into()])?;
        let pairs = self.environment.iter().cloned();
        let pairs: Vec<OsString> = pairs.flat_map(|(name, value)| [name, value]).collect();
        write_words(&mut message, &pairs)?;
        write_words(&mut message, &self.command)?;
        control.write_all(&message)
    }

    /// Receives what [`Start::send`] sent.
    ///
    /// # Errors
    /// When it ends too soon, or is something else.
    pub fn receive(control: &mut impl Read) -> io::Result<Self> {
        let orders = read_words(control)?;
        let orders = orders.first().and_then(|word| word.to_str());
        let orders = orders.and_then(Orders::from_word);
        let mut pairs = read_words(control)?.into_iter();
        let mut environment = Vec::new();
        while let (Some(name), Some(value)) = (pairs.next(), pairs.next()) {
            environment.push((name, value));
        }
        Ok(Self {
            orders: orders.ok_or_else(|| io::Error::other("no orders"))?,
            environment,
            command: read_words(control)?,
        })
    }
}

/// The number of the words, then each with its length, little-endian.
fn write_words(message: &mut Vec<u8>, words: &[OsString]) -> io::Result<()> {
    let number = |number: usize| u32::try_from(number).map_err(io::Error::other);
    message.extend(number(words.len())?.to_le_bytes());
    for word in words {
        message.extend(number(word.len())?.to_le_bytes());
        message.extend(word.as_bytes());
    }
    Ok(())
}

fn read_words(control: &mut impl Read) -> io::Result<Vec<OsString>> {
    fn number(control: &mut impl Read) -> io::Result<u32> {
        let mut bytes = [0; 4];
        control.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
    let mut words = Vec::new();
    for _ in 0..number(control)? {
        let mut word = vec![0; number(control)? as usize];
        control.read_exact(&mut word)?;
        words.push(OsString::from_vec(word));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_survive_being_a_word() {
        let timing = Timing::new(Duration::from_secs(15), None, None).expect("fits");
        let orders = Orders::new(
            &timing,
            Instant::from_origin(Duration::from_nanos(123_456_789_012)),
            15,
            4711,
        );
        assert_eq!(Orders::from_word(&orders.to_word()), Some(orders));
        assert_eq!(Orders::from_word("1,2,3,4,5"), None);
    }

    #[test]
    fn a_command_survives_the_socket() {
        let timing = Timing::new(Duration::from_secs(15), None, None).expect("fits");
        let start = Start {
            orders: Orders::new(&timing, Instant::default(), 15, 0),
            environment: vec![("NAME".into(), "a=b\n".into())],
            command: ["sh", "", "a b\nc", "ü"].map(OsString::from).into(),
        };
        let mut bytes = Vec::new();
        start.send(&mut bytes).expect("a buffer");
        assert_eq!(Start::receive(&mut &bytes[..]).expect("the same"), start);
        assert!(Start::receive(&mut &bytes[..bytes.len() - 1]).is_err());
        assert!(Start::receive(&mut &bytes[1..]).is_err());
    }
}
