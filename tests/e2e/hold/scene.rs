//! What every test of `hold` stands on: a Lease `job`, a user, a fault proxy, and a hold whose processes are known.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lease_harness::{
    Cluster, Command, Match, Namespace, Output, Proxy, Request, Running, User, lease, portable,
    tagged, wait_gone,
};
#[cfg(unix)]
use nix::sys::signal::{Signal, kill};
#[cfg(unix)]
use nix::unistd::Pid;

pub use super::script::{announced, deaf_until, environment, shell, stops_at, until, until_asked};

/// Far longer than anything here takes, on a machine that is busy with other things.
pub const SOON: Duration = Duration::from_secs(20);

/// A Lease `job` of a recorded duration, and a user who reaches it through a proxy.
pub struct Scene {
    pub ns: Namespace,
    pub user: User,
    pub proxy: Proxy,
    pub duration: Duration,
}

/// A hold whose command runs.
pub struct Held {
    pub running: Running,
    /// The command itself.
    pub child: u32,
    pub watchdog: u32,
    tag: String,
}

impl Scene {
    /// With every permission that hold makes use of.
    pub fn new(seconds: u32) -> Self {
        Self::on(Cluster::shared(), seconds, &["get", "update", "watch"])
    }

    /// With the least permission.
    pub fn without_watch(seconds: u32) -> Self {
        Self::on(Cluster::shared(), seconds, &["get", "update"])
    }

    pub fn on(cluster: &Cluster, seconds: u32, verbs: &[&str]) -> Self {
        let ns = cluster.namespace();
        let user = ns.user(verbs);
        ns.create(&lease("job").duration(seconds.into()).build());
        Self {
            proxy: Proxy::to(cluster),
            ns,
            user,
            duration: Duration::from_secs(seconds.into()),
        }
    }

    /// `kubectl lease hold job …`, through the proxy.
    pub fn hold(&self, arguments: &[&str]) -> Command {
        let words = ["hold", "job"].iter().chain(arguments);
        self.ns.command(&self.user, words).via(&self.proxy)
    }

    /// A hold whose command is this shell script.
    pub fn hold_script(&self, script: &str) -> Command {
        self.hold(&["--"]).args(shell(&announced(script)))
    }

    /// Starts [`Scene::hold_script`] and waits until the script runs.
    #[track_caller]
    pub fn start(&self, script: &str) -> Held {
        Held::start(&self.hold_script(script))
    }

    /// A hold whose command is a script of [`portable`].
    pub fn hold_portable(&self, arguments: &[&str], script: &[&str]) -> Command {
        self.hold(arguments).arg("--").args(portable(script))
    }

    /// When the last acknowledged write was sent, within what the way to the proxy took.
    pub fn last_acknowledged(&self) -> Instant {
        let requests = self.proxy.requests();
        let acknowledged = requests.iter().rev().find(|request| acknowledged(request));
        acknowledged.expect("the grant was acknowledged").at
    }

    /// Waits for `count` more acknowledged writes.
    #[track_caller]
    pub fn wait_renewals(&self, count: usize) {
        let of = |requests: &[Request]| requests.iter().filter(|r| acknowledged(r)).count();
        let before = of(&self.proxy.requests());
        let patience = self.duration * u32::try_from(count).expect("a few") + SOON;
        self.proxy
            .wait_for(|requests| of(requests) >= before + count, patience);
    }

    /// Which processes of the command were still there when the release arrived, once it has.
    pub fn survivors_at_release(&self, held: &Held) -> impl Fn() -> Vec<u32> + use<> {
        let found = Arc::new(Mutex::new(None));
        let (noted, tag) = (found.clone(), held.tag.clone());
        let ours = [held.running.pid(), held.watchdog];
        let look = move |request: &Request| {
            if is_release(request) {
                let mut left = tagged(&tag);
                left.retain(|pid| !ours.contains(pid));
                noted.lock().expect("nobody panics").get_or_insert(left);
            }
            false
        };
        self.proxy
            .fault(Match::when(look), lease_harness::Fault::Hang, 1);
        move || {
            let found = found.lock().expect("nobody panics").clone();
            found.expect("a release was sent")
        }
    }

    /// The end of a hold with this code, once its command may go on: nothing of it is left when it releases.
    #[track_caller]
    pub fn ends_alone(&self, held: Held, gate: &Path, code: i32) -> Output {
        let survivors = self.survivors_at_release(&held);
        let output = held.end_at(gate);
        assert_eq!(output.code, Some(code), "{output}");
        assert_eq!(survivors(), Vec::<u32>::new(), "{output}");
        assert_eq!(self.ns.holder("job"), None, "{output}");
        output
    }

