//! `steal` on a terminal: the question and its answers.

use crate::support::{SOON, VERBS, fresh, held, holder, stored, transitions, untouched};
use lease_harness::{Namespace, Terminal};
use serde_json::Value;

const QUESTION: &str = "Take it over?";

/// `steal` as it asks, beside what was stored before.
fn asked(flags: &[&str]) -> (Namespace, Value, Terminal) {
    let (ns, _) = fresh();
    let user = ns.user(&VERBS);
    let before = ns.create(&held("job", "victim", 60));
    let command = ns.command(&user, ["steal", "job", "--holder=me"]);
    let command = flags.iter().fold(command, |c, flag| c.arg(flag));
    let terminal = command.spawn_pty(40, 120);
    terminal.wait_screen(|text| text.contains(QUESTION), SOON);
    let screen = terminal.screen();
    assert!(
        screen.contains("lease \"job\" is held by \"victim\""),
        "{screen}"
    );
    assert!(screen.contains("it may be alive"), "{screen}");
    untouched(&ns, &before);
    (ns, before, terminal)
}

#[test]
fn yes_takes_the_lease() {
    let (ns, _, terminal) = asked(&["--now"]);
    terminal.send(b"y");
    assert_eq!(terminal.wait(SOON).code(), Some(0));
    let screen = terminal.screen();
    assert!(
        screen.contains("lease.coordination.k8s.io/job stolen"),
        "{screen}"
    );
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 4));
}

#[test]
fn no_and_return_decline_and_write_nothing() {
    for answer in [b"n", b"\r"] {
        let (ns, before, terminal) = asked(&[]);
        terminal.send(answer);
        assert_eq!(terminal.wait(SOON).code(), Some(120));
        let screen = terminal.screen();
        assert!(screen.contains("declined; nothing was written"), "{screen}");
        untouched(&ns, &before);
    }
}

#[test]
fn ctrl_c_at_the_question_writes_nothing_and_leaves_the_terminal_as_it_was() {
    let (ns, before, terminal) = asked(&[]);
    terminal.send(b"\x03");
    let status = terminal.wait(SOON);
    assert_eq!(status.code(), Some(120));
    let screen = terminal.screen();
    assert!(
        screen.contains("not confirmed: interrupted; nothing was written"),
        "{screen}"
    );
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    assert!(
        raw.rfind("\u{1b}[?25l") <= raw.rfind("\u{1b}[?25h"),
        "the cursor stays hidden: {raw:?}"
    );
    untouched(&ns, &before);
}

#[test]
fn a_record_that_changed_during_the_question_is_asked_about_again() {
    let (ns, _, terminal) = asked(&["--now"]);
    ns.edit("job", |lease| lease["spec"]["leaseTransitions"] = 9.into());
    terminal.send(b"y");
    terminal.wait_screen(|text| text.matches(QUESTION).count() >= 2, SOON);
    assert_eq!(holder(&stored(&ns, "job")), "victim");
    let before = stored(&ns, "job");
    terminal.send(b"n");
    assert_eq!(terminal.wait(SOON).code(), Some(120));
    untouched(&ns, &before);
}

#[test]
fn a_lease_that_became_free_during_the_question_is_simply_taken() {
    let (ns, _, terminal) = asked(&["--now"]);
    crate::support::set_free(&ns, "job");
    terminal.send(b"y");
    assert_eq!(terminal.wait(SOON).code(), Some(0));
    assert_eq!(terminal.screen().matches(QUESTION).count(), 1);
    assert_eq!(holder(&stored(&ns, "job")), "me");
}

#[test]
fn with_yes_nothing_is_asked_on_a_terminal_either() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 60));
    let flags = ["steal", "job", "--holder=me", "-y", "--now"];
    let terminal = ns.command(&user, flags).spawn_pty(40, 120);
    assert_eq!(terminal.wait(SOON).code(), Some(0));
    assert!(!terminal.screen().contains(QUESTION));
}
