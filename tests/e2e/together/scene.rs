//! What these tests stand on: the Leases `a`, `b` and `c`, and a user who reaches them through a proxy.

use crate::hold::scene::shell;
use crate::support::{SOON, VERBS, holder, shared, stored};
use lease_harness::{Command, Namespace, Output, Proxy, Request, Running, User, lease};

pub struct Scene {
    pub ns: Namespace,
    pub user: User,
    pub proxy: Proxy,
}

impl Scene {
    /// Free Leases of this duration.
    pub fn new(seconds: i64) -> Self {
        let ns = shared().namespace();
        for name in ["a", "b", "c"] {
            ns.create(&lease(name).duration(seconds).build());
        }
        Self {
            user: ns.user(&VERBS),
            proxy: Proxy::to(ns.cluster()),
            ns,
        }
    }

    /// `kubectl lease …`, as `me`.
    pub fn command(&self, words: &str) -> Command {
        let words: Vec<&str> = words.split(' ').collect();
        let command = self.ns.command(&self.user, words).via(&self.proxy);
        command.env("KUBECTL_LEASE_HOLDER", "me")
    }

    pub fn run(&self, words: &str) -> Output {
        self.command(words).run()
    }

    /// The same with a script as its command.
    pub fn hold(&self, words: &str, script: &str) -> Command {
        self.command(words).arg("--").args(shell(script))
    }

    /// A `hold a b c` whose command runs until it is stopped.
    pub fn running(&self, words: &str) -> Running {
        let running = self.hold(words, "echo runs $$; exec sleep 600").spawn();
        running.wait_stdout(|line| line.starts_with("runs "), SOON);
        running
    }

    /// Who holds each of the three; nothing where nobody does.
    pub fn holders(&self) -> [String; 3] {
        ["a", "b", "c"].map(|name| holder(&stored(&self.ns, name)).to_owned())
    }

    /// What was written, in order, by the requests that the server carried out: `+a` a grant, `~a` a renewal, `-a` a release.
    pub fn written(&self) -> Vec<String> {
        let all = self.proxy.requests();
        all.iter().filter_map(written).collect()
    }

    /// The same without renewals.
    pub fn taken_and_given(&self) -> String {
        let mut all = self.written();
        all.retain(|write| !write.starts_with('~'));
        all.join(" ")
    }

    /// Waits until so many writes are like this one.
    #[track_caller]
    pub fn wait_written(&self, write: &str, count: usize) {
        let like = |request: &Request| written(request).as_deref() == Some(write);
        let enough = |all: &[Request]| all.iter().filter(|request| like(request)).count() >= count;
        self.proxy.wait_for(enough, SOON);
    }
}

/// Whether a request is about this Lease.
pub fn about(request: &Request, name: &str) -> bool {
    let named = request.query.contains(&format!("metadata.name%3D{name}"));
    named || request.path.ends_with(&format!("/leases/{name}"))
}

pub fn written(request: &Request) -> Option<String> {
    let done = request.upstream_status.is_some_and(|status| status < 300);
    (request.method == "PUT" && done).then_some(())?;
    let sent = request.json();
    let times = (&sent["spec"]["acquireTime"], &sent["spec"]["renewTime"]);
    let sign = match holder(&sent) {
        "" => '-',
        _ if times.0 == times.1 => '+',
        _ => '~',
    };
    Some(format!("{sign}{}", sent["metadata"]["name"].as_str()?))
}

/// The reply to this write is held back.
pub fn is(write: &'static str) -> impl Fn(&Request) -> bool + Send + 'static {
    move |request| {
        let mut done = request.clone();
        done.upstream_status = Some(200);
        written(&done).as_deref() == Some(write)
    }
}
