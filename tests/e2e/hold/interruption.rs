//! Ctrl-C, TERM and HUP in each state of a hold.

use std::time::{Duration, Instant};

use lease_harness::{Fault, Match, wait_gone};
use serde_json::json;

use super::scene::{SOON, Scene, is_release};

const SIGNALS: [(i32, i32); 3] = [
    (libc::SIGINT, 130),
    (libc::SIGTERM, 143),
    (libc::SIGHUP, 129),
];

/// Where any of them does the same.
const ONE: [(i32, i32); 1] = [(libc::SIGTERM, 143)];

#[test]
fn while_waiting_it_ends_with_128_and_the_signal_and_writes_nothing() {
    let scene = Scene::new(60);
    scene.ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = json!("another")
    });
    for (signal, code) in SIGNALS {
        let waiting = scene.hold(&["--", "echo", "ran"]).spawn();
        waiting.wait_stderr(|line| line.contains("waiting for lease"), SOON);
        waiting.signal(signal);
        let output = waiting.wait(SOON);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(code), ""),
            "{output}"
        );
    }
    assert_eq!(scene.writes(), 0);
}

#[test]
fn while_the_grant_is_under_way_it_leaves_no_ghost_holder() {
    for (signal, code) in ONE {
        let scene = Scene::new(4);
        let late = Duration::from_millis(500);
        scene.proxy.fault(Match::put(), Fault::DelayReply(late), 1);
        let running = scene.hold(&["--", "echo", "ran"]).spawn();
        scene.proxy.wait_for(
            |all| {
                all.iter()
                    .any(|r| r.method == "PUT" && r.upstream_status == Some(200))
            },
            SOON,
        );
        running.signal(signal);
        let output = running.wait(SOON);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(code), ""),
            "{output}"
        );
        assert_eq!(scene.ns.holder("job"), None, "{output}");
    }
}

#[test]
fn while_held_the_command_gets_it_and_its_status_is_ours() {
    for (signal, code) in SIGNALS {
        let scene = Scene::new(4);
        let held = scene.start("exec sleep 600");
        let survivors = scene.survivors_at_release(&held);
        held.running.signal(signal);
        let output = held.end();
        assert_eq!((output.code, output.signal), (Some(code), None), "{output}");
        assert_eq!(survivors(), Vec::<u32>::new());
        assert_eq!(scene.ns.holder("job"), None);
    }
}

#[test]
fn while_held_a_command_may_take_its_time_to_end_and_choose_its_status() {
    for (signal, _) in ONE {
        let scene = Scene::new(2);
        let gate = scene.gate();
        let until = super::scene::until(&gate);
        let script = format!(
            "trap 'echo caught; {until}; exit 7' INT TERM HUP; READY; while :; do sleep 0.05; done"
        );
        let held = scene.start(&script);
        held.running.signal(signal);
        held.running.wait_stdout(|line| line == "caught", SOON);
        scene.wait_renewals(2);
        std::fs::write(&gate, "").expect("the folder is ours");
        let output = held.end();
        assert_eq!(output.code, Some(7), "{output}");
        assert_eq!(scene.ns.holder("job"), None);
    }
}

#[test]
fn while_fencing_the_command_is_still_killed_in_time_and_the_end_is_123() {
    for (signal, _) in ONE {
        let scene = Scene::new(4);
        let script = super::scene::announced(
            "trap 'echo caught' TERM; trap '' INT HUP; READY; while :; do sleep 0.05; done",
        );
        let words = ["--kill-after", "1s", "--", "/bin/sh", "-c", &script];
        let held = super::scene::Held::start(&scene.hold(&words));
        scene.ns.edit("job", |lease| {
            lease["spec"]["holderIdentity"] = json!("thief")
        });
        let stolen = Instant::now();
        held.running.wait_stdout(|line| line == "caught", SOON);
        held.running.signal(signal);
        wait_gone(held.child, SOON);
        let took = stolen.elapsed();
        assert!(
            took >= Duration::from_millis(900) && took <= Duration::from_millis(1500),
            "{took:?}"
        );
        let output = held.end();
        assert_eq!(output.code, Some(123), "{output}");
        assert_eq!(scene.ns.holder("job").as_deref(), Some("thief"));
    }
}

