//! The watchdog while its command runs: it does what the supervisor says, and what is due whatever becomes of that.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::inbox::Inbox;
use super::names::some_of;
use super::outbox::Outbox;
use super::start::Heard;
use super::tree::{ChildEvent, Tree};
use super::wakers::Wakers;
use super::wire::{Orders, ToSupervisor, ToWatchdog};
use crate::clock::{Clock, Instant, SystemClock};

/// How often the kill is repeated while something still runs.
const KILL_AGAIN: Duration = Duration::from_millis(20);

struct Watchdog {
    orders: Orders,
    control: UnixStream,
    supervisor_alive: bool,
    inbox: Inbox,
    /// What the supervisor, frozen say, has not made room for yet. It is never waited for while anything runs.
    outbox: Outbox,
    tree: Tree,
    /// It began too late: nothing is said of it but that.
    unwanted: bool,
    /// What the command leaves behind runs on.
    detaches: bool,
    stopping: bool,
    kill_due: Option<Instant>,
}

/// Watches a command that runs, as the child `child` of this process, until nothing of it is left and that is said. What is
/// `unwanted` began too late, and is killed at once. With `detaches` what a command leaves behind by itself is not watched.
pub fn run(
    control: UnixStream,
    child: Pid,
    unwanted: bool,
    detaches: bool,
    heard: Heard,
    wakers: &Wakers,
) {
    let mut watchdog = Watchdog {
        orders: heard.orders,
        control,
        supervisor_alive: true,
        inbox: heard.inbox,
        outbox: Outbox::default(),
        tree: Tree::new(child),
        unwanted,
        detaches,
        stopping: unwanted,
        kill_due: unwanted.then(|| SystemClock.now()),
    };
    if !unwanted {
        watchdog.tell(&ToSupervisor::Started(child.as_raw()));
    }
    // What came while the command was being started.
    for message in heard.for_command {
        watchdog.obey(message);
    }
    watchdog.obey_all();
    watchdog.watch(wakers);
}

impl Watchdog {
    fn watch(mut self, wakers: &Wakers) {
        loop {
            self.listen();
            self.tell_the_rest();
            let again = self.act(SystemClock.now());
            for change in self.tree.changes() {
                if self.unwanted {
                    continue;
                }
                self.tell(&match change {
                    ChildEvent::Ended(ended) => ToSupervisor::Ended(ended),
                    ChildEvent::Stopped(signal) => ToSupervisor::Stopped(signal),
                });
            }
            if self.tree.is_gone() {
                self.tell(match self.unwanted {
                    true => &ToSupervisor::Late,
                    false => &ToSupervisor::Gone,
                });
                break;
            }
            if self.lets_go() {
                let until = self.orders.fence_at();
                let left = self.tree.names(&|| SystemClock.now() < until);
                self.tell(&ToSupervisor::Detached(some_of(&left)));
                break;
            }
            if !again && !self.tree.is_crowded() {
                self.wait(wakers);
            }
        }
        // Nothing runs any more. The supervisor has to know how it ended before it sees us end.
        while self.supervisor_alive && !self.outbox.is_empty() {
            wakers.wait(Some(&self.control), true, None);
            self.listen();
            self.tell_the_rest();
        }
    }

    /// Whether what the command has left behind runs on: its leader has ended, and not by an order to end all. That was given before.
    fn lets_go(&mut self) -> bool {
        if !self.detaches || !self.tree.leader_ended() {
            return false;
        }
        self.listen();
        !self.stopping
    }

    /// Does what is due; true if there is more to do at once.
    fn act(&mut self, now: Instant) -> bool {
        if !self.stopping && now >= self.orders.fence_at() {
            // Said before it can be seen: the supervisor may have heard of a renewal in the same moment, and would take the
            // command's death for its own.
            self.tell(&ToSupervisor::Fenced);
            self.stop(now);
        }
        // Not only at its time: each death can have brought somebody to light.
        self.kill_due.is_some_and(|due| now >= due) && self.tree.kill_all()
    }

    fn stop(&mut self, now: Instant) {
        self.stopping = true;
        let timing = self.orders.timing;
        let kill_at = (now + timing.kill_after).min(self.orders.kill_at());
        let until = now + kill_at.since(now) / 2;
        let in_time = || SystemClock.now() < until;
        if self.tree.leader_ended() {
            let left = self.tree.names(&in_time);
            if !left.is_empty() {
                self.tell(&ToSupervisor::Left(some_of(&left)));
            }
        }
        let signal = Signal::try_from(self.orders.on_lost).unwrap_or(Signal::SIGTERM);
        let all = self.tree.signal_all(signal, &in_time);
        let asked_for = SystemClock.now().since(now);
        self.kill_due = Some(kill_due(now, kill_at, all.then_some(asked_for)));
    }

