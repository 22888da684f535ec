//! `steal` on a terminal: the question and its answers.

use crate::support::{
    SOON, VERBS, each, fresh, held, holder, stored, transitions, untouched, wait_until,
};
use lease_harness::{Fault, Match, Namespace, Proxy, Rule, Terminal, stopped};
use serde_json::{Value, json};

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
fn anything_but_a_yes_declines_and_writes_nothing() {
    let declined = "declined; nothing was written";
    let silent = "not confirmed: there was no answer; nothing was written";
    let interrupted = "interrupted: as far as is known, lease \"job\" was not changed";
    each(
        [
            ("\r", 120, declined),
            ("yes please\r", 120, declined),
            // A key is no answer before enter, and can be thought over.
            ("y\x7fn\r", 120, declined),
            ("\x04", 120, silent),
            ("\x03", 130, interrupted),
        ],
        |(answer, code, said)| {
            let (ns, before, terminal) = asked(&[]);
            terminal.send(answer.as_bytes());
            assert_eq!(terminal.wait(SOON).code(), Some(code), "{answer:?}");
            let screen = terminal.screen();
            assert!(screen.contains(said), "{answer:?}: {screen}");
            untouched(&ns, &before);
        },
    );
}

#[test]
fn what_changed_during_the_question_is_asked_about_again_unless_it_became_free() {
    let (ns, _, terminal) = asked(&["--now"]);
    ns.edit("job", |lease| lease["spec"]["leaseTransitions"] = 9.into());
    terminal.send(b"y\r");
    terminal.wait_screen(|text| text.matches(QUESTION).count() >= 2, SOON);
    assert_eq!(holder(&stored(&ns, "job")), "victim");
    crate::support::set_free(&ns, "job");
    terminal.send(b"y\r");
    assert_eq!(terminal.wait(SOON).code(), Some(0));
    let screen = terminal.screen();
    assert_eq!(screen.matches(QUESTION).count(), 2, "{screen}");
    let stolen = "lease.coordination.k8s.io/job stolen";
    assert!(screen.contains(stolen), "{screen}");
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 10));
}

/// A shell script in which STEAL steals from the victim, beside what was stored before.
fn script(script: &str) -> (Namespace, Value, Terminal) {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "victim", 60));
    let script = script.replace("STEAL", "kubectl-lease steal job --holder=me");
    let shell = ns.program(&user, "/bin/sh", ["-c", &script]);
    (ns, before, shell.spawn_pty(60, 120))
}

/// A shell that goes on after `steal` and shows what is left for it to read.
fn asked_below_a_shell(first: &str) -> (Namespace, Value, Terminal) {
    script(&format!(
        "{first} STEAL --now; echo code $?; \
         stty -icanon min 0 time 2; left=$(dd bs=100 count=1 2>&-); echo \"left <$left>\""
    ))
}

#[test]
fn the_answer_is_one_line_typed_after_the_question_and_nothing_of_it_is_left_for_the_shell() {
    let declined = "declined; nothing was written";
    let pasted =
        "not confirmed: more than a line came at once, as if it was pasted; nothing was written";
    let stolen = "lease.coordination.k8s.io/job stolen";
    each(
        [
            ("", "yes\r", 0, stolen),
            // What was typed before the question is no answer.
            ("y\ryes\ry", "n\r", 120, declined),
            ("", "y\rls", 120, pasted),
            ("", "deploy\ry\r", 120, pasted),
        ],
        |(early, answer, code, said)| {
            let (ns, before, terminal) = asked_below_a_shell("echo ready; read go;");
            terminal.wait_screen(|text| text.contains("ready"), SOON);
            terminal.send(format!("go\r{early}").as_bytes());
            terminal.wait_screen(|text| text.contains(QUESTION), SOON);
            untouched(&ns, &before);
            terminal.send(answer.as_bytes());
            assert!(terminal.wait(SOON).success());
            let screen = terminal.screen();
            assert!(screen.contains(said), "{answer:?}: {screen}");
            assert!(screen.contains(&format!("code {code}\n")), "{screen}");
            assert!(screen.contains("left <>"), "{answer:?}: {screen}");
            assert_eq!(stored(&ns, "job") == before, code != 0);
        },
    );
}

