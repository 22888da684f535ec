//! Many holders at once, frozen, killed, cut off and stolen from at random: never two commands at a time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lease_harness::{
    Cluster, Command, Fault, Match, Namespace, Proxy, Running, User, alive, lease,
};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use super::scene::{SOON, watchdog};

const HOLDERS: u64 = 4;
const DURATION: Duration = Duration::from_secs(3);
/// `KUBECTL_LEASE_CHAOS=600` goes on for ten minutes.
const SECONDS: u64 = 12;

const LOOK: Duration = Duration::from_millis(50);

struct Arena {
    ns: Namespace,
    user: User,
    guarded: PathBuf,
    runs: PathBuf,
    beside: PathBuf,
    end: Instant,
}

impl Arena {
    fn new() -> Self {
        let ns = Cluster::shared().namespace();
        let seconds = i64::try_from(DURATION.as_secs()).expect("small");
        ns.create(&lease("job").duration(seconds).build());
        let chaos = std::env::var("KUBECTL_LEASE_CHAOS").ok();
        let seconds = chaos.and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
        Self {
            user: ns.user(&["get", "update", "watch"]),
            guarded: ns.file("guarded", ""),
            runs: ns.file("runs", ""),
            beside: ns.file("beside", ""),
            end: Instant::now() + Duration::from_secs(seconds),
            ns,
        }
    }

    /// Shell words of who is to be alone, and says if it is not.
    fn alone(&self, name: &str) -> String {
        format!(
            "exec 9>>{guarded}; flock -n 9 || echo {name} $$ >>{beside}; echo {name} $$ >>{runs}",
            guarded = self.guarded.display(),
            beside = self.beside.display(),
            runs = self.runs.display(),
        )
    }

    /// The kernel says whether another command, or anything that one started, is alive: all of them have the file open.
    fn hold(&self, proxy: &Proxy, random: &mut fastrand::Rng) -> Command {
        let deaf = if random.bool() { "trap '' TERM;" } else { "" };
        // Long enough to be there when a lease that was not renewed is taken over.
        let work = random.f32() * 3.0 * DURATION.as_secs_f32();
        let left = random.f32() * 3.0 * DURATION.as_secs_f32();
        let alone = self.alone("hold");
        let script =
            format!("{deaf} {alone}; echo begun; (setsid sleep {left:.2} &); sleep {work:.2}");
        let words = ["hold", "job", "--duration=3s", "--", "/bin/sh", "-c"];
        let words = words.into_iter().chain([script.as_str()]);
        self.ns.command(&self.user, words).via(proxy)
    }

    /// Steals and waits for the victim, runs alone for a moment, and releases.
    fn thief(&self, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        while Instant::now() < self.end {
            pass(&mut random, 3 * DURATION);
            // Far longer than what runs under it.
            let words = ["steal", "job", "--yes", "--duration=6s", "--holder=thief"];
            let stolen = self.ns.command(&self.user, words).spawn().wait(3 * SOON);
            if stolen.code == Some(0) {
                let section = format!("{}; sleep 0.2", self.alone("thief"));
                let mut shell = std::process::Command::new("/bin/sh");
                assert!(
                    shell
                        .args(["-c", &section])
                        .status()
                        .expect("a shell")
                        .success()
                );
                let words = ["release", "job", "--holder=thief"];
                let freed = self.ns.command(&self.user, words).spawn().wait(3 * SOON);
                assert!(matches!(freed.code, Some(0 | 122)), "seed {seed}: {freed}");
            }
        }
    }

    fn holder(&self, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let proxy = Proxy::to(self.ns.cluster());
        while Instant::now() < self.end {
            let running = self.hold(&proxy, &mut random).spawn();
            // Whoever waits is left alone: to take over, it must be able to look for as long as the lease lasts.
            while !running.stdout().contains("begun")
                && running.is_running()
                && Instant::now() < self.end
            {
                pass(&mut random, LOOK);
            }
            pass(&mut random, DURATION / 2);
            harm(&running, &proxy, &mut random);
            proxy.up();
            proxy.clear_faults();
            // Most end by themselves; the others lose everything at once.
            let patience = Instant::now() + 2 * DURATION;
            while running.is_running() && Instant::now() < patience {
                pass(&mut random, LOOK);
            }
        }
    }
}

/// Up to `most`.
fn pass(random: &mut fastrand::Rng, most: Duration) {
    std::thread::sleep(most.mul_f32(random.f32()));
}

fn harm(running: &Running, proxy: &Proxy, random: &mut fastrand::Rng) {
    let supervisor = Some(running.pid());
    let guard = watchdog(&running.tree());
    match random.u8(0..8) {
        0 => send(supervisor, Signal::SIGKILL),
        1 => freeze(supervisor, random),
        2 => send(guard, Signal::SIGKILL),
        3 => freeze(guard, random),
        4 => {
            proxy.down();
            pass(random, DURATION * 2);
        }
        5 => {
            proxy.fault(Match::put(), Fault::DropReply, random.usize(1..4));
            pass(random, DURATION);
        }
        6 => {
            proxy.freeze();
            pass(random, DURATION * 2);
            proxy.thaw();
        }
        _ => send(supervisor, Signal::SIGTERM),
    }
}

fn freeze(process: Option<u32>, random: &mut fastrand::Rng) {
    send(process, Signal::SIGSTOP);
    pass(random, DURATION * 2);
    send(process, Signal::SIGCONT);
}

fn send(process: Option<u32>, signal: Signal) {
    if let Some(pid) = process.filter(|&pid| alive(pid)) {
        // It may end just now.
        let _ = signal::kill(Pid::from_raw(pid.cast_signed()), signal);
    }
}

#[test]
fn holders_frozen_killed_cut_off_and_stolen_from_at_random_never_run_two_commands_at_once() {
    let arena = Arena::new();
    let begun = Instant::now();
    let seed = fastrand::u64(0..1 << 32);
    std::thread::scope(|scope| {
        for holder in 0..HOLDERS {
            let arena = &arena;
            scope.spawn(move || arena.holder(seed + holder));
        }
        scope.spawn(|| arena.thief(seed + HOLDERS));
    });
    let lines = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).expect("our file");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let runs = lines(&arena.runs);
    let thieves = runs.iter().filter(|line| line.starts_with("thief")).count();
    let runs = runs.len();
    super::scene::measured(
        &format!("{runs} commands, one at a time, {thieves} after a steal"),
        begun.elapsed(),
    );
    assert_eq!(lines(&arena.beside), Vec::<String>::new(), "seed {seed}");
    assert!(runs > 2, "only {runs} commands ran");
}
