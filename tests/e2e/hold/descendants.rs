//! What a command started is found and ended whatever it does: signals without a name, sessions, chains, hidden
//! processes.

use std::time::Duration;

use lease_harness::Command;

use super::others::{assert_free, may_unshare, skipped, under};
use super::scene::{Held, SOON, Scene, announced, until};

#[test]
fn what_a_command_left_is_named_and_gone_before_the_release_when_it_dies_of_a_real_time_signal() {
    let scene = Scene::new(4);
    let gate = scene.gate();
    let named = "until [ \"$(cat /proc/$!/comm)\" = sleep ]; do :; done";
    let held = scene.start(&format!(
        "(setsid /bin/bash -c 'kill -35 $$' &); setsid sleep 601 & {named}; {}; kill -34 $$",
        until(&gate)
    ));
    let output = scene.ends_alone(held, &gate, 162);
    let named = "lease \"job\": the command has ended; stopping what it left behind: ";
    assert!(output.stderr.starts_with(named), "{output}");
    assert!(output.stderr.contains(" (sleep)"), "{output}");
    assert_free(&scene, &output);
}

#[test]
fn a_watchdog_takes_every_signal_that_others_send() {
    let scene = Scene::new(4);
    let gate = scene.gate();
    let held = scene.start(&format!("{}; exit 5", until(&gate)));
    let each = format!(
        "for signal in HUP INT QUIT ABRT USR1 USR2 ALRM TERM TSTP TTIN TTOU VTALRM PROF IO XCPU PWR STKFLT RTMIN RTMAX; do \
             kill -$signal {watchdog} && sleep 0.01 && kill -0 {watchdog} || exit; \
         done",
        watchdog = held.watchdog
    );
    let sent = Command::new("/bin/bash", ["-c", &each]).run();
    assert_eq!(sent.code, Some(0), "{sent}");
    scene.wait_renewals(1);
    let output = held.end_at(&gate);
    assert_eq!(output.code, Some(5), "{output}");
}

#[test]
fn a_command_that_moved_to_another_process_group_or_is_traced_is_sent_what_is_forwarded_once() {
    let scene = Scene::new(4);
    // Its group is another process's from then on.
    let script = "import os, signal, sys, time
other = os.fork()
if other == 0:
    os.setpgid(0, 0); time.sleep(600)
try: os.setpgid(other, other)
except OSError: pass
os.setpgid(0, other)
said = []
signal.signal(signal.SIGTERM, lambda *_: said.append('term'))
print('child', os.getpid(), os.environ['LEASE_HARNESS_TAG'], flush=True)
while not said: time.sleep(0.01)
time.sleep(0.2)
os.kill(other, 9)
print(*said, flush=True)
sys.exit(9)";
    if Command::new("python3", ["-c", "import ctypes"]).run().code != Some(0) {
        return skipped("no python3 with ctypes");
    }
    let held = Held::start(&scene.hold(&["--", "python3", "-c", script]));
    held.running.signal(libc::SIGTERM);
    let output = held.end();
    assert_eq!(output.code, Some(9), "{output}");
    assert!(output.stdout.ends_with("\nterm\n"), "{output}");
    let scene = Scene::new(4);
    let script = "import ctypes, os, time
ctypes.CDLL(None).ptrace(0, 0, 0, 0)
print('child', os.getpid(), os.environ['LEASE_HARNESS_TAG'], flush=True)
time.sleep(600)";
    let held = Held::start(&scene.hold(&["--", "python3", "-c", script]));
    held.running.signal(libc::SIGTERM);
    let output = held.end();
    assert_eq!(output.code, Some(143), "{output}");
}

/// Each generation founds a session, forks and ends at once; none of them runs anything else.
const CHAIN: &str = "import os
if os.fork() == 0:
    while True:
        os.setsid()
        if os.fork(): os._exit(0)";

