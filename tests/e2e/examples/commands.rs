//! What the manifests and the index of docs/examples run, run as written, with scripts that only say that they ran.

use super::manifests::{containers, pod};
use super::{all_rules, documents, files, kind, manifest_files, strings, text, with_script};
use crate::support::{VERBS, held, holder, said, shared, stored, untouched};
use lease_harness::{Command, Namespace, Output, binary};
use serde_json::Value;

/// A container that runs the plugin, from one file.
struct Example {
    file: String,
    container: Value,
}

impl Example {
    fn all() -> Vec<Example> {
        let mut found = Vec::new();
        for file in manifest_files() {
            for object in documents(&file) {
                for container in pod(&object).into_iter().flat_map(containers) {
                    if container["command"][0] == "kubectl-lease" {
                        let (file, container) = (file.clone(), container.clone());
                        found.push(Example { file, container });
                    }
                }
            }
        }
        assert_eq!(found.len(), 3);
        found
    }

    /// The plugin's arguments, that is without its own name.
    fn arguments(&self) -> Vec<String> {
        let mut all = strings(&self.container["command"]);
        all.extend(strings(&self.container["args"]));
        all.split_off(1)
    }

    /// The value of `--flag=VALUE`.
    fn flag(&self, flag: &str) -> Option<String> {
        let prefix = format!("--{flag}=");
        let arguments = self.arguments();
        let value = arguments.iter().find_map(|one| one.strip_prefix(&prefix));
        value.map(str::to_owned)
    }

    fn lease(&self) -> String {
        self.arguments()[1].clone()
    }

    fn script(&self) -> String {
        let last = self.arguments().pop().expect("there are arguments");
        let script = last.strip_prefix("./").expect("a script of the image");
        script.to_owned()
    }

    /// What the file makes beside the pod.
    fn prepare(&self, ns: &Namespace) {
        for object in documents(&self.file) {
            if kind(&object) == "Lease" {
                ns.create(&object);
            }
        }
    }

    /// Runs in the container's environment, with what the file's Role permits and nothing else.
    fn run(&self, ns: &Namespace, arguments: &[String]) -> Output {
        let user = ns.user_with(&all_rules(&self.file));
        let pod = ns.pod("pod-7").unwrap_or_else(|| ns.create_pod("pod-7"));
        let folder = with_script(ns, &self.script());
        let command = ns.command(&user, arguments).current_dir(folder);
        let variables = self.container["env"].as_array().expect("a list");
        let set = |command: Command, variable: &Value| {
            let source = &variable["valueFrom"]["fieldRef"]["fieldPath"];
            let field = source
                .as_str()
                .and_then(|path| path.strip_prefix("metadata."));
            let value = &pod["metadata"][field.expect("a field of the metadata")];
            let value = value.as_str().expect("a text");
            command.env(variable["name"].as_str().expect("a name"), value)
        };
        variables.iter().fold(command, set).run()
    }
}

#[test]
fn each_container_runs_its_script_under_the_lease_with_the_roles_of_its_file_or_not_at_all() {
    for example in Example::all() {
        let ns = shared().namespace();
        example.prepare(&ns);
        let output = example.run(&ns, &example.arguments());
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (Some(0), ""),
            "{output}"
        );
        let ran = format!("./{} runs as pod-7_", example.script());
        assert!(output.stdout.starts_with(&ran), "{output}");
        assert_eq!(holder(&stored(&ns, &example.lease())), "");
        // A run that finds another one ends quietly where the example says so.
        let ns = shared().namespace();
        let before = ns.create(&held(&example.lease(), "another", 600));
        // As written it would wait for more than a minute, and one that is to wait for its turn for ever.
        let bounded = example.flag("timeout").is_some();
        let mut arguments = example.arguments();
        arguments.retain(|one| !one.starts_with("--timeout="));
        arguments.insert(2, "--timeout=0".to_owned());
        let output = example.run(&ns, &arguments);
        let quiet = example.file == "cronjob-no-overlap.yaml";
        assert_eq!(output.code, Some(if quiet { 0 } else { 124 }), "{output}");
        assert_eq!(output.stdout, "", "the script must not run: {output}");
        untouched(&ns, &before);
        if !bounded {
            assert!(
                arguments.contains(&"--again".to_owned()),
                "{}",
                example.file
            );
            continue;
        }
        // A dead holder is outlasted.
        let seconds = |flag: &str| {
            let value = example.flag(flag).expect("said in the example");
            let span: jiff::SignedDuration = value.parse().expect("a duration");
            span.as_secs()
        };
        let (timeout, duration) = (seconds("timeout"), seconds("duration"));
        assert!(
            timeout > duration,
            "{}: {timeout} <= {duration}",
            example.file
        );
    }
}

/// What follows `kubectl lease` in the text, to the end of its line or code span.
fn mentions(text: &str) -> impl Iterator<Item = &str> {
    let after = text.split("kubectl lease ").skip(1);
    after.filter_map(|rest| rest.split(['`', '\n']).next())
}

#[test]
fn the_commands_of_the_index_work_as_written_and_those_of_comments_are_accepted() {
    let ns = shared().namespace();
    let user = ns.user(&VERBS);
    let folder = with_script(&ns, "deploy.sh");
    let index = text("README.md");
    let commands: Vec<&str> = index
        .lines()
        .filter(|line| line.starts_with("kubectl lease "))
        .collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    for line in commands {
        let plugin = format!("{} ", binary().display());
        let line = line.replacen("kubectl lease ", &plugin, 1);
        let command = ns.program(&user, "bash", ["-c", &line]);
        let output = command.current_dir(&folder).run();
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (Some(0), ""),
            "{output}"
        );
    }
    said(
        &ns.run(&user, ["status", "deploy", "--exit-code", "-oname"]),
        4,
        "lease.coordination.k8s.io/deploy\n",
        "",
    );
    let mut seen = 0;
    for file in files() {
        for words in mentions(&text(&file)) {
            seen += 1;
            let command = Command::new(binary(), words.split(' '));
            let output = command.kubeconfig("/nowhere").run();
            assert_ne!(output.code, Some(2), "{file}: {output}");
        }
    }
    assert!(seen >= 8, "{seen}");
}
