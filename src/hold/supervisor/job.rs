//! Job control: what is to be done when the command stops, and when our own process group is told to; pure but for the
//! signals heard.

use std::task::Poll;

use futures::FutureExt;
use nix::libc;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::{Pid, getpgrp};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use super::shell::{self, Whom};
use super::tty::{Front, Tty};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The command gets the terminal, and goes on.
    HandOver,
    /// Our group gets the terminal, and goes on: a program around us in a pipeline asks for it.
    TakeOver,
    /// The command is asked to stop; our job stops when it has.
    StopCommand,
    /// Our job stops, and goes on with the command once continued.
    StopJob(Whom, Signal),
    /// The command goes on: nobody would continue a job that has stopped.
    GoOn,
    /// The command waits for a terminal that nobody will give it.
    SayWaits,
    /// All is as it should be.
    Nothing,
}

/// What the command is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// There is none.
    None,
    /// It has begun, or is about to.
    Runs,
    /// It has ended; what it started may still run.
    Ended,
}

/// The job that a hold is.
pub struct Job {
    /// The terminal, if there is one.
    pub tty: Option<Tty>,
    /// What the command is doing.
    pub phase: Phase,
    /// The signal by which our job stops once the command has.
    pub stopping: Option<Signal>,
    /// Whether the command was seen to stop, and not continued by us since.
    pub stopped: bool,
    /// Whether the terminal has another size since before the command was known to run.
    pub resized: bool,
    streams: Vec<(i32, Stream)>,
}

impl Job {
    /// The job, whose own signals are heard from now on; those that were ignored when it started stay ignored.
    pub fn new(with_command: bool) -> Self {
        let numbers = [
            Signal::SIGTSTP,
            Signal::SIGTTIN,
            Signal::SIGTTOU,
            Signal::SIGWINCH,
        ]
        .map(|signal| signal as i32);
        let heard = numbers.into_iter().filter_map(|number| {
            if crate::signals::is_ignored(number) {
                return None;
            }
            // One that cannot be heard does what it does by default.
            Some((number, signal(SignalKind::from_raw(number)).ok()?))
        });
        Self {
            tty: Tty::controlling(),
            phase: if with_command {
                Phase::Runs
            } else {
                Phase::None
            },
            stopping: None,
            stopped: false,
            resized: false,
            streams: heard.collect(),
        }
    }

