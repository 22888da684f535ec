//! What the examples count on in a container: the plugin as its first process. Where this is not allowed, SKIPPED.

use crate::support::{SOON, free, fresh, holder, set_free, stored};
use lease_harness::{Command, Namespace, Output, User, binary};

const UNSHARE: [&str; 5] = ["--pid", "--fork", "--kill-child", "--mount-proc", "--"];

/// `hold job` of this script as process 1 of its own process namespace.
fn hold(ns: &Namespace, user: &User, script: &str) -> Option<Output> {
    let possible = Command::new("unshare", UNSHARE).arg("true").run();
    if possible.code != Some(0) {
        println!("SKIPPED: no process namespaces here: {}", possible.stderr);
        return None;
    }
    let command = ns.program(user, "unshare", UNSHARE).arg(binary());
    let words = ["hold", "job", "--", "/bin/sh", "-c", script];
    Some(words.iter().fold(command, |c, word| c.arg(word)).run())
}

#[test]
fn as_the_first_process_it_ends_what_is_left_behind_and_passes_on_the_signal_that_ends_a_container()
{
    let (ns, user) = fresh();
    ns.create(&free("job"));
    // It outlives its parent in a session of its own: were it not ended, there would be no release.
    let script = "cat /proc/1/comm; setsid sh -c 'sleep 600 >&- & echo left'; exit 7";
    let Some(output) = hold(&ns, &user, script) else {
        return;
    };
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(7), "kubectl-lease\nleft\n"),
        "{output}"
    );
    let named = "lease \"job\": the command has ended; stopping what it left behind: ";
    assert!(output.stderr.starts_with(named), "{output}");
    assert_eq!(output.stderr.lines().count(), 1, "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "");
    // The kernel does not give a first process a signal that it has no handler for.
    let script = "trap 'echo caught; exit 9' TERM; kill -TERM 1; while :; do sleep 0.05; done";
    let Some(output) = hold(&ns, &user, script) else {
        return;
    };
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(9), "caught\n"),
        "{output}"
    );
    assert_eq!(holder(&stored(&ns, "job")), "");
}

#[test]
fn as_the_first_process_it_runs_its_command_again_after_a_loss_and_leaves_nothing_of_the_run_before()
 {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let possible = Command::new("unshare", UNSHARE).arg("true").run();
    if possible.code != Some(0) {
        println!("SKIPPED: no process namespaces here: {}", possible.stderr);
        return;
    }
    let gate = ns.file("gate", "");
    std::fs::remove_file(&gate).expect("just written");
    // What runs besides this process, its watchdog and its command is left from before.
    let script = format!(
        "echo runs beside $(cat /proc/[0-9]*/comm | grep -c sleep); setsid sleep 600 >&- 2>&- & until [ -e {} ]; do sleep 0.05; done; exit 8",
        gate.display()
    );
    let command = ns.program(&user, "unshare", UNSHARE).arg(binary());
    let words = ["hold", "job", "--again", "--", "/bin/sh", "-c", &script];
    let running = words.iter().fold(command, |c, word| c.arg(word)).spawn();
    running.wait_stdout(|line| line.starts_with("runs"), SOON);
    set_free(&ns, "job");
    running.wait_stderr(|line| line.contains("(restart 1)"), SOON);
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = running.wait(SOON);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(8), "runs beside 0\nruns beside 0\n"),
        "{output}"
    );
    assert_eq!(holder(&stored(&ns, "job")), "");
}
