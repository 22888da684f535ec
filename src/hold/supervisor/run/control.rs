//! Job control in a hold: does what [`super::super::job`] says.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::super::job::{Phase, Step};
use super::super::shell::{self, Whom};
use super::super::tty::Front;
use super::{Hold, Next, Note};
use crate::clock::Clock;
use crate::hold::machine::Event;
use crate::lease::api::Api;

impl<A: Api, C: Clock> Hold<'_, A, C> {
    fn group(&self) -> Option<Pid> {
        self.child.as_ref().and_then(super::Child::group)
    }

    /// The command has begun, as the leader of `group`.
    pub(super) fn begun(&mut self, group: Pid) {
        if let Some(tty) = &mut self.job.tty {
            tty.note_taken_by(group);
        }
        if self.job.stopping.is_some() {
            // Ctrl-Z, before there was anything to stop.
            self.send(Signal::SIGTSTP);
        }
        if std::mem::take(&mut self.job.resized) {
            self.send(Signal::SIGWINCH);
        }
    }

    /// The command has ended: the terminal is ours again.
    pub(super) fn take_terminal_back(&mut self) {
        self.job.phase = Phase::Ended;
        let group = self.group();
        if let Some(tty) = &mut self.job.tty {
            tty.restore(group);
        }
    }

    /// The command was stopped, by Ctrl-Z say.
    pub(super) fn stopped(&mut self, signal: i32) -> Next {
        let Ok(signal) = Signal::try_from(signal) else {
            return self.feed(Event::Woken);
        };
        self.job.stopped = true;
        let front = self.job.front(self.group());
        let step = self.job.command_stopped(signal, front);
        if matches!(step, Step::StopJob(Whom::Ourselves, _)) {
            // A pager beside us puts the screen back as it was before it stops, and what is said until then is gone.
            return Next::StopJob(step);
        }
        self.take_and_look(step)
    }

    /// Takes a step, after which it may be late: we may have been stopped.
    pub(super) fn take_and_look(&mut self, step: Step) -> Next {
        self.take(step);
        self.feed(Event::Woken)
    }

    /// This process got a signal of job control.
    pub(super) fn told(&mut self, signal: i32) -> Next {
        let Ok(signal) = Signal::try_from(signal) else {
            return Next::Wait;
        };
        let front = self.job.front(self.group());
        if signal == Signal::SIGWINCH {
            // The kernel tells the foreground only.
            if front != Front::Commands {
                self.job.resized = self.group().is_none();
                self.send(signal);
            }
            return Next::Wait;
        }
        let step = self.job.told(signal, front);
        if step == Step::StopCommand {
            self.stop_command(signal);
        } else {
            self.take(step);
        }
        self.feed(Event::Woken)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::HandOver => self.hand_over(),
            Step::TakeOver => {
                if let Some(tty) = &mut self.job.tty {
                    tty.take_over();
                }
            }
            Step::StopCommand => self.stop_command(Signal::SIGTSTP),
            Step::StopJob(whom, signal) => self.stop_job(whom, signal),
            Step::GoOn => self.go_on(),
            Step::SayWaits => (self.say)(None, Note::WaitsForTerminal),
            Step::Nothing => {}
        }
    }

    fn hand_over(&mut self) {
        let Some(group) = self.group() else { return };
        if let (Some(tty), Some(child)) = (&mut self.job.tty, &self.child)
            && !tty.hand_to(group, child)
        {
            // Typed at us if it was passed on, else at the command alone.
            match self.job.stopping {
                Some(signal) => self.stop_job(Whom::Ourselves, signal),
                None if shell::is_above() => self.stop_job(Whom::OurGroup, Signal::SIGTSTP),
                None => self.go_on(),
            }
            return;
        }
        self.job.stopped = false;
    }

    fn stop_command(&mut self, signal: Signal) {
        self.job.stopping = Some(signal);
        let Some(group) = self.group() else { return };
        // No news comes of one that is stopped already. Somebody else may have continued it.
        if self.job.stopped && shell::is_stopped(group) != Some(false) {
            self.stop_job(Whom::Ourselves, signal);
        } else {
            self.send(Signal::SIGTSTP);
        }
    }

    /// Stops our own job, as the shell expects; goes on once continued, by `fg` or by `bg`.
    fn stop_job(&mut self, whom: Whom, signal: Signal) {
        let fence = self.machine.sent_at() + self.terms.timing.renew_deadline;
        let stopped = Note::Stopped {
            left: fence.since(self.clock.now()),
            command: self.job.phase != Phase::None,
            echoed: signal == Signal::SIGTSTP,
        };
        (self.say)(None, stopped);
        let group = self.group();
        if let Some(tty) = &mut self.job.tty {
            match tty.front(group) {
                Front::Commands => tty.take_back(),
                // It asked for it: it shall have it after `fg`.
                Front::Others if whom == Whom::OurGroup => tty.promise(),
                Front::Ours | Front::Others | Front::Nobodys => {}
            }
        }
        shell::stop(whom, signal);
        self.job.stopping = None;
        if let (Some(tty), Some(group), Some(child)) = (&mut self.job.tty, group, &self.child)
            && tty.given()
            && tty.front(Some(group)) == Front::Ours
        {
            tty.hand_back_to(group, child);
            self.job.stopped = false;
            return;
        }
        self.go_on();
    }

    fn go_on(&mut self) {
        self.job.stopped = false;
        if let Some(child) = &self.child {
            child.go_on(|| ());
        }
    }

    /// To the command's group.
    fn send(&self, signal: Signal) {
        if let Some(group) = self.group() {
            // Gone already: its end is reported anyway.
            let _ = killpg(group, signal);
        }
    }
}