    /// The writes that the server carried out, since the last [`Proxy::clear`].
    pub fn writes(&self) -> usize {
        let writes = |request: &&Request| {
            matches!(request.method.as_str(), "PUT" | "POST" | "PATCH" | "DELETE")
                && request.upstream_status.is_some_and(|status| status < 300)
        };
        self.proxy.requests().iter().filter(writes).count()
    }

    /// A file that the command waits for with [`until`].
    pub fn gate(&self) -> PathBuf {
        gate(&self.ns)
    }
}

impl Held {
    #[track_caller]
    pub fn start(command: &Command) -> Self {
        let running = command.spawn();
        let line = running.wait_stdout(|line| line.starts_with("child "), SOON);
        let mut words = line.split_whitespace().skip(1);
        let mut next = || words.next().expect("pid and tag").to_owned();
        let child = next().parse().expect("a process id");
        let tag = next();
        let watchdog = watchdog_of(&running).expect("a command has a watchdog");
        Self {
            running,
            child,
            watchdog,
            tag,
        }
    }

    /// Waits until nothing of it is left but the processes in `except`.
    #[track_caller]
    pub fn wait_tree_gone(&self, except: &[u32], within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            let mut rest = self.running.tree();
            rest.retain(|pid| !except.contains(pid));
            if rest.is_empty() {
                return;
            }
            for pid in rest {
                wait_gone(pid, deadline.saturating_duration_since(Instant::now()));
            }
        }
    }

    /// Its end once the command may go on; nothing may be left of it.
    #[track_caller]
    pub fn end_at(self, gate: &Path) -> Output {
        open(gate);
        self.end()
    }

    /// Its end; nothing may be left of it.
    #[track_caller]
    pub fn end(self) -> Output {
        let tag = self.tag.clone();
        let output = self.running.wait(SOON);
        let left: Vec<String> = tagged(&tag).into_iter().map(describe).collect();
        assert!(left.is_empty(), "left behind: {left:?}\n{output}");
        output
    }
}

/// A file that is not there yet.
pub fn gate(ns: &Namespace) -> PathBuf {
    let path = ns.file("gate", "");
    std::fs::remove_file(&path).expect("just written");
    path
}

pub fn open(gate: &Path) {
    std::fs::write(gate, "").expect("the folder is ours");
}

/// Asks a hold to end whose command waits for the gate, and gives the status that it ends with: by SIGTERM where there are
/// signals. Elsewhere the command ends by itself, as Wine's consoles do not reach it.
pub fn ask_to_end(running: &Running, gate: &Path) -> i32 {
    #[cfg(unix)]
    {
        let _ = gate;
        running.signal(libc::SIGTERM);
        143
    }
    #[cfg(not(unix))]
    {
        let _ = running;
        open(gate);
        0
    }
}

/// The watchdog of a running hold.
#[cfg(unix)]
pub fn watchdog_of(running: &Running) -> Option<u32> {
    watchdog(&running.tree())
}

/// The watchdog of a running hold: the same program, started by the supervisor.
#[cfg(windows)]
pub fn watchdog_of(running: &Running) -> Option<u32> {
    let others = running.tree().into_iter();
    let mut others = others.filter(|pid| *pid != running.pid());
    others.find(|pid| lease_harness::image(*pid).is_some_and(|image| image.ends_with(TOOL)))
}

#[cfg(windows)]
const TOOL: &str = "kubectl-lease.exe";

/// The watchdog among these processes.
#[cfg(unix)]
pub fn watchdog(tree: &[u32]) -> Option<u32> {
    let is_watchdog = |pid: &&u32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.split(|byte| *byte == 0).nth(1) == Some(b"--watchdog")
    };
    tree.iter().find(is_watchdog).copied()
}

pub fn is_release(request: &Request) -> bool {
    request.method == "PUT" && request.json()["spec"].get("holderIdentity").is_none()
}

fn acknowledged(request: &Request) -> bool {
    request.method == "PUT" && request.status == Some(200) && !is_release(request)
}

#[cfg(unix)]
pub fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("process ids are small"));
    kill(pid, signal).expect("it is there");
}

/// Says how long something took, for whoever runs the tests with `--nocapture`.
#[expect(clippy::disallowed_macros, reason = "captured with the test's output")]
pub fn measured(what: &str, took: Duration) {
    eprintln!("measured: {what}: {} ms", took.as_millis());
}

#[cfg(windows)]
fn describe(pid: u32) -> String {
    format!("{pid} {:?}", lease_harness::image(pid))
}

#[cfg(unix)]
fn describe(pid: u32) -> String {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!(
        "{pid} {}",
        String::from_utf8_lossy(&words).replace('\0', " ")
    )
}
