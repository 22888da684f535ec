//! As whom, and of which cluster, a request is made: what kubectl 1.32 was seen to do.

use std::path::PathBuf;

use crate::support::{fresh, held, held_by_another, said, status_as};
use lease_harness::{Command, Namespace, Output, Proxy, User};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-lease");
const NAME: &str = "lease.coordination.k8s.io/job\n";

/// In a pod, with everything there is to be asked in its own cluster.
fn in_pod(words: &[&str]) -> Command {
    let command = Command::new(BINARY, words).env("KUBERNETES_SERVICE_HOST", "127.0.0.1");
    command.env("KUBERNETES_SERVICE_PORT", "1")
}

#[test]
fn who_names_a_context_a_cluster_or_a_user_in_a_pod_does_not_mean_the_pods_own() {
    let (ns, _) = fresh();
    let empty = ns.file("empty", "");
    let users = ns.file(
        "users",
        json!({ "users": [{ "name": "prod" }] }).to_string(),
    );
    for (flag, kind) in [
        ("--context", "context"),
        ("--cluster", "cluster"),
        ("--user", "user"),
    ] {
        for (kubeconfig, why) in [
            (PathBuf::new(), "KUBECONFIG is not set, and".to_owned()),
            (
                "/nowhere/config".into(),
                "KUBECONFIG names /nowhere/config, which does not exist\n".to_owned(),
            ),
            (
                empty.clone(),
                format!("{} has no clusters and no contexts\n", empty.display()),
            ),
            (
                users.clone(),
                format!("{} has no clusters and no contexts\n", users.display()),
            ),
        ] {
            for words in [
                &["status"][..],
                &["steal", "job", "--yes", "--now"],
                &["hold", "job", "--", "true"],
                &["create", "job", "--dry-run=client"],
            ] {
                let command = in_pod(&words[..1]).arg(flag).arg("prod");
                let rest = words[1..].iter();
                let output = rest
                    .fold(command, Command::arg)
                    .kubeconfig(&kubeconfig)
                    .run();
                let what = format!("error: {kind} \"prod\" does not exist: no kubeconfig: {why}");
                assert!(output.stderr.starts_with(&what), "{output}");
                let then = format!(
                    "\n{flag} chooses from a kubeconfig: set KUBECONFIG, or give --kubeconfig FILE\n"
                );
                assert!(output.stderr.ends_with(&then), "{output}");
                assert_eq!(output.stdout, "", "{output}");
            }
        }
    }
    // Nothing is chosen: the pod's own files are looked for.
    let output = in_pod(&["status", "--context=", "--cluster=", "--user="]).run();
    assert!(output.stderr.contains("this pod's"), "{output}");
}

/// `status job` through `proxy`, without TLS, with `user` as the user's entry.
fn plainly(ns: &Namespace, user: &User, proxy: &Proxy, entry: &Value) -> Output {
    let mut config = ns.kubeconfig_json(user);
    config["clusters"][0]["cluster"] = json!({ "server": proxy.plain_url() });
    config["users"][0]["user"] = entry.clone();
    let file = ns.file("plain", config.to_string());
    ns.command(user, ["status", "job"]).kubeconfig(file).run()
}

#[test]
fn over_plain_http_no_credentials_go_out_and_no_plugin_runs() {
    let (ns, user) = held_by_another();
    let proxy = Proxy::to(ns.cluster());
    let ran = ns.file("ran", "");
    let script = format!("echo ran >> '{}'", ran.display());
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
        "command": "sh", "args": ["-c", script],
    });
    let token = ns.file("token", &user.token);
    for entry in [
        json!({ "token": user.token }),
        json!({ "tokenFile": token }),
        json!({ "tokenFile": "/nowhere/token" }),
        json!({ "username": "kim", "password": "secret" }),
        json!({ "exec": exec }),
        json!({ "auth-provider": { "name": "oidc", "config": { "id-token": user.token } } }),
    ] {
        proxy.clear();
        let output = plainly(&ns, &user, &proxy, &entry);
        assert_eq!(output.code, Some(1), "{output}");
        assert!(!proxy.requests().is_empty(), "{output}");
        for request in proxy.requests() {
            assert_eq!(request.header("authorization"), None, "{entry}");
        }
    }
    assert_eq!(std::fs::read_to_string(ran).unwrap_or_default(), "");
    proxy.clear();
    let command = ns.command(&user, ["status", "job", "--token", &user.token]);
    let output = command
        .arg("-s")
        .arg(proxy.plain_url())
        .arg("--as=carol")
        .run();
    for request in proxy.requests() {
        assert_eq!(request.header("authorization"), None, "{output}");
        assert_eq!(
            request.header("impersonate-user"),
            Some("carol"),
            "{output}"
        );
    }
    assert!(!proxy.requests().is_empty(), "{output}");
}

