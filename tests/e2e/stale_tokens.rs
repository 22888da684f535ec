//! An exec plugin that gives a token out of its cache which the server does not accept any more is run again, once.

use std::path::{Path, PathBuf};

use lease_harness::{Command, Namespace, Proxy, User};
use serde_json::json;

use crate::support::{SOON, fresh, fresh_in_process, held, said, set_free, stored, waiting};

/// A kubeconfig whose plugin gives what is in `token`, but the first time what the server does not know; it logs its runs.
fn config(ns: &Namespace, user: &User, first: &str, token: &Path) -> PathBuf {
    let log = ns.file("runs", "");
    let script = format!(
        "#!/bin/sh\necho run >>{log}\ntoken=$(cat {token})\n[ $(wc -l <{log}) = 1 ] && token={first}\n\
         printf '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"%s\"}}}}' $token\n",
        log = log.display(),
        token = token.display(),
    );
    let mut config = ns.kubeconfig_json(user);
    config["users"][0]["user"] = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": ns.script("plugin", &script),
        "interactiveMode": "Never",
    }});
    ns.file("kubeconfig", config.to_string())
}

/// The command, and the plugin's log.
fn command(ns: &Namespace, user: &User, words: &str, token: &str) -> (Command, PathBuf) {
    let token = ns.file("token", token);
    let config = config(ns, user, "stale", &token);
    let command = ns.command(user, words.split(' ')).kubeconfig(&config);
    (command, config.with_file_name("runs"))
}

fn runs(log: &Path) -> usize {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().count()
}

#[test]
fn a_stale_first_token_is_replaced_once_whatever_is_asked_and_two_are_told() {
    for words in [
        "status job -o name",
        "acquire another --create --holder=me",
        "steal job --yes --now --holder=thief",
        "hold another --create -- true",
    ] {
        let (ns, user) = fresh();
        ns.create(&held("job", "me", 60));
        let (command, log) = command(&ns, &user, words, &user.token);
        let output = command.run();
        let refused = output.stderr.contains("Unauthorized");
        assert!(!refused && output.code != Some(1), "{words}: {output}");
        assert_eq!(runs(&log), 2, "{words}: {output}");
    }
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    for words in ["acquire job --timeout=0", "status -w"] {
        let (command, log) = command(&ns, &user, words, "stale-too");
        let output = command.run();
        assert_eq!(output.code, Some(1), "{words}: {output}");
        assert_eq!(output.stderr.lines().count(), 2, "{words}: {output}");
        let expected = "The server does not accept what exec plugin ";
        assert!(output.stderr.contains(expected), "{words}: {output}");
        assert!(output.stderr.contains("log in again"), "{words}: {output}");
        assert_eq!(runs(&log), 2, "{words}: {output}");
    }
}

/// In-process only: a token is replaced on the server, and its watches end.
#[test]
fn a_watch_that_is_refused_is_asked_for_again_with_a_new_token() {
    let (ns, user) = fresh_in_process(lease_harness::lease_api_server::Options::default());
    ns.create(&held("job", "other", 60));
    let token = ns.file("token", &user.token);
    let proxy = Proxy::to(ns.cluster());
    let config = config(&ns, &user, &user.token, &token);
    let text = std::fs::read_to_string(config).expect("it is ours");
    let mut config: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    config["clusters"][0]["cluster"] = proxy.cluster_entry();
    let config = ns.file("kubeconfig", config.to_string());
    let acquire = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = acquire.kubeconfig(config).spawn();
    crate::support::watching(&proxy);
    ns.file("token", "another");
    let server = ns.cluster().api_server().expect("it is in-process");
    server.set_token(&user.name, "another");
    set_free(&ns, "job");
    let stdout = "lease.coordination.k8s.io/job acquired\n";
    let output = running.wait(SOON);
    said(&output, 0, stdout, &waiting("job", "other", "60s"));
    assert_eq!(crate::support::holder(&stored(&ns, "job")), "me");
}
