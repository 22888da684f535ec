//! Clocks that NTP slews, as far as chrony does by default: the holder's as slow, the contender's as fast as that goes.

use std::path::{Path, PathBuf};
use std::process::Command as Program;

use lease_harness::{Command, Namespace};

use super::scene::{SOON, Scene};

/// chrony's default `maxslewrate`: 83,333 ppm.
const SLOW: &str = "0.916667";
const FAST: &str = "1.083333";

/// Builds the library that slews a process's clocks; `None` where there is no C compiler.
fn slewing(ns: &Namespace) -> Option<PathBuf> {
    let source = ns.file("slew.c", include_str!("slew.c"));
    let library = source.with_extension("so");
    let mut cc = Program::new("cc");
    cc.args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl");
    let output = match cc.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("cc: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    Some(library)
}

/// The same command on a machine whose clocks run at `rate`; the file at `mark` says that they do.
fn on_slewed_clocks(command: Command, library: &Path, rate: &str, mark: &Path) -> Command {
    command
        .env("LD_PRELOAD", library)
        .env("SLEW_RATE", rate)
        .env("SLEW_MARK", mark)
}

/// The last time in nanoseconds that a file has, a line each.
fn last(file: &Path) -> u128 {
    let text = std::fs::read_to_string(file).expect("the command wrote it");
    let times = text.lines().filter_map(|line| line.parse().ok());
    times.max().expect("a time")
}

#[test]
fn commands_do_not_overlap_where_the_clocks_of_both_sides_are_slewed_apart() {
    let scene = Scene::new(6);
    let Some(library) = slewing(&scene.ns) else {
        println!("skipped: there is no C compiler (cc) to build the library that slews clocks");
        return;
    };
    let file = |name: &str| library.with_file_name(name);
    let (alive, began) = (file("alive"), file("began"));
    // Deaf to TERM, so that only the kill at the deadline ends it.
    let script = format!(
        "trap '' TERM; while :; do date +%s%N >>{}; sleep 0.01; done",
        alive.display()
    );
    let holder = scene.hold(&["--", "/bin/sh", "-c", &script]);
    let slow = file("slow");
    let holder = on_slewed_clocks(holder, &library, SLOW, &slow).spawn();
    scene.proxy.wait_for(
        |all| all.iter().any(|request| request.method == "PUT"),
        SOON,
    );
    let script = format!("date +%s%N >{}", began.display());
    let contender = ["hold", "job", "--", "/bin/sh", "-c", &script];
    let contender = scene.ns.command(&scene.user, contender);
    let fast = file("fast");
    let contender = on_slewed_clocks(contender, &library, FAST, &fast).spawn();
    contender.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    // It has seen a renewal, and no other comes through.
    scene.wait_renewals(1);
    scene.proxy.down();

    let output = contender.wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
    let output = holder.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    assert!(slow.exists() && fast.exists(), "the clocks were not slewed");
    let (alive, began) = (last(&alive), last(&began));
    assert!(
        alive < began,
        "both ran for {:?} ms",
        (alive - began) / 1_000_000
    );
    println!("{} ms between them", (began - alive) / 1_000_000);
}
