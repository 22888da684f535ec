//! What each journey stands on: a Lease `job`, a proxy for each side that notes who wrote what when, and a hold of ours.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use lease_harness::{Cluster, Command, Namespace, Output, Proxy, Request, Running, User, lease};
use serde_json::Value;

use crate::binary;

/// Far longer than anything here takes, on a machine that is busy with other things.
pub const SOON: Duration = Duration::from_secs(60);

/// Their identity, and ours.
pub const THEM: &str = "them";
pub const US: &str = "us";

/// A namespace with the Lease `job`, free as client-go leaves one.
pub struct Scene {
    pub ns: Namespace,
    user: User,
    pub ours: Proxy,
    pub theirs: Proxy,
    _turn: Turn,
}

impl Scene {
    pub fn new() -> Self {
        Self::on(Cluster::shared())
    }

    pub fn on(cluster: &Cluster) -> Self {
        binary::build();
        let turn = Turn::wait();
        let ns = cluster.namespace();
        let user = ns.user(&["get", "update", "watch"]);
        ns.create(
            &lease("job")
                .holder("")
                .duration(1)
                .transitions(7)
                .acquired_ago(7200, 0)
                .renewed_ago(7200, 0)
                .build(),
        );
        Self {
            ns,
            user,
            ours: Proxy::to(cluster),
            theirs: Proxy::to(cluster),
            _turn: turn,
        }
    }

    /// Where a client of theirs finds the server.
    pub fn their_kubeconfig(&self) -> PathBuf {
        self.ns.kubeconfig_via(&self.ns.admin(), &self.theirs.url())
    }

    /// `kubectl lease WORDS`, as us.
    pub fn us(&self, words: &[&str]) -> Command {
        let (subcommand, rest) = words.split_first().expect("a subcommand");
        let words = [subcommand, "--holder", US]
            .into_iter()
            .chain(rest.iter().copied());
        self.ns.command(&self.user, words).via(&self.ours)
    }

    /// `kubectl lease status job FLAGS`, to its end.
    pub fn status(&self, flags: &[&str]) -> Output {
        let words = ["status", "job"].iter().chain(flags);
        self.ns.command(&self.user, words).run()
    }

    /// `kubectl lease hold job FLAGS` with a command that tells who it is and ends only when it is made to.
    pub fn hold(&self, flags: &[&str]) -> Hold {
        let mut words = vec!["hold", "job"];
        words.extend(flags);
        let script = "echo runs $$ $KUBECTL_LEASE_FENCING_TOKEN; exec sleep 600";
        words.extend(["--", "/bin/sh", "-c", script]);
        Hold(self.us(&words).spawn())
    }

    pub fn stored(&self) -> Value {
        self.ns.get("job").expect("nobody deletes it")
    }

    /// Waits until this side has written so many more times.
    #[track_caller]
    pub fn wait_writes(&self, side: &Proxy, more: usize) {
        let before = writes(&side.requests()).count();
        side.wait_for(|all| writes(all).count() >= before + more, SOON);
    }
}

/// How many scenes are played at once: most of their time is waiting, but a renewal that waits for a processor is late.
const AT_ONCE: usize = 8;

static PLAYED: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

struct Turn;

impl Turn {
    fn wait() -> Self {
        let played = PLAYED.0.lock().expect("nobody panics with the lock");
        let turn = PLAYED.1.wait_while(played, |played| *played >= AT_ONCE);
        *turn.expect("nobody panics with the lock") += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Ok(mut played) = PLAYED.0.lock() {
            *played -= 1;
        }
        PLAYED.1.notify_one();
    }
}

/// What was written, in its order.
pub fn writes(requests: &[Request]) -> impl DoubleEndedIterator<Item = &Request> {
    requests.iter().filter(|request| {
        let stored = request.upstream_status.is_some_and(|status| status < 300);
        matches!(&*request.method, "PUT" | "POST" | "PATCH") && !request.is_of_events() && stored
    })
}

/// When the first write arrived that says this of the Lease's holder.
pub fn granted_to(side: &Proxy, holder: &str) -> Instant {
    let requests = side.requests();
    let mut all = writes(&requests);
    let grant = all.find(|request| request.json()["spec"]["holderIdentity"] == *holder);
    grant.expect("it was granted").at
}

/// When the last write of this side arrived: it is stored no earlier.
pub fn last_write(side: &Proxy) -> Instant {
    let requests = side.requests();
    let last = writes(&requests).next_back();
    last.expect("something was written").at
}

/// A hold that waits, or whose command runs.
pub struct Hold(pub Running);

/// The command of a hold: its process, and its fencing token.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    pub pid: u32,
    pub token: u64,
    /// When it was seen to run.
    pub since: Instant,
}

impl Hold {
    /// Waits until its command runs.
    #[track_caller]
    pub fn wait_runs(&self) -> Work {
        let line = self.0.wait_stdout(|line| line.starts_with("runs "), SOON);
        let mut words = line.split(' ').skip(1);
        let mut next = || words.next().expect("two numbers").to_owned();
        Work {
            pid: next().parse().expect("a process id"),
            token: next().parse().expect("a token"),
            since: Instant::now(),
        }
    }

    #[track_caller]
    pub fn wait_waits(&self) {
        self.0
            .wait_stderr(|line| line.starts_with("waiting for lease"), SOON);
    }

    /// Has it end by TERM.
    #[track_caller]
    pub fn end(self) -> Output {
        self.0.signal(libc::SIGTERM);
        self.0.wait(SOON)
    }
}

/// Waits until something is so that no output tells of.
#[track_caller]
pub fn wait_until(wanted: impl Fn() -> bool) {
    let begun = Instant::now();
    while !wanted() {
        assert!(begun.elapsed() < SOON, "not so");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Says how long something took, for whoever runs the tests with `--nocapture`.
pub fn measured(client: &str, what: &str, took: Duration) {
    eprintln!("measured: {client}: {what}: {} ms", took.as_millis());
}
