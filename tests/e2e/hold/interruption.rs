//! Ctrl-C, TERM and HUP in each state of a hold.

use crate::support::{ASKED_TO_END, each, ended, pass_to};
use std::time::Duration;

use lease_harness::{Fault, Match, TERMINATED};

use super::scene::{Held, SOON, Scene, is_release};

#[test]
fn while_waiting_it_ends_with_128_and_the_signal_and_while_granting_or_releasing_it_leaves_no_ghost_holder()
 {
    let scene = Scene::new(60);
    pass_to(&scene.ns, "job", "another");
    for (ask, code) in ASKED_TO_END {
        let waiting = scene.hold(&["--", "echo", "ran"]).own_console().spawn();
        waiting.wait_stderr(|line| line.contains("waiting for lease"), SOON);
        ask(&waiting);
        let output = waiting.wait(SOON);
        ended(&output, *code, "");
    }
    assert_eq!(scene.writes(), 0);
    // While the grant is under way.
    let scene = Scene::new(4);
    let late = Duration::from_millis(500);
    scene.proxy.fault(Match::put(), Fault::DelayReply(late), 1);
    let running = scene.hold(&["--", "echo", "ran"]).own_console().spawn();
    scene.proxy.wait_for(
        |all| {
            all.iter()
                .any(|r| r.method == "PUT" && r.upstream_status == Some(200))
        },
        SOON,
    );
    running.terminate();
    let output = running.wait(SOON);
    ended(&output, TERMINATED, "");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
    // While releasing.
    let scene = Scene::new(4);
    let slow = Match::when(is_release);
    scene
        .proxy
        .fault(slow, Fault::Delay(Duration::from_millis(300)), 1);
    let running = scene
        .hold_portable(&[], &["exit", "3"])
        .own_console()
        .spawn();
    scene.proxy.wait_for(|all| all.iter().any(is_release), SOON);
    running.terminate();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(3), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
}

#[cfg(unix)] // a signal to the command
#[test]
fn while_held_the_command_gets_it_may_take_its_time_and_its_status_is_ours() {
    for (ask, code) in ASKED_TO_END {
        let scene = Scene::new(4);
        let held = Held::start(&scene.hold_script("exec sleep 600").own_console());
        let survivors = scene.survivors_at_release(&held);
        ask(&held.running);
        let output = held.end();
        assert_eq!(
            (output.code, output.signal),
            (Some(*code), None),
            "{output}"
        );
        assert_eq!(survivors(), Vec::<u32>::new());
        assert_eq!(scene.ns.holder("job"), None);
    }
    let scene = Scene::new(2);
    let gate = scene.gate();
    let until = super::scene::until(&gate);
    let script = format!(
        "trap 'echo caught; {until}; exit 7' INT TERM HUP; READY; while :; do sleep 0.05; done"
    );
    let held = scene.start(&script);
    held.running.signal(libc::SIGTERM);
    held.running.wait_stdout(|line| line == "caught", SOON);
    scene.wait_renewals(2);
    let output = held.end_at(&gate);
    assert_eq!(output.code, Some(7), "{output}");
    assert_eq!(scene.ns.holder("job"), None);
}

#[cfg(unix)] // signals of any kind
#[test]
fn a_signal_of_any_kind_reaches_the_command_but_a_hangup_that_was_ignored_at_the_start() {
    each(
        [
            libc::SIGUSR1,
            libc::SIGXCPU,
            libc::SIGQUIT,
            #[cfg(target_os = "linux")]
            {
                libc::SIGRTMIN() + 3
            },
        ],
        |signal| {
            let scene = Scene::new(4);
            let held = scene.start(&format!(
                "trap 'exit 7' {signal}; READY; while :; do sleep 0.02; done"
            ));
            let kill = format!("kill -{signal} {}", held.running.pid());
            lease_harness::Command::new("/bin/bash", ["-c", &kill]).run();
            let output = held.end();
            assert_eq!(output.code, Some(7), "{signal}: {output}");
            assert_eq!(scene.ns.holder("job"), None, "{signal}: {output}");
        },
    );
    let scene = Scene::new(4);
    let gate = scene.gate();
    let until = super::scene::until(&gate);
    let binary = lease_harness::binary().display();
    let script = format!(
        "trap '' HUP; exec {binary} hold job -- sh -c 'echo up; {until}; kill -HUP $$; echo survived'"
    );
    let running = scene.ns.program(&scene.user, "sh", ["-c", &script]).spawn();
    running.wait_stdout(|line| line == "up", SOON);
    running.signal(libc::SIGHUP);
    std::fs::write(&gate, "").expect("a gate");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(output.stdout.contains("survived"), "{output}");
    assert_eq!(scene.ns.holder("job"), None);
}

#[cfg(unix)] // signals of any kind
#[test]
fn a_signal_of_any_kind_ends_what_waits_or_has_no_command_but_a_users_signal() {
    let signal = libc::SIGXCPU;
    let scene = Scene::new(4);
    let running = scene.hold(&[]).spawn();
    running.wait_stdout(|line| line.contains("acquired"), SOON);
    let waiting = scene.hold(&["--", "echo", "ran"]).spawn();
    waiting.wait_stderr(|line| line.contains("waiting for lease"), SOON);
    waiting.signal(signal);
    let output = waiting.wait(SOON);
    assert_eq!(output.code, Some(128 + signal), "{output}");
    running.signal(signal);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(128 + signal), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
    let scene = Scene::new(4);
    let running = scene.hold(&["-v"]).spawn();
    running.wait_stdout(|line| line.ends_with("acquired"), SOON);
    running.signal(libc::SIGUSR1);
    running.wait_stderr(|line| line.contains("SignalForCommand"), SOON);
    // Before the command it is not kept for it.
    let waiting = scene
        .hold(&["--", "sh", "-c", "sleep 0.5; echo ran"])
        .spawn();
    waiting.wait_stderr(|line| line.contains("waiting for lease"), SOON);
    waiting.signal(libc::SIGUSR1);
    waiting.signal(libc::SIGUSR2);
    running.signal(libc::SIGTERM);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(143), "{output}");
    let output = waiting.wait(SOON);
    ended(&output, 0, "ran\n");
    assert_eq!(scene.ns.holder("job"), None);
}
