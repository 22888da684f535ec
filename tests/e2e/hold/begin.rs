//! A command that takes long to begin.

use std::path::{Path, PathBuf};

use lease_harness::{Command, Running, wait_gone};

use super::scene::{SOON, Scene};

/// Holds a write lease on a file, so that an exec of it waits (fcntl(2), F_SETLEASE).
const KEEPS_OPEN: &str = "import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, lambda *_: print('wanted', flush=True))
file = os.open(sys.argv[1], os.O_RDWR)
while True:
    try: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except BlockingIOError: time.sleep(0.01)
    else: break
print('leased', flush=True)
while True: time.sleep(600)";

/// A command that is a copy of `/bin/sleep`, and who makes its exec wait.
fn slow_to_begin(scene: &Scene) -> (PathBuf, Running) {
    let program = scene.ns.program_file("slow", Path::new("/bin/sleep"));
    let path = program.display().to_string();
    let keeper = Command::new("python3", ["-c", KEEPS_OPEN, &path]).spawn();
    keeper.wait_stdout(|line| line == "leased", SOON);
    (program, keeper)
}

#[test]
fn a_command_whose_exec_waits_does_not_begin_after_its_supervisor_has_died_or_its_time_is_over() {
    let scene = Scene::new(60);
    if Command::new("python3", ["-c", ""]).run().code != Some(0) {
        return;
    }
    let (program, keeper) = slow_to_begin(&scene);
    let running = scene
        .hold(&["--", &program.display().to_string(), "604"])
        .spawn();
    keeper.wait_stdout(|line| line == "wanted", SOON);
    let mut tree = running.tree();
    tree.retain(|&pid| pid != running.pid());
    assert!(tree.len() >= 2, "{tree:?}");
    running.signal(libc::SIGKILL);
    for pid in tree {
        wait_gone(pid, SOON);
    }
    // Nor when it waits for longer than the lease may be held.
    let scene = Scene::new(3);
    let (program, keeper) = slow_to_begin(&scene);
    let running = scene
        .hold(&["--", &program.display().to_string(), "604"])
        .spawn();
    keeper.wait_stdout(|line| line == "wanted", SOON);
    scene.wait_renewals(1);
    scene.proxy.down();
    let output = running.wait(SOON);
    // Whoever of the two came first.
    assert!(matches!(output.code, Some(123 | 125)), "{output}");
    drop(keeper);
}
