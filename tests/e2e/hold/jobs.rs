//! A hold as a job of a shell: in the background, stopped, continued, with a command and without.

use crate::support::{each, pass_to, wait_until};
use std::time::{Duration, Instant};

use lease_harness::{Terminal, stopped};
use nix::sys::signal::Signal;

use super::scene::{SOON, Scene, signal};
use super::terminal::{enter, entered, outer_shell, wait_line, wait_prompt};

/// Waits until the shell has said that its job has stopped.
#[track_caller]
fn wait_stopped(shell: &Terminal, job: u32) {
    wait_until(|| stopped(job));
    // A shell that waits for no job says so at its next prompt.
    enter(shell, "");
    let begun = Instant::now();
    let mut asked = begun;
    while !shell.screen().contains("Stopped") {
        assert!(begun.elapsed() < SOON, "not said:\n{}", shell.screen());
        // It had not heard of it yet, and has no other reason to say more.
        if asked.elapsed() > Duration::from_secs(5) {
            enter(shell, "");
            asked = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process has a handler for each of the signals by which a job stops.
fn hears_stops(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    [Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU]
        .iter()
        .all(|signal| caught.is_some_and(|mask| mask & (1 << (*signal as i32 - 1)) != 0))
}

/// The supervisor.
#[track_caller]
fn supervisor(shell: &Terminal) -> u32 {
    let is_it = |pid: &u32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = words.split(|byte| *byte == 0);
        words
            .next()
            .is_some_and(|word| word.ends_with(b"kubectl-lease"))
            && words.next() == Some(b"hold")
    };
    shell.tree().into_iter().find(is_it).expect("it holds")
}

#[test]
fn a_background_job_that_reads_is_stopped_and_fg_continues_it_and_one_that_reads_later_is_not() {
    each(
        [
            "read x",
            "stty -echo </dev/tty; read x </dev/tty; stty echo </dev/tty",
        ],
        |read| {
            let scene = Scene::new(60);
            let shell = entered(
                &scene,
                &format!("kubectl-lease hold job -- sh -c '{read}; echo got $x' &"),
            );
            shell.wait_screen(|text| text.contains("continue it within"), SOON);
            wait_stopped(&shell, supervisor(&shell));
            enter(&shell, "fg");
            shell.wait_screen(
                |text| {
                    text.lines()
                        .filter(|line| line.starts_with("kubectl-lease hold"))
                        .count()
                        == 1
                },
                SOON,
            );
            enter(&shell, "words");
            wait_line(&shell, "got words");
            wait_prompt(&shell);
            enter(&shell, "echo status $?");
            wait_line(&shell, "status 0");
            assert_eq!(scene.ns.holder("job"), None);
        },
    );
    let scene = Scene::new(60);
    let gate = scene.gate();
    let until = super::scene::until(&gate);
    let shell = entered(
        &scene,
        &format!("kubectl-lease hold job -- sh -c 'echo begun; {until}; read x; echo got $x' &"),
    );
    shell.wait_screen(|text| text.contains("begun"), SOON);
    enter(&shell, "fg");
    shell.wait_screen(|text| text.contains("fg\nkubectl-lease hold"), SOON);
    std::fs::write(&gate, "").expect("the folder is ours");
    enter(&shell, "words");
    wait_line(&shell, "got words");
    wait_prompt(&shell);
    assert!(!shell.screen().contains("topped"), "{}", shell.screen());
}

#[test]
fn bg_stops_it_again_as_long_as_it_asks() {
    let scene = Scene::new(60);
    let shell = entered(
        &scene,
        "kubectl-lease hold job -- sh -c 'echo begun; read x; echo got $x'",
    );
    wait_line(&shell, "begun");
    shell.send(b"\x1a");
    shell.wait_screen(|text| text.contains("Stopped"), SOON);
    let held = supervisor(&shell);
    for round in 0..2 {
        // Quoted, so that what is typed is not yet what is waited for: the screen may still be the one before.
        enter(&shell, &format!("clear; echo \"round\"-{round}; bg"));
        let asked = format!("round-{round}\n");
        let stopped_again =
            |text: &str| text.contains(&asked) && text.contains("continue it within");
        shell.wait_screen(stopped_again, SOON);
        wait_stopped(&shell, held);
    }
    enter(&shell, "clear; fg");
    shell.wait_screen(|text| text.contains("kubectl-lease hold"), SOON);
    enter(&shell, "words");
    wait_line(&shell, "got words");
    wait_prompt(&shell);
}

#[test]
fn ctrl_z_before_or_at_the_very_moment_of_a_question_stops_the_job() {
    let scene = Scene::new(60);
    let shell = outer_shell(&scene);
    for round in 0..5 {
        enter(&shell, "clear");
        wait_prompt(&shell);
        enter(
            &shell,
            "kubectl-lease hold job -- sh -c 'echo begun; read p </dev/tty; echo got $p' </dev/null",
        );
        wait_line(&shell, "begun");
        // The news that the command asks is under way for about as long.
        std::thread::sleep(Duration::from_micros(500 * round));
        shell.send(b"\x1a");
        shell.wait_screen(|text| text.contains("Stopped"), SOON);
        enter(&shell, "clear; fg");
        shell.wait_screen(|text| text.contains("kubectl-lease hold"), SOON);
        enter(&shell, "words");
        wait_line(&shell, "got words");
        wait_prompt(&shell);
    }
    let scene = Scene::new(60);
    let shell = outer_shell(&scene);
    // Nothing is started after "begun": a process that is stopped between vfork(2) and its exec keeps its parent, which
    // is no shell's doing nor ours, from being stopped.
    enter(
        &shell,
        "kubectl-lease hold job -- sh -c 'sleep 0.3 & echo begun; wait; read p </dev/tty; echo got $p' </dev/null",
    );
    wait_line(&shell, "begun");
    shell.send(b"\x1a");
    shell.wait_screen(|text| text.contains("Stopped"), SOON);
    enter(&shell, "echo outer");
    wait_line(&shell, "outer");
    enter(&shell, "fg");
    shell.wait_screen(|text| text.contains("fg\nkubectl-lease hold"), SOON);
    enter(&shell, "words");
    wait_line(&shell, "got words");
    wait_prompt(&shell);
}

#[test]
fn the_terminals_stop_signals_stop_a_hold_with_its_command_unless_it_ignores_them() {
    each([Signal::SIGTSTP, Signal::SIGTTOU], |number| {
        let scene = Scene::new(60);
        let shell = entered(
            &scene,
            "kubectl-lease hold job -- sh -c 'echo child is $$; exec sleep 600' </dev/null &",
        );
        let begun = |text: &str| {
            let pid = |line: &str| line.split_once("child is ")?.1.trim().parse::<u32>().ok();
            text.lines().find_map(pid)
        };
        let screen = shell.wait_screen(|text| begun(text).is_some(), SOON);
        let child = begun(&screen).expect("just seen");
        let held = supervisor(&shell);
        signal(held, number);
        shell.wait_screen(|text| text.contains("or the command is killed"), SOON);
        wait_stopped(&shell, held);
        assert!(stopped(child));
        enter(&shell, "bg");
        wait_until(|| !stopped(held) && !stopped(child));
        enter(&shell, "kill %1; wait; echo waited");
        wait_line(&shell, "waited");
        assert_eq!(scene.ns.holder("job"), None);
    });
    let scene = Scene::new(2);
    let shell = entered(
        &scene,
        "kubectl-lease hold job -- sh -c 'trap \"\" TSTP; echo begun; exec sleep 600' | cat",
    );
    wait_line(&shell, "begun");
    let held = supervisor(&shell);
    signal(held, Signal::SIGTSTP);
    scene.wait_renewals(3);
    assert!(!stopped(held));
    shell.send(b"\x03");
    wait_prompt(&shell);
}

#[test]
fn ctrl_z_without_a_command_says_what_it_means_and_fg_goes_on_or_says_that_it_is_lost() {
    let scene = Scene::new(60);
    let shell = entered(&scene, "kubectl-lease hold job");
    wait_line(&shell, "lease.coordination.k8s.io/job acquired");
    let held = supervisor(&shell);
    // What is on the screen before the first round; then what each round begins with, quoted where it is typed.
    let mut begins = "acquired".to_owned();
    let numbers = [None, Some(Signal::SIGTTIN)];
    for (round, number) in numbers.into_iter().enumerate() {
        match number {
            None => shell.send(b"\x1a"),
            Some(number) => signal(held, number),
        }
        shell.wait_screen(
            |text| {
                text.contains(&begins)
                    && text.contains("continue it within")
                    && text.contains("or it is lost")
                    && text.contains("Stopped")
            },
            SOON,
        );
        assert!(stopped(held));
        wait_prompt(&shell);
        begins = format!("round-{round}\n");
        enter(&shell, &format!("clear; echo \"round\"-{round}; fg"));
        // A stop signal of the moment in which it is continued stops it by default, without a word.
        wait_until(|| !stopped(held) && hears_stops(held));
    }
    shell.send(b"\x03");
    wait_line(&shell, "^Clease.coordination.k8s.io/job released");
    enter(&shell, "echo status $?");
    wait_line(&shell, "status 130");
    assert_eq!(scene.ns.holder("job"), None);
    for taken in [true, false] {
        let scene = Scene::new(3);
        let shell = entered(&scene, "kubectl-lease hold job");
        wait_line(&shell, "lease.coordination.k8s.io/job acquired");
        shell.send(b"\x1a");
        shell.wait_screen(|text| text.contains("Stopped"), SOON);
        let since = scene.last_acknowledged();
        if taken {
            pass_to(&scene.ns, "job", "another");
        }
        wait_until(|| since.elapsed() > scene.duration);
        enter(&shell, "clear; fg");
        let screen = shell.wait_screen(|text| text.contains("lost"), SOON);
        wait_prompt(&shell);
        enter(&shell, "echo status $?");
        wait_line(&shell, "status 123");
        let screen = format!("{screen}{}", shell.screen());
        assert_eq!(screen.contains("released"), !taken, "{screen}");
        assert!(!screen.contains("job released"), "{screen}");
        assert_eq!(
            scene.ns.holder("job").as_deref(),
            taken.then_some("another")
        );
    }
}
