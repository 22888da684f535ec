//! The figures of docs/performance.md, all from one real kube-apiserver in one run.

mod list;
mod one;
mod watch;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lease_harness::{Cluster, Namespace};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let binary = PathBuf::from(args.next().ok_or("usage: bench RELEASE-BINARY [LEASES…]")?);
    let sizes = args
        .map(|size| size.to_string_lossy().parse::<usize>())
        .collect::<Result<Vec<_>, _>>()?;
    let cluster = Cluster::private();
    let contest = Contest::new(cluster.namespace(), binary)?;
    one::run(&contest)?;
    let mut there = 0;
    for size in sizes {
        there = list::run(&contest, there, size)?;
    }
    watch::run(&contest.binary);
    Ok(())
}

/// The three who are compared, on one namespace.
struct Contest {
    namespace: Namespace,
    binary: PathBuf,
    kubeconfig: PathBuf,
    ca: PathBuf,
    token: String,
}

impl Contest {
    fn new(namespace: Namespace, binary: PathBuf) -> Result<Self, Box<dyn Error>> {
        let admin = namespace.admin();
        let ca = namespace.cluster().ca_pem().ok_or("no CA")?.to_owned();
        Ok(Self {
            kubeconfig: namespace.kubeconfig(&admin),
            ca: namespace.file("ca.crt", ca),
            token: admin.token,
            namespace,
            binary,
        })
    }

    fn plugin(&self, args: &[&str]) -> Command {
        let mut command = quiet(&self.binary);
        command.args(args).env("KUBECONFIG", &self.kubeconfig);
        command
    }

    fn curl(&self, path: &str) -> Command {
        let mut command = quiet(Path::new("curl"));
        // A plain user agent: kube-apiserver prints prettily for curl's own, which costs it time.
        command
            .args(["-sSf", "-A", "bench", "--cacert"])
            .arg(&self.ca);
        command.args(["-H", &format!("Authorization: Bearer {}", self.token)]);
        command.arg(format!(
            "{}/apis/coordination.k8s.io/v1/namespaces/{}/leases{path}",
            self.namespace.cluster().url(),
            self.namespace.name()
        ));
        command
    }

    fn kubectl(&self, args: &[&str]) -> Command {
        let mut command = quiet(Path::new("kubectl"));
        command.args(args).env("KUBECONFIG", &self.kubeconfig);
        command
    }
}

fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    command
}

fn time(command: &mut Command) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    let status = command.status()?;
    let took = start.elapsed();
    if status.success() {
        Ok(took)
    } else {
        Err(format!("{command:?}: {status}").into())
    }
}

/// KiB, the peak of one run.
#[expect(unsafe_code, reason = "wait4 is the only way to one child's peak")]
fn peak_resident(command: &mut Command) -> Result<i64, Box<dyn Error>> {
    let child = command.spawn()?;
    let mut status = 0;
    // SAFETY: plain integers, for which all zeroes is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: our own child, not waited for elsewhere; both pointers are to locals.
    let waited =
        unsafe { libc::wait4(child.id().cast_signed(), &raw mut status, 0, &raw mut usage) };
    if waited < 0 || status != 0 {
        return Err(format!("{command:?}: status {status}").into());
    }
    Ok(usage.ru_maxrss)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