    /// Waits until something has happened or is due.
    fn wait(&self, wakers: &Wakers) {
        let now = SystemClock.now();
        let next = match self.kill_due {
            Some(due) if due > now => Some(due),
            Some(_) => Some(now + KILL_AGAIN),
            None if self.stopping => None,
            None => Some(self.orders.fence_at()),
        };
        let control = self.supervisor_alive.then_some(&self.control);
        wakers.wait(control, !self.outbox.is_empty(), next);
    }

    /// Takes the supervisor's orders; its silence for good means that it is dead.
    fn listen(&mut self) {
        while self.supervisor_alive {
            match self.inbox.receive_by(|buffer| (&self.control).read(buffer)) {
                Ok(true) => self.obey_all(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(false) | Err(_) => self.supervisor_alive = false,
            }
        }
        if !self.stopping {
            // Nobody renews the lease any more.
            self.stop(SystemClock.now());
        }
    }

    /// Obeys what was heard; an order may come in two pieces.
    fn obey_all(&mut self) {
        while let Some(message) = self.inbox.next() {
            // A line that is none of ours may be anybody's who copied the socket.
            if let Ok(message) = message {
                self.obey(message);
            }
        }
    }

    fn obey(&mut self, message: ToWatchdog) {
        match message {
            ToWatchdog::Held(sent_at) => self.orders.renewed(sent_at),
            ToWatchdog::Signal(number) => self.forward(number),
            // Each stop is asked for once.
            ToWatchdog::Stop if self.stopping => {}
            ToWatchdog::Stop => self.stop(SystemClock.now()),
            ToWatchdog::Kill => {
                self.stopping = true;
                self.kill_due = Some(SystemClock.now());
            }
            // One command is started already.
            ToWatchdog::Start(_) => {}
        }
    }

    fn forward(&self, number: i32) {
        match Signal::try_from(number) {
            // Requests to end are for all that runs.
            Ok(signal @ (Signal::SIGHUP | Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTERM)) => {
                let until = self.kill_due.unwrap_or_else(|| self.orders.fence_at());
                self.tree.signal_all(signal, &|| SystemClock.now() < until);
            }
            // Somebody who is stopped hears nothing until continued.
            Ok(
                signal @ (Signal::SIGSTOP | Signal::SIGTSTP | Signal::SIGTTIN | Signal::SIGTTOU),
            ) => self.tree.signal_group(signal, false),
            Ok(signal) => self.tree.signal_group(signal, true),
            Err(_) => self.tree.signal_group_by_number(number),
        }
    }

    fn tell(&mut self, message: &ToSupervisor) {
        if self.supervisor_alive {
            self.supervisor_alive = self.outbox.send(&self.control, message).is_ok();
        }
    }

    fn tell_the_rest(&mut self) {
        if self.supervisor_alive {
            self.supervisor_alive = self.outbox.flush(&self.control).is_ok();
        }
    }
}

/// When a tree is killed that was asked to stop from `now` on, and that all had been asked of `asked_for` later if they
/// have: killing takes as long as asking, and has to be over as if it took no time, at `kill_at`. If half of the time was
/// too short to ask all, the rest is for the kill.
fn kill_due(now: Instant, kill_at: Instant, asked_for: Option<Duration>) -> Instant {
    let needed = asked_for.unwrap_or_else(|| kill_at.since(now));
    now + kill_at.since(now).saturating_sub(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_begins_as_much_earlier_as_the_asking_took() {
        let at = |millis| Instant::from_origin(Duration::from_millis(millis));
        let asked = |millis| Some(Duration::from_millis(millis));
        assert_eq!(kill_due(at(1000), at(1200), asked(0)), at(1200));
        assert_eq!(kill_due(at(1000), at(1200), asked(70)), at(1130));
        // Not all were asked, or it was broken off late: at once.
        assert_eq!(kill_due(at(1000), at(1200), None), at(1000));
        assert_eq!(kill_due(at(1000), at(1200), asked(900)), at(1000));
        assert_eq!(kill_due(at(1000), at(900), asked(5)), at(1000));
    }
}
