//! `status` on terminals of every size and kind: what fits, and what may be sent to them.

use crate::support::{SOON, fresh, held};
use lease_harness::{Namespace, Terminal, User, lease};
use serde_json::json;

/// A Lease with a long name and a holder as client-go names one, one with letters of a script that has marks, and a short one.
fn some(ns: &Namespace) {
    let id = "3e4b9c1a-5f0d-4a7e-9c55-2f8a6b1d7e90";
    let mut labelled = lease("free").duration(60).build();
    labelled["metadata"]["labels"] = json!({"test": ns.name()});
    ns.create(&labelled);
    let mut long = held(
        "cert-manager-cainjector-leader-election-of-the-cluster",
        &format!("cert-manager-cainjector-7d9f8b6c5d-x2x7p_{id}"),
        600,
    );
    long["spec"]["leaseTransitions"] = json!(0);
    long["metadata"]["labels"] = json!({"test": ns.name()});
    ns.create(&long);
    let mut nightly = held("nightly", "ปฏิบัติการ", 600);
    nightly["metadata"]["labels"] = json!({"test": ns.name()});
    ns.create(&nightly);
}

/// What was sent to the terminal.
fn raw(terminal: &Terminal) -> String {
    String::from_utf8_lossy(&terminal.raw()).into_owned()
}

#[test]
fn a_script_with_marks_is_shown_as_it_is_and_what_is_shown_can_be_pasted() {
    let (ns, user) = fresh();
    some(&ns);
    let screen = ns.command(&user, ["status", "nightly"]).spawn_pty(60, 200);
    assert_eq!(screen.wait(SOON).code(), Some(0));
    assert!(
        raw(&screen).contains("Holder:      ปฏิบัติการ\r\n"),
        "{}",
        raw(&screen)
    );
    let stolen = ns.run(
        &user,
        [
            "steal",
            "nightly",
            "--holder=me",
            "--yes",
            "--now",
            "--if-holder",
            "ปฏิบัติการ",
        ],
    );
    assert_eq!(stolen.code, Some(0), "{stolen}");
    assert!(stolen.stderr.contains("held by \"ปฏิบัติการ\""), "{stolen}");

    // What is not shown as it is, a shell reads back.
    let hidden = "it's \u{1b}[2J\u{202e}a\u{200d}b";
    ns.create(&held("hidden", hidden, 600));
    let shown = ns.run(&user, ["status", "hidden"]).stdout;
    let holder = shown
        .lines()
        .find_map(|line| line.strip_prefix("Holder:"))
        .unwrap_or_default()
        .trim();
    let script = format!("exec \"$0\" steal hidden --holder=me --yes --now --if-holder {holder}");
    let stolen = ns
        .program(
            &user,
            "bash",
            ["-c", &script, env!("CARGO_BIN_EXE_kubectl-lease")],
        )
        .run();
    if !stolen.stderr.contains("not found") {
        assert_eq!(stolen.code, Some(0), "{stolen}\n{holder}");
    }
}

/// What `status -w` and `status` send to a terminal with this environment.
fn sent(
    ns: &Namespace,
    user: &User,
    environment: &[(&str, &str)],
    size: (u16, u16),
) -> [String; 2] {
    let command = |words: &[&str]| {
        environment
            .iter()
            .fold(ns.command(user, words), |command, (name, value)| {
                command.env(name, value)
            })
    };
    let watch = command(&["status", "-w"]).spawn_pty(size.0, size.1);
    let seen = |text: &str, terminal: &Terminal| {
        let deadline = std::time::Instant::now() + SOON;
        while !raw(terminal).contains(text) {
            assert!(
                std::time::Instant::now() < deadline,
                "no {text:?}: {:?}",
                raw(terminal)
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    seen("Held", &watch);
    let list = command(&["status"]).spawn_pty(size.0, size.1);
    assert_eq!(list.wait(SOON).code(), Some(0));
    [raw(&watch), raw(&list)]
}

#[test]
fn a_terminal_gets_what_it_can_show() {
    let (ns, user) = fresh();
    some(&ns);
    let sent = |environment: &[(&str, &str)], rows| sent(&ns, &user, environment, (rows, 80));
    let list = ns.run(&user, ["status"]).stdout;
    assert!(!list.contains('\x1b'), "{list}");
    let [watch, list] = sent(&[("LC_ALL", "C.UTF-8"), ("TERM", "xterm")], 24);
    assert!(
        watch.contains('…') && list.contains("\x1b["),
        "{watch:?} {list:?}"
    );
    for environment in [[("TERM", "dumb")], [("TERM", "")]] {
        for text in sent(&environment, 24) {
            assert!(!text.contains('\x1b'), "{environment:?}: {text:?}");
            // A row has one line all the same.
            let wide = |line: &&str| console_width(line.trim_end()) > 80;
            assert_eq!(text.lines().find(wide), None, "{text:?}");
        }
    }
    let [watch, list] = sent(&[("NO_COLOR", "1"), ("TERM", "xterm")], 24);
    assert!(!watch.contains("\x1b[38"), "{watch:?}");
    assert!(!list.contains('\x1b'), "{list:?}");
    for text in sent(&[("LC_ALL", "C"), ("TERM", "xterm")], 4) {
        assert!(text.contains("...") && !text.contains('…'), "{text:?}");
    }
    // What was asked for goes where it does not fit: a line that changes is not drawn over, but is a line.
    let command = ns.command(&user, ["status", "-w", "-o", "wide"]);
    let watch = command.env("TERM", "dumb").spawn_pty(24, 80);
    let screen = watch.wait_screen(|screen| screen.contains("Held"), SOON);
    let mut lines = screen.lines();
    assert!(
        lines.next().is_some_and(|line| line.starts_with("NAME")),
        "{screen}"
    );
    let text = raw(&watch);
    let wide = |line: &&str| console_width(line.trim_end()) > 80;
    assert_eq!(text.lines().find(wide), None, "{text:?}");
    let binary = env!("CARGO_BIN_EXE_kubectl-lease");
    let shown = |size: &str| {
        let script = format!("stty {size} && exec \"$0\" status");
        let terminal = ns
            .program(&user, "sh", ["-c", &script, binary])
            .spawn_pty(24, 80);
        assert_eq!(terminal.wait(SOON).code(), Some(0));
        raw(&terminal)
    };
    for size in ["cols 0 rows 0", "cols 0", "rows 0"] {
        let text = shown(size);
        assert!(
            text.contains("cert-manager-cainjector-leader-election-of-the-cluster"),
            "{size}: {text:?}"
        );
    }
    // One column is a terminal all the same.
    assert!(shown("cols 1 rows 1").contains("Held"));
}

/// Columns of a line without escape sequences; the marks of the Thai holder stand above or below their letters.
fn console_width(line: &str) -> usize {
    let is_mark = |c: char| matches!(c, '\u{e31}' | '\u{e34}'..='\u{e3a}');
    line.chars().filter(|c| !is_mark(*c)).count()
}