#[test]
fn a_token_is_used_where_the_file_beside_it_cannot_be() {
    let (ns, user) = held_by_another();
    let file = |text: &str| ns.file("token", text).display().to_string();
    let asked = |token: &str, file: &str| {
        status_as(&ns, &user, &json!({ "token": token, "tokenFile": file })).run()
    };
    said(&asked(&user.token, "/nowhere/token"), 0, NAME, "");
    said(&asked(&user.token, &file("\n")), 0, NAME, "");
    // The file comes first.
    said(&asked("old", &file(&user.token)), 0, NAME, "");
    let output = asked(&user.token, &file("old"));
    assert!(output.stderr.contains("(Unauthorized)"), "{output}");
    let output = asked("", "/nowhere/token");
    assert!(output.stderr.contains("/nowhere/token"), "{output}");
}

#[test]
fn a_token_or_a_client_certificate_beside_a_plugin_is_what_asks() {
    let (ns, user) = held_by_another();
    let provider = json!({ "name": "oidc", "config": { "id-token": "another" } });
    let beside = json!({ "token": user.token, "auth-provider": provider });
    said(&status_as(&ns, &user, &beside).run(), 0, NAME, "");
    let Some(certified) = ns.kubeconfig_with_certificate(&user) else {
        println!("SKIPPED: the in-process server knows no client certificates");
        return;
    };
    let text = std::fs::read_to_string(certified).expect("it is ours");
    let config: Value = serde_json::from_str(&text).expect("it is JSON");
    let mut entry = config["users"][0]["user"].clone();
    entry["exec"] = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
        "command": "false",
    });
    said(&status_as(&ns, &user, &entry).run(), 0, NAME, "");
}

#[test]
fn a_kubeconfig_that_kubectl_reads_is_read() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let config = ns.kubeconfig_json(&user);
    let (cluster, token) = (&config["clusters"][0]["cluster"], &user.token);
    let (good, name) = (format!("{{ token: {token} }}"), ns.name());
    let context = format!("{{ cluster: c, user: u, namespace: {name} }}");
    for (users, others) in [
        (
            format!("- name: u\n  user:\n    token: a\n    token: {token}\n"),
            "",
        ),
        (format!("-\n- name: u\n  user: {good}\n"), ""),
        (
            format!("- user: {{ token: x }}\n- name: u\n  user: {good}\n"),
            "",
        ),
        (format!("- name:\n  user:\n- name: u\n  user: {good}\n"), ""),
        (
            format!("- name: u\n  user: {good}\n"),
            "- name: z\n  context: { user: u }\n-\n",
        ),
    ] {
        let text = format!(
            "current-context: z\ncurrent-context: c\nclusters:\n- name: c\n  cluster: {cluster}\ncontexts:\n- name: c\n  context: {context}\n{others}users:\n{users}"
        );
        let file = ns.file("as-found", &text);
        let command = ns.command(&user, ["status", "job", "-o", "name"]);
        said(&command.kubeconfig(file).run(), 0, NAME, "");
    }
    let twice = "users:\n-\n-\n";
    let output = ns
        .command(&user, ["status"])
        .kubeconfig(ns.file("twice", twice))
        .run();
    assert!(
        output.stderr.contains("two users are named \"\""),
        "{output}"
    );
    let broken = "current-context: a\ncurrent-context: b\nusers: x\n";
    let output = ns
        .command(&user, ["status"])
        .kubeconfig(ns.file("broken", broken))
        .run();
    assert!(!output.stderr.contains("DuplicateKeyPolicy"), "{output}");
}

#[test]
fn a_request_timeout_that_says_nothing_is_the_default() {
    let (ns, user) = held_by_another();
    for words in [&["--request-timeout="][..], &["--request-timeout", "-1s"]] {
        let command = ns.command(&user, ["status", "job", "-o", "name"]);
        let output = words.iter().fold(command, Command::arg).run();
        said(&output, 0, NAME, "");
    }
}
