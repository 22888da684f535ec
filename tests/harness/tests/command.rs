//! Running commands: output, limits, signals, terminals, and that nothing stays behind.
// Shells, signals and terminals.
#![cfg(unix)]

use lease_harness::{Cluster, Command, alive, stopped, wait_gone};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Command {
    Command::new("/bin/sh", ["-c", script])
}

#[test]
fn output_is_told_whole_and_the_environment_and_stdin_are_scrubbed() {
    let output = shell("echo out; echo 'at 2026-01-02T03:04:05.000006Z' >&2; exit 3").run();
    assert_eq!(
        (output.stdout.as_str(), output.code, output.signal),
        ("out\n", Some(3), None)
    );
    assert_eq!(output.stderr, "at 2026-01-02T03:04:05.000006Z\n");
    assert_eq!(shell("kill -9 $$").run().signal, Some(libc::SIGKILL));
    let output = shell("env | sort | cut -d= -f1").env("EXTRA", "1").run();
    assert_eq!(
        output.stdout,
        "EXTRA\nHOME\nLC_ALL\nLEASE_HARNESS_TAG\nPATH\nPWD\nTZ\n"
    );
    assert_eq!(shell("cat").run().stdout, "");
    assert_eq!(shell("cat").stdin("words").run().stdout, "words");
    let output = shell("sleep 62 & echo done").run();
    assert_eq!(
        (output.stdout.as_str(), output.pipes_open),
        ("done\n", true)
    );
}

#[test]
#[should_panic(expected = "still running")]
fn a_command_that_runs_too_long_is_a_panic() {
    let running = shell("echo started; sleep 60").spawn();
    running.wait(Duration::from_millis(300));
}

#[test]
fn lines_are_awaited_and_signals_arrive() {
    let running =
        shell("trap 'echo caught >&2; exit 7' TERM; echo ready; while :; do sleep 0.01; done")
            .spawn();
    running.wait_stdout(|line| line == "ready", SOON);
    running.signal(libc::SIGTERM);
    running.wait_stderr(|line| line == "caught", SOON);
    assert_eq!(running.wait(SOON).code, Some(7));
}

#[test]
#[should_panic(expected = "ended without the line")]
fn a_line_that_cannot_come_any_more_is_a_panic_at_once() {
    shell("echo other")
        .spawn()
        .wait_stdout(|line| line == "ready", Duration::from_secs(600));
}

#[test]
fn stopped_processes_are_alive() {
    let running = shell("echo ready; exec sleep 60").spawn();
    running.wait_stdout(|line| line == "ready", SOON);
    running.signal(libc::SIGSTOP);
    let deadline = Instant::now() + SOON;
    while !stopped(running.pid()) {
        assert!(Instant::now() < deadline, "not stopped");
    }
    assert!(alive(running.pid()));
}

#[test]
fn dropping_kills_the_command_and_what_it_started_even_in_sessions_of_their_own() {
    let running = shell("setsid sh -c 'sleep 61 & echo $!; wait' & echo $!; wait").spawn();
    running.wait_stdout(|_| running.stdout().lines().count() == 2, SOON);
    let pids: Vec<u32> = running
        .stdout()
        .lines()
        .map(|line| line.parse().expect("a number"))
        .collect();
    let tree = running.tree();
    assert!(
        pids.iter().all(|pid| tree.contains(pid)) && tree.contains(&running.pid()),
        "{pids:?} {tree:?}"
    );
    drop(running);
    for pid in tree {
        wait_gone(pid, SOON);
    }
}

#[test]
fn an_interactive_shell_on_a_terminal_has_job_control() {
    let terminal = Command::new("/bin/bash", ["--norc", "-i"])
        .env("PS1", "> ")
        .spawn_pty(24, 80);
    terminal.wait_screen(|text| text.ends_with('>') || text.ends_with("> "), SOON);
    // Its own first word shows that it is in the foreground; the echo of the typed line does not.
    terminal.send(b"sh -c 'echo begun; exec sleep 63'\r");
    terminal.wait_screen(|text| text.lines().any(|line| line == "begun"), SOON);
    terminal.send(b"\x1a");
    terminal.wait_screen(|text| text.contains("Stopped"), SOON);
    let tree = terminal.tree();
    assert!(tree.iter().any(|pid| stopped(*pid)), "{tree:?}");
    drop(terminal);
    for pid in tree {
        wait_gone(pid, SOON);
    }
}

#[test]
fn kubectl_talks_to_the_server_as_the_user() {
    let ns = Cluster::shared().namespace();
    let user = ns.user(&["get", "list"]);
    ns.create(&lease_harness::lease("job").build());
    let output = Command::new("kubectl", ["get", "lease", "-o", "name"])
        .kubeconfig(ns.kubeconfig(&user))
        .run();
    assert_eq!(
        (output.stdout.as_str(), output.code),
        ("lease.coordination.k8s.io/job\n", Some(0)),
        "{output}"
    );
}
