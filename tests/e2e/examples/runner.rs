//! In place of a CI runner: a machine on which the jobs of docs/examples run, without a network.

use super::{documents, items, strings};
use crate::support::{free, fresh};
use lease_harness::{Command, Namespace, User, binary};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// In place of the network: notes the address and hands over the archive.
const CURL: &str = "#!/bin/sh\n\
    test \"$1 $2 $#\" = '-fsSL -o 4' || exit 2\n\
    echo \"$4\" > \"$(dirname \"$0\")/url\"; cp \"$(dirname \"$0\")/archive\" \"$3\"";

/// What a CI runner gives a job: a checkout with deploy.sh, variables, and a folder for what it downloads.
pub struct Machine {
    pub ns: Namespace,
    user: User,
    folder: PathBuf,
    path: String,
    variables: Vec<(String, String)>,
}

impl Machine {
    pub fn new(deploy: &str) -> Machine {
        let (ns, user) = fresh();
        ns.create(&free("deploy"));
        let plugin = format!("#!/bin/sh\nexec {} \"$@\"\n", binary().display());
        let script = ns.script("kubectl-lease", &plugin);
        let folder = script.parent().expect("a file is in a folder").to_owned();
        let tar = ["-czf", "archive", "kubectl-lease"];
        let packed = Command::new("tar", tar).current_dir(&folder).run();
        assert_eq!(packed.code, Some(0), "{packed}");
        // Nothing finds it but by unpacking.
        fs::remove_file(script).expect("the file is ours");
        ns.script("curl", CURL);
        ns.script("deploy.sh", deploy);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());
        let mut machine = Machine {
            ns,
            user,
            folder,
            path,
            variables: Vec::new(),
        };
        machine.set("TMPDIR", &machine.place(""));
        machine
    }

    pub fn place(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    pub fn set(&mut self, key: &str, value: &str) {
        self.variables.push((key.to_owned(), value.to_owned()));
    }

    /// Gives the archive the checksum that the user is asked to fill in.
    pub fn fill_in_checksum(&mut self) {
        let sum = Command::new("sha256sum", [self.place("archive")]).run();
        self.set("LEASE_SHA256", &sum.stdout[..64]);
    }

    /// A script as a runner starts it.
    pub fn shell(&self, script: &str) -> Command {
        let file = self.ns.file("step.sh", script);
        let command = Command::new("bash", ["-e".as_ref(), file.as_os_str()]);
        let command = command.current_dir(&self.folder).env("PATH", &self.path);
        let set = |command: Command, (key, value): &(String, String)| command.env(key, value);
        self.variables.iter().fold(command, set)
    }

    /// Asserts that the release that was downloaded is where a release is.
    pub fn downloaded(&self) {
        let url = fs::read_to_string(self.folder.join("url")).expect("curl ran");
        let version = self.variable("LEASE_VERSION");
        let expected = format!(
            "{}/releases/download/{version}/kubectl-lease-{version}-linux-amd64.tar.gz\n",
            env!("CARGO_PKG_REPOSITORY")
        );
        assert_eq!(url, expected);
    }

    fn variable(&self, key: &str) -> &str {
        let found = self.variables.iter().rfind(|(known, _)| known == key);
        found.map_or("", |(_, value)| value)
    }
}

fn texts(map: &Value) -> Vec<(String, String)> {
    let map = map.as_object().into_iter().flatten();
    map.map(|(key, value)| (key.clone(), value.as_str().expect("a string").to_owned()))
        .collect()
}

/// The job of github-actions.yml on a machine of its own.
pub struct GitHub {
    job: Value,
    pub machine: Machine,
}

impl GitHub {
    pub fn new(deploy: &str) -> GitHub {
        let job = documents("github-actions.yml")[0]["jobs"]["deploy"].clone();
        let mut machine = Machine::new(deploy);
        let temp = machine.place("");
        for (key, value) in [
            ("GITHUB_ACTOR", "ada"),
            ("GITHUB_SERVER_URL", "https://ci.example"),
            ("GITHUB_REPOSITORY", "shop/web"),
            ("GITHUB_RUN_ID", "42"),
            ("RUNNER_TEMP", &temp),
            ("GITHUB_PATH", &machine.place("github-path")),
            ("GITHUB_ENV", &machine.place("github-env")),
        ] {
            machine.set(key, value);
        }
        let mut github = GitHub { job, machine };
        github.set_all(&github.job["env"].clone());
        github
    }

    fn set_all(&mut self, variables: &Value) {
        for (key, value) in texts(variables) {
            let value = self.evaluate(&value);
            self.machine.set(&key, &value);
        }
    }

    /// The value with its expressions, of which the example uses these.
    fn evaluate(&self, value: &str) -> String {
        let config = self.machine.ns.kubeconfig(&self.machine.user);
        let config = fs::read_to_string(config).expect("the file is ours");
        let value = value
            .replace("${{ github.run_id }}", "42")
            .replace("${{ github.run_attempt }}", "1")
            .replace("${{ secrets.KUBECONFIG }}", &config);
        assert!(!value.contains("${{"), "{value}");
        value
    }

    pub fn script(&self, step: &str) -> String {
        let mut steps = items(&self.job["steps"]).iter();
        let step = steps.find(|one| one["name"] == step);
        let script = step.expect("there is such a step")["run"].as_str();
        script.expect("it runs a script").to_owned()
    }

    /// Runs the steps before the deploy; what they write for later steps counts.
    pub fn prepare(&mut self) {
        for step in items(&self.job["steps"].clone()) {
            if step["name"] == "Deploy" || step["run"].is_null() {
                continue;
            }
            self.set_all(&step["env"]);
            let script = step["run"].as_str().expect("a script");
            let output = self.machine.shell(script).run();
            assert_eq!(output.code, Some(0), "{output}");
        }
        let read = |name| fs::read_to_string(self.machine.folder.join(name)).expect("written");
        let (path, variables) = (read("github-path"), read("github-env"));
        self.machine.path = format!("{}:{}", path.trim(), self.machine.path);
        for line in variables.lines() {
            let (key, value) = line.split_once('=').expect("KEY=VALUE");
            self.machine.set(key, value);
        }
    }
}

/// The job of gitlab-ci.yml: its machine, and all its script lines, which one shell runs.
pub fn gitlab(deploy: &str) -> (Machine, String) {
    let job = documents("gitlab-ci.yml")[0]["deploy"].clone();
    let mut machine = Machine::new(deploy);
    for (key, value) in texts(&job["variables"]) {
        machine.set(&key, &value.replace("$CI_JOB_ID", "77"));
    }
    let config = machine.ns.kubeconfig(&machine.user);
    machine.set("KUBECONFIG", &config.display().to_string());
    machine.set("GITLAB_USER_LOGIN", "ada");
    machine.set("CI_JOB_URL", "https://ci.example/jobs/77");
    let mut lines = strings(&job["before_script"]);
    lines.extend(strings(&job["script"]));
    (machine, format!("set -o pipefail\n{}", lines.join("\n")))
}
