//! Many holders at once, frozen, killed and cut off at random: never two commands at a time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lease_harness::{
    Cluster, Command, Fault, Match, Namespace, Proxy, Running, User, alive, lease,
};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use super::scene::watchdog;

const HOLDERS: u64 = 5;
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

    /// The kernel says whether another command, or anything that one started, is alive: all of them have the file open.
    fn hold(&self, proxy: &Proxy, random: &mut fastrand::Rng) -> Command {
        let deaf = if random.bool() { "trap '' TERM;" } else { "" };
        // Long enough to be there when a lease that was not renewed is taken over.
        let work = random.f32() * 3.0 * DURATION.as_secs_f32();
        let left = random.f32() * 3.0 * DURATION.as_secs_f32();
        let script = format!(
            "{deaf} exec 9>>{guarded}; flock -n 9 || echo $$ >>{beside}; echo $$ >>{runs}; echo begun; \
             (setsid sleep {left:.2} &); sleep {work:.2}",
            guarded = self.guarded.display(),
            beside = self.beside.display(),
            runs = self.runs.display(),
        );
        let words = ["hold", "job", "--", "/bin/sh", "-c", &script];
        self.ns.command(&self.user, words).via(proxy)
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
fn holders_frozen_killed_and_cut_off_at_random_never_run_two_commands_at_once() {
    let arena = Arena::new();
    let begun = Instant::now();
    let seed = fastrand::u64(0..1 << 32);
    std::thread::scope(|scope| {
        for holder in 0..HOLDERS {
            let arena = &arena;
            scope.spawn(move || arena.holder(seed + holder));
        }
    });
    let lines = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).expect("our file");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let runs = lines(&arena.runs).len();
    super::scene::measured(&format!("{runs} commands, one at a time"), begun.elapsed());
    assert_eq!(lines(&arena.beside), Vec::<String>::new(), "seed {seed}");
    assert!(runs > 3, "only {runs} commands ran");
}