    /// The next signal of job control that this process gets.
    pub async fn next(&mut self) -> i32 {
        std::future::poll_fn(|context| {
            for (number, stream) in &mut self.streams {
                if stream.poll_recv(context) == Poll::Ready(Some(())) {
                    return Poll::Ready(*number);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// The process group that the command takes the terminal from before it begins, if it does.
    pub fn takes_terminal_of(&self) -> Option<Pid> {
        self.tty.as_ref().and_then(Tty::gives_at_start)
    }

    /// To be called last: a program around us that asked for the terminal too late to be heard goes on, and what is
    /// printed from now on stops nobody.
    pub fn end(&mut self) {
        while let Some(signal) = self.next().now_or_never() {
            if self.phase != Phase::None && matches!(signal, libc::SIGTTIN | libc::SIGTTOU) {
                let _ = killpg(getpgrp(), Signal::SIGCONT);
            }
        }
        // A handler of ours would have the kernel try the write again, and raise the signal again, without end.
        let _ = SigSet::from(Signal::SIGTTOU).thread_block();
    }

    /// Whose the foreground is.
    pub fn front(&self, group: Option<Pid>) -> Front {
        (self.tty.as_ref()).map_or(Front::Nobodys, |tty| tty.front(group))
    }

    /// What to do: the command was stopped by `signal`.
    pub fn command_stopped(&self, signal: Signal, front: Front) -> Step {
        command_stopped(signal, front, self.stopping, shell::is_above())
    }

    /// What to do: this process got `signal`.
    pub fn told(&self, signal: Signal, front: Front) -> Step {
        told(signal, front, self.phase, shell::is_above())
    }
}

/// The signals that a terminal sends to whoever uses it from the background.
fn asks_for_terminal(signal: Signal) -> bool {
    matches!(signal, Signal::SIGTTIN | Signal::SIGTTOU)
}

fn command_stopped(signal: Signal, front: Front, stopping: Option<Signal>, shell: bool) -> Step {
    if asks_for_terminal(signal) {
        return match (front, stopping) {
            // Asked before it was given: the news of that may come after. A Ctrl-Z meanwhile is seen at the handover.
            (Front::Ours | Front::Commands, _) => Step::HandOver,
            (Front::Others | Front::Nobodys, Some(with)) => Step::StopJob(Whom::Ourselves, with),
            (Front::Others, None) if shell => Step::StopJob(Whom::OurGroup, signal),
            (Front::Others, None) => Step::SayWaits,
            (Front::Nobodys, None) => Step::Nothing,
        };
    }
    match (front, stopping) {
        (_, Some(with)) => Step::StopJob(Whom::Ourselves, with),
        // As the terminal would have done, had the command been in our group. An editor stops itself by SIGSTOP.
        (Front::Commands, None) if shell => Step::StopJob(Whom::OurGroup, Signal::SIGTSTP),
        (Front::Commands, None) => Step::GoOn,
        // Ctrl-Z, and then a program around us in a pipeline got the terminal.
        (Front::Ours, None) if shell && signal == Signal::SIGTSTP => {
            Step::StopJob(Whom::OurGroup, signal)
        }
        // Somebody has stopped the command on purpose, and can continue it. The lease is kept for it.
        (Front::Ours | Front::Others | Front::Nobodys, None) => Step::Nothing,
    }
}

fn told(signal: Signal, front: Front, phase: Phase, shell: bool) -> Step {
    match (phase, front) {
        // Sent to our whole group: a program around us in a pipeline wants the terminal, and has been stopped for it.
        (Phase::Runs | Phase::Ended, Front::Ours | Front::Commands)
            if asks_for_terminal(signal) =>
        {
            Step::TakeOver
        }
        // It is over in a moment.
        (Phase::Ended, _) => Step::Nothing,
        (Phase::None | Phase::Runs, _) if !shell => Step::Nothing,
        (Phase::None, _) => Step::StopJob(Whom::Ourselves, signal),
        (Phase::Runs, _) => Step::StopCommand,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Signal::{SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};

    const FRONTS: [Front; 4] = [Front::Ours, Front::Commands, Front::Others, Front::Nobodys];
    const ASKS: [Signal; 2] = [SIGTTIN, SIGTTOU];

    #[test]
    fn a_command_that_stops() {
        use Front::{Commands, Nobodys, Others, Ours};
        let ctrl_z = Some(SIGTSTP);
        let ourselves = Step::StopJob(Whom::Ourselves, SIGTSTP);
        let group = |signal| Step::StopJob(Whom::OurGroup, signal);
        // By what; whose the foreground is; what our own job is about to stop by; whether there is a shell; what is done.
        let mut table = Vec::new();
        for asks in ASKS {
            // It gets the terminal while that is ours.
            for front in [Ours, Commands] {
                for (stopping, shell) in [(None, true), (None, false), (ctrl_z, true)] {
                    table.push((asks, front, stopping, shell, Step::HandOver));
                }
            }
            // In the background our job stops as it did, so that `fg` finds it.
            table.push((asks, Others, None, true, group(asks)));
            table.push((asks, Others, None, false, Step::SayWaits));
            table.push((asks, Nobodys, None, true, Step::Nothing));
        }
        for stop in [SIGTSTP, SIGSTOP] {
            // Ctrl-Z, typed at the command.
            table.push((stop, Commands, None, true, group(SIGTSTP)));
            table.push((stop, Commands, None, false, Step::GoOn));
            // Typed at us, and passed on.
            table.extend(FRONTS.map(|front| (stop, front, ctrl_z, true, ourselves)));
        }
        // One that somebody froze is left alone.
        table.extend([Ours, Others, Nobodys].map(|at| (SIGSTOP, at, None, true, Step::Nothing)));
        table.push((SIGTSTP, Nobodys, None, true, Step::Nothing));
        for (by, front, stopping, shell, step) in table {
            let done = command_stopped(by, front, stopping, shell);
            assert_eq!(done, step, "{by} {front:?} {stopping:?} {shell}");
        }
    }

    #[test]
    fn a_stop_of_our_own_job() {
        for front in FRONTS {
            // It stops the command first.
            assert_eq!(told(SIGTSTP, front, Phase::Runs, true), Step::StopCommand);
            assert_eq!(told(SIGTSTP, front, Phase::Ended, true), Step::Nothing);
            for signal in [SIGTSTP, SIGTTIN, SIGTTOU] {
                let stops = Step::StopJob(Whom::Ourselves, signal);
                assert_eq!(told(signal, front, Phase::None, true), stops);
            }
        }
        for asks in ASKS {
            // Our group gets the terminal back when it asks.
            for (phase, front) in [Phase::Runs, Phase::Ended]
                .into_iter()
                .flat_map(|phase| [(phase, Front::Ours), (phase, Front::Commands)])
            {
                assert_eq!(told(asks, front, phase, true), Step::TakeOver);
            }
            let background = told(asks, Front::Others, Phase::Runs, true);
            assert_eq!(background, Step::StopCommand);
        }
    }

    #[test]
    fn nothing_stops_that_nobody_would_continue() {
        for front in FRONTS {
            for phase in [Phase::None, Phase::Runs, Phase::Ended] {
                assert_eq!(told(SIGTSTP, front, phase, false), Step::Nothing);
            }
            for signal in [SIGTSTP, SIGSTOP, SIGTTIN, SIGTTOU] {
                let step = command_stopped(signal, front, None, false);
                assert!(!matches!(step, Step::StopJob(..)), "{signal} {front:?}");
            }
        }
    }
}
