//! One process of the tool from its start to its end, and those that are alive now.

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::Duration;

use lease_harness::{Command, Outlet, Running};

use super::processes::{self, Family, Handle, MARK};
use super::{LOOK, Stage, lock};
use crate::faults::surroundings::Surroundings;
use crate::history::{self, Call, Exit, Leftover, Role};
use crate::time::At;

/// So much of its stderr is kept, from its end.
const WORDS: usize = 6_000;
/// The tag of what an ended call has left: looked for so long, before the harness ends it.
const AFTERLIFE: Duration = Duration::from_secs(6);
/// Nothing that is done to a process lasts so long: what is there still has been forgotten, though it may end some day.
const FORGOTTEN: Duration = Duration::from_secs(30);
/// Beyond all that a call may take once it works: it is asked to end.
const TOO_LONG: Duration = Duration::from_secs(20);

/// A process that has been started and has not ended.
#[derive(Clone)]
pub struct Live {
    pub call: u32,
    pub contender: u32,
    pub holder: Option<String>,
    pub role: Role,
    pub leases: Vec<String>,
    running: Arc<Running>,
}

/// What is to be started.
pub struct Plan {
    pub contender: u32,
    pub role: Role,
    pub holder: Option<String>,
    pub leases: Vec<String>,
    /// The words after the program's name, without the command.
    pub words: Vec<String>,
    /// What hold runs: what is known of it, and its words.
    pub command: Option<(history::Command, Vec<String>)>,
    pub surroundings: Surroundings,
    pub timeout: Option<f64>,
}

/// How a call ended.
pub struct Ended {
    pub call: u32,
    pub exit: Exit,
    pub stdout: String,
}

impl Live {
    /// Its processes, as they are now.
    pub fn family(&self) -> Family {
        processes::family(self.running.pid())
    }

    /// A handle of one of its processes, which is none of anybody else's.
    pub fn handle(&self, which: fn(&Family) -> Option<u32>) -> Option<Handle> {
        let pid = which(&self.family())?;
        Handle::of(pid, |pid| which(&self.family()) == Some(pid))
    }

    /// Asks it to end, as a person does.
    pub fn terminate(&self) {
        if let Some(supervisor) = self.handle(|family| family.supervisor) {
            supervisor.signal(libc::SIGTERM);
        }
    }

    pub fn kill(&self) {
        self.running.signal(libc::SIGKILL);
    }
}

impl Stage {
    /// Those that have not ended.
    pub fn live(&self) -> Vec<Live> {
        lock(&self.live).values().cloned().collect()
    }

    /// Starts it, and waits for its end.
    pub fn perform(&self, plan: Plan) -> Ended {
        let started = At::now();
        let id = self.enter(&plan, started);
        let running = Arc::new(self.command(&plan, id).spawn());
        let live = Live {
            call: id,
            contender: plan.contender,
            holder: plan.holder.clone(),
            role: plan.role,
            leases: plan.leases.clone(),
            running: running.clone(),
        };
        lock(&self.calls)[id as usize].pid = running.pid();
        lock(&self.live).insert(id, live.clone());
        plan.surroundings.note(self, &live);
        self.wait(&live, &plan);
        let exit = self.leave(&live);
        let stdout = running.stdout();
        drop(live);
        self.bury(running, id);
        Ended {
            call: id,
            exit,
            stdout,
        }
    }

    fn enter(&self, plan: &Plan, started: At) -> u32 {
        let mut calls = lock(&self.calls);
        let id = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        calls.push(Call {
            id,
            contender: plan.contender,
            user: self.server.user(plan.contender).name.clone(),
            holder: plan.holder.clone(),
            role: plan.role,
            leases: plan.leases.clone(),
            words: plan.words.clone(),
            started,
            ended: None,
            exit: None,
            stderr: String::new(),
            pid: 0,
            command: plan.command.as_ref().map(|(command, _)| command.clone()),
            clock: plan.surroundings.clock,
            surroundings: plan.surroundings.words(),
            timeout: plan.timeout,
        });
        id
    }

    fn command(&self, plan: &Plan, id: u32) -> Command {
        let mut words = plan.words.clone();
        if let Some((_, command)) = &plan.command {
            words.push("--".to_owned());
            words.push(self.tools.soak.display().to_string());
            words.extend(command.iter().cloned());
        }
        let (program, words) = plan.surroundings.around(&self.tools, words);
        let mut command = Command::new(program, words)
            .kubeconfig(&self.tools.kubeconfigs[plan.contender as usize])
            .env(MARK, processes::mark(id))
            .env("HOME", &self.tools.homes)
            .env("TMPDIR", &self.tools.homes)
            .env("XDG_RUNTIME_DIR", &self.tools.homes);
        for (name, value) in plan.surroundings.environment(&self.tools) {
            command = command.env(name, value);
        }
        let fills = |(command, _): &(history::Command, _)| command.manner == "fills-outputs";
        if plan.command.as_ref().is_some_and(fills) {
            command = command.stdout(Outlet::Full);
        }
        command
    }

