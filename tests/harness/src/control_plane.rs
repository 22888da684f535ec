//! A real kube-apiserver with its etcd, on loopback, for this process alone.

mod arguments;
mod grants;
mod options;
mod revisions;

pub use options::PlaneOptions;
pub use revisions::Revision;

use crate::access::User;
use crate::api::Api;
use crate::certs::{Authority, new_key_pair};
use crate::endpoint::Endpoint;
use crate::ports::free_port;
use crate::server_process::ServerProcess;
use crate::{random, scratch};
use nix::sys::signal::Signal;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// A cold start takes seconds; a loaded machine with two cores may need a minute.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Between two questions whether a server is ready.
const POLL: Duration = Duration::from_millis(20);
/// Users in the static token file, enough for one each test.
const USERS: usize = 2000;
/// Ports may be taken between choosing and binding them.
const ATTEMPTS: usize = 3;

/// A running control plane. Dropping it, or ending the process in any way, kills both servers.
pub struct ControlPlane {
    api_server: Mutex<Option<ServerProcess>>,
    etcd: Mutex<ServerProcess>,
    options: PlaneOptions,
    assets: PathBuf,
    folder: PathBuf,
    etcd_port: u16,
    port: u16,
    authority: Authority,
    admin: Api,
    admin_user: User,
    tokens: Vec<String>,
    next_user: AtomicUsize,
}

impl ControlPlane {
    /// Starts etcd and kube-apiserver from `assets` and returns when `/readyz` says ok.
    ///
    /// # Errors
    ///
    /// When a server cannot be started, ends, or is not ready within two minutes: what happened, with the log's end.
    pub fn start(assets: &Path) -> Result<ControlPlane, String> {
        ControlPlane::start_with(assets, PlaneOptions::default())
    }

    /// The same with options of its own.
    ///
    /// # Errors
    ///
    /// As [`ControlPlane::start`].
    pub fn start_with(assets: &Path, options: PlaneOptions) -> Result<ControlPlane, String> {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            match ControlPlane::try_start(assets, options) {
                Err(error) if error.contains("address already in use") => last = error,
                result => return result,
            }
        }
        Err(last)
    }

    fn try_start(assets: &Path, options: PlaneOptions) -> Result<ControlPlane, String> {
        let deadline = Instant::now() + START_LIMIT;
        let folder = scratch::folder("control-plane");
        let authority = Authority::new();
        let admin_user = User {
            name: "admin".into(),
            token: random::hex(16),
        };
        let tokens: Vec<String> = (0..USERS).map(|_| random::hex(16)).collect();
        write_files(&folder, &authority, &admin_user.token, &tokens)
            .map_err(|e| format!("{}: {e}", folder.display()))?;

        let (etcd_port, port) = (free_port(), free_port());
        let etcd = start_etcd(assets, &folder, etcd_port, options, deadline)?;
        let endpoint = Endpoint::new(&format!("https://127.0.0.1:{port}"), Some(&authority.pem));
        let plane = ControlPlane {
            api_server: Mutex::new(None),
            etcd: Mutex::new(etcd),
            options,
            assets: assets.to_owned(),
            folder,
            etcd_port,
            port,
            authority,
            admin: Api::new(endpoint, &admin_user.token),
            admin_user,
            tokens,
            next_user: AtomicUsize::new(0),
        };
        plane.launch(deadline)?;
        Ok(plane)
    }

    /// The address of the API server, which stays the same over restarts.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificate authority that signed the server's certificate and signs those of clients.
    pub fn ca_pem(&self) -> &str {
        &self.authority.pem
    }

    /// A member of `system:masters`.
    pub fn admin(&self) -> &Api {
        &self.admin
    }

    pub(crate) fn admin_user(&self) -> User {
        self.admin_user.clone()
    }

    /// A client certificate and its key, PEM, that the server takes for user `name` in `groups`.
    pub fn client_certificate(&self, name: &str, groups: &[&str]) -> (String, String) {
        let certificate = self.authority.client(name, groups);
        (certificate.certificate, certificate.key)
    }

    /// The process ids of etcd and, unless it is stopped, of kube-apiserver.
    pub fn pids(&self) -> Vec<u32> {
        let api_server = self
            .api_server
            .lock()
            .expect("no panics while the server is locked");
        std::iter::once(self.etcd().pid())
            .chain(api_server.as_ref().map(ServerProcess::pid))
            .collect()
    }

    /// Kills kube-apiserver: open connections are reset and new ones refused. Does nothing when it is stopped.
    pub fn stop_api_server(&self) {
        self.api_server
            .lock()
            .expect("no panics while the server is locked")
            .take();
    }

    /// Starts kube-apiserver again at the same address and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    pub fn start_api_server(&self) {
        let deadline = Instant::now() + START_LIMIT;
        self.launch(deadline)
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// SIGSTOP: connections are accepted by the kernel and never answered.
    pub fn freeze_api_server(&self) {
        self.with_api_server(ServerProcess::stop);
    }

    /// SIGCONT.
    pub fn thaw_api_server(&self) {
        self.with_api_server(|process| process.signal(Signal::SIGCONT));
    }

    /// SIGSTOP of etcd: kube-apiserver accepts requests, and answers those about objects only once it goes on.
    pub fn freeze_etcd(&self) {
        self.etcd().stop();
    }

    /// SIGCONT of etcd.
    pub fn thaw_etcd(&self) {
        self.etcd().signal(Signal::SIGCONT);
    }

    /// The file that kube-apiserver's audit log is in, one JSON event a line; with [`PlaneOptions::history`] only. A
    /// server that was killed while it wrote leaves the beginning of a line, which the next one goes on with its own.
    pub fn audit_log(&self) -> PathBuf {
        options::audit_log(&self.folder)
    }

    /// A name and token that nobody else in this process uses, without any permission yet.
    pub(crate) fn take_user(&self) -> User {
        let number = self.next_user.fetch_add(1, Ordering::Relaxed);
        let token = self.tokens.get(number);
        let token = token
            .unwrap_or_else(|| panic!("more than {USERS} users: raise the number in {}", file!()));
        User {
            name: format!("user-{number}"),
            token: token.clone(),
        }
    }

    fn etcd(&self) -> MutexGuard<'_, ServerProcess> {
        self.etcd
            .lock()
            .expect("no panics while the server is locked")
    }

    fn with_api_server(&self, act: impl FnOnce(&mut ServerProcess)) {
        let mut api_server = self
            .api_server
            .lock()
            .expect("no panics while the server is locked");
        act(api_server.as_mut().expect("the API server is running"));
    }

    fn launch(&self, deadline: Instant) -> Result<(), String> {
        let mut api_server = self
            .api_server
            .lock()
            .expect("no panics while the server is locked");
        if api_server.is_some() {
            return Ok(());
        }
        let program = self.assets.join("kube-apiserver");
        let arguments =
            arguments::kube_apiserver(&self.folder, self.port, self.etcd_port, self.options);
        let process = ServerProcess::start(
            &program,
            &arguments,
            &self.folder.join("kube-apiserver.log"),
        )
        .map_err(|error| format!("{}: {error}", program.display()))?;
        let process = api_server.insert(process);
        until_ready("kube-apiserver", process, deadline, || {
            self.admin
                .call("GET", "/readyz", None)
                .is_ok_and(|answer| answer.status == 200)
        })
    }
}