#[test]
fn while_releasing_the_release_goes_through_and_the_status_is_the_commands() {
    for (signal, _) in ONE {
        let scene = Scene::new(4);
        let slow = Match::when(is_release);
        scene
            .proxy
            .fault(slow, Fault::Delay(Duration::from_millis(300)), 1);
        let running = scene.hold(&["--", "/bin/sh", "-c", "exit 3"]).spawn();
        scene.proxy.wait_for(|all| all.iter().any(is_release), SOON);
        running.signal(signal);
        let output = running.wait(SOON);
        assert_eq!(output.code, Some(3), "{output}");
        assert_eq!(scene.ns.holder("job"), None, "{output}");
    }
}

#[test]
fn while_a_daemon_that_was_left_behind_is_being_stopped_nothing_changes() {
    for (signal, _) in ONE {
        let scene = Scene::new(4);
        let daemon = "trap \"\" TERM INT HUP; echo up; while :; do sleep 0.05; done";
        let gate = scene.gate();
        let until = super::scene::until(&gate);
        let script = super::scene::announced(&format!("setsid sh -c '{daemon}' & {until}; exit 0"));
        let words = ["--kill-after", "1s", "--", "/bin/sh", "-c", &script];
        let held = super::scene::Held::start(&scene.hold(&words));
        held.running.wait_stdout(|line| line == "up", SOON);
        let survivors = scene.survivors_at_release(&held);
        std::fs::write(&gate, "").expect("the folder is ours");
        wait_gone(held.child, SOON);
        held.running.signal(signal);
        let output = held.end();
        assert_eq!(output.code, Some(0), "{output}");
        assert_eq!(survivors(), Vec::<u32>::new());
    }
}

#[test]
fn a_hangup_that_was_ignored_at_the_start_stays_ignored() {
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

#[test]
fn a_signal_of_any_kind_reaches_the_command_and_the_lease_is_free_afterwards() {
    for signal in [
        libc::SIGUSR1,
        libc::SIGALRM,
        libc::SIGXCPU,
        libc::SIGPWR,
        libc::SIGQUIT,
        libc::SIGRTMIN() + 3,
    ] {
        let scene = Scene::new(4);
        let held = scene.start(&format!(
            "trap 'exit 7' {signal}; READY; while :; do sleep 0.02; done"
        ));
        let kill = format!("kill -{signal} {}", held.running.pid());
        lease_harness::Command::new("/bin/bash", ["-c", &kill]).run();
        let output = held.end();
        assert_eq!(output.code, Some(7), "{signal}: {output}");
        assert_eq!(scene.ns.holder("job"), None, "{signal}: {output}");
    }
}

#[test]
fn a_signal_of_any_kind_ends_a_hold_without_a_command_and_an_acquire_that_waits() {
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
}

#[test]
fn a_file_that_may_not_grow_is_as_a_full_disk() {
    let scene = Scene::new(4);
    let file = scene.ns.file("said", "");
    let under = |what: &str| {
        let line = format!("ulimit -f 0; exec \"$0\" {what}");
        let binary = lease_harness::binary().display().to_string();
        lease_harness::Command::new("/bin/bash", ["-c", &line, &binary])
            .kubeconfig(scene.ns.kubeconfig_via(&scene.user, &scene.proxy.url()))
            .run()
    };
    let output = under(&format!("acquire job > {}", file.display()));
    assert_eq!(output.code, Some(1), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
    let output = under(&format!(
        "hold job -- sh -c 'setsid sleep 601 & exit 3' 2> {}",
        file.display()
    ));
    assert_eq!(output.code, Some(3), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
}

#[test]
fn a_user_signal_is_for_a_command_that_runs_and_for_nobody_else() {
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
    let result = (output.code, output.stdout.as_str());
    assert_eq!(result, (Some(0), "ran\n"), "{output}");
    assert_eq!(scene.ns.holder("job"), None);
}
