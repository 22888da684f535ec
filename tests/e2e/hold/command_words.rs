//! What is said of a command that cannot be started or that leaves something behind, and how a shell would run it.

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

use crate::support::{SOON, ended, free, fresh, held, said, stored};
use lease_harness::Proxy;

#[cfg(unix)] // permissions of files
#[test]
fn a_file_that_cannot_be_executed_is_told_what_it_wants_and_nothing_is_sent() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let folder = ns.file("place", "");
    let folder = folder.parent().expect("a file is in a folder").to_owned();
    ns.script("windows.sh", "#!/bin/sh\r\necho\r\n");
    ns.script("odd.sh", "#!/opt/none/python9 -u\n");
    ns.script("bare.sh", "echo bare\n");
    let plain = ns.file("plain.sh", "#!/bin/sh\n");
    let mut mode = plain.metadata().expect("it is there").permissions();
    mode.set_mode(0o644);
    std::fs::set_permissions(&plain, mode).expect("it is ours");
    std::fs::create_dir(folder.join("sub")).expect("the folder is ours");
    let proxy = Proxy::to(ns.cluster());
    for (command, code, expected) in [
        (
            "./windows.sh",
            127,
            "error: ./windows.sh: its first line names an interpreter that does not exist\n\
          Its lines end as in Windows, so what it asks for is \"/bin/sh\\r\": write it with line feeds only\n",
        ),
        (
            "./odd.sh",
            127,
            "error: ./odd.sh: its first line names an interpreter that does not exist\n\
          It asks for \"/opt/none/python9 -u\": install that, or name another\n",
        ),
        (
            "./plain.sh",
            126,
            "error: ./plain.sh: cannot be executed: it is not executable\nMake it so: chmod +x ./plain.sh\n",
        ),
        (
            "./sub",
            126,
            "error: ./sub: cannot be executed: it is a directory\n",
        ),
        (
            "",
            127,
            "error: the command is an empty word, '': command not found\n\
             A variable that it is made of may be empty or not set.\n",
        ),
        ("./none", 127, "error: ./none: command not found\n"),
    ] {
        proxy.clear();
        let hold = ns.command(&user, ["hold", "job", "--", command]);
        let hold = hold.current_dir(&folder).via(&proxy);
        said(&hold.run(), code, "", expected);
        // A missing interpreter shows only when the command is executed.
        let interpreted = expected.contains("interpreter");
        assert_eq!(proxy.requests().is_empty(), !interpreted, "{command}");
        let after = stored(&ns, "job");
        let holder = after["spec"]["holderIdentity"].as_str().unwrap_or_default();
        assert_eq!(holder, "", "{command}");
    }
    // As a shell, and as execvp(3).
    let hold = ns.command(&user, ["hold", "job", "--", "./bare.sh"]);
    said(&hold.current_dir(&folder).run(), 0, "bare\n", "");
    // What only a shell can run is given to one.
    let output = ns.run(&user, ["hold", "job", "--", "echo one && echo two"]);
    let expected = "error: echo one && echo two: command not found\n\
                    hold runs a program with its arguments, not a shell command line: \
                    give it to a shell: -- sh -c 'echo one && echo two'\n";
    said(&output, 127, "", expected);
    // Pasted, it works.
    let (_, advice) = expected.trim_end().split_once(" -- ").expect("it is there");
    let script = format!("exec kubectl-lease hold job -- {advice}");
    let output = ns.program(&user, "sh", ["-c", &script]).run();
    said(&output, 0, "one\ntwo\n", "");
}

#[test]
fn a_wait_tells_the_reason_and_that_it_is_over() {
    let (ns, user) = fresh();
    let mut other = held("job", "ada", 600);
    other["metadata"]["annotations"] =
        serde_json::json!({ "kubectl-lease/reason": "nightly\u{202e} backup" });
    ns.create(&other);
    let waiter = ns.spawn(&user, ["hold", "job", "--", "echo", "mine"]);
    let told = "waiting for lease \"job\": held by \"ada\" for at most 10m more unless renewed (reason: nightly\\u{202e} backup)\n";
    waiter.wait_stderr(|line| line == told.trim_end(), SOON);
    crate::support::set_free(&ns, "job");
    let output = waiter.wait(SOON);
    ended(&output, 0, "mine\n");
    let rest = output.stderr.strip_prefix(told).expect("it was told");
    assert!(
        rest.starts_with("lease \"job\" acquired after "),
        "{output}"
    );
    assert_eq!(rest.lines().count(), 1, "{output}");
}
