//! The worker by itself, as hold would run it: what it tells, what it keeps locked, how it ends.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

/// Long beyond what any of this takes.
const SOON: Duration = Duration::from_secs(20);

struct Scene {
    folder: PathBuf,
    sink: UnixDatagram,
}

/// What was heard: how often by which part, and the overlaps.
#[derive(Default)]
struct Heard {
    beats: BTreeMap<String, u32>,
    overlaps: u32,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let folder =
            std::env::temp_dir().join(format!("soak-worker-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("ours");
        std::fs::write(folder.join("job"), "").expect("ours");
        let sink = UnixDatagram::bind(folder.join("sink")).expect("a socket");
        Scene { folder, sink }
    }

    fn start(&self, manner: &str, ends: &str, milliseconds: u32) -> Child {
        Command::new(env!("CARGO_BIN_EXE_lease-soak"))
            .arg("worker")
            .arg(format!("sink={}", self.folder.join("sink").display()))
            .arg(format!("locks={}", self.folder.display()))
            .arg(format!("manner={manner}"))
            .arg(format!("works={milliseconds}"))
            .arg(format!("ends={ends}"))
            .env("KUBECTL_LEASE_NAME", "job")
            .env("KUBECTL_LEASE_HOLDER", "me")
            .env("KUBECTL_LEASE_FENCING_TOKEN", "17")
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("it is there")
    }

    /// Hears everything until nobody says anything any more.
    fn hear_out(&self) -> Heard {
        let mut heard = Heard::default();
        let mut buffer = [0; 512];
        let mut patience = SOON;
        loop {
            self.sink.set_read_timeout(Some(patience)).expect("a time");
            let count = match self.sink.recv(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return heard,
                // Linux interrupts who waits with a timeout when all of it was stopped and goes on (signal(7)).
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => panic!("{error}"),
            };
            // The slowest says something four times a second.
            patience = Duration::from_millis(800);
            let line = std::str::from_utf8(&buffer[..count]).expect("text");
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(words[1..4], ["job", "17", "me"], "{line}");
            match words[0] {
                "works" => *heard.beats.entry(words[5].to_owned()).or_default() += 1,
                _ => heard.overlaps += 1,
            }
        }
    }

    /// Runs one to its end, and all that it starts.
    fn run(&self, manner: &str, ends: &str) -> (ExitStatus, Heard) {
        let mut worker = self.start(manner, ends, 120);
        let heard = self.hear_out();
        (worker.wait().expect("our child"), heard)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn each_manner_works_under_one_lock_and_ends_as_it_was_told() {
    let scene = Scene::new("manners");
    for (manner, parts) in [
        ("plain", vec!["command"]),
        ("forks", vec!["child", "command"]),
        ("daemonizes", vec!["command", "daemon"]),
        ("ignores-term", vec!["command"]),
        ("undumpable", vec!["command"]),
        ("execs", vec!["command", "exec"]),
        ("empties-environment", vec!["command", "exec"]),
        ("chains", vec!["chain", "command"]),
        ("own-group", vec!["child", "command"]),
        ("traces", vec!["command", "traced"]),
        ("many", vec!["command", "one-of-many"]),
        ("closes-outputs", vec!["command"]),
        ("stops-itself", vec!["command"]),
    ] {
        let (status, heard) = scene.run(manner, "7");
        assert_eq!(status.code(), Some(7), "{manner}");
        assert_eq!(heard.overlaps, 0, "{manner}: a lock of its own tree");
        let heard: Vec<&str> = heard.beats.keys().map(String::as_str).collect();
        assert_eq!(heard, parts, "{manner}");
    }
}

#[test]
fn a_worker_dies_by_the_real_time_signal_that_it_was_told() {
    let scene = Scene::new("signal");
    let (status, _) = scene.run("dies-by-a-real-time-signal", "signal-41");
    assert_eq!(status.signal(), Some(41));
}

#[test]
fn two_at_once_are_an_overlap_also_where_only_a_daemon_is_left_of_the_first() {
    let scene = Scene::new("overlap");
    let mut first = scene.start("daemonizes", "0", 100);
    // Nobody can end who is not listened to.
    let ended = loop {
        scene.sink.recv(&mut [0; 512]).expect("it works");
        if let Some(status) = first.try_wait().expect("our child") {
            break status;
        }
    };
    assert!(ended.success());
    // Its daemon works for a second more.
    let (status, heard) = scene.run("plain", "0");
    assert!(status.success());
    assert_eq!(heard.overlaps, 1);
}

#[test]
fn a_worker_without_a_sink_ends_at_once() {
    let scene = Scene::new("alone");
    let folder = scene.folder.clone();
    std::fs::remove_file(folder.join("sink")).expect("ours");
    let mut worker = scene.start("plain", "0", 60_000);
    assert_eq!(worker.wait().expect("our child").code(), Some(2));
}