fn start_etcd(
    assets: &Path,
    folder: &Path,
    port: u16,
    options: PlaneOptions,
    deadline: Instant,
) -> Result<ServerProcess, String> {
    let program = assets.join("etcd");
    let arguments = arguments::etcd(
        &program,
        &scratch::memory_folder("etcd"),
        port,
        free_port(),
        options,
    );
    let mut etcd = ServerProcess::start(&program, &arguments, &folder.join("etcd.log"))
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let health = Api::new(Endpoint::new(&format!("http://127.0.0.1:{port}"), None), "");
    // kube-apiserver waits a whole second when etcd is not there at its first try.
    until_ready("etcd", &mut etcd, deadline, || {
        health
            .call("GET", "/health", None)
            .is_ok_and(|answer| answer.body["health"] == "true")
    })?;
    Ok(etcd)
}

fn until_ready(
    name: &str,
    process: &mut ServerProcess,
    deadline: Instant,
    ready: impl Fn() -> bool,
) -> Result<(), String> {
    while !ready() {
        let problem = match process.ended() {
            Some(status) => format!("ended while starting ({status})"),
            None if Instant::now() > deadline => format!("is not ready after {START_LIMIT:?}"),
            None => {
                std::thread::sleep(POLL);
                continue;
            }
        };
        return Err(format!(
            "{name} {problem}; the end of its log:\n{}",
            process.tail()
        ));
    }
    Ok(())
}

fn write_files(
    folder: &Path,
    authority: &Authority,
    admin_token: &str,
    tokens: &[String],
) -> std::io::Result<()> {
    let server = authority.server();
    let (private, public) = new_key_pair();
    let users = tokens
        .iter()
        .enumerate()
        .map(|(n, token)| format!("{token},user-{n},user-{n}\n"));
    let tokens = format!(
        "{admin_token},admin,admin,system:masters\n{}",
        users.collect::<String>()
    );
    let files = [
        ("ca.crt", &authority.pem),
        ("server.crt", &server.certificate),
        ("server.key", &server.key),
        ("service-account.key", &private),
        ("service-account.pub", &public),
        ("tokens.csv", &tokens),
    ];
    fs::write(options::audit_policy(folder), options::AUDIT_POLICY)?;
    for (name, contents) in files {
        fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(folder.join(name))?
            .write_all(contents.as_bytes())?;
    }
    Ok(())
}
