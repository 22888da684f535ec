//! What is left of a lease when a CI system or an init system cancels the job, by the signals that each sends.

use lease_harness::alive;
#[cfg(unix)]
use nix::sys::signal::{Signal, kill};
#[cfg(unix)]
use nix::unistd::Pid;

#[cfg(unix)]
use super::scene::{Held, signal};
use super::scene::{SOON, Scene, deaf_until};
use crate::support::{holder, stored};

/// Short, because somebody waits for its end.
const SECONDS: u32 = 3;

/// Says which signals came, and dies of none but KILL.
#[cfg(unix)]
const DEAF: &str =
    "trap 'echo got INT' INT; trap 'echo got TERM' TERM; READY; while :; do sleep 0.05; done";

#[cfg(unix)]
/// To everything that belongs to the job; a process that is gone meanwhile needs no signal.
fn signal_everything(held: &Held, number: Signal) {
    let mut all = held.running.tree();
    all.push(held.running.pid());
    for pid in all {
        let pid = Pid::from_raw(pid.try_into().expect("process ids are small"));
        let _ = kill(pid, number);
    }
}

/// Held by one who is no more, for its duration; then whoever waits has it.
fn runs_out(scene: &Scene, dead: &str) {
    let lease = stored(&scene.ns, "job");
    assert_eq!(holder(&lease), dead);
    assert_eq!(lease["spec"]["leaseDurationSeconds"], SECONDS);
    let waiter = ["acquire", "job", "--holder=next", "--timeout=1m"];
    let output = scene.ns.run(&scene.user, waiter);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(
        output
            .stderr
            .starts_with("waiting for lease \"job\": held by "),
        "{output}"
    );
    assert_eq!(holder(&stored(&scene.ns, "job")), "next");
}

/// GitHub Actions: INT and TERM to the first process, then KILL to all.
#[cfg(unix)] // the signals of each
#[test]
fn what_is_killed_with_its_command_is_held_until_it_runs_out_and_what_is_asked_to_end_until_it_is_gone()
 {
    let scene = Scene::new(SECONDS);
    let held = scene.start(DEAF);
    let dead = holder(&stored(&scene.ns, "job")).to_owned();
    for (number, heard) in [(Signal::SIGINT, "got INT"), (Signal::SIGTERM, "got TERM")] {
        signal(held.running.pid(), number);
        held.running.wait_stdout(|line| line == heard, SOON);
        assert_eq!(holder(&stored(&scene.ns, "job")), dead, "{heard}");
    }
    signal_everything(&held, Signal::SIGKILL);
    held.end();
    runs_out(&scene, &dead);
    // systemd, Jenkins and shells: TERM to every process of the job. The watchdog stays with the command.
    let scene = Scene::new(SECONDS);
    let held = scene.start(DEAF);
    let dead = holder(&stored(&scene.ns, "job")).to_owned();
    signal_everything(&held, Signal::SIGTERM);
    held.running.wait_stdout(|line| line == "got TERM", SOON);
    assert_eq!(holder(&stored(&scene.ns, "job")), dead);
    signal(held.child, Signal::SIGKILL);
    held.end();
    assert_eq!(holder(&stored(&scene.ns, "job")), "");
}

/// `kill -9` of hold alone: a command that is deaf to TERM is gone before the lease can be somebody else's.
#[test]
fn a_deaf_command_does_not_outlive_the_lease_of_a_killed_hold() {
    let scene = Scene::new(SECONDS);
    let held = scene.start(&deaf_until(&scene.gate()));
    let dead = holder(&stored(&scene.ns, "job")).to_owned();
    let waiter = scene
        .ns
        .spawn(&scene.user, ["hold", "job", "--", "echo", "mine"]);
    waiter.wait_stderr(|line| line.starts_with("waiting for lease"), SOON);
    held.running.kill();
    waiter.wait_stdout(|line| line == "mine", SOON);
    assert!(!alive(held.child), "what {dead} ran is still there");
    assert_eq!(waiter.wait(SOON).code, Some(0));
    held.end();
}
