//! What a hold does when it hears of its command: ended, stopped, gone.

use super::{Hold, News, Note};
use crate::clock::Clock;
use crate::hold::machine::{Event, Outcome};
use crate::lease::api::Api;

impl<A: Api, C: Clock> Hold<'_, A, C> {
    #[cfg(unix)]
    pub(super) async fn hear(&mut self, news: News) -> bool {
        match news {
            News::Started(group) => {
                self.begun(group);
                false
            }
            News::NotStarted(errno) => {
                self.report.errno = Some(errno);
                self.take_terminal_back();
                self.leave_child();
                self.feed(Event::NotStarted).await
            }
            News::NoRoom(why) => {
                self.report.no_watchdog = Some(why);
                self.take_terminal_back();
                self.leave_child();
                self.feed(Event::NotStarted).await
            }
            News::Left(names) => {
                (self.say)(Note::Left(names));
                false
            }
            News::Ended(ended) => {
                self.take_terminal_back();
                self.feed(Event::ChildExited(ended)).await
            }
            News::Stopped(signal) => {
                self.stopped(signal).await;
                self.feed(Event::Woken).await
            }
            News::Gone => {
                self.take_terminal_back();
                self.leave_child();
                self.feed(Event::TreeGone).await
            }
            News::WatchdogDied => {
                self.report.watchdog_died = true;
                self.feed(Event::WatchdogDied).await
            }
        }
    }

    #[cfg(unix)]
    fn leave_child(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.reap();
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn hear(&mut self, news: News) -> bool {
        match news {
            News::Ended(ended) => {
                self.child = None;
                self.feed(Event::ChildExited(ended)).await;
                self.feed(Event::TreeGone).await
            }
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn told(&mut self, _: i32) -> bool {
        false
    }

    /// The last words.
    pub(super) fn end(&mut self) {
        let lost = self.report.outcome == Outcome::Lost;
        #[cfg(unix)]
        if lost && self.child.is_some() {
            self.take_terminal_back();
        }
        self.job.end();
        // A word that follows "lost" says how both can be.
        if lost && std::mem::take(&mut self.report.released) && self.order.command.is_empty() {
            (self.say)(Note::ReleasedAfterLoss);
        }
    }
}
