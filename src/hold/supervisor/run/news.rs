//! What a hold does when it hears of its command: ended, stopped, gone.

use super::{Hold, News, Next, Note};
use crate::clock::Clock;
use crate::hold::machine::{Event, Outcome};
use crate::lease::api::Api;

impl<A: Api, C: Clock> Hold<'_, A, C> {
    pub(super) fn hear(&mut self, news: News) -> Next {
        match news {
            News::Started(group) => {
                self.begun = true;
                self.begun(group);
                Next::Wait
            }
            News::NotStarted(errno) => {
                self.report.errno = Some(errno);
                self.leave_child();
                self.feed(Event::NotStarted)
            }
            News::NoRoom(why) => {
                self.report.no_watchdog = Some(why);
                self.leave_child();
                self.feed(Event::NotStarted)
            }
            News::Left(names) => self.say(Note::Left(names)),
            News::Ended(ended) => {
                self.take_terminal_back();
                let next = self.feed(Event::ChildExited(ended));
                self.report.ended_by_itself = self.machine.is_held();
                next
            }
            #[cfg(unix)]
            News::Detached(names) => {
                self.leave_child();
                (self.say)(None, Note::Detached(names));
                self.feed(Event::Detached)
            }
            #[cfg(unix)]
            News::Stopped(signal) => self.stopped(signal),
            News::Fenced => self.feed(Event::Fenced),
            News::Gone => {
                self.leave_child();
                self.feed(Event::TreeGone)
            }
            News::WatchdogDied => {
                self.report.watchdog_died = true;
                self.feed(Event::WatchdogDied)
            }
        }
    }

    fn leave_child(&mut self) {
        self.take_terminal_back();
        if let Some(mut child) = self.child.take() {
            child.reap();
        }
    }

    /// The last words.
    pub(super) fn end(&mut self) {
        let lost = self.report.outcome == Outcome::Lost;
        if lost && self.child.is_some() {
            self.take_terminal_back();
        }
        self.job.end();
        if !lost {
            return;
        }
        for lease in self.report.released.iter().copied() {
            // A word that follows "lost" says how both can be.
            if !self.machine.is_lost(lease) {
                (self.say)(Some(lease), Note::ReleasedToo);
            } else if self.terms.command.is_empty() {
                (self.say)(Some(lease), Note::ReleasedAfterLoss);
            }
        }
    }
}