#[test]
fn chains_of_sessions_that_never_pause_are_gone_before_the_release_whoever_ends_them() {
    if Command::new("python3", ["-c", ""]).run().code != Some(0) {
        return skipped("no python3");
    }
    let scene = Scene::new(4);
    let chain = format!("python3 -c '{CHAIN}'");
    let held = scene.start(&format!("trap '' TERM; {chain}; {chain}; exec sleep 600"));
    scene.wait_renewals(1);
    let survivors = scene.survivors_at_release(&held);
    super::scene::signal(held.watchdog, nix::sys::signal::Signal::SIGKILL);
    let output = held.end();
    assert_eq!(output.code, Some(125), "{output}");
    assert!(output.stderr.contains("watchdog"), "{output}");
    assert_eq!(survivors(), Vec::<u32>::new());
    assert_free(&scene, &output);
    let scene = Scene::new(4);
    let gate = scene.gate();
    let held = scene.start(&format!(
        "trap '' TERM; python3 -c '{CHAIN}'; {}; exit 0",
        until(&gate)
    ));
    scene.wait_renewals(1);
    let output = scene.ends_alone(held, &gate, 0);
    assert_free(&scene, &output);
}

/// So many that the list of the dead alone takes longer to read than one of them lives. They leave nobody else a
/// processor, and begin last for that reason.
#[test]
#[ignore = "leaves no processor to the tests beside it: cargo test --test e2e -- --ignored"]
fn chains_that_outnumber_the_processors_are_gone_before_the_release() {
    if Command::new("python3", ["-c", ""]).run().code != Some(0) {
        return skipped("no python3");
    }
    // A renewal that comes late is no loss.
    let scene = Scene::new(60);
    let many = "import os
for _ in range(39):
    if os.fork() == 0: break
";
    let many = CHAIN.replace("import os\n", many);
    let gate = scene.gate();
    let script = announced(&format!("{}; exec python3 -c '{many}'", until(&gate)));
    let arguments = ["--kill-after", "100ms", "--", "/bin/sh", "-c", &script];
    let held = Held::start(&scene.hold(&arguments));
    let survivors = scene.survivors_at_release(&held);
    std::fs::write(&gate, "").expect("the folder is ours");
    let began = std::time::Instant::now();
    let output = held.end();
    let took = began.elapsed();
    super::scene::measured("the end of 40 chains", took);
    // Where the watchdog may not go first, it waits for its turn.
    if Command::new("chrt", ["--rr", "1", "true"]).run().code == Some(0) {
        assert!(took < Duration::from_secs(10), "{took:?}: {output}");
    }
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(survivors(), Vec::<u32>::new());
    assert_free(&scene, &output);
}

/// What a process from before the command starts while the command runs comes to the supervisor too, as an orphan.
#[test]
fn an_orphan_of_a_child_from_before_the_command_is_left_alone() {
    let scene = Scene::new(60);
    let (gate, up) = (scene.gate(), scene.ns.file("up", ""));
    let before = format!(
        "(trap : TERM; {}; (sleep 601 & echo $! >{up}; echo orphan $!); sleep 602) & :",
        until(&gate),
        up = up.display()
    );
    let script = format!(
        "echo >{}; until [ -s {} ]; do sleep 0.02; done",
        gate.display(),
        up.display()
    );
    let running = under(&scene, &before, &["--", "/bin/sh", "-c", &script]).spawn();
    let line = running.wait_stdout(|line| line.starts_with("orphan "), SOON);
    let orphan = line[7..].parse().expect("a process id");
    while running.is_running() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(lease_harness::alive(orphan));
    let output = running.wait(SOON);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
}

/// With CLONE_PARENT a process makes a child of its parent's, which for the command itself is the watchdog.
#[test]
fn a_sibling_that_the_command_makes_is_gone_before_the_release() {
    let number = match std::env::consts::ARCH {
        "x86_64" => 56,
        "aarch64" | "riscv64" => 220,
        _ => return skipped("no number of clone(2)"),
    };
    if Command::new("python3", ["-c", "import ctypes"]).run().code != Some(0) {
        return skipped("no python3 with ctypes");
    }
    let scene = Scene::new(4);
    let gate = scene.gate();
    let script = format!(
        "import ctypes, os, time
watchdog = os.getppid()
def sibling(): return ctypes.CDLL(None).syscall({number}, 0x8000 | 17, 0, 0, 0, 0)
if sibling() == 0:
    os.setsid()
    sibling()
    assert os.getppid() == watchdog
    time.sleep(600)
print('child', os.getpid(), os.environ['LEASE_HARNESS_TAG'], flush=True)
while not os.path.exists('{}'): time.sleep(0.02)",
        gate.display()
    );
    let held = Held::start(&scene.hold(&["--", "python3", "-c", &script]));
    let output = scene.ends_alone(held, &gate, 0);
    assert!(output.stderr.contains("(python3)"), "{output}");
}

