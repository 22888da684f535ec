//! How a command can end, and what it can leave behind.

use crate::support::{each, ended, pass_to};
use std::time::{Duration, Instant};

use lease_harness::wait_gone;

use super::others::under;
use super::scene::{SOON, Scene, measured};

#[test]
fn the_exit_status_is_the_commands_own_whoever_starts_it_and_the_lease_is_released() {
    each(
        [
            ("exit 3", 3),
            ("exit 139", 139),
            ("kill -KILL $$", 137),
            // Real-time signals, which have no names.
            ("kill -34 $$", 162),
            ("kill -64 $$", 192),
        ],
        |(script, code)| {
            let scene = Scene::new(4);
            let output = scene.hold(&["--", "/bin/bash", "-c", script]).run();
            assert_eq!((output.code, output.signal), (Some(code), None), "{output}");
            assert_eq!(scene.ns.holder("job"), None, "{output}");
            assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
        },
    );
    // Without a PATH it is found where execvp(3) looks.
    let scene = Scene::new(4);
    let output = under(&scene, "unset PATH", &["--", "true"]).run();
    assert_eq!(output.code, Some(0), "{output}");
    let output = under(&scene, "unset PATH", &["--", "no-such-command"]).run();
    assert_eq!(output.code, Some(127), "{output}");
    // Whoever starts us may ignore or block the deaths of children.
    let scene = Scene::new(4);
    for words in [
        "exec env --ignore-signal=CHLD",
        "exec env --block-signal=CHLD",
    ] {
        let words = format!("{words} kubectl-lease hold job -- /bin/sh -c 'sleep 0.1; exit 7'");
        let command = scene.ns.program(&scene.user, "/bin/sh", ["-c", &words]);
        let output = command.via(&scene.proxy).run();
        assert_eq!(output.code, Some(7), "{output}");
        assert_eq!(scene.ns.holder("job"), None, "{output}");
    }
}

#[test]
fn a_tool_replaced_on_disk_while_it_waits_starts_its_command_and_one_whose_watchdog_died_leaves_nothing_held()
 {
    let scene = Scene::new(2);
    let copy = scene
        .ns
        .program_file("kubectl-lease", lease_harness::binary());
    scene.ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "before".into();
        lease["spec"]["leaseDurationSeconds"] = 3600.into();
    });
    let words = ["hold", "job", "--duration", "4s", "--", "echo", "ran"];
    let waiting = lease_harness::Command::new(&copy, words)
        .kubeconfig(scene.ns.kubeconfig(&scene.user))
        .spawn();
    waiting.wait_stderr(|line| line.contains("waiting for lease"), SOON);
    std::fs::remove_file(&copy).expect("it is there");
    pass_to(&scene.ns, "job", "");
    let output = waiting.wait(SOON);
    ended(&output, 0, "ran\n");
    assert_eq!(scene.ns.holder("job"), None);
    let scene = Scene::new(4);
    scene.ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "before".into();
        lease["spec"]["leaseDurationSeconds"] = 3600.into();
    });
    let waiting = scene
        .hold(&["--duration", "4s", "--", "echo", "ran"])
        .spawn();
    waiting.wait_stderr(|line| line.contains("waiting for lease"), SOON);
    let watchdog = super::scene::watchdog(&waiting.tree()).expect("it waits too");
    super::scene::signal(watchdog, nix::sys::signal::Signal::SIGKILL);
    wait_gone(watchdog, SOON);
    pass_to(&scene.ns, "job", "");
    let output = waiting.wait(SOON);
    assert_eq!(output.code, Some(125), "{output}");
    assert!(output.stderr.contains("watchdog"), "{output}");
    assert_eq!(output.stdout, "", "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
    assert_eq!(scene.writes(), 2, "the grant and the release");
}

#[test]
fn what_runs_in_sessions_of_its_own_or_ignores_term_dies_with_the_lease() {
    for script in [
        "trap '' TERM; READY; while :; do sleep 0.05; done",
        "setsid sleep 601 & setsid sh -c 'trap \"\" TERM; (setsid sleep 602 &); sleep 603' & exec sleep 600",
    ] {
        let scene = Scene::new(4);
        let held = scene.start(script);
        scene.ns.delete("job");
        let lost = Instant::now();
        let ours = [held.running.pid(), held.watchdog];
        held.wait_tree_gone(&ours, Duration::from_secs(1));
        measured("all gone after a delete, D = 4 s", lost.elapsed());
        assert_eq!(held.end().code, Some(123));
    }
}

#[test]
fn whatever_a_command_left_behind_is_gone_before_the_release() {
    let link = "#!/bin/sh\ntrap '' TERM\n\"$0\" &\n";
    let forks = "trap \"\" TERM; echo up; while :; do sleep 0.3 & sleep 0.01; done";
    each(
        [
            ("(setsid sh -c 'echo up; exec sleep 601' &);".to_owned(), 1),
            (
                "(setsid sh -c 'trap \"\" TERM HUP; echo up; while :; do sleep 0.05; done' &);"
                    .to_owned(),
                1,
            ),
            (format!("sh -c '{forks}' & setsid sh -c '{forks}' &"), 2),
            // A chain of processes that fork and exit.
            ("LINK;".to_owned(), 0),
        ],
        |(left, ups)| {
            let scene = Scene::new(4);
            let gate = scene.gate();
            let until = super::scene::until(&gate);
            let link = scene.ns.script("link", link).display().to_string();
            let left = left.replace("LINK", &link);
            let held = scene.start(&format!("{left} {until}; exit 0"));
            let all = || held.running.stdout().matches("up\n").count() >= ups;
            if ups > 0 {
                held.running.wait_stdout(|_| all(), SOON);
            }
            scene.ends_alone(held, &gate, 0);
            assert_eq!(scene.ns.holder("job"), None);
        },
    );
}
