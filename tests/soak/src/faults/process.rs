//! What is done to the processes of a hold: stopped, killed, signalled, crowded out. Never to anybody else's.

use std::time::Duration;

use super::{done, victim};
use crate::cast::Stage;
use crate::cast::calls::Live;
use crate::cast::processes::{Family, Handle};
use crate::time::At;

/// All of them.
pub const KINDS: &[&str] = &[
    "supervisor-stopped",
    "watchdog-stopped",
    "command-stopped",
    "supervisor-and-watchdog-stopped",
    "supervisor-and-command-stopped",
    "watchdog-and-command-stopped",
    "all-stopped",
    "supervisor-killed",
    "watchdog-killed",
    "command-killed",
    "supervisor-signalled",
    "watchdog-signalled",
    "command-signalled",
    "processor-crowded",
];

/// What a process is to the hold.
type Which = fn(&Family) -> Option<u32>;

const SUPERVISOR: Which = |family| family.supervisor;
const WATCHDOG: Which = |family| family.watchdog;
const COMMAND: Which = |family| family.command;

/// The durations are of 2 to 4 s; a stop is of half of that to three times as much.
const STOP: (f64, f64) = (1.0, 12.0);
/// Between two stops of a process that is kept from going on.
const AGAIN: Duration = Duration::from_millis(20);
/// Those that stop a process are taken back.
const STOPS: [i32; 4] = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

/// Does it to somebody, and notes it, if there was somebody.
pub fn inject(stage: &Stage, kind: &'static str, random: &mut fastrand::Rng) {
    if kind == "processor-crowded" {
        crowd(stage, random);
        return;
    }
    let Some(live) = victim(stage, random) else {
        return;
    };
    let (whose, what) = kind.rsplit_once('-').unwrap_or((kind, ""));
    let handles: Vec<Handle> = of(whose)
        .iter()
        .filter_map(|which| live.handle(*which))
        .collect();
    if handles.is_empty() {
        return;
    }
    let begun = At::now();
    let detail = match what {
        "stopped" => stop(stage, &handles, random),
        "killed" => send(&handles, libc::SIGKILL),
        _ => signal(stage, &handles, random),
    };
    stage.note_fault(done("process", kind, begun, &live, detail));
}

fn of(whose: &str) -> &'static [Which] {
    match whose {
        "supervisor" => &[SUPERVISOR],
        "watchdog" => &[WATCHDOG],
        "command" => &[COMMAND],
        "supervisor-and-watchdog" => &[SUPERVISOR, WATCHDOG],
        "supervisor-and-command" => &[SUPERVISOR, COMMAND],
        "watchdog-and-command" => &[WATCHDOG, COMMAND],
        _ => &[SUPERVISOR, WATCHDOG, COMMAND],
    }
}

/// A call that does not end is asked to; noted as what it is, a signal.
pub fn asked_to_end(stage: &Stage, live: &Live, why: &str) {
    let begun = At::now();
    live.terminate();
    let detail = format!("signal 15: {why}");
    stage.note_fault(done("process", "supervisor-signalled", begun, live, detail));
}

fn send(handles: &[Handle], signal: i32) -> String {
    for handle in handles {
        handle.signal(signal);
    }
    format!("signal {signal} to {}", pids(handles))
}

fn pids(handles: &[Handle]) -> String {
    let pids: Vec<String> = handles.iter().map(|it| it.pid.to_string()).collect();
    pids.join(", ")
}

/// Stops them for a while, and continues them also where the faults end meanwhile: a process that nobody continues is no
/// fault but a mistake. Half of the time they are stopped again and again, as the tool continues its own watchdog.
fn stop(stage: &Stage, handles: &[Handle], random: &mut fastrand::Rng) -> String {
    // Most are short; the long ones are those that let a lease expire.
    let part = random.f64().powi(2);
    let time = Duration::from_secs_f64(STOP.0 + (STOP.1 - STOP.0) * part);
    let said = send(handles, libc::SIGSTOP);
    let (begun, kept) = (At::now(), random.bool());
    while kept && At::now().since(begun) < time && !stage.faults_over() {
        std::thread::sleep(AGAIN);
        send(handles, libc::SIGSTOP);
    }
    if !kept {
        stage.pass(time, Stage::faults_over);
    }
    send(handles, libc::SIGCONT);
    let seconds = At::now().since(begun).as_secs_f64();
    let again = if kept { ", again and again" } else { "" };
    format!("{said}, for {seconds:.2} s{again}")
}

fn signal(stage: &Stage, handles: &[Handle], random: &mut fastrand::Rng) -> String {
    let number = random.i32(1..=64);
    let said = send(handles, number);
    if STOPS.contains(&number) {
        let time = Duration::from_secs_f64(0.5 + 3.0 * random.f64());
        stage.pass(time, Stage::faults_over);
        send(handles, libc::SIGCONT);
    }
    said
}

/// Others want the processors for a while, and get them first where that is allowed.
fn crowd(stage: &Stage, random: &mut fastrand::Rng) {
    let (count, seconds) = (random.usize(1..=3), 1.0 + 2.0 * random.f64());
    let begun = At::now();
    let words = ["burn".to_owned(), format!("{seconds:.1}")];
    let burners: Vec<_> = (0..count)
        .map(|_| lease_harness::Command::new(&stage.tools.soak, &words).spawn())
        .collect();
    for burner in &burners {
        while burner.is_running() {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    stage.note_fault(crate::history::Injected {
        kind: "processor-crowded".to_owned(),
        family: "process".to_owned(),
        begun,
        over: At::now(),
        contenders: Vec::new(),
        call: None,
        lease: None,
        detail: format!("by {count} for {seconds:.1} s"),
    });
}

/// Runs as one who wants a processor, if the first word says so: `burn SECONDS`.
pub fn main(arguments: &[String]) -> Option<std::process::ExitCode> {
    let [first, seconds] = arguments else {
        return None;
    };
    if first != "burn" {
        return None;
    }
    let seconds: f64 = seconds.parse().ok()?;
    // SAFETY: it takes numbers, and fails where it is not allowed.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -5) };
    let end = At::now() + Duration::from_secs_f64(seconds);
    while At::now() < end {
        std::hint::spin_loop();
    }
    Some(std::process::ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_names_its_processes() {
        let counts: Vec<usize> = KINDS
            .iter()
            .filter_map(|kind| kind.strip_suffix("-stopped"))
            .map(|whose| of(whose).len())
            .collect();
        assert_eq!(counts, [1, 1, 1, 2, 2, 2, 3]);
    }
}
