//! What is allowed only with its reason beside it. Of the sources: to wait for a process, signal one, read /proc or a clock,
//! from one list, where a new one is noticed and one that is gone is taken off. Of the tests: to be for one system alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What is looked for, by its name in the list. Lines that only speak of it do not count.
const KINDS: &[(&str, &[&str])] = &[
    ("wait", &["waitpid(", "waitid(", "wait(WaitOptions"]),
    (
        "signal",
        &[
            " kill(",
            "::kill(",
            "killpg(",
            "pidfd_send_signal(",
            "kill_process",
        ],
    ),
    ("/proc", &["\"/proc"]),
    (
        "clock",
        &[
            "clock_gettime",
            "ClockId::",
            "Timestamp::now(",
            "Instant::now(",
            "SystemTime::now(",
            "Instant::now)",
        ],
    ),
];

const LIST: &[(&str, &str, &str)] = &[
    (
        "src/server/plugin/foreground.rs",
        "/proc",
        "whether a plugin is stopped: what it says wrongly costs a look",
    ),
    (
        "src/children.rs",
        "/proc",
        "the kernel's lists of children; who reads them has asked whether /proc is our own",
    ),
    (
        "src/server/plugin/run.rs",
        "signal",
        "a keeper that is not collected is continued",
    ),
    ("src/server/plugin/run.rs", "/proc", "our own program"),
    (
        "src/hold/supervisor/child.rs",
        "signal",
        "the command's leader and group go on; its watchdog has collected the leader when it says that all are gone",
    ),
    (
        "src/hold/supervisor/child/guard.rs",
        "signal",
        "the watchdog, which nobody has collected",
    ),
    (
        "src/hold/supervisor/job.rs",
        "signal",
        "our own group goes on, once it has the terminal",
    ),
    (
        "src/hold/watchdog/tree/wait.rs",
        "signal",
        "a child of ours that is not collected",
    ),
    ("src/clock.rs", "clock", "the one place that reads clocks"),
    (
        "src/server/plugin/foreground.rs",
        "signal",
        "the plugin's own group, whose leader its keeper has not collected; our own group, which is ours to stop",
    ),
    (
        "src/server/plugin/keeper.rs",
        "wait",
        "a keeper waits for its plugin, and for what that leaves",
    ),
    (
        "src/server/plugin/keeper.rs",
        "signal",
        "a keeper ends its plugin's group, whose leader it has not collected",
    ),
    (
        "src/server/plugin/run.rs",
        "wait",
        "the keeper, by its number; its status is not asked for",
    ),
    (
        "src/hold/supervisor/child/prepared.rs",
        "/proc",
        "our own program, replaced or deleted since",
    ),
    (
        "src/hold/supervisor/run/control.rs",
        "signal",
        "the command's group, whose leader stays uncollected",
    ),
    (
        "src/hold/supervisor/shell.rs",
        "signal",
        "our own group, which stops as a job does",
    ),
    (
        "src/hold/label/process.rs",
        "/proc",
        "whether the process that has labelled a pod is there; only where /proc is our own",
    ),
    (
        "src/hold/supervisor/shell.rs",
        "/proc",
        "whether a process is stopped or about to be; only where /proc is our own",
    ),
    (
        "src/hold/supervisor/shell.rs",
        "wait",
        "a child of its own test",
    ),
    (
        "src/hold/watchdog/tree.rs",
        "signal",
        "what a command left, found and verified by the tree",
    ),
    (
        "src/hold/watchdog/tree/elsewhere.rs",
        "signal",
        "without /proc the command's group is all that can be had",
    ),
    (
        "src/hold/watchdog/tree/linux.rs",
        "signal",
        "by pidfd, or children of ours that nobody has collected",
    ),
    (
        "src/hold/watchdog/tree/macos.rs",
        "signal",
        "a child of ours, or one that is compared right before",
    ),
    (
        "src/hold/watchdog/tree/linux.rs",
        "/proc",
        "the tree below us, where /proc knows us by our number",
    ),
    (
        "src/hold/watchdog/tree/wait.rs",
        "wait",
        "the one place that waits for a command",
    ),
    (
        "src/hold/supervisor/tty.rs",
        "signal",
        "the command's group, and whether the foreground's has anybody left",
    ),
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder)
        .expect("the sources are there")
        .flatten()
    {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn whoever_waits_signals_or_reads_proc_or_a_clock_is_on_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    files(&root.join("src"), &mut all);
    assert!(all.len() > 50, "{} files", all.len());
    let mut found = BTreeSet::new();
    for path in all {
        let name = path
            .strip_prefix(root)
            .expect("below")
            .display()
            .to_string();
        if name.ends_with("_tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("it is text");
        for line in text.lines().map(str::trim_start) {
            if line.starts_with("//") || line.contains("fn kill(") || line.starts_with("pub") {
                continue;
            }
            for (kind, calls) in KINDS {
                // A call may stand at the beginning of its line.
                let line = format!(" {line}");
                if calls.iter().any(|call| line.contains(call)) {
                    found.insert((name.clone(), (*kind).to_owned()));
                }
            }
        }
    }
    let listed: BTreeSet<(String, String)> = LIST
        .iter()
        .map(|(file, kind, _)| ((*file).to_owned(), (*kind).to_owned()))
        .collect();
    let new: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(new.is_empty(), "not on the list, with its reason: {new:?}");
    assert!(gone.is_empty(), "on the list, and there no more: {gone:?}");
}

/// What a test or a file of tests may be for, and nothing else.
const SYSTEMS: [&str; 2] = ["#[cfg(unix)]", "#[cfg(target_os = "];

/// Of the lines of a file the number of each that has a test, or a file of them, for one system alone without a word why.
fn without_a_reason(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let is_above = |line: &&&str| line.starts_with("#[") || line.starts_with("///");
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !SYSTEMS.iter().any(|system| line.starts_with(system)) {
            continue;
        }
        let before = lines[..at].iter().rev().take_while(is_above);
        let after = lines[at..].iter().take_while(is_above);
        let item = lines[at..].iter().find(|line| !is_above(line));
        let words = item.map_or("", |item| item.trim_start_matches("pub "));
        let is_test = before.chain(after).any(|line| *line == "#[test]");
        let reason = line.split_once("] //").map_or("", |(_, why)| why.trim());
        if (is_test || words.starts_with("mod ")) && reason.is_empty() {
            found.push(at + 1);
        }
    }
    found
}

