//! The launcher: what a program finds around it, and that it ends as the program does.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

fn around(words: &[&str], script: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lease-soak"))
        .arg("around")
        .args(words)
        .args(["--", "/bin/sh", "-c", script])
        .output()
        .expect("it is there")
}

/// Namespaces and other users are root's, here as in the soak.
fn root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[track_caller]
fn says(words: &[&str], script: &str, said: &str) {
    let output = around(words, script);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.trim(), said, "{words:?}: {output:?}");
    assert!(output.status.success(), "{words:?}: {output:?}");
}

#[test]
fn limits_are_those_that_were_asked_for() {
    says(&["nofile=33"], "ulimit -n", "33");
    if root() {
        says(
            &["user=47001", "nofile=20"],
            "id -u; ulimit -n",
            "47001\n20",
        );
    }
}

#[test]
fn a_pid_namespace_begins_with_the_program_and_has_a_limit_of_its_own() {
    if !root() {
        return;
    }
    says(
        &["pid-namespace"],
        "echo $$; set -- /proc/[0-9]*; echo $#",
        "1\n1",
    );
    let machine = std::fs::read_to_string("/proc/sys/kernel/pid_max").expect("readable");
    let output = around(&["pid-max=301"], "cat /proc/sys/kernel/pid_max");
    let after = std::fs::read_to_string("/proc/sys/kernel/pid_max").expect("readable");
    assert_eq!(machine, after, "the machine's own");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "301");
}

#[test]
fn another_user_sees_no_processes_of_others_where_they_are_hidden() {
    if root() {
        let count = "ls -d /proc/1 2>/dev/null | wc -l";
        says(&["user=47001"], count, "1");
        says(&["user=47001", "hidepid"], count, "0");
    }
}

#[test]
fn a_terminal_is_there_or_is_not() {
    let output = around(&["terminal"], "tty >/dev/null && echo yes >/dev/tty");
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8_lossy(&output.stderr);
    assert_eq!(shown.trim(), "yes", "what is written there is shown");
    says(
        &["no-terminal"],
        "(: >/dev/tty) 2>/dev/null || echo none",
        "none",
    );
}

#[test]
fn the_launcher_ends_as_the_program_does() {
    let mut words = vec![vec!["nofile=64"], vec!["terminal"]];
    if root() {
        words.push(vec!["pid-namespace"]);
    }
    for words in words {
        let status = around(&words, "exit 7").status;
        assert_eq!(status.code(), Some(7), "{words:?}");
        if words != ["pid-namespace"] {
            // The first process of a namespace cannot send itself one.
            let status = around(&words, "kill -KILL $$").status;
            assert_eq!(status.signal(), Some(9), "{words:?}");
        }
    }
}

#[test]
fn words_that_it_does_not_know_are_wrong_usage() {
    assert_eq!(around(&["nothing"], "true").status.code(), Some(2));
}
