//! The pages on programs that run under a lease: deploys, jobs, containers, slots.

use serde_json::Value;

use super::page::Page;
use crate::support::{SOON, free, held, holder, pass_to, stored};

/// A script that says that it runs, and does so until it gets TERM.
const ENDLESS: &str =
    "#!/bin/bash\ntrap 'exit 0' TERM; echo runs; while :; do read -t 0.1 <> <(:); done\n";

pub fn deploy(page: &mut Page) {
    page.set("JOB_URL", "https://ci.example/jobs/77");
    page.run("kubectl lease create deploy", 0);
    page.run("kubectl lease can-i deploy --for hold", 0);
    page.ns.script("deploy.sh", ENDLESS);
    let job = page.start("exec kubectl lease hold deploy");
    job.wait_stdout(|line| line == "runs", SOON);
    let shown = page.run("kubectl lease status deploy", 0);
    assert!(shown.stdout.contains("ci.example/jobs/77"), "{shown}");
    job.signal(libc::SIGTERM);
    assert_eq!(job.wait(SOON).code, Some(0));
    assert_eq!(holder(&stored(&page.ns, "deploy")), "");
}

pub fn cron_job(page: &mut Page) {
    let hold = "kubectl lease hold nightly-backup";
    let ran = page.run(hold, 0);
    assert_eq!(ran.stdout, "backup.sh runs\n");
    let shown = page.run("kubectl lease status nightly-backup", 0);
    assert!(shown.stdout.contains("Free"), "{shown}");
    // Another run has it: this one ends quietly.
    pass_to(&page.ns, "nightly-backup", "another");
    let line = "kubectl lease hold nightly-backup --create --timeout 0 -E 0 -- ./backup.sh";
    let ran = page.shell(line).run();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran}");
}

pub fn container(page: &mut Page) {
    page.ns.script("server", ENDLESS);
    for pod in ["web-a", "web-b"] {
        page.ns.create_pod(pod);
    }
    let name = page.ns.name().to_owned();
    page.set("POD_NAMESPACE", &name);
    page.set("POD_NAME", "web-a");
    let line = "kubectl lease hold web --create --again --label-pod role=active -- ./server";
    let first = page.start(line);
    first.wait_stdout(|line| line == "runs", SOON);
    page.set("POD_NAME", "web-b");
    let second = page.shell(&format!("exec {line}")).spawn();
    second.wait_stderr(|line| line.starts_with("waiting for lease"), SOON);
    if let Some(pods) = page.run_kubectl("kubectl get pods -l role=active") {
        let (is, is_not) = (pods.stdout.contains("web-a"), pods.stdout.contains("web-b"));
        assert!(is && !is_not, "{pods}");
    }
    let shown = page.run("kubectl lease status web", 0);
    assert!(shown.stdout.contains("web-a"), "{shown}");
    if page.run_kubectl("kubectl delete pod web-a").is_none() {
        page.ns.delete_pod("web-a");
    }
    // The kubelet's part.
    first.signal(libc::SIGTERM);
    assert_eq!(first.wait(SOON).code, Some(0));
    second.wait_stdout(|line| line == "runs", SOON);
    page.run("kubectl lease wait web --for=held", 0);
    let active =
        |pod: Option<&Value>| pod.is_some_and(|pod| pod["metadata"]["labels"]["role"] == "active");
    page.ns.wait_pod("web-b", active, SOON);
    // A pod of that name that has the label and should not.
    page.ns.create_pod("web-a");
    let label = serde_json::json!({ "metadata": { "labels": { "role": "active" } } });
    page.ns.patch_pod("web-a", &label);
    if page.run_kubectl("kubectl label pod web-a role-").is_some() {
        assert_eq!(page.ns.pod_label("web-a", "role"), None);
    }
    second.signal(libc::SIGTERM);
    assert_eq!(second.wait(SOON).code, Some(0));
}

pub fn slots(page: &mut Page) {
    page.run("kubectl lease create crawl --slots 3", 0);
    let ran = page.run("kubectl lease hold crawl --slots 3", 0);
    assert_eq!(ran.stdout, "crawl.sh runs\n");
    let shown = page.run("kubectl lease status crawl --slots", 0);
    assert!(
        shown.stderr.contains("3 slots of \"crawl\": 3 free\n"),
        "{shown}"
    );
    // One is stuck; its holder has a second left.
    page.ns.edit("crawl-1", |lease| {
        lease["spec"] = held("crawl-1", "crawler-4", 1)["spec"].clone();
    });
    page.run("kubectl lease steal crawl-1", 0);
    page.run("kubectl lease release crawl-1", 0);
    // Before the leases are made anew another number is refused.
    let five = "kubectl lease hold crawl --slots 5 -- ./crawl.sh";
    assert_eq!(page.shell(five).run().code, Some(2));
    page.run("kubectl lease wait crawl-0 crawl-1 crawl-2", 0);
    if page.run_kubectl("kubectl delete lease crawl-0").is_none() {
        for slot in ["crawl-0", "crawl-1", "crawl-2"] {
            page.ns.delete(slot);
        }
    }
    page.run("kubectl lease create crawl --slots 5", 0);
    assert_eq!(page.shell(five).run().code, Some(0));
}

pub fn lost(page: &mut Page) {
    page.ns.create(&free("deploy"));
    page.ns.script("deploy.sh", ENDLESS);
    // Whoever takes it waits for no longer, where the machine is too busy for an acknowledgement.
    let job = page.shell("exec kubectl lease hold deploy --duration 10s -- ./deploy.sh");
    let job = job.spawn();
    job.wait_stdout(|line| line == "runs", SOON);
    let steal = "kubectl lease steal deploy --holder ada --reason INC-5 --yes";
    assert_eq!(page.shell(steal).run().code, Some(0));
    let output = job.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    assert!(output.stderr.contains("ada"), "{output}");
    let shown = page.run("kubectl lease status deploy", 0);
    for part in ["Previous", "INC-5"] {
        assert!(shown.stdout.contains(part), "{shown}");
    }
    let release = "kubectl lease release deploy --holder ada";
    assert_eq!(page.shell(release).run().code, Some(0));
    page.ns.script("deploy.sh", "#!/bin/sh\necho deployed\n");
    let ran = page.run("kubectl lease hold deploy --duration 60s", 0);
    assert_eq!(ran.stdout, "deployed\n");
}

pub fn cancelled(page: &mut Page) {
    page.ns.create(&free("deploy"));
    page.ns.script("deploy.sh", ENDLESS);
    let hold = |seconds: u32| {
        let line = format!("exec kubectl lease hold deploy --duration {seconds}s -- ./deploy.sh");
        page.shell(&line).spawn()
    };
    let job = hold(60);
    job.wait_stdout(|line| line == "runs", SOON);
    // Cancelled in time: nothing is left.
    job.signal(libc::SIGTERM);
    let output = job.wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(holder(&stored(&page.ns, "deploy")), "", "{output}");
    // Killed.
    let job = hold(3);
    job.wait_stdout(|line| line == "runs", SOON);
    job.signal(libc::SIGKILL);
    job.wait(SOON);
    assert_ne!(holder(&stored(&page.ns, "deploy")), "");
    page.run("kubectl lease wait deploy --for=expired", 0);
}
