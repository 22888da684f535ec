//! Scripts for a hold's command: the shell's on Unix, and elsewhere those of them that a portable command can read.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lease_harness::{binary, portable};

/// Has a script say who it is: where it says READY, else first.
pub fn announced(script: &str) -> String {
    let say = if cfg!(unix) {
        "echo child $$ $LEASE_HARNESS_TAG"
    } else {
        "announce"
    };
    match script.split_once("READY") {
        Some((before, after)) => format!("{before}{say}{after}"),
        None => format!("{say}; {script}"),
    }
}

/// Words that wait for a file.
pub fn until(gate: &Path) -> String {
    if cfg!(unix) {
        format!("until [ -e {} ]; do sleep 0.02; done", gate.display())
    } else {
        format!("until {}", gate.display())
    }
}

/// Words that go on until [`ask_to_end`](super::scene::ask_to_end) asks, as one process: what a shell's loop sleeps by would be left behind.
pub fn until_asked(gate: &Path) -> String {
    if cfg!(unix) {
        "exec sleep 600".to_owned()
    } else {
        until(gate)
    }
}

/// The same as [`until`] of a command that does not end when it is asked to.
pub fn deaf_until(gate: &Path) -> String {
    let deaf = if cfg!(unix) { "trap '' TERM" } else { "listen" };
    format!("{deaf}; READY; {}", until(gate))
}

/// A script that ends once it was asked to and the file is there. Elsewhere than on Unix it is not asked: Wine's consoles do
/// not reach it.
pub fn stops_at(gate: &Path) -> String {
    if cfg!(unix) {
        let until = until(gate);
        format!("trap '{until}; exit' TERM; READY; while :; do sleep 0.02; done")
    } else {
        deaf_until(gate)
    }
}

/// A command that prints `NAME=VALUE` of each of these that is set.
pub fn environment(names: &[&str]) -> String {
    let words = portable(&[&["environment"], names].concat());
    let words = words.iter().map(|word| word.to_string_lossy());
    words.collect::<Vec<_>>().join(" ")
}

/// The tool by a path that a command of it knows too. Where Cargo is Unix's and Wine runs the tests, it has told one without a
/// drive, by which a hold finds nothing: then it is what lies beside the tests.
fn tool() -> PathBuf {
    if cfg!(unix) {
        return binary().to_owned();
    }
    let own = std::env::current_exe().expect("the test's own path is known");
    let folder = own
        .ancestors()
        .nth(2)
        .expect("it is in a folder of its own");
    folder.join(binary().file_name().expect("a program"))
}

/// The words that run a script, in which `kubectl lease` is the tool. Elsewhere than on Unix it has the simplest of commands,
/// one after the other or one beside the next: `sleep 601 & exec sleep 600`, [`until`], `echo $NAME`, `kubectl lease …`,
/// `unset NAME`, `cat FILE`, `exit 3`.
pub fn shell(script: &str) -> Vec<OsString> {
    let tool = tool().display().to_string();
    if cfg!(unix) {
        let script = script.replace("kubectl lease", &tool);
        return ["/bin/sh", "-c", &script].map(OsString::from).into();
    }
    let mut words = Vec::new();
    for command in script.split("; ") {
        let mut beside: Vec<&str> = command.split(" & ").collect();
        let last = beside.pop().unwrap_or_default();
        for command in beside {
            let (manner, command) = match command.strip_prefix("setsid ") {
                Some(command) => ("detached", command),
                None => ("beside", command),
            };
            words.extend(["start", manner, command, "then"].map(str::to_owned));
        }
        let last = last.strip_prefix("exec ").unwrap_or(last);
        match last.strip_prefix("kubectl lease ") {
            Some(arguments) => {
                let arguments = arguments.replace("kubectl lease", &tool);
                words.extend(["run".to_owned(), tool.clone()]);
                words.extend(arguments.split(' ').map(str::to_owned));
            }
            None => words.extend(last.split(' ').map(str::to_owned)),
        }
        words.push("then".to_owned());
    }
    words.pop();
    portable(&words)
}
