//! Holds against steals on a short duration, round after round. A steal that waits lets nobody in beside its victim; after
//! one that does not wait, a release in another's name or a delete, every hold ends soon and says so.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lease_harness::{Cluster, Namespace, Proxy, User, lease};

use super::scene::{SOON, measured};

const DURATION: Duration = Duration::from_secs(2);
/// For each of the two storms; `KUBECTL_LEASE_CHAOS=600` goes on for ten minutes.
const SECONDS: u64 = 10;
const HOLDERS: u64 = 3;
const THIEVES: u64 = 2;

struct Arena {
    ns: Namespace,
    user: User,
    /// Whoever runs has it locked.
    guarded: PathBuf,
    runs: PathBuf,
    /// Those that found it locked.
    beside: PathBuf,
    end: Instant,
}

impl Arena {
    fn new() -> Self {
        let ns = Cluster::shared().namespace();
        let chaos = std::env::var("KUBECTL_LEASE_CHAOS").ok();
        let seconds = chaos.and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
        let arena = Self {
            user: ns.user(&["get", "update", "watch", "create"]),
            guarded: ns.file("guarded", ""),
            runs: ns.file("runs", ""),
            beside: ns.file("beside", ""),
            end: Instant::now() + Duration::from_secs(seconds),
            ns,
        };
        arena.create();
        arena
    }

    fn create(&self) {
        let seconds = i64::try_from(DURATION.as_secs()).expect("small");
        self.ns.create(&lease("job").duration(seconds).build());
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.end
    }

    /// Shell words that run alone, or say that they do not, for as long as `seconds`.
    fn section(&self, name: &str, seconds: f32) -> String {
        format!(
            "exec 9>>{guarded}; flock -n 9 || echo {name} >>{beside}; echo {name} >>{runs}; sleep {seconds:.2}",
            guarded = self.guarded.display(),
            beside = self.beside.display(),
            runs = self.runs.display(),
        )
    }

    fn holder(&self, seed: u64, codes: &[Option<i32>]) {
        let mut random = fastrand::Rng::with_seed(seed);
        let (proxy, begun) = (Proxy::to(self.ns.cluster()), Instant::now());
        while self.goes_on() {
            let deaf = if random.bool() { "trap '' TERM; " } else { "" };
            let script = format!("{deaf}{}", self.section("hold", random.f32() * 4.0));
            let words = [
                "hold",
                "job",
                "--duration=2s",
                "--timeout=20s",
                "--",
                "/bin/sh",
                "-c",
                &script,
            ];
            let output = self
                .ns
                .command(&self.user, words)
                .via(&proxy)
                .spawn()
                .wait(3 * SOON);
            // On a busy machine two seconds can pass before the command is started.
            let late = output.code == Some(125) && output.stderr.contains("was not started");
            assert!(
                late || codes.contains(&output.code),
                "seed {seed}: {output}"
            );
        }
        let (requests, seconds) = (proxy.requests().len(), begun.elapsed().as_secs());
        let most = 20 * usize::try_from(seconds).expect("small");
        assert!(
            requests < most,
            "seed {seed}: {requests} requests in {seconds} s"
        );
    }

    /// Steals, runs alone for a moment, and releases: all under its own name.
    fn thief(&self, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let name = format!("thief-{seed}");
        while self.goes_on() {
            pass(&mut random, 2 * DURATION);
            // Far longer than what runs under it.
            let steal = ["steal", "job", "--yes", "--duration=4s", "--holder", &name];
            let output = self.ns.command(&self.user, steal).spawn().wait(3 * SOON);
            match output.code {
                Some(0) => {}
                // Stolen in turn; or changed while it was being agreed to.
                Some(123 | 1 | 120 | 122) => continue,
                _ => panic!("seed {seed}: {output}"),
            }
            let section = self.section("thief", 0.2);
            let ran = std::process::Command::new("/bin/sh")
                .args(["-c", &section])
                .status()
                .expect("a shell");
            assert!(ran.success());
            let release = ["release", "job", "--holder", &name];
            let output = self.ns.command(&self.user, release).spawn().wait(3 * SOON);
            assert!(
                matches!(output.code, Some(0 | 122)),
                "seed {seed}: {output}"
            );
        }
    }

    fn lines(file: &PathBuf) -> Vec<String> {
        let text = std::fs::read_to_string(file).expect("our file");
        text.lines().map(str::to_owned).collect()
    }
}

fn pass(random: &mut fastrand::Rng, most: Duration) {
    std::thread::sleep(most.mul_f32(random.f32()));
}

#[test]
fn while_others_steal_and_wait_never_do_two_run_at_once() {
    let arena = Arena::new();
    let begun = Instant::now();
    let seed = fastrand::u64(0..1 << 32);
    std::thread::scope(|scope| {
        for number in 0..HOLDERS {
            let arena = &arena;
            let codes = [Some(0), Some(123), Some(124)];
            scope.spawn(move || arena.holder(seed + number, &codes));
        }
        for number in 0..THIEVES {
            let arena = &arena;
            scope.spawn(move || arena.thief(seed + HOLDERS + number));
        }
    });
    let runs = Arena::lines(&arena.runs);
    let thieves = runs.iter().filter(|name| *name == "thief").count();
    measured(
        &format!("{} ran, {thieves} of them after a steal", runs.len()),
        begun.elapsed(),
    );
    assert_eq!(
        Arena::lines(&arena.beside),
        Vec::<String>::new(),
        "seed {seed}"
    );
    assert!(thieves > 0 && runs.len() > 2, "seed {seed}: {runs:?}");
}
