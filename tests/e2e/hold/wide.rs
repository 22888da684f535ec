//! Commands with thousands of processes, each in a session of its own and deaf to requests to end.

use std::time::{Duration, Instant};

use lease_harness::Command;
use nix::sys::signal::Signal;

use super::others::skipped;
use super::scene::{Held, SOON, Scene, announced, measured, signal};

/// Children of one process.
const WIDE: &str = "for _ in range(4000):
    if os.fork() == 0:
        os.setsid()
        work()
";

/// Children of children of children.
const DEEP: &str = "for _ in range(1300):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            os.fork()
        work()
";

/// Each writes a byte now and then, as long as it runs.
fn program(forks: &str, log: &str) -> String {
    format!(
        "import os, random, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
log = os.open(\"{log}\", os.O_WRONLY | os.O_APPEND)
def work():
    random.seed(os.getpid())
    while True:
        time.sleep(0.6 + random.random() * 0.4)
        os.write(log, b\".\")
{forks}print(\"all\", flush=True)
time.sleep(600)"
    )
}

#[test]
#[ignore = "leaves no processor to the tests beside it: cargo test --test e2e -- --ignored"]
fn nothing_of_a_tree_of_thousands_runs_when_the_lease_can_expire() {
    // As an ordinary user has it: the watchdog does not run before the others.
    let limit = ["--rttime=100000000"];
    let tried = |program, words: &[&str]| Command::new(program, words).run().code == Some(0);
    if !tried("python3", &["-c", ""]) || !tried("prlimit", &[limit[0], "true"]) {
        return skipped("needs python3 and prlimit");
    }
    for (shape, forks) in [("wide", WIDE), ("deep", DEEP)] {
        let scene = Scene::new(6);
        let log = scene.ns.file("log", "");
        let program = program(forks, &log.display().to_string());
        let script = announced(&format!("exec python3 -c '{program}'"));
        let binary = lease_harness::binary().display().to_string();
        let hold = [&binary, "hold", "job", "--", "/bin/sh", "-c", &script];
        let command = Command::new("prlimit", limit.iter().chain(&hold))
            .kubeconfig(scene.ns.kubeconfig_via(&scene.user, &scene.proxy.url()));
        let held = Held::start(&command);
        held.running.wait_stdout(|line| line == "all", SOON);
        scene.wait_renewals(1);
        // Nothing shows when the watchdog has heard of it; earlier it would be an easier deadline.
        std::thread::sleep(Duration::from_millis(100));
        signal(held.running.pid(), Signal::SIGSTOP);
        let deadline = scene.last_acknowledged() + scene.duration;
        let written = || std::fs::metadata(&log).expect("it is there").len();
        let (mut last, mut before) = (Instant::now(), written());
        while Instant::now() < deadline {
            if written() > before {
                (last, before) = (Instant::now(), written());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let at_deadline = written();
        held.wait_tree_gone(&[held.running.pid()], SOON);
        assert!(before > 0, "{shape}");
        assert_eq!(
            written(),
            at_deadline,
            "{shape}: written after the deadline"
        );
        measured(
            &format!(
                "thousands of processes, {shape}, D = 6 s, silent before the lease could expire"
            ),
            deadline - last,
        );
        signal(held.running.pid(), Signal::SIGCONT);
        assert_eq!(held.end().code, Some(123));
    }
}