    /// Until it has ended. One that works far longer than it should is asked to end.
    fn wait(&self, live: &Live, plan: &Plan) {
        let works = plan
            .command
            .as_ref()
            .map_or(0, |(command, _)| command.works);
        let most = 2 * Duration::from_millis(works) + TOO_LONG;
        let mut asked = false;
        while live.running.is_running() {
            std::thread::sleep(LOOK);
            let sign = live.holder.as_deref().and_then(|it| self.sink.sign_of(it));
            if !asked && sign.is_some_and(|sign| At::now().since(sign.first) > most) {
                asked = true;
                crate::faults::process::asked_to_end(self, live, "it should have ended by now");
            }
        }
    }

    /// Notes how it ended.
    fn leave(&self, live: &Live) -> Exit {
        let (status, _) = live.running.ended().unwrap_or_default();
        // Not from its start on: to start a process can take long.
        let ended = live.running.ended_at();
        let ended = ended.map_or_else(At::now, |ended| self.server.at(ended));
        let exit = match status.signal() {
            Some(signal) => Exit::Signal(signal),
            None => Exit::Code(status.code().unwrap_or(-1)),
        };
        lock(&self.live).remove(&live.call);
        let mut calls = lock(&self.calls);
        let call = &mut calls[live.call as usize];
        call.ended = Some(ended);
        call.exit = Some(exit);
        call.stderr = end_of(&live.running.stderr());
        exit
    }

    /// Notes what was said to the end: of one that has ended, more may have been on its way.
    fn hear_out(&self, buried: &[(At, u32, Arc<Running>)]) {
        for (_, call, running) in buried {
            let said = end_of(&running.stderr());
            lock(&self.calls)[*call as usize].stderr = said;
        }
    }

    /// The same of all of whom something may be left.
    pub fn hear_all_out(&self) {
        self.hear_out(&lock(&self.graves).clone());
    }

    /// Keeps what is left of a call until everything of it must have ended: the harness kills what it forgets, and
    /// would hide what the tool has left behind.
    fn bury(&self, running: Arc<Running>, call: u32) {
        lock(&self.graves).push((At::now() + AFTERLIFE, call, running));
    }

    /// Forgets those of whom nothing is left, and says of whom something is, though it must not be any more: each process once.
    pub fn look_at_graves(&self) -> Vec<Leftover> {
        let due: Vec<u32> = {
            let graves = lock(&self.graves);
            let now = At::now();
            let due = graves.iter().filter(|(at, ..)| *at < now);
            due.map(|(_, call, _)| *call).collect()
        };
        if due.is_empty() {
            return Vec::new();
        }
        let marked = processes::marked();
        let mut left: Vec<(u32, u32)> = marked
            .into_iter()
            .filter(|(pid, call)| due.contains(call) && processes::state(*pid) != Some('Z'))
            .collect();
        let forgotten: Vec<_> = {
            let mut graves = lock(&self.graves);
            let (forgotten, kept) = std::mem::take(&mut *graves).into_iter().partition(
                |(_, call, _): &(At, u32, Arc<Running>)| {
                    due.contains(call) && left.iter().all(|(_, of)| of != call)
                },
            );
            *graves = kept;
            forgotten
        };
        self.hear_out(&forgotten);
        // Each looks for what it has to kill, which takes a moment.
        drop::<Vec<_>>(forgotten);
        left.retain(|left| self.is_forgotten(*left));
        let told = left.into_iter().map(|(pid, call)| Leftover {
            kind: "process".to_owned(),
            what: format!("{}, long after", processes::title(pid)),
            call: Some(call),
        });
        told.collect()
    }

    /// Whether a process of this call is there much too long, and this was not told yet.
    fn is_forgotten(&self, (pid, call): (u32, u32)) -> bool {
        let ended = lock(&self.calls)[call as usize].ended;
        ended.is_some_and(|ended| At::now() > ended + FORGOTTEN)
            && lock(&self.forgotten).insert((pid, call))
    }
}

fn end_of(text: &str) -> String {
    let mut from = text.len().saturating_sub(WORDS);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_long_words_the_end_is_kept() {
        assert_eq!(end_of("short"), "short");
        let long = "ä".repeat(WORDS);
        assert!(end_of(&long).len() <= WORDS);
        assert!(long.ends_with(&end_of(&long)));
    }
}
