//! One lost while the command runs: the command is stopped, the others are given back once it is gone, and which it was is said.

use super::scene::{Scene, about};
use crate::support::{SOON, pass_to};
use lease_harness::{
    Fault, Match, Output, Request, Running, resume_process, suspend_process, wait_gone,
};
use std::time::{Duration, Instant};

/// The process of the command, and what it said before.
fn child(running: &Running) -> u32 {
    let line = running.wait_stdout(|line| line.starts_with("runs "), SOON);
    line["runs ".len()..].trim().parse().expect("a process id")
}

#[track_caller]
fn lost(output: &Output, which: &str, how: &str) {
    assert_eq!(output.code, Some(123), "{output}");
    for name in ["a", "b", "c"] {
        let lost = output
            .stderr
            .contains(&format!("lease \"{name}\" lost: {how}"));
        let released = "was released: it is held with the lost one or not at all";
        let released = output
            .stderr
            .contains(&format!("lease \"{name}\" {released}"));
        assert_eq!(
            (lost, released),
            (name == which, name != which),
            "{name}: {output}"
        );
    }
}

#[cfg(unix)] // how soon a command ends that is asked to, which Wine's consoles do not
#[test]
fn robbed_of_any_the_command_is_stopped_at_once_and_the_others_are_free_when_it_is_gone() {
    for (robbed, rest) in [("a", "-c -b"), ("b", "-c -a"), ("c", "-b -a")] {
        let scene = Scene::new(60);
        let running = scene.running("hold a b c");
        let watched = |all: &[Request]| {
            let answered = all.iter().filter(|all| all.is_answered_watch());
            answered.count() >= 3
        };
        scene.proxy.wait_for(watched, SOON);
        let child = child(&running);
        pass_to(&scene.ns, robbed, "thief");
        let robbed_at = Instant::now();
        wait_gone(child, SOON);
        let took = robbed_at.elapsed();
        assert!(took < Duration::from_millis(500), "{took:?}");
        let output = running.wait(SOON);
        lost(&output, robbed, "taken over by \"thief\"");
        assert_eq!(scene.taken_and_given(), format!("+a +b +c {rest}"));
        let mut left = ["", "", ""];
        left[["a", "b", "c"]
            .iter()
            .position(|name| *name == robbed)
            .expect("one")] = "thief";
        assert_eq!(scene.holders(), left);
    }
}

#[test]
fn robbed_of_all_each_is_told_and_nothing_is_taken_back() {
    let scene = Scene::new(60);
    let running = scene.running("hold a b");
    let watched = |all: &[Request]| {
        let answered = all.iter().filter(|all| all.is_answered_watch());
        answered.count() >= 2
    };
    scene.proxy.wait_for(watched, SOON);
    // The command gets its TERM and stays until both are taken.
    for name in ["a", "b"] {
        pass_to(&scene.ns, name, "thief");
    }
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    assert!(
        output.stderr.contains("lost: taken over by \"thief\""),
        "{output}"
    );
    assert_eq!(scene.holders(), ["thief", "thief", ""]);
    assert!(!output.stderr.contains("nobody holds it"), "{output}");
}

#[test]
fn without_an_answer_for_one_all_end_by_its_deadline_and_the_others_are_renewed_until_then() {
    let scene = Scene::new(5);
    let running = scene.running("hold a b c");
    let child = child(&running);
    scene.wait_written("~b", 1);
    scene.proxy.clear();
    let of_b = Match::when(|request| about(request, "b"));
    scene.proxy.fault(of_b, Fault::Hang, usize::MAX);
    let cut = Instant::now();
    wait_gone(child, SOON);
    let took = cut.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    scene.wait_written("~a", 2);
    // The release of this one is not answered either.
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    let said = [
        "lease \"b\" lost: no renewal was acknowledged in time",
        "it is not known whether lease \"b\" could be released",
    ];
    for said in said {
        assert!(output.stderr.contains(said), "{output}");
    }
    for name in ["a", "c"] {
        let said = format!("lease \"{name}\" was released: it is held with the lost one");
        assert!(output.stderr.contains(&said), "{output}");
    }
    assert_eq!(scene.taken_and_given(), "-c -a", "{output}");
    let holders = scene.holders();
    assert!(holders[0].is_empty() && !holders[1].is_empty() && holders[2].is_empty());
}

#[test]
fn the_shortest_duration_counts_for_all() {
    let scene = Scene::new(60);
    scene.ns.edit("b", |lease| {
        lease["spec"]["leaseDurationSeconds"] = 3.into()
    });
    let running = scene.running("hold a b");
    for name in ["~a", "~b"] {
        scene.wait_written(name, 3);
    }
    let child = child(&running);
    scene.proxy.down();
    let down = Instant::now();
    wait_gone(child, SOON);
    assert!(
        down.elapsed() < Duration::from_secs(3),
        "{:?}",
        down.elapsed()
    );
    scene.proxy.up();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
}

#[test]
fn a_stopped_supervisor_is_no_danger_to_any() {
    let scene = Scene::new(3);
    let running = scene.running("hold a b");
    let child = child(&running);
    scene.wait_written("~a", 1);
    suspend_process(running.pid());
    let stopped = Instant::now();
    wait_gone(child, SOON);
    assert!(
        stopped.elapsed() < Duration::from_secs(3),
        "{:?}",
        stopped.elapsed()
    );
    resume_process(running.pid());
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    assert_eq!(scene.holders(), ["", "", ""], "{output}");
}
