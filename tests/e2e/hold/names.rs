//! The server's name, which stops resolving while a lease is held: the address that worked is good enough.

use std::path::{Path, PathBuf};

use lease_harness::{Command, wait_gone};
use serde_json::json;

use super::scene::{Held, SOON, Scene, announced, until};

const NAME: &str = "api.lease.invalid";

/// A mount namespace in which this file is /etc/hosts, and nothing else names hosts; `None` where that is not permitted.
fn with_hosts(scene: &Scene, hosts: &Path) -> Option<Vec<String>> {
    let order = scene.ns.file("nsswitch.conf", "hosts: files\n");
    let script = format!(
        "mount --bind {} /etc/hosts && mount --bind {} /etc/nsswitch.conf && exec \"$@\"",
        hosts.display(),
        order.display()
    );
    let words = |flags: &[&str]| {
        let words = ["unshare"].iter().chain(flags).chain(&["/bin/sh", "-c"]);
        let mut words: Vec<String> = words.map(ToString::to_string).collect();
        words.extend([script.clone(), "sh".to_owned()]);
        words
    };
    let permitted = |words: &Vec<String>| command(words).arg("true").run().code == Some(0);
    // As root, or in a user namespace where those are to be had.
    let found = [&["-m"][..], &["-m", "-r"]]
        .into_iter()
        .map(words)
        .find(permitted);
    if found.is_none() {
        skipped();
    }
    found
}

fn command(words: &[String]) -> Command {
    Command::new(&words[0], &words[1..])
}

#[expect(clippy::disallowed_macros, reason = "captured with the test's output")]
fn skipped() {
    eprintln!("skipped: no mount namespace can be made here, so no name can be made up");
}

struct Named {
    scene: Scene,
    hosts: PathBuf,
    held: Held,
    gate: PathBuf,
}

/// A hold of a server by its name; `None` where no names can be made up.
fn hold_by_name(seconds: u32) -> Option<Named> {
    let scene = Scene::new(seconds);
    let hosts = scene.ns.file("hosts", format!("127.0.0.1 {NAME}\n"));
    let mut words = with_hosts(&scene, &hosts)?;
    let mut config = scene.ns.kubeconfig_json(&scene.user);
    let mut cluster = scene.proxy.cluster_entry();
    cluster["server"] = json!(scene.proxy.url().replace("127.0.0.1", NAME));
    cluster["tls-server-name"] = json!("localhost");
    config["clusters"][0]["cluster"] = cluster;
    let file = scene.ns.file("by-name", config.to_string());
    let gate = scene.gate();
    let script = announced(&until(&gate));
    let binary = env!("CARGO_BIN_EXE_kubectl-lease");
    let hold = [binary, "hold", "job", "--", "/bin/sh", "-c", &script];
    words.extend(hold.map(str::to_owned));
    let held = Held::start(&command(&words).kubeconfig(file));
    scene.wait_renewals(1);
    Some(Named {
        scene,
        hosts,
        held,
        gate,
    })
}

#[track_caller]
fn ends_well(named: Named) {
    named.scene.wait_renewals(2);
    std::fs::write(&named.gate, "").expect("the folder is ours");
    let output = named.held.end();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(named.scene.ns.holder("job"), None, "{output}");
}

#[test]
fn a_name_that_leads_elsewhere_leaves_the_address_that_worked_until_that_stops_too() {
    let Some(named) = hold_by_name(3) else { return };
    // Nothing listens at the others; they are tried first.
    let elsewhere = format!("127.0.0.7 {NAME}\n127.0.0.8 {NAME}\n");
    std::fs::write(&named.hosts, elsewhere).expect("the folder is ours");
    named.scene.proxy.reset_connections();
    ends_well(named);
    let Some(named) = hold_by_name(2) else { return };
    std::fs::write(&named.hosts, "").expect("the folder is ours");
    named.scene.proxy.down();
    wait_gone(named.held.child, SOON);
    let output = named.held.end();
    assert_eq!(output.code, Some(123), "{output}");
    assert!(output.stderr.contains("was refused"), "{output}");
}