#[test]
fn ctrl_z_stops_the_question_and_fg_asks_it_again() {
    let (ns, before, shell) = script("set -m; STEAL --now; echo job $?; read go; fg; echo code $?");
    shell.wait_screen(|text| text.contains(QUESTION), SOON);
    shell.send(b"\x1a");
    // 128 + SIGTSTP.
    shell.wait_screen(|text| text.contains("job 148"), SOON);
    // What is typed for the shell is for the shell.
    shell.send(b"go\ry\r");
    shell.wait_screen(|text| text.matches(QUESTION).count() == 2, SOON);
    untouched(&ns, &before);
    shell.send(b"yes\r");
    assert!(shell.wait(SOON).success());
    let screen = shell.screen();
    assert!(screen.contains("code 0"), "{screen}");
    assert_eq!(holder(&stored(&ns, "job")), "me");
}

/// Whether a process has heard all signals that were sent to it, and waits with every thread.
fn is_idle(pid: u32) -> bool {
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    let status = read(format!("/proc/{pid}/status"));
    let heard = status
        .lines()
        .filter(|line| line.starts_with("SigPnd") || line.starts_with("ShdPnd"))
        .all(|line| line.ends_with("\t0000000000000000"));
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    // The main thread, which hears them, comes first.
    let mut tasks: Vec<_> = tasks.flatten().map(|task| task.path()).collect();
    tasks.sort_by_key(|path| !path.ends_with(pid.to_string()));
    heard
        && tasks.iter().all(|task| {
            let status = read(format!("{}/status", task.display()));
            status.contains("State:\tS")
        })
}

/// A shell whose job asks in the background, as soon as that has shown what it asks about.
fn asked_in_the_background(then: &str) -> (Namespace, Value, Terminal) {
    let (ns, before, shell) = script(&format!("set -m; STEAL --now & {then}"));
    let shown = shell.wait_screen(|text| text.contains("it may be alive"), SOON);
    assert!(!shown.contains(QUESTION), "{shown}");
    (ns, before, shell)
}

/// Brings the job to the foreground, and answers.
fn answered_after_fg((ns, before, shell): &(Namespace, Value, Terminal)) {
    shell.send(b"go\ry\r");
    shell.wait_screen(|text| text.contains(QUESTION), SOON);
    untouched(ns, before);
    // A SIGCONT that is heard after the question has it asked again: an answer is for the last question.
    let tool = shell.tree().into_iter().find(|pid| *pid != shell.pid());
    wait_until(|| tool.is_none_or(is_idle));
    shell.send(b"y\r");
    shell.wait_screen(|text| text.contains("code 0"), SOON);
    assert_eq!(holder(&stored(ns, "job")), "me");
}

#[test]
fn in_the_background_it_asks_once_fg_has_come_and_forgets_nothing_that_is_typed_for_the_shell() {
    let asked = asked_in_the_background("read go; fg; echo code $?; read end");
    let (_, _, shell) = &asked;
    wait_until(|| shell.tree().into_iter().any(stopped));
    answered_after_fg(&asked);
    for _ in 0..4 {
        let (_ns, _, shell) = asked_in_the_background("read go; echo \"heard <$go>\"; read end");
        // While the job stops.
        shell.send(b"go\r");
        shell.wait_screen(|text| text.contains("heard <go>"), SOON);
    }
}

