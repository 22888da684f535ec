//! `--outcome-file`: what a hold did, in a file that is whole whenever it is read.

use super::scene::shell;
use crate::outcomes::read;
use crate::support::{SOON, fresh, held, holder, pass_to, said_like, stored, untouched};
use lease_harness::{Fault, Match, Namespace, Proxy};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A file that is not there yet, beside others of the test.
fn file(ns: &Namespace, name: &str) -> PathBuf {
    ns.file("beside", "").with_file_name(name)
}

fn document(file: &Path) -> Value {
    read(
        "Outcome",
        &std::fs::read_to_string(file).expect("it is there"),
    )
}

#[test]
fn the_command_can_read_that_it_holds_and_afterwards_it_is_told_how_it_ended() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "", 60));
    let file = file(&ns, "out.json");
    let flag = format!("--outcome-file={}", file.display());
    let script = format!("cat {}; exit 7", file.display());
    let hold = ["hold", "job", "--holder=me", "--reason=why", &flag, "--"];
    let output = ns.command(&user, hold).args(shell(&script)).run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(7), ""),
        "{output}"
    );
    let began = read("Outcome", &output.stdout);
    assert_eq!(
        (&began["action"], &began["phase"]),
        (&json!("held"), &json!("held"))
    );
    assert_eq!(began["grant"]["holder"], "me");
    assert_eq!(
        began["grant"]["fencingToken"],
        began["after"]["metadata"]["resourceVersion"]
    );
    assert_eq!(began["before"]["spec"], before["spec"]);
    assert_eq!((began.get("exitCode"), began.get("released")), (None, None));
    let ended = document(&file);
    assert_eq!(
        (&ended["phase"], &ended["exitCode"], &ended["released"]),
        (&json!("ended"), &json!(7), &json!(true))
    );
    assert_eq!(
        (&ended["grant"], ended.get("lost")),
        (&began["grant"], None)
    );
    // Nothing else is left beside it, and what was there is replaced.
    let folder = file.parent().expect("a folder");
    let left = std::fs::read_dir(folder).expect("it can be read");
    let left = left
        .flatten()
        .filter(|one| one.file_name().to_string_lossy().contains("out.json"));
    assert_eq!(left.count(), 1);
    let output = ns.run(&user, ["hold", "job", &flag, "--", "true"]);
    assert_eq!(
        (output.code, &document(&file)["exitCode"]),
        (Some(0), &json!(0))
    );
    // By a signal where there are some, and in YAML.
    let yaml = file.with_extension("YAML");
    let flag = format!("--outcome-file={}", yaml.display());
    let killed = if cfg!(unix) { "kill -9 $$" } else { "exit 137" };
    let hold = ns.command(&user, ["hold", "job", &flag, "--"]);
    let output = hold.args(shell(killed)).run();
    assert_eq!(output.code, Some(137), "{output}");
    let text = std::fs::read_to_string(&yaml).expect("it is there");
    assert!(
        text.contains("\nexitCode: 137\n") && text.contains("\nkind: Outcome\n"),
        "{text}"
    );
}

#[test]
fn a_loss_is_told_and_a_lease_that_was_never_held_leaves_no_file() {
    let (ns, user) = fresh();
    ns.create(&held("job", "", 60));
    let file = file(&ns, "out.json");
    let flag = format!("--outcome-file={}", file.display());
    let hold = ns.command(&user, ["hold", "job", &flag, "--"]);
    let running = hold.args(shell("echo x; sleep 60")).spawn();
    running.wait_stdout(|line| line == "x", SOON);
    let taken = pass_to(&ns, "job", "thief");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    let ended = document(&file);
    assert_eq!(
        (
            &ended["phase"],
            &ended["exitCode"],
            &ended["released"],
            &ended["lost"]
        ),
        (
            &json!("ended"),
            &json!(123),
            &json!(false),
            &json!("taken over by \"thief\"")
        )
    );
    untouched(&ns, &taken);
    // An earlier one is not taken for one of this hold.
    let output = ns.run(&user, ["hold", "job", "--timeout=0", &flag, "--", "true"]);
    assert_eq!((output.code, file.exists()), (Some(124), false), "{output}");
    // Nor where the call itself is wrong. A dry run leaves what is there.
    let plain = ns.file("plain", "no program");
    let plain = plain.display().to_string();
    for (words, code, stays) in [
        (
            &["--duration=3s", "--kill-after=1m", "--", "true"][..],
            2,
            false,
        ),
        (&["true"], 2, false),
        (&["--", "no-such-program"], 127, false),
        (&["--", &plain], 126, false),
        (&["--dry-run=server", "--", "true"], 124, true),
        (&["--dry-run=server", "--", "no-such-program"], 127, true),
    ] {
        std::fs::write(&file, "of an earlier hold").expect("it can be written");
        let hold = [&["hold", "job", &flag], words].concat();
        let output = ns.run(&user, hold);
        assert_eq!(
            (output.code, file.exists()),
            (Some(code), stays),
            "{output}"
        );
    }
}

