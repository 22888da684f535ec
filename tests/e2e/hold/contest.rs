//! Many holds after one lease, their supervisors frozen and killed at random: never two commands at once.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use lease_harness::Running;

use super::scene::{SOON, Scene};

const HOLDERS: usize = 6;
const ROUNDS: usize = 3;

/// Writes a line when it starts, while it runs and when it ends; each names its own round of its own holder.
fn command(log: &Path, name: &str) -> String {
    let log = log.display();
    let line = |what: &str| format!("echo {what} {name} $(date +%s%N) >> {log}");
    let beat = line("beat");
    format!(
        "{}; {beat}; for i in 1 2 3 4 5 6; do sleep 0.05; {beat}; done; {}",
        line("start"),
        line("end")
    )
}

/// From the first to the last sign of life of each command, in nanoseconds, by start.
fn spans(log: &str) -> Vec<(u128, u128, String)> {
    let mut spans: Vec<(u128, u128, String)> = Vec::new();
    for line in log.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, name, at] = words[..] else { continue };
        let Ok(at) = at.parse::<u128>() else { continue };
        match spans.iter_mut().find(|(.., known)| known == name) {
            Some((first, last, _)) => (*first, *last) = ((*first).min(at), (*last).max(at)),
            None => spans.push((at, at, name.to_owned())),
        }
    }
    spans.sort();
    spans
}

/// Acts on one of them, as chance has it.
fn disturb(random: &mut impl FnMut(usize) -> usize, running: &[Running]) {
    let Some(one) = running.get(random(HOLDERS)) else {
        return;
    };
    match random(4) {
        0 => one.signal(libc::SIGKILL),
        1 | 2 => one.signal(libc::SIGSTOP),
        _ => one.signal(libc::SIGCONT),
    }
}

#[test]
fn of_six_holds_that_are_frozen_and_killed_never_two_commands_run_at_once() {
    let scene = Scene::new(2);
    let log = scene.ns.file("log", "");
    let mut state = u64::from(std::process::id()) | 1;
    // xorshift: chance enough, and printed to be had again
    let seed = state;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    for round in 0..ROUNDS {
        let running: Vec<Running> = (0..HOLDERS)
            .map(|holder| {
                let script = command(&log, &format!("r{round}h{holder}"));
                scene.hold(&["--", "/bin/sh", "-c", &script]).spawn()
            })
            .collect();
        let until = Instant::now() + Duration::from_secs(3);
        while Instant::now() < until && running.iter().any(Running::is_running) {
            std::thread::sleep(Duration::from_millis(40 + random(120) as u64));
            disturb(&mut random, &running);
        }
        // Each of them: who was sent a SIGSTOP just now may not have come to it yet.
        for one in &running {
            one.signal(libc::SIGCONT);
        }
        for one in running {
            let output = one.wait(3 * SOON);
            let codes = [Some(0), Some(123), Some(137), None];
            // Frozen from the grant until after its time: nothing was started.
            let late = output.code == Some(125) && output.stderr.contains("was not started");
            assert!(
                late || codes.contains(&output.code),
                "seed {seed}: {output}"
            );
        }
    }
    let text = std::fs::read_to_string(&log).expect("it is ours");
    let spans = spans(&text);
    let mut overlaps = String::new();
    for pair in spans.windows(2) {
        if pair[1].0 <= pair[0].1 {
            let _ = writeln!(overlaps, "{:?} and {:?}", pair[0], pair[1]);
        }
    }
    assert!(overlaps.is_empty(), "seed {seed}:\n{overlaps}\n{text}");
    assert!(
        spans.len() >= HOLDERS / 2,
        "seed {seed}: too few ran:\n{text}"
    );
}