/// Takes away every file descriptor that a process has not opened yet.
#[track_caller]
fn allow_no_more_files(pid: u32) {
    let words = ["--nofile=3:3", "--pid", &pid.to_string()];
    let output = Command::new("prlimit", words).run();
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn what_is_left_is_ended_before_the_release_by_a_supervisor_or_a_watchdog_that_may_open_no_file() {
    let scene = Scene::new(4);
    let script = announced("setsid sleep 601 & READY; exec sleep 600");
    let traced = scene.hold(&["-v", "--", "/bin/sh", "-c", &script]);
    let held = Held::start(&traced);
    // The connection of the first renewal is there once its answer is; one under way would be given up with its connection.
    let renews = |line: &str| line.contains("[Renew(");
    let begun = held.running.wait_stderr(renews, SOON);
    let answered = |line: &str| {
        line.get(..14) >= begun.get(..14) && line.contains("PUT") && line.contains(": ok in")
    };
    held.running.wait_stderr(answered, SOON);
    let survivors = scene.survivors_at_release(&held);
    allow_no_more_files(held.running.pid());
    super::scene::signal(held.watchdog, nix::sys::signal::Signal::SIGKILL);
    let output = held.end();
    assert_eq!(output.code, Some(125), "{output}");
    assert_eq!(survivors(), Vec::<u32>::new());
    assert_free(&scene, &output);
    let scene = Scene::new(4);
    let gate = scene.gate();
    let held = scene.start(&format!(
        "(setsid sleep 601 &); setsid sleep 602 & {}; exit 3",
        until(&gate)
    ));
    let survivors = scene.survivors_at_release(&held);
    allow_no_more_files(held.watchdog);
    let output = held.end_at(&gate);
    assert_eq!(output.code, Some(3), "{output}");
    assert_eq!(survivors(), Vec::<u32>::new());
    assert_free(&scene, &output);
}

#[test]
fn the_number_of_a_command_that_has_ended_is_nobody_elses_until_its_tree_is_gone() {
    let scene = Scene::new(10);
    let namespace = ["--pid", "--fork", "--mount-proc"];
    if !may_unshare(&namespace) {
        return skipped("needs a PID namespace of its own");
    }
    let binary = lease_harness::binary().display().to_string();
    let file = scene.ns.file("leader", "");
    // Who lingers is in a group of its own: a number is not given away while it is that of a group.
    let script = "
        \"$0\" hold job --kill-after 1s -- /bin/sh -c '
            setsid sh -c \"trap : TERM; echo >$LEADER.up; while :; do sleep 0.1; done\" &
            until [ -e $LEADER.up ]; do sleep 0.02; done; echo $$ >$LEADER' &
        hold=$!
        until [ -s $LEADER ]; do sleep 0.02; done
        read leader <$LEADER
        until ! grep -q '^State:.[RSDT]' /proc/$leader/status 2>/dev/null; do sleep 0.01; done
        echo $((leader - 1)) >/proc/sys/kernel/ns_last_pid
        setsid sleep 601 & other=$!
        [ $other = $leader ] && echo recycled
        wait $hold; echo ended $?
        kill -0 $other && echo survived
        kill $other";
    let words = ["/bin/sh", "-c", script, binary.as_str()];
    let output = Command::new("unshare", namespace.iter().chain(&words))
        .kubeconfig(scene.ns.kubeconfig_via(&scene.user, &scene.proxy.url()))
        .env("LEADER", &file)
        .run();
    assert_eq!(output.stdout, "ended 0\nsurvived\n", "{output}");
    assert_free(&scene, &output);
}
