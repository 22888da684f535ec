//! Commands that end their own watchdog, and hide from the supervisor what they leave: nothing of them outlives the lease.

use std::time::{Duration, Instant};

use lease_harness::{Command, Fault, Match, wait_gone};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::credentials::{kubeconfig_as, plugin, token_of};
use super::others::skipped;
use super::scene::{Held, SOON, Scene, announced, measured, signal, until};

/// What every command begins with: it knows its watchdog and the supervisor.
const BEGIN: &str = "import ctypes, os, sys, time
guard = os.getppid()
above = int(open(f'/proc/{guard}/stat').read().rsplit(')', 1)[1].split()[1])
def children(pid):
    return [int(word) for word in open(f'/proc/{pid}/task/{pid}/children').read().split()]
if os.fork():
    time.sleep(600)
if os.fork():
    os._exit(0)
end = time.monotonic() + 60
";

/// What keeps the watchdog's sockets open: pidfd_open(2) and pidfd_getfd(2).
const COPIES: &str = "call = ctypes.CDLL(None).syscall
pidfd = call(434, guard, 0)
sockets = [fd for fd in os.listdir(f'/proc/{guard}/fd') if os.readlink(f'/proc/{guard}/fd/{fd}').startswith('socket:')]
copies = [call(438, pidfd, int(fd), 0) for fd in sockets]
if min(copies) < 0:
    print('nobody may copy it here', flush=True)
    copies = []
os.setsid()
print('left', os.getpid(), flush=True)
";

/// A hold whose command is this, once the gate is there; `None` without Python.
fn hold(scene: &Scene, program: &str, user: Option<&Value>) -> Option<(Held, std::path::PathBuf)> {
    if Command::new("python3", ["-c", "import ctypes"]).run().code != Some(0) {
        skipped("needs python3");
        return None;
    }
    let (gate, program) = (
        scene.gate(),
        scene.ns.file("program", format!("{BEGIN}{program}")),
    );
    let script = format!("{}; exec python3 {}", until(&gate), program.display());
    let mut command = scene.hold(&["--", "/bin/sh", "-c", &announced(&script)]);
    if let Some(user) = user {
        command = command.kubeconfig(kubeconfig_as(scene, user));
    }
    Some((Held::start(&command), gate))
}

/// The program names what it leaves, `left PID`; plugins of the supervisor's may be there too.
#[track_caller]
fn leaves_nothing(scene: &Scene, held: Held, gate: &std::path::Path) {
    let survivors = scene.survivors_at_release(&held);
    let output = held.end_at(gate);
    assert_eq!(output.code, Some(125), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
    let left = output
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("left "));
    let left: Vec<u32> = left.map(|pid| pid.parse().expect("a process id")).collect();
    assert!(!left.is_empty(), "{output}");
    let survivors = survivors();
    assert!(
        !left.iter().any(|pid| survivors.contains(pid)),
        "{survivors:?} {output}"
    );
}

#[test]
fn a_process_in_the_supervisors_own_group_is_dead_by_the_deadline() {
    // Between being asked and being killed there is time to get there, on a busy machine too.
    let scene = Scene::new(6);
    let program = "import signal
def asked(*_):
    os.setpgid(0, os.getpgid(above))
    print('left', os.getpid(), flush=True)
    os.kill(guard, 9)
    time.sleep(60)
signal.signal(signal.SIGTERM, asked)
print('ready', flush=True)
time.sleep(60)
";
    let Some((held, gate)) = hold(&scene, program, None) else {
        return;
    };
    std::fs::write(gate, "").expect("the folder is ours");
    held.running.wait_stdout(|line| line == "ready", SOON);
    scene.proxy.fault(Match::any(), Fault::Hang, usize::MAX);
    let left = held
        .running
        .wait_stdout(|line| line.starts_with("left "), SOON);
    let pid = left
        .split_whitespace()
        .nth(1)
        .and_then(|pid| pid.parse().ok());
    wait_gone(pid.expect("a process id"), SOON);
    let took = scene.last_acknowledged().elapsed();
    measured(
        "hidden in our group, dead after the last acknowledgement, D = 6 s",
        took,
    );
    assert!(took <= scene.duration, "{took:?}");
    assert_ne!(held.end().code, Some(0));
}

