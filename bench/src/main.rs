//! `status NAME` against curl and kubectl on the same object of one real kube-apiserver, in turns, cold each time.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lease_harness::{Cluster, lease};

const ROUNDS: usize = 60;

fn main() -> Result<(), Box<dyn Error>> {
    let binary = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: bench RELEASE-BINARY")?);
    let cluster = Cluster::private();
    let namespace = cluster.namespace();
    namespace.create(&lease("my-lease").holder("me").duration(15).build());
    let admin = namespace.admin();
    let kubeconfig = namespace.kubeconfig(&admin);
    let ca = namespace.file("ca.crt", cluster.ca_pem().ok_or("no CA")?);
    let url = format!(
        "{}/apis/coordination.k8s.io/v1/namespaces/{}/leases/my-lease",
        cluster.url(),
        namespace.name()
    );
    let plugin = || {
        let mut command = quiet(&binary);
        command.args(["status", "my-lease"]).env("KUBECONFIG", &kubeconfig);
        command
    };
    let curl = || {
        let mut command = quiet(Path::new("curl"));
        // A plain user agent: kube-apiserver prints prettily for curl's own, which costs it time.
        command.args(["-sSf", "-A", "bench", "--cacert"]).arg(&ca);
        command.args(["-H", &format!("Authorization: Bearer {}", admin.token), &url]);
        command
    };
    let kubectl = || {
        let mut command = quiet(Path::new("kubectl"));
        command.args(["get", "lease", "my-lease"]).env("KUBECONFIG", &kubeconfig);
        command
    };

    let resident = peak_resident(&mut plugin())?;
    // Warm the page cache, and kubectl's discovery cache.
    time(&mut curl())?;
    time(&mut kubectl())?;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        times[0].push(time(&mut plugin())?);
        times[1].push(time(&mut curl())?);
        if round % 4 == 0 {
            times[2].push(time(&mut kubectl())?);
        }
    }
    let [ours, curls, kubectls] = times.map(median);
    let ratio = |of: Duration| of.as_secs_f64() / curls.as_secs_f64();
    let ms = |of: Duration| of.as_secs_f64() * 1000.0;
    println!("| command | median wall time | against curl |");
    println!("| --- | --- | --- |");
    println!("| `kubectl-lease status my-lease` | {:.1} ms | {:.2} |", ms(ours), ratio(ours));
    println!("| `curl` of the same object | {:.1} ms | 1.00 |", ms(curls));
    println!("| `kubectl get lease my-lease` | {:.1} ms | {:.1} |", ms(kubectls), ratio(kubectls));
    println!();
    let megabytes = std::fs::metadata(&binary)?.len() as f64 / 1048576.0;
    println!("Resident: {:.1} MiB at most. Release binary: {megabytes:.1} MiB.", resident as f64 / 1024.0);
    Ok(())
}

fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
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
    let waited = unsafe { libc::wait4(child.id().cast_signed(), &raw mut status, 0, &raw mut usage) };
    if waited < 0 || status != 0 {
        return Err(format!("{command:?}: status {status}").into());
    }
    Ok(usage.ru_maxrss)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
