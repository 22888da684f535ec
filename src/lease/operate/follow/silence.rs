//! When a watch has last heard from the server, when it has to ask, and since when it knows nothing; reads no clock.

use std::time::Duration;

use crate::clock::Instant;

/// A watch is silent while nothing changes, and when its connection hangs: after so long without a word, bookmarks
/// included, the server is asked which it is.
const SILENCE: Duration = Duration::from_secs(4);

/// How long the answer may take.
pub const ANSWER: Duration = Duration::from_secs(3);

/// An answer takes no longer where nothing hangs.
const HELD_BACK: Duration = Duration::from_secs(1);

/// Between questions that got no answer.
const AGAIN: Duration = Duration::from_secs(2);

/// What is known of the server's silence.
#[derive(Debug)]
pub struct Silence {
    heard: Instant,
    ask_at: Instant,
    fault: Option<String>,
    unknown: bool,
}

impl Silence {
    /// The server was heard just now.
    pub fn new(now: Instant) -> Self {
        Self {
            heard: now,
            ask_at: now,
            fault: None,
            unknown: false,
        }
    }

    /// Everything that is known is as of this instant.
    pub fn heard_at(&self) -> Instant {
        self.heard
    }

    /// The server was heard, and what is known is as of `at`. Since when nothing was known, where that was said.
    pub fn heard(&mut self, at: Instant, now: Instant) -> Option<Instant> {
        let before = self.heard;
        self.heard = before.max(at);
        self.ask_at = now;
        self.fault = None;
        std::mem::take(&mut self.unknown).then_some(before)
    }

    /// There was no answer, or none that says how things are; whether that is the first since the server was heard.
    pub fn failed(&mut self, fault: String, now: Instant) -> bool {
        self.ask_at = now + AGAIN;
        self.fault.replace(fault).is_none()
    }

    /// What the server, or the way to it, said last.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Whether to ask: nothing was heard for a while, or something is `due` that only the server can confirm.
    pub fn must_ask(&self, now: Instant, due: bool) -> bool {
        now >= self.ask_at && (due || now.since(self.heard) >= SILENCE)
    }

    /// Whether what comes now may have been held back on the way, by a connection that hung: an answer would have come before.
    pub fn was_cut_off(&self, now: Instant) -> bool {
        now.since(self.heard) >= SILENCE + HELD_BACK
    }

    /// Whether nothing is known any more.
    pub fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// Whether nothing is known from now on: true once.
    pub fn begins(&mut self, now: Instant) -> bool {
        let silent = now.since(self.heard);
        let begins = !self.unknown
            && (silent >= SILENCE + ANSWER || (self.fault.is_some() && silent >= SILENCE));
        self.unknown |= begins;
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::testing::at;

    #[test]
    fn a_silent_server_is_asked_and_one_that_does_not_answer_is_said_once() {
        let mut silence = Silence::new(at(100.0));
        assert!(!silence.must_ask(at(103.0), false));
        assert!(silence.must_ask(at(104.0), false));
        assert!(!silence.begins(at(106.0)), "the answer may still come");
        assert!(silence.failed("no answer".to_owned(), at(106.5)));
        assert!(!silence.failed("no answer".to_owned(), at(106.6)));
        assert!(silence.begins(at(106.6)) && !silence.begins(at(107.0)));
        assert!(!silence.must_ask(at(108.0), true), "not without a pause");
        assert!(silence.must_ask(at(109.0), false));
        assert_eq!(silence.heard(at(120.0), at(120.0)), Some(at(100.0)));
        assert_eq!(silence.heard(at(121.0), at(121.0)), None);
        assert!(!silence.begins(at(122.0)) && silence.fault().is_none());
    }

    #[test]
    fn an_answer_tells_how_things_were_when_it_was_asked_for() {
        let mut silence = Silence::new(at(100.0));
        let _ = silence.heard(at(104.0), at(106.0));
        assert_eq!(silence.heard_at(), at(104.0));
        let _ = silence.heard(at(102.0), at(107.0));
        assert_eq!(silence.heard_at(), at(104.0));
        assert!(!silence.was_cut_off(at(108.9)) && silence.was_cut_off(at(109.0)));
    }

    #[test]
    fn what_is_due_is_asked_at_once_and_a_short_trouble_is_no_ignorance() {
        let mut silence = Silence::new(at(100.0));
        assert!(silence.must_ask(at(100.5), true));
        assert!(silence.failed("refused".to_owned(), at(101.0)));
        assert!(!silence.begins(at(101.0)));
        assert!(
            silence.begins(at(107.0)),
            "nobody has to ask for it to be so"
        );
    }
}
