//! Whoever does not wait any more leaves no ticket behind.

use super::*;
use crate::support::ASKED_TO_END;
use lease_harness::lease;

#[test]
fn whoever_is_asked_to_end_or_runs_out_of_time_leaves_no_ticket() {
    let (ns, user) = lined();
    ns.create(&held("job", "other", 60));
    let log = ns.file("log", "");
    for (ask, status) in ASKED_TO_END {
        let running = stands(&waiter(&ns, &user, "a", &[], &log).own_console());
        assert_eq!(tickets(&ns, "job").len(), 1);
        ask(&running);
        let output = running.wait(SOON);
        assert_eq!(output.code, Some(*status), "{output}");
        assert_eq!(tickets(&ns, "job").len(), 0, "{output}");
    }
    let late = waiter(&ns, &user, "a", &["--timeout", "1s"], &log).run();
    assert_eq!(late.code, Some(124), "{late}");
    assert!(
        late.stderr.contains("1st in line for lease \"job\"\n"),
        "{late}"
    );
    assert_eq!(tickets(&ns, "job").len(), 0);
    assert_eq!(logged(&log), [""; 0]);
}

#[test]
fn a_lease_that_is_deleted_ends_the_line_or_is_made_anew_by_whoever_is_first() {
    for create in [false, true] {
        let (ns, user) = lined();
        ns.create(&held("job", "other", 60));
        let log = ns.file("log", "");
        let flags: &[&str] = if create { &["--create"] } else { &[] };
        let all: Vec<Running> = ["a", "b", "c"]
            .iter()
            .map(|name| stands(&waiter(&ns, &user, name, flags, &log)))
            .collect();
        ns.delete("job");
        for one in all {
            let output = one.wait(SOON);
            let expected = if create { 0 } else { 121 };
            assert_eq!(output.code, Some(expected), "{output}");
        }
        let expected: &[&str] = if create { &["a", "b", "c"] } else { &[] };
        assert_eq!(logged(&log), expected);
        assert_eq!(tickets(&ns, "job").len(), 0);
    }
}

/// With the lease their places would go. Whoever is first is dead, and that takes longer to watch than a cleanup waits.
#[test]
fn a_lease_that_somebody_waits_for_in_line_is_left_by_a_cleanup_that_may_see_them() {
    for sees in [true, false] {
        let (ns, user) = lined();
        ns.create(&held("job", "", 10));
        let log = ns.file("log", "");
        let gate = log.with_file_name("gate");
        let verbs: &[&str] = if sees {
            &["get", "update", "delete", "list"]
        } else {
            &["get", "update", "delete"]
        };
        let by = ns.user(verbs);
        let holds = ns.command(&by, ["hold", "job", "--cleanup", "--holder=me", "--"]);
        let script = format!("echo ready; {}", until(&gate));
        let holds = holds.args(shell(&script)).spawn();
        holds.wait_stdout(|line| line == "ready", SOON);
        let dead = lease("job.waiter-dead").holder("dead").duration(10);
        ns.create(&dead.label("kubectl-lease/queue-of", "job").build());
        let flags: &[&str] = if sees { &[] } else { &["--create"] };
        let waits = stands(&waiter(&ns, &user, "b", flags, &log));
        std::fs::write(&gate, "").expect("the folder is ours");
        let output = holds.wait(SOON);
        assert_eq!(output.code, Some(0), "{output}");
        let left = "lease \"job\" is released and not deleted: 2 wait in line for it\n";
        assert_eq!(output.stderr.contains(left), sees, "{output}");
        let waited = waits.wait(SOON);
        assert_eq!(waited.code, Some(0), "{waited}");
        assert_eq!(logged(&log), ["b"]);
        assert_eq!(tickets(&ns, "job").len(), 0);
    }
}

#[test]
fn what_does_not_fit_together_is_said_before_anything_is_asked() {
    let (ns, user) = fresh();
    let run = |arguments: &[&str]| ns.command(&user, arguments).run();
    for (arguments, about) in [
        (&["acquire", "job", "--priority", "3"][..], "--queue"),
        (&["acquire", "job", "--max-waiters", "3"], "--queue"),
        (
            &["acquire", "job", "--queue", "--max-waiters", "0"],
            "--max-waiters",
        ),
        (
            &["acquire", "job", "--queue", "--priority", "high"],
            "--priority",
        ),
        (
            &["hold", "job", "--steal", "--queue", "--", "true"],
            "--steal",
        ),
    ] {
        let output = run(arguments);
        assert_eq!(output.code, Some(2), "{output}");
        assert!(output.stderr.contains(about), "{output}");
    }
}