#[test]
fn a_process_in_the_group_of_a_credential_plugin_is_ended_before_the_release() {
    let scene = Scene::new(4);
    // The first run gives a token that lasts until the command runs; the later ones hang.
    let token = token_of(&scene, &scene.user);
    let runs = scene.ns.file("runs", "");
    let hang = format!("[ $(wc -l <{}) -lt 2 ] || exec sleep 60", runs.display());
    let (user, _) = plugin(&scene, &token, 3, &hang);
    let program = "while time.monotonic() < end:
    time.sleep(0.01)
    for child in children(above):
        if child != guard and os.getpgid(child) == child:
            os.setpgid(0, child)
            print('left', os.getpid(), flush=True)
            os.kill(guard, 9)
            time.sleep(60)
";
    if let Some((held, gate)) = hold(&scene, program, Some(&user)) {
        leaves_nothing(&scene, held, &gate);
    }
}

#[test]
fn a_process_that_calls_itself_a_plugin_in_its_keepers_socket_is_ended_before_the_release() {
    let scene = Scene::new(4);
    // As above: the plugin hangs while it is told of.
    let token = token_of(&scene, &scene.user);
    let runs = scene.ns.file("runs", "");
    let hang = format!("[ $(wc -l <{}) -lt 2 ] || exec sleep 60", runs.display());
    let (user, _) = plugin(&scene, &token, 3, &hang);
    let program = "import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.setsid()
call = ctypes.CDLL(None).syscall
while time.monotonic() < end:
    time.sleep(0.01)
    for child in children(above):
        words = open(f'/proc/{child}/cmdline').read().split('\\0')
        if '--keep-plugin' in words:
            time.sleep(0.1)
            copy = call(438, call(434, child, 0), int(words[2]), 0)
            if copy >= 0:
                os.write(copy, b'started %d\\n' % os.getpid())
            time.sleep(0.1)
            print('left', os.getpid(), flush=True)
            os.kill(guard, 9)
            time.sleep(60)
";
    if let Some((held, gate)) = hold(&scene, program, Some(&user)) {
        leaves_nothing(&scene, held, &gate);
    }
}

#[test]
fn a_dead_watchdog_whose_socket_somebody_keeps_open_is_noticed_and_what_is_written_into_it_releases_nothing()
 {
    let scene = Scene::new(6);
    let program = format!("{COPIES}os.kill(guard, 9)\ntime.sleep(60)\n");
    if let Some((held, gate)) = hold(&scene, &program, None) {
        leaves_nothing(&scene, held, &gate);
    }
}

#[test]
fn what_somebody_else_writes_into_the_watchdogs_socket_releases_nothing() {
    let killed = "os.kill(guard, 9)\ntime.sleep(0.015)\n";
    let lies = [
        ("", r#"{"ended":{"exited":0}}\n"gone"\n"#),
        ("", r#""late"\n"#),
        ("", r#"{"failed":2}\n"#),
        ("", r#"{"started":1}\n"gone"\n"#),
        ("", r#""ready"\n"#),
        (killed, r#""gone"\n"#),
        (killed, r#"{"ended":{"exited":0}}\n"gone"\n"#),
    ];
    std::thread::scope(|threads| {
        for (before, lie) in lies {
            threads.spawn(move || {
                let scene = Scene::new(4);
                let program = format!(
                    "import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
{COPIES}{before}for copy in copies:
    os.write(copy, b'{lie}')
time.sleep(60)
"
                );
                println!("what is written: {before}{lie}");
                if let Some((held, gate)) = hold(&scene, &program, None) {
                    leaves_nothing(&scene, held, &gate);
                }
            });
        }
    });
}

#[test]
fn a_watchdog_killed_while_nobody_looks_and_its_socket_kept_open_is_no_hang() {
    let scene = Scene::new(3);
    let program = format!("{COPIES}time.sleep(600)\n");
    let Some((held, gate)) = hold(&scene, &program, None) else {
        return;
    };
    std::fs::write(gate, "").expect("the folder is ours");
    held.running
        .wait_stdout(|line| line.starts_with("left "), SOON);
    let supervisor = held.running.pid();
    signal(supervisor, Signal::SIGSTOP);
    signal(held.watchdog, Signal::SIGKILL);
    let over = scene.last_acknowledged() + scene.duration + Duration::from_millis(200);
    std::thread::sleep(over.saturating_duration_since(Instant::now()));
    signal(supervisor, Signal::SIGCONT);
    // Within the patience that a test has.
    held.end();
}
