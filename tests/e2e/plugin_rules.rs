//! What kubectl demands of exec plugins and their entries.

use lease_harness::{Command, Namespace, User};
use serde_json::{Value, json};

use crate::support::{held_by_another, said};

const NAME: &str = "lease.coordination.k8s.io/job\n";

/// An ExecCredential with this token, of this version if any.
fn prints(version: Option<&str>, token: &str) -> String {
    let mut credential = json!({ "kind": "ExecCredential", "status": { "token": token } });
    if let Some(version) = version {
        credential["apiVersion"] = json!(version);
    }
    format!("cat <<END\n{credential}\nEND\n")
}

/// `kubectl-lease` with these words and a plugin that is this script, in an entry of these fields.
fn with_plugin(
    ns: &Namespace,
    user: &User,
    words: &str,
    script: &str,
    entry: &[(&str, &str)],
) -> Command {
    let script = ns.script("plugin", &format!("#!/bin/sh\n{script}\n"));
    let mut config = ns.kubeconfig_json(user);
    let mut exec = json!({ "command": script });
    for (name, value) in entry {
        exec[name] = Value::from(*value);
    }
    config["users"][0]["user"] = json!({ "exec": exec });
    let file = ns.file("kubeconfig", config.to_string());
    ns.program(user, "/bin/sh", ["-c", words]).kubeconfig(file)
}

const V1: &str = "client.authentication.k8s.io/v1";
const V1BETA1: &str = "client.authentication.k8s.io/v1beta1";

#[test]
fn what_kubectl_refuses_is_a_warning_once_and_what_cannot_work_an_error() {
    let (ns, user) = held_by_another();
    let mode = "interactiveMode is missing, without which kubectl does not run a plugin of client.authentication.k8s.io/v1; add interactiveMode: IfAvailable, or Never";
    let version = "apiVersion is missing, without which kubectl runs no plugin; add apiVersion: client.authentication.k8s.io/v1";
    let answer = "what it printed has no apiVersion, which kubectl demands; have the plugin print the one of the entry";
    for (printed, entry, warnings) in [
        (Some(V1), &[("apiVersion", V1)][..], &[mode][..]),
        (Some(V1), &[("interactiveMode", "Never")], &[version]),
        (None, &[("apiVersion", V1BETA1)], &[answer]),
        (Some(V1), &[], &[version, mode]),
        (Some(V1BETA1), &[("apiVersion", V1BETA1)], &[]),
        (
            Some(V1),
            &[("apiVersion", V1), ("interactiveMode", "IfAvailable")],
            &[],
        ),
    ] {
        let words = "exec kubectl-lease status job -o name";
        let script = prints(printed, &user.token);
        let output = with_plugin(&ns, &user, words, &script, entry).run();
        let plugin = output.stderr.split('"').nth(3).unwrap_or_default();
        let lines: String = warnings
            .iter()
            .map(|what| format!("warning: user \"test\", exec plugin {plugin:?}: {what}\n"))
            .collect();
        said(&output, 0, NAME, &lines);
    }
    let script = format!(
        "if test -e \"$0.ran\"; then\n{}else touch \"$0.ran\"\n{}fi",
        prints(Some(V1), &user.token),
        prints(Some(V1), "stale"),
    );
    let words = "exec kubectl-lease status job -o name";
    let output = with_plugin(&ns, &user, words, &script, &[("apiVersion", V1)]).run();
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(0), NAME),
        "{output}"
    );
    assert_eq!(output.stderr.lines().count(), 1, "{output}");
    // They fail in kubectl too; what is wrong is named.
    for (printed, entry, what) in [
        (
            V1,
            &[("apiVersion", "client.authentication.k8s.io/v1alpha1")][..],
            "is to speak \"client.authentication.k8s.io/v1alpha1\" by the kubeconfig; client.authentication.k8s.io/v1 and client.authentication.k8s.io/v1beta1 are supported",
        ),
        (
            V1BETA1,
            &[("apiVersion", V1), ("interactiveMode", "Never")],
            "another version than client.authentication.k8s.io/v1, which the kubeconfig says",
        ),
        (
            V1,
            &[("apiVersion", V1), ("interactiveMode", "Always")],
            "has to ask (interactiveMode: Always), and standard input is not a terminal",
        ),
    ] {
        let words = "exec kubectl-lease status job -o name";
        let script = prints(Some(printed), &user.token);
        let output = with_plugin(&ns, &user, words, &script, entry).run();
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(1), ""),
            "{output}"
        );
        assert!(output.stderr.contains(what), "{output}");
    }
}
