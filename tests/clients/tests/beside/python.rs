//! The Python client's `LeaderElection` with its `LeaseLock`: a PUT of what was read, expiry by its own duration and wall clock.

use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::sync::OnceLock;

use lease_harness::{Command, Running};

use crate::candidate::{Candidate, Client, Terms, Writes};
use crate::scene::{SOON, Scene, THEM, wait_until};

pub const CLIENT: Client = Client {
    name: "the Python client",
    start,
    writes: Writes::WithVersion,
    releases: false,
    needs_a_holder: false,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python");

/// A Python that has the client, or why there is none.
pub fn interpreter() -> &'static Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-client");
        let installed = Program::new(format!("{FOLDER}/install"))
            .arg(&folder)
            .output()
            .map_err(|error| error.to_string())?;
        if installed.status.success() {
            return Ok(folder.join("bin/python"));
        }
        Err(String::from_utf8_lossy(&installed.stderr).trim().to_owned())
    })
}

fn start(scene: &Scene, terms: Terms) -> Box<dyn Candidate> {
    Box::new(Election::start(scene, terms))
}

/// The process, whose wall clock can be set while it runs.
pub struct Election {
    running: Running,
    ahead: PathBuf,
}

impl Election {
    pub fn start(scene: &Scene, terms: Terms) -> Self {
        let python = interpreter().as_ref().expect("the caller has asked");
        let ahead = scene.ns.file("ahead", terms.ahead.to_string());
        let script = format!("{FOLDER}/candidate.py");
        let (name, seconds) = (scene.ns.name(), terms.seconds.to_string());
        let running = Command::new(python, [&*script, name, THEM, &*seconds])
            .arg(&ahead)
            .env("KUBECONFIG", scene.their_kubeconfig())
            // Nothing is written into its installation.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .spawn();
        Self { running, ahead }
    }

    /// Sets its wall clock so many seconds ahead, as an administrator or NTP does.
    pub fn set_ahead(&self, seconds: i64) {
        // Never empty in between.
        let new = self.ahead.with_extension("new");
        std::fs::write(&new, seconds.to_string()).expect("the folder is the test's");
        std::fs::rename(new, &self.ahead).expect("the folder is the test's");
    }

    fn denials(&self) -> usize {
        let said = self.running.stdout();
        said.matches("yet to finish lease_duration").count()
    }
}

impl Candidate for Election {
    fn wait_leads(&self) {
        self.running.wait_stdout(|line| line == "leads", SOON);
    }

    fn wait_follows(&self, times: usize) {
        let before = self.denials();
        wait_until(|| self.denials() >= before + times);
    }

    fn wait_error(&self, part: &str) {
        self.running.wait_stdout(|line| line.contains(part), SOON);
    }

    fn release(&mut self) {
        unreachable!("it has no way to give a Lease back");
    }

    fn die(self: Box<Self>) {}
}
