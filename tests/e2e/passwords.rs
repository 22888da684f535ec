//! A password in an address is never printed: by no error, hint or log.

use lease_harness::{Namespace, Output};
use serde_json::json;

use crate::support::{held_by_another, said};

const PASSWORD: &str = "s3cret";

#[track_caller]
fn is_kept(output: &Output) {
    let all = format!("{}{}", output.stdout, output.stderr);
    assert!(!all.contains(PASSWORD), "{output}");
}

#[test]
fn a_password_in_an_address_is_in_no_log_and_no_hint() {
    let (ns, user) = held_by_another();
    let url = ns.cluster().url();
    let own = url.split("://").nth(1).unwrap_or_default();
    for address in [
        format!("https://kim:{PASSWORD}@{own}"),
        format!("https://kim:1/{PASSWORD}@127.0.0.1:1"),
        format!("ftp://kim:{PASSWORD}@api.far.invalid:6443"),
    ] {
        let words = ["status", "job", "-v", "--request-timeout=5s"];
        is_kept(&ns.command(&user, words).arg("-s").arg(&address).run());
        let mut config = ns.kubeconfig_json(&user);
        config["clusters"][0]["cluster"]["server"] = json!(address);
        let file = ns.file("kubeconfig", config.to_string());
        is_kept(&ns.command(&user, words).kubeconfig(file).run());
        let far = "https://api.far.invalid:6443";
        config["clusters"][0]["cluster"] = json!({ "server": far, "proxy-url": address });
        let file = ns.file("kubeconfig", config.to_string());
        is_kept(&ns.command(&user, words).kubeconfig(file).run());
        let command = ns.command(&user, words).arg("-s").arg(far);
        is_kept(&command.env("HTTPS_PROXY", &address).run());
    }
    let server = format!("https://kim:{PASSWORD}@localhost:{}", port(&ns));
    let output = ns
        .command(&user, ["release", "job", "--holder=me"])
        .arg("-s")
        .arg(server)
        .arg("--token")
        .arg(&user.token)
        .run();
    assert_eq!(output.code, Some(122), "{output}");
    let flag = format!("--server https://kim:xxxxx@localhost:{}", port(&ns));
    assert!(output.stderr.contains(&flag), "{output}");
    assert!(!output.stderr.contains(&user.token), "{output}");
    is_kept(&output);
    // As with kubectl: the user in the address asks where nothing else says who does.
    let server = format!("https://kim:{PASSWORD}@localhost:{}", port(&ns));
    let command = ns.command(&user, ["status", "job", "-o", "name"]);
    let output = command.arg("-s").arg(server).run();
    said(&output, 0, "lease.coordination.k8s.io/job\n", "");
}

fn port(ns: &Namespace) -> String {
    let url = ns.cluster().url();
    url.rsplit(':').next().unwrap_or_default().to_owned()
}
