//! Those who are compared, on one namespace of one server.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lease_harness::Namespace;

/// Us, curl, kubectl and klock.
pub struct Contest {
    pub namespace: Namespace,
    pub binary: PathBuf,
    kubeconfig: PathBuf,
    ca: PathBuf,
    token: String,
}

impl Contest {
    pub fn new(namespace: Namespace, binary: PathBuf) -> Result<Self, Box<dyn Error>> {
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

    pub fn plugin(&self, args: &[&str]) -> Command {
        let mut command = quiet(&self.binary);
        command.args(args).env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// `path` is below the namespace's leases, or with a slash at its beginning an API path of its own.
    pub fn curl(&self, path: &str) -> Command {
        let mut command = quiet(Path::new("curl"));
        // A plain user agent: kube-apiserver prints prettily for curl's own, which costs it time.
        command
            .args(["-sSf", "-A", "bench", "--cacert"])
            .arg(&self.ca);
        command.args(["-H", &format!("Authorization: Bearer {}", self.token)]);
        command.arg(format!("{}{path}", self.namespace.cluster().url()));
        command
    }

    pub fn kubectl(&self, args: &[&str]) -> Command {
        let mut command = quiet(Path::new("kubectl"));
        command.args(args).env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// klock (github.com/berquerant/k8s-lease), where it is.
    pub fn klock(&self, lease: &str, words: &[&str]) -> Option<Command> {
        let path = std::env::var_os("PATH")?;
        let mut folders = std::env::split_paths(&path);
        let program = folders.find_map(|folder| {
            let program = folder.join("klock");
            program.is_file().then_some(program)
        })?;
        let mut command = quiet(&program);
        command
            .args(["-n", self.namespace.name(), "-l", lease])
            .args(["-i", "bench", "--"])
            .args(words)
            .env("KUBECONFIG", &self.kubeconfig);
        Some(command)
    }

    /// The API's path of the namespace's leases.
    pub fn leases(&self) -> String {
        format!("{LEASES}/namespaces/{}/leases", self.namespace.name())
    }

    /// The API's path of a lease.
    pub fn lease(&self, name: &str) -> String {
        format!("{}/{name}", self.leases())
    }

    /// Minor version of the server.
    pub fn minor(&self) -> Result<u32, Box<dyn Error>> {
        let answer = self
            .namespace
            .cluster()
            .admin()
            .call("GET", "/version", None)?;
        let minor = answer.body["minor"].as_str().ok_or("no version")?;
        Ok(minor.trim_end_matches('+').parse()?)
    }

    /// The requests that the server has had about leases, by its own count: those of these methods, or all. A watch
    /// counts when it ends.
    pub fn requests(&self, verbs: &[&str]) -> Result<u64, Box<dyn Error>> {
        let wanted = |line: &str| {
            let verb = |verb: &&str| line.contains(&format!("verb=\"{verb}\""));
            line.starts_with("apiserver_request_total{")
                && (verbs.is_empty() || verbs.iter().any(verb))
        };
        self.counted(wanted)
    }

    /// How many watches of leases are open.
    pub fn watches(&self) -> Result<u64, Box<dyn Error>> {
        // apiserver_longrunning_gauge, which has been called apiserver_longrunning_requests since 1.23.
        self.counted(|line| {
            line.starts_with("apiserver_longrunning_") && line.contains("verb=\"WATCH\"")
        })
    }

    fn counted(&self, wanted: impl Fn(&str) -> bool) -> Result<u64, Box<dyn Error>> {
        let admin = self.namespace.cluster().admin();
        let answer = admin.call("GET", "/metrics", None)?;
        let text = answer.body.as_str().ok_or("no metrics")?;
        let about_leases = |line: &&str| line.contains("resource=\"leases\"") && wanted(line);
        let value = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
        let lines = text.lines().filter(about_leases);
        Ok(lines.filter_map(value).sum::<f64>() as u64)
    }
}

const LEASES: &str = "/apis/coordination.k8s.io/v1";

fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    command
}
