//! What a hold does when it hears of its command: ended, stopped, gone.

use super::super::machine::{Event, Outcome};
use super::{Hold, News, Note};
use crate::clock::Clock;
use crate::lease::api::Api;

impl<A: Api, C: Clock> Hold<'_, A, C> {
    #[cfg(unix)]
    pub(super) async fn hear(&mut self, news: News) -> bool {
        match news {
            News::Started(group) => {
                if let Some(tty) = &self.tty {
                    tty.note_taken_by(group);
                }
                false
            }
            News::NotStarted(errno) => {
                self.report.errno = Some(errno);
                if let Some(tty) = &self.tty {
                    tty.restore();
                }
                self.leave_child();
                self.feed(Event::NotStarted).await
            }
            News::NoRoom(why) => {
                self.report.no_watchdog = Some(why);
                self.leave_child();
                self.feed(Event::NotStarted).await
            }
            News::Left(names) => {
                (self.say)(Note::Left(names));
                false
            }
            News::Ended(ended) => {
                if let Some(tty) = &self.tty {
                    tty.restore();
                }
                self.feed(Event::ChildExited(ended)).await
            }
            News::Stopped(signal) => {
                self.stopped(signal).await;
                self.feed(Event::Woken).await
            }
            News::Gone => {
                self.leave_child();
                if let Some(tty) = &self.tty {
                    tty.restore();
                }
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

    /// The command was stopped, by Ctrl-Z say: our whole job stops with it, and both go on together.
    #[cfg(unix)]
    pub(super) async fn stopped(&mut self, signal: i32) {
        let (Some(tty), Some(child)) = (&self.tty, &mut self.child) else {
            return;
        };
        let Some(group) = child.group() else { return };
        let asked_for_terminal = signal == nix::libc::SIGTTIN || signal == nix::libc::SIGTTOU;
        // Asked before it was given: the report of that may come after.
        if asked_for_terminal && (tty.is_ours() || tty.is_of(group)) {
            tty.hand_back_to(group);
            return;
        }
        if !tty.has_shell_above() {
            child.forward(nix::libc::SIGCONT);
            return;
        }
        let clock = self.operations.clock();
        let left = (self.grant.sent_at + self.order.timing.fence_after).since(clock.now());
        (self.say)(Note::Stopped { left });
        tty.stop_job();
        // Continued, by `fg` or by `bg`.
        if tty.is_ours() {
            tty.hand_back_to(group);
        } else {
            child.forward(nix::libc::SIGCONT);
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
    pub(super) fn end(&self) {}

    #[cfg(unix)]
    pub(super) fn end(&self) {
        if let Some(tty) = &self.tty
            && self.report.outcome == Outcome::Lost
        {
            tty.restore();
        }
    }
}