#[test]
fn a_signal_ends_the_question_shown_or_not_and_leaves_the_terminal_as_it_was() {
    for (signal, code) in [
        (libc::SIGTERM, 143),
        (libc::SIGHUP, 129),
        (libc::SIGINT, 130),
    ] {
        // No shell of a person, which would put the terminal right by itself.
        let (ns, before, terminal) = script("stty -a; STEAL; echo code $?; stty -a");
        terminal.wait_screen(|text| text.contains(QUESTION), SOON);
        let mut tree = terminal.tree();
        tree.retain(|pid| *pid != terminal.pid());
        let [pid] = tree[..] else {
            panic!("not one process but {tree:?}")
        };
        let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).expect("small"));
        let signal = nix::sys::signal::Signal::try_from(signal).expect("a signal");
        nix::sys::signal::kill(pid, signal).expect("it is there");
        assert!(terminal.wait(SOON).success());
        let screen = terminal.screen();
        assert!(screen.contains(&format!("code {code}")), "{screen}");
        let modes: Vec<&str> = screen
            .lines()
            .filter(|line| line.contains("isig") || line.contains("opost"))
            .collect();
        let (at_first, at_last) = modes.split_at(modes.len() / 2);
        assert!(!at_first.is_empty(), "{screen}");
        assert_eq!(at_first, at_last, "{screen}");
        let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
        assert!(
            raw.rfind("\u{1b}[?25l") <= raw.rfind("\u{1b}[?25h"),
            "{raw:?}"
        );
        untouched(&ns, &before);
    }
    let (ns, before, terminal) = script("echo ready; read go; exec STEAL");
    terminal.wait_screen(|text| text.contains("ready"), SOON);
    // Ctrl-S, and then what the shell reads.
    terminal.send(b"\x13go\r");
    let asks = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", terminal.pid()));
        let names = tasks.into_iter().flatten().flatten();
        names
            .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
            .any(|name| name.starts_with("tokio"))
    };
    wait_until(asks);
    terminal.signal(libc::SIGTERM);
    assert_eq!(terminal.wait(SOON).code(), Some(143));
    untouched(&ns, &before);
}

#[test]
fn the_question_shows_the_holder_and_its_pod_whatever_somebody_wrote_at_length() {
    let (ns, _) = fresh();
    let user = ns.user(&VERBS);
    let mut long = held("job", "victim@desk", 60);
    // Escaped, each of these takes eight columns.
    let reason = format!(
        "migration {}{}",
        "and so on ".repeat(400),
        "\u{202e}".repeat(400)
    );
    long["metadata"]["annotations"] = json!({ "kubectl-lease/reason": reason });
    long["metadata"]["labels"] = json!({ "team": "x".repeat(63) });
    ns.create(&long);
    let long_holder = format!("ada@desk_{}", "f".repeat(4000));
    ns.create(&held("other", &long_holder, 60));
    for (lease, seen) in [
        ("job", "\"victim@desk\""),
        ("other", "held by \"ada@desk_fff"),
    ] {
        let command = ns.command(&user, ["steal", lease, "--holder=me"]);
        let terminal = command.spawn_pty(12, 80);
        terminal.wait_screen(|text| text.contains(QUESTION), SOON);
        let screen = terminal.screen();
        assert!(screen.contains(seen), "{screen}");
        assert!(
            lease != "job" || screen.contains("reason: migration and so on"),
            "{screen}"
        );
        terminal.send(b"\x04");
        assert_eq!(terminal.wait(SOON).code(), Some(120));
    }
    // What nobody is asked about is shown whole.
    let output = ns.run(&user, ["steal", "other", "--holder=me"]);
    assert!(output.stderr.contains(&long_holder), "{output}");
    let (ns, _) = fresh();
    let user = ns.user_with(&[
        Rule::leases(&VERBS),
        Rule::leases(&["get"]).on(&["pods", "nodes"]).everywhere(),
    ]);
    ns.create(&held("job", "pod-1", 60));
    let pod = json!({
        "metadata": {"name": "pod-1", "ownerReferences": [{"kind": "Job", "name": "nightly"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    });
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(
        Match::get().path("/pods/pod-1"),
        Fault::Respond {
            status: 200,
            headers: Vec::new(),
            body: pod.to_string(),
        },
        1,
    );
    let asked = ns
        .command(&user, ["steal", "job", "--holder=me"])
        .via(&proxy)
        .spawn_pty(40, 120);
    let screen = asked.wait_screen(|text| text.contains("Take it over?"), SOON);
    let line = "  holder is: Pod pod-1: Running, ready, of Job nightly";
    assert!(
        screen.lines().any(|shown| shown.trim_end() == line),
        "{screen}"
    );
    asked.send(b"n\r");
    assert_eq!(asked.wait(SOON).code(), Some(120));
}
