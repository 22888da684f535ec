//! A cluster in a box: starts the in-process Lease API server with a few sample Leases, and runs kubectl-lease on it.
//!
//! With arguments: runs that one command and shows the leases after it. Without: a shell with KUBECONFIG set and the
//! plugin on PATH.

#![allow(clippy::disallowed_macros, reason = "an example prints as it likes")]

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc;
use std::time::Duration;

use lease_api_server::{ApiServer, Options};
use serde_json::{Value, json};

const PLUGIN: &str = "kubectl-lease";

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    // This same file is the plugin when it is called by the plugin's name.
    let name = args
        .first()
        .map(Path::new)
        .and_then(Path::file_name)
        .and_then(OsStr::to_str);
    if name.is_some_and(|name| name.starts_with(PLUGIN)) {
        return kubectl_lease::run(args);
    }
    match sandbox(&args[1..]) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn sandbox(args: &[OsString]) -> Result<u8, Box<dyn std::error::Error>> {
    let server = ApiServer::start(Options::default())?;
    seed(&server);
    let folder = Folder::new()?;
    let kubeconfig = folder.0.join("kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig("admin", "default"))?;
    let plugin = folder.0.join(PLUGIN);
    link(&std::env::current_exe()?, &plugin)?;

    // One of the samples is alive: somebody renews it.
    let (stop, stopped) = mpsc::channel::<()>();
    let code = std::thread::scope(|scope| {
        let server = &server;
        scope.spawn(move || {
            while stopped.recv_timeout(Duration::from_secs(2))
                == Err(mpsc::RecvTimeoutError::Timeout)
            {
                renew(server, "deploy");
            }
        });
        let code = if args.is_empty() {
            shell(&folder.0, &kubeconfig)
        } else {
            once(&plugin, &kubeconfig, args)
        };
        drop(stop);
        code
    })?;
    Ok(code)
}

/// One command, and the leases after it.
fn once(plugin: &Path, kubeconfig: &Path, args: &[OsString]) -> std::io::Result<u8> {
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    println!("$ kubectl lease {}", words.join(" "));
    let run = |args: &[OsString]| {
        Command::new(plugin)
            .args(args)
            .env("KUBECONFIG", kubeconfig)
            .status()
    };
    let code = exit_code(run(args)?);
    println!("(exit status {code})\n\n$ kubectl lease status -A");
    run(&["status".into(), "-A".into()])?;
    Ok(code)
}

fn shell(folder: &Path, kubeconfig: &Path) -> std::io::Result<u8> {
    let shell = std::env::var_os("SHELL").unwrap_or_else(|| {
        if cfg!(windows) {
            "cmd".into()
        } else {
            "sh".into()
        }
    });
    let mut path = vec![folder.to_path_buf()];
    path.extend(
        std::env::var_os("PATH")
            .iter()
            .flat_map(std::env::split_paths),
    );
    println!(
        "A server with sample leases runs until you exit this shell. Try:\n\n  \
         kubectl lease status -A          (or: kubectl-lease status -A, without kubectl)\n  \
         kubectl-lease hold my-lease -- sleep 30 &\n  \
         kubectl-lease wait my-lease --for=held -q\n  \
         kubectl-lease acquire my-lease\n  \
         kubectl-lease steal stuck-migration\n"
    );
    Command::new(shell)
        .env("KUBECONFIG", kubeconfig)
        .env(
            "PATH",
            std::env::join_paths(path).map_err(std::io::Error::other)?,
        )
        .status()
        .map(exit_code)
}

fn exit_code(status: std::process::ExitStatus) -> u8 {
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1)
}

fn seed(server: &ApiServer) {
    let lease = |namespace: &str, name: &str, spec: Value| {
        server.seed(json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "namespace": namespace, "name": name },
            "spec": spec,
        }));
    };
    lease(
        "default",
        "my-lease",
        json!({ "holderIdentity": "", "leaseDurationSeconds": 60, "leaseTransitions": 0 }),
    );
    lease("default", "deploy", held("ci-runner-7", 15, &now(0), 12));
    lease(
        "default",
        "stuck-migration",
        held("laptop@alice", 60, &now(-3 * 3600), 3),
    );
    lease("kube-node-lease", "node-a", held("node-a", 40, &now(-4), 0));
}

fn held(holder: &str, seconds: u32, renewed: &str, transitions: u32) -> Value {
    json!({
        "holderIdentity": holder,
        "leaseDurationSeconds": seconds,
        "acquireTime": now(-4 * 3600),
        "renewTime": renewed,
        "leaseTransitions": transitions,
    })
}

fn renew(server: &ApiServer, name: &str) {
    if let Some(mut lease) = server.lease("default", name)
        && lease["spec"]["holderIdentity"] == "ci-runner-7"
    {
        lease["spec"]["renewTime"] = json!(now(0));
        server.seed(lease);
    }
}

#[expect(clippy::disallowed_methods, reason = "the sample holder's own clock")]
fn now(seconds: i64) -> String {
    let time = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[cfg(unix)]
fn link(program: &Path, plugin: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(program, plugin)
}

#[cfg(not(unix))]
fn link(program: &Path, plugin: &Path) -> std::io::Result<()> {
    std::fs::copy(program, plugin.with_extension("exe")).map(drop)
}

/// A folder of our own, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let path =
            std::env::temp_dir().join(format!("kubectl-lease-sandbox-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of its temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
