//! Supervisor and watchdog frozen and killed: the command is dead by the deadline.

#[cfg(target_os = "linux")]
use crate::support::ended;
use crate::support::pass_to;
use std::time::Instant;

use lease_harness::wait_gone;
use nix::sys::signal::Signal;

use super::scene::{SOON, Scene, measured, signal};

#[test]
fn a_frozen_supervisor_has_its_command_dead_by_the_deadline_and_leaves_the_next_holder_alone() {
    let scene = Scene::new(3);
    let held = scene.start("setsid sleep 601 & exec sleep 600");
    scene.wait_renewals(1);
    held.running.signal(libc::SIGSTOP);
    let acknowledged = scene.last_acknowledged();
    held.wait_tree_gone(&[held.running.pid()], 2 * scene.duration);
    let took = acknowledged.elapsed();
    measured(
        "frozen supervisor, dead after its last acknowledgement, D = 3 s",
        took,
    );
    assert!(took <= scene.duration, "{took:?}");

    let words = ["acquire", "job", "--holder", "next", "--duration", "60s"];
    let next = scene.ns.run(&scene.user, words);
    assert_eq!(next.code, Some(0), "{next}");
    let theirs = scene.ns.get("job");
    scene.proxy.clear();
    held.running.signal(libc::SIGCONT);
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
    assert!(output.stderr.contains("lost"), "{output}");
    assert_eq!(scene.ns.get("job"), theirs);
    assert_eq!(scene.writes(), 0);
}

#[test]
fn a_supervisor_killed_long_before_the_deadline_is_not_waited_for() {
    let scene = Scene::new(3600);
    let held = scene.start("setsid sleep 601 & (setsid sleep 602 &); exec sleep 600");
    held.running.signal(libc::SIGKILL);
    held.wait_tree_gone(&[], SOON);
    assert!(scene.ns.holder("job").is_some());
    // A watchdog that is stopped is continued by the death of its supervisor.
    let scene = Scene::new(60);
    let held = scene.start("exec sleep 600");
    let begun = std::time::Instant::now();
    while !lease_harness::stopped(held.watchdog) {
        // An order to it continues it.
        lease_harness::Command::new("/bin/sh", ["-c", &format!("kill -STOP {}", held.watchdog)])
            .run();
        assert!(begun.elapsed() < SOON, "it does not stop");
    }
    held.running.signal(libc::SIGKILL);
    wait_gone(held.child, SOON);
    wait_gone(held.watchdog, SOON);
}

#[test]
fn a_frozen_watchdog_is_awake_by_the_next_renewal_and_does_not_stop_the_fence() {
    let scene = Scene::new(4);
    let held = scene.start("exec sleep 600");
    signal(held.watchdog, Signal::SIGSTOP);
    // It is awake again by the next renewal.
    scene.wait_renewals(1);
    let begun = Instant::now();
    while lease_harness::stopped(held.watchdog) {
        assert!(begun.elapsed() < SOON, "it sleeps on");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    signal(held.watchdog, Signal::SIGSTOP);
    pass_to(&scene.ns, "job", "thief");
    let stolen = Instant::now();
    wait_gone(held.child, SOON);
    let took = stolen.elapsed();
    measured("frozen watchdog, dead after a steal", took);
    assert!(took <= scene.duration / 2, "{took:?}");
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
}

#[cfg(target_os = "linux")] // nothing else ends a process with its parent: prctl(2), PR_SET_PDEATHSIG
#[test]
fn supervisor_and_watchdog_killed_together_take_the_command_with_them() {
    let scene = Scene::new(4);
    let held = scene.start("exec sleep 600");
    // Stopped first, so that neither has a moment to act on the other's death.
    held.running.signal(libc::SIGSTOP);
    signal(held.watchdog, Signal::SIGSTOP);
    signal(held.watchdog, Signal::SIGKILL);
    held.running.signal(libc::SIGKILL);
    let killed = Instant::now();
    wait_gone(held.child, SOON);
    measured("both killed, the command dead after", killed.elapsed());
    held.wait_tree_gone(&[], SOON);
    assert!(scene.last_acknowledged().elapsed() < scene.duration);
}

/// Frozen as a debugger does it, or a freezer of cgroups: SIGCONT does not wake it.
#[cfg(target_os = "linux")]
struct Frozen(nix::unistd::Pid);

#[cfg(target_os = "linux")]
impl Frozen {
    fn new(process: u32) -> Self {
        use nix::sys::ptrace;
        use nix::sys::wait::{WaitPidFlag, waitpid};

        let process = nix::unistd::Pid::from_raw(process.try_into().expect("a process id"));
        ptrace::seize(process, ptrace::Options::empty()).expect("it is below us");
        ptrace::interrupt(process).expect("it is traced");
        waitpid(process, Some(WaitPidFlag::__WALL)).expect("it stops");
        Self(process)
    }
}

#[cfg(target_os = "linux")]
impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = nix::sys::ptrace::detach(self.0, None);
    }
}

#[cfg(target_os = "linux")] // ptrace(2)
#[test]
fn a_watchdog_frozen_from_before_the_grant_until_after_its_deadline_starts_nothing_and_that_is_said()
 {
    let scene = Scene::new(3);
    pass_to(&scene.ns, "job", "another");
    let running = scene.hold(&["--", "echo", "ran"]).spawn();
    running.wait_stderr(|line| line.contains("waiting for lease"), SOON);
    let watchdog = super::scene::watchdog(&running.tree()).expect("it waits too");
    let frozen = Frozen::new(watchdog);
    pass_to(&scene.ns, "job", "");
    // The grant, and renewals for longer than the grant alone would have lasted.
    scene.wait_renewals(4);
    drop(frozen);
    let output = running.wait(SOON);
    ended(&output, 125, "");
    assert!(output.stderr.contains("was not started"), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
}