/// What is printed there would be lost with the file that is replaced.
#[cfg(unix)] // a shell that redirects, a symbolic link and /dev/stdout
#[test]
fn a_file_that_the_hold_itself_prints_to_is_refused_and_kept() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "", 60));
    let log = ns.file("log", "earlier\n");
    let link = file(&ns, "link.json");
    std::os::unix::fs::symlink(&log, &link).expect("a link");
    let program = lease_harness::binary().display();
    let named = log.display().to_string();
    let link = link.display().to_string();
    for (to, redirected) in [
        (named.as_str(), ">>"),
        (named.as_str(), "2>>"),
        (named.as_str(), "<"),
        (link.as_str(), ">>"),
        ("/dev/stdout", ">>"),
    ] {
        let script = format!(
            "exec {program} hold job --outcome-file={to} -- echo ran {redirected} {}",
            log.display()
        );
        let output = ns.program(&user, "sh", ["-c", &script]).run();
        assert_eq!(output.code, Some(125), "{to} {redirected}: {output}");
        let kept = std::fs::read_to_string(&log).expect("it is there");
        assert!(
            kept.starts_with("earlier\n") && !kept.contains("ran"),
            "{kept}"
        );
    }
    untouched(&ns, &before);
    let output = ns.run(&user, ["hold", "job", "--outcome-file=", "--", "true"]);
    assert_eq!(output.code, Some(2), "{output}");
}

#[cfg(unix)] // /dev and /proc, and a folder that is removed while it is in use
#[test]
fn a_file_that_cannot_be_written_is_told_before_the_lease_is_taken() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "", 60));
    let folder = file(&ns, "folder");
    std::fs::create_dir(&folder).expect("a folder");
    let missing = folder.join("none/out.json");
    // Which root may write to, too.
    for (path, why) in [
        (missing.as_path(), "No such file or directory"),
        (folder.as_path(), "it is no regular file"),
        (Path::new("/dev/null"), "it is no regular file"),
        (Path::new("/proc/out.json"), ""),
    ] {
        let flag = format!("--outcome-file={}", path.display());
        let proxy = Proxy::to(ns.cluster());
        let hold = ["hold", "job", &flag, "--", "true"];
        let output = ns.command(&user, hold).via(&proxy).run();
        let expected = format!(
            "error: the outcome cannot be written to \"{}\": {why}…\n",
            path.display()
        );
        said_like(&output, 125, "", &expected);
        assert!(proxy.requests().is_empty());
    }
    untouched(&ns, &before);
    // Later it is said, and the command runs on.
    let inner = folder.join("inner");
    std::fs::create_dir(&inner).expect("a folder");
    let out = inner.join("out.json");
    let flag = format!("--outcome-file={}", out.display());
    let script = format!("rm -r {}; echo on", inner.display());
    let output = ns.run(&user, ["hold", "job", &flag, "--", "sh", "-c", &script]);
    said_like(
        &output,
        0,
        "on\n",
        "error: the outcome could not be written: No such file or directory…\n",
    );
    assert_eq!(holder(&stored(&ns, "job")), "");
}

/// What became of the lease is not known, so that the file does not say it.
#[test]
fn a_release_that_is_not_acknowledged_is_none() {
    let (ns, user) = fresh();
    ns.create(&held("job", "", 3));
    let file = file(&ns, "out.json");
    let flag = format!("--outcome-file={}", file.display());
    let proxy = Proxy::to(ns.cluster());
    let released = |lease: &Value| lease["spec"].get("holderIdentity").is_none();
    let refuses = Fault::status(403, "Forbidden", "no");
    proxy.fault(Match::put().body(released), refuses, usize::MAX);
    let output = ns
        .command(&user, ["hold", "job", &flag, "--", "true"])
        .via(&proxy)
        .run();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(document(&file)["released"], false);
}

#[test]
fn a_dash_is_no_file_and_is_refused_before_anything_is_sent() {
    crate::usage::refused(&[(
        &["hold", "job", "--outcome-file", "-", "--", "true"],
        "error: --outcome-file - is no file: standard output is the command's. Name a file (./- if it is to be called so)".into(),
    )]);
    assert!(!std::path::Path::new("-").exists());
}
