//! A password in an address is never printed: by no error, hint or log.

use lease_harness::{Namespace, Output};
use serde_json::json;

use crate::support::{fresh, held, held_by_another, said};

const PASSWORD: &str = "s3cret";

#[track_caller]
fn is_kept(output: &Output) {
    let all = format!("{}{}", output.stdout, output.stderr);
    assert!(!all.contains(PASSWORD), "{output}");
}

/// Every address a server can be given by, with a password, and what is wrong with each.
fn addresses(ns: &Namespace) -> Vec<String> {
    let url = ns.cluster().url();
    let own = url.split("://").nth(1).unwrap_or_default();
    let mut all = vec![format!("https://kim:{PASSWORD}@{own}")];
    for rest in [
        "@127.0.0.1:1",
        "@api.far.invalid:6443",
        "@127.0.0.1:x",
        "@",
        "/x@127.0.0.1:1",
        "@127.0.0.1:1/path",
    ] {
        for scheme in ["https://", "http:/", "ftp://", ""] {
            all.push(format!("{scheme}kim:{PASSWORD}{rest}"));
            all.push(format!("{scheme}kim:1/{PASSWORD}{rest}"));
        }
    }
    all
}

#[test]
fn a_password_in_the_servers_address_is_not_printed() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    for address in addresses(&ns) {
        for words in [
            &["release", "job", "--holder=me"][..],
            &["acquire", "job", "--timeout=0"],
            &["renew", "nothing", "--holder=me"],
            &["status", "job", "-v"],
        ] {
            let command = ns.command(&user, words).arg("--request-timeout=5s");
            is_kept(&command.arg("--timeout=1s").arg("-s").arg(&address).run());
            is_kept(&ns.command(&user, words).arg("-s").arg(&address).run());
        }
        let mut config = ns.kubeconfig_json(&user);
        config["clusters"][0]["cluster"]["server"] = json!(address);
        let file = ns.file("kubeconfig", config.to_string());
        let command = ns.command(&user, ["status", "job", "-v"]);
        is_kept(&command.kubeconfig(file).run());
    }
}

#[test]
fn a_hint_has_neither_the_password_of_the_server_nor_the_token() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
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
}

fn port(ns: &Namespace) -> String {
    let url = ns.cluster().url();
    url.rsplit(':').next().unwrap_or_default().to_owned()
}

#[test]
fn a_password_of_a_proxy_is_not_printed() {
    let (ns, user) = fresh();
    for address in addresses(&ns) {
        let mut config = ns.kubeconfig_json(&user);
        let cluster = &mut config["clusters"][0]["cluster"];
        cluster["server"] = json!("https://api.far.invalid:6443");
        let words = ["status", "job", "-v", "--request-timeout=5s"];
        let file = ns.file("kubeconfig", config.to_string());
        let command = ns.command(&user, words).kubeconfig(file);
        is_kept(&command.env("HTTPS_PROXY", &address).run());
        config["clusters"][0]["cluster"]["proxy-url"] = json!(address);
        let file = ns.file("kubeconfig", config.to_string());
        is_kept(&ns.command(&user, words).kubeconfig(file).run());
    }
}

/// As with kubectl: the user in the address asks where nothing else says who does.
#[test]
fn a_user_in_the_servers_address_does_not_hide_a_token() {
    let (ns, user) = held_by_another();
    let server = format!("https://kim:{PASSWORD}@localhost:{}", port(&ns));
    let command = ns.command(&user, ["status", "job", "-o", "name"]);
    let output = command.arg("-s").arg(server).run();
    said(&output, 0, "lease.coordination.k8s.io/job\n", "");
}
