//! The CI configurations of docs/examples: their scripts run from the download to the deploy, and when cancelled.

use super::runner::{GitHub, Machine, gitlab};
use super::{documents, items};
use crate::support::{SOON, held, holder, not_acquired_as, stored, untouched};
use lease_harness::{Command, Output};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Says who it is and what the lease says of it.
const DEPLOY: &str =
    "#!/bin/sh\necho \"runs as $KUBECTL_LEASE_HOLDER\"; kubectl-lease status deploy";

#[track_caller]
fn deployed(machine: &Machine, output: &Output, holder_is: &str, reason: &str) {
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    assert!(
        output.stdout.contains(&format!("runs as {holder_is}_")),
        "{output}"
    );
    assert!(output.stdout.contains(reason), "{output}");
    assert_eq!(holder(&stored(&machine.ns, "deploy")), "");
    machine.downloaded();
}

#[test]
fn each_job_installs_what_the_checksum_names_and_deploys_under_the_lease_or_not_at_all() {
    let mut github = GitHub::new(DEPLOY);
    github.machine.fill_in_checksum();
    github.prepare();
    let (mut machine, script) = gitlab(DEPLOY);
    machine.fill_in_checksum();
    let step = github.script("Deploy");
    for (machine, script, holder_is, reason) in [
        (
            &github.machine,
            &step,
            "github-42-1",
            "ada: https://ci.example/shop/web/actions/runs/42\n",
        ),
        (
            &machine,
            &script,
            "gitlab-77",
            "ada: https://ci.example/jobs/77\n",
        ),
    ] {
        let output = machine.shell(script).run();
        deployed(machine, &output, holder_is, reason);
        // Another has it: as written the job would wait for twenty minutes.
        machine.ns.delete("deploy");
        let before = machine.ns.create(&held("deploy", "another", 600));
        assert!(script.contains("--timeout 20m"), "{script}");
        let script = script.replace("--timeout 20m", "--timeout 0");
        let output = machine.shell(&script).run();
        let obstacle = "held by \"another\" for at most 10m more unless renewed";
        let expected = not_acquired_as(&machine.ns, "deploy", obstacle, "");
        assert_eq!(
            (output.code, &output.stderr),
            (Some(124), &expected),
            "{output}"
        );
        untouched(&machine.ns, &before);
    }
}

#[test]
fn an_archive_with_another_checksum_is_not_unpacked() {
    for sum in ["", &"0".repeat(64)] {
        let mut github = GitHub::new(DEPLOY);
        let (mut machine, script) = gitlab(DEPLOY);
        if !sum.is_empty() {
            github.machine.set("LEASE_SHA256", sum);
            machine.set("LEASE_SHA256", sum);
        }
        let install = github.script("Install kubectl lease");
        for (machine, script) in [(&github.machine, &install), (&machine, &script)] {
            let output = machine.shell(script).run();
            assert_ne!(output.code, Some(0), "{output}");
            machine.downloaded();
            let found = Command::new("find", [&machine.place(""), "-name", "kubectl-lease"]).run();
            assert_eq!(found.stdout, "", "{output}");
        }
    }
}

/// Ignores the first signal of a cancelled run, as some tools do, and dies of the second.
const SLOW: &str = "#!/bin/bash\ntrap 'echo caught' INT; echo runs; while :; do sleep 0.05; done";

#[test]
fn a_cancelled_job_frees_the_lease_whomever_its_runner_signals() {
    let mut github = GitHub::new(SLOW);
    github.machine.fill_in_checksum();
    github.prepare();
    // The runner signals the step's first process only.
    let step = github.machine.shell(&github.script("Deploy")).spawn();
    step.wait_stdout(|line| line == "runs", SOON);
    step.signal(libc::SIGINT);
    step.wait_stdout(|line| line == "caught", SOON);
    assert_ne!(holder(&stored(&github.machine.ns, "deploy")), "");
    step.signal(libc::SIGTERM);
    let output = step.wait(SOON);
    assert_eq!(output.code, Some(143), "{output}");
    assert_eq!(holder(&stored(&github.machine.ns, "deploy")), "");
    let (mut machine, script) = gitlab(SLOW);
    machine.fill_in_checksum();
    let job = machine.shell(&script).spawn();
    job.wait_stdout(|line| line == "runs", SOON);
    let group = Pid::from_raw(job.pid().try_into().expect("a process id"));
    killpg(group, Signal::SIGTERM).expect("the group is ours");
    machine
        .ns
        .wait_until("deploy", |lease| holder(lease).is_empty(), SOON);
}

#[test]
fn the_jobs_have_the_keys_of_jobs_ask_for_little_and_keep_expressions_out_of_scripts() {
    let workflow = &documents("github-actions.yml")[0];
    assert_eq!(
        workflow["permissions"],
        serde_json::json!({ "contents": "read" })
    );
    assert!(workflow["on"].is_object());
    let job = &workflow["jobs"]["deploy"];
    assert_eq!(job["runs-on"], "ubuntu-latest");
    assert!(
        job["timeout-minutes"].as_u64() > Some(20),
        "no time to wait"
    );
    let allowed = ["name", "uses", "with", "env", "run"];
    for step in items(&job["steps"]) {
        let keys: Vec<&String> = step.as_object().expect("a step").keys().collect();
        assert!(
            keys.iter().all(|key| allowed.contains(&key.as_str())),
            "{keys:?}"
        );
        assert_ne!(step["uses"].is_null(), step["run"].is_null(), "{step}");
        let (uses, run) = (step["uses"].as_str(), step["run"].as_str());
        assert!(uses.is_none_or(|action| action.contains("@v")), "{step}");
        // A value pasted into a script is run as part of it.
        assert!(run.is_none_or(|script| !script.contains("${{")), "{step}");
    }
    let configuration = &documents("gitlab-ci.yml")[0];
    let job = configuration["deploy"].as_object().expect("a job");
    let known = [
        "stage",
        "image",
        "environment",
        "rules",
        "timeout",
        "variables",
        "before_script",
        "script",
    ];
    assert!(
        job.keys().all(|key| known.contains(&key.as_str())),
        "{job:?}"
    );
    assert_eq!(job["timeout"], "1h");
    for lines in [&job["before_script"], &job["script"]] {
        assert!(!super::strings(lines).is_empty());
    }
}
