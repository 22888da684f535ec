//! A soak that is interrupted judges what there is, and one that is killed leaves nothing behind either.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Long beyond what any of this takes, on a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(120);

/// A soak of a few whose calls have begun.
fn begun() -> Child {
    let program = Path::new(env!("CARGO_BIN_EXE_lease-soak"));
    let mut soak = Command::new(program);
    // Whichever has been built: it is not what is tested here. Without one the soak builds it.
    let tool = program.with_file_name("kubectl-lease");
    if tool.is_file() {
        soak.arg("--binary").arg(tool);
    }
    let mut soak = soak
        .args(["--minutes", "10", "--contenders", "3", "--seed", "1"])
        .args(["--faults", "process"])
        .env_remove("KUBEBUILDER_ASSETS")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it is there");
    let said = soak.stderr.take().expect("piped");
    let mut lines = BufReader::new(said).lines().map_while(Result::ok);
    assert!(
        lines.any(|line| line.contains("3 contenders")),
        "it says that it begins"
    );
    // What is said afterwards must not end it.
    std::thread::spawn(move || lines.for_each(drop));
    wait("it has started calls", || !of(soak.id()).is_empty());
    soak
}

/// The processes that this soak has started and that still run.
fn of(soak: u32) -> Vec<String> {
    let mark = format!("LEASE_SOAK_CALL={soak}.").into_bytes();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let marked = processes.filter(|entry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let mut entries = environment.split(|byte| *byte == 0);
        entries.any(|variable| variable.starts_with(&mark))
    });
    marked
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "a test's own patience")]
#[track_caller]
fn wait(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < SOON, "not so in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_soak_that_is_interrupted_ends_all_and_judges_what_there_is() {
    let soak = begun();
    let pid = Pid::from_raw(i32::try_from(soak.id()).expect("small"));
    kill(pid, Signal::SIGINT).expect("it is ours");
    let id = soak.id();
    let output = soak.wait_with_output().expect("our child");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        matches!(output.status.code(), Some(0 | 1)) && text.contains("Seed 1"),
        "{output:?}"
    );
    assert_eq!(of(id), Vec::<String>::new());
}

#[test]
fn a_soak_that_is_killed_leaves_no_process_behind() {
    let mut soak = begun();
    soak.kill().expect("it is ours");
    soak.wait().expect("our child");
    wait("all that it has started is gone", || {
        of(soak.id()).is_empty()
    });
}