#[test]
fn a_test_that_is_for_one_system_alone_says_why() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    files(&root.join("tests/e2e"), &mut all);
    assert!(all.len() > 100, "{} files", all.len());
    let wrong = all.iter().flat_map(|path| {
        let text = fs::read_to_string(path).expect("it is text");
        let name = path.strip_prefix(root).expect("below").display();
        let lines = without_a_reason(&text).into_iter();
        lines
            .map(|line| format!("{name}:{line}"))
            .collect::<Vec<_>>()
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(
        wrong.is_empty(),
        "a reason, as in `#[cfg(unix)] // a terminal`:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_reason_stands_beside_what_is_for_one_system_alone() {
    for (text, lines) in [
        ("#[cfg(unix)]\n#[test]\nfn one() {}", &[1][..]),
        ("#[test]\n/// Of it.\n#[cfg(unix)] // \nfn one() {}", &[3]),
        ("#[cfg(target_os = \"linux\")]\npub mod one;", &[1]),
        ("#[cfg(unix)] // a terminal\n#[test]\nfn one() {}", &[]),
        ("#[cfg(unix)]\nfn help() {}\n\n#[test]\nfn one() {}", &[]),
        ("#[cfg(windows)]\nmod one;", &[]),
    ] {
        assert_eq!(without_a_reason(text), lines, "{text}");
    }
}
