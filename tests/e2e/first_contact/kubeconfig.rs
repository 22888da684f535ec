//! Before anything is sent: the command line and the kubeconfig.

use super::{BINARY, CHECK_FILE, SEE_ADDRESS, SET_ONE, config, file, run, token, two_lines};
use crate::support::said;
use lease_harness::Command;
use serde_json::{Value, json};
use std::path::PathBuf;

#[test]
fn without_a_kubeconfig_the_files_that_were_looked_for_are_named() {
    let empty = file("empty", "");
    let pod = file("pod", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n");
    let nothing_in = |path: &PathBuf| format!("{} has no clusters and no contexts", path.display());
    for (list, what) in [
        (
            "",
            "KUBECONFIG is not set, and …/.kube/config does not exist".to_owned(),
        ),
        (
            "/nowhere/config",
            "KUBECONFIG names /nowhere/config, which does not exist".to_owned(),
        ),
        (
            "/nowhere/a:/nowhere/b",
            "KUBECONFIG names /nowhere/a and /nowhere/b, which do not exist".to_owned(),
        ),
        (&empty.display().to_string(), nothing_in(&empty)),
    ] {
        let output = Command::new(BINARY, ["status"]).kubeconfig(list).run();
        two_lines(&output, &format!("error: no kubeconfig: {what}"), SET_ONE);
    }
    let output = Command::new(BINARY, ["status"]).kubeconfig(&pod).run();
    let what = format!(
        "error: cannot use the kubeconfig: {}: kind \"Pod\" of version \"v1\" is no kubeconfig, which has kind: Config and apiVersion: v1",
        pod.display()
    );
    two_lines(&output, &what, CHECK_FILE);
}

#[test]
fn in_a_pod_without_its_service_account_that_is_said() {
    let in_pod = |port: &str| {
        let command = Command::new(BINARY, ["status"]).env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
        command.env("KUBERNETES_SERVICE_PORT", port).run()
    };
    two_lines(
        &in_pod("443"),
        "error: cannot use this pod's certificate authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt: No such file or directory",
        "There is no kubeconfig, so the pod's service account is used: is automountServiceAccountToken off for it?",
    );
    let set = "Kubernetes sets KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT in every pod: set both, or give --server and --token";
    let no_use = "error: no kubeconfig, and this pod's environment is of no use";
    for (port, why) in [
        (
            "",
            "KUBERNETES_SERVICE_HOST is set, but KUBERNETES_SERVICE_PORT is not",
        ),
        (
            "tcp://10.0.0.1:443",
            "KUBERNETES_SERVICE_PORT is no port: \"tcp://10.0.0.1:443\"",
        ),
    ] {
        two_lines(&in_pod(port), &format!("{no_use}: {why}"), set);
    }
}

#[test]
fn a_file_that_is_no_kubeconfig_is_named_with_the_line_at_fault() {
    let whole = config("https://10.0.0.1", None, &token()).to_string();
    for (contents, why) in [
        ("clusters: [", "line 1 column …"),
        ("this is text\n", "line 1 column 1: …"),
        ("<html><body>login</body></html>", "line 1 column 1: …"),
        ("\0\u{1}", "line 1 column 1: …"),
        (&whole[..120], "line 1 column …"),
        (
            "clusters:\n- cluster:\n    server: https://x\n  name: a\ncontexts:\n- con",
            "line 6 column …",
        ),
    ] {
        let path = file("broken", contents);
        let output = Command::new(BINARY, ["status"]).kubeconfig(&path).run();
        let what = format!(
            "error: cannot use the kubeconfig: {}: not a kubeconfig: {why}",
            path.display()
        );
        two_lines(&output, &what, CHECK_FILE);
    }
    for (path, why) in [
        ("/nowhere/config", "No such file or directory"),
        ("/", "Is a directory"),
    ] {
        let output = Command::new(BINARY, ["status", "--kubeconfig", path]).run();
        let what = format!("error: cannot use the kubeconfig: {path}: {why}");
        two_lines(&output, &what, &format!("{CHECK_FILE} --kubeconfig {path}"));
    }
}

#[test]
fn names_that_the_kubeconfig_does_not_have_are_told_with_the_nearest() {
    let whole = config("http://127.0.0.1:1", None, &token());
    let mut several = whole.clone();
    several["contexts"] = ["dev", "prod-eu", "prod-us"]
        .map(|name| json!({ "name": name, "context": { "cluster": "kind-dev", "user": "alice" } }))
        .into();
    let changed = |change: fn(&mut Value)| {
        let mut config = whole.clone();
        change(&mut config);
        config
    };
    let cluster =
        changed(|config| config["contexts"][0]["context"]["cluster"] = json!("kind-prod"));
    let user = changed(|config| config["contexts"][0]["context"]["user"] = json!("gone"));
    let current = changed(|config| config["current-context"] = json!(""));
    let nowhere = changed(|config| config["clusters"][0]["cluster"] = json!({}));
    let nonsense =
        changed(|config| config["clusters"][0]["cluster"]["server"] = json!("https://a b"));
    for (config, arguments, what, then) in [
        (
            &several,
            "status --context=dve",
            "error: context \"dve\" does not exist",
            "Did you mean \"dev\"? The kubeconfig has: dev, prod-eu, prod-us",
        ),
        (
            &several,
            "status --context=prod",
            "error: context \"prod\" does not exist",
            "Did you mean \"prod-eu\"? The kubeconfig has: dev, prod-eu, prod-us",
        ),
        (
            &several,
            "status --context=staging",
            "error: context \"staging\" does not exist",
            "The kubeconfig has: dev, prod-eu, prod-us",
        ),
        (
            &whole,
            "status --user=alcie",
            "error: user \"alcie\" does not exist",
            "Did you mean \"alice\"? The kubeconfig has: alice",
        ),
        (
            &cluster,
            "status",
            "error: cluster \"kind-prod\" does not exist, but context \"dev\" names it",
            "Did you mean \"kind-dev\"? The kubeconfig has: kind-dev",
        ),
        (
            &user,
            "status",
            "error: user \"gone\" does not exist, but context \"dev\" names it",
            "The kubeconfig has: alice",
        ),
        (
            &current,
            "status",
            "error: the kubeconfig has no current context",
            "Choose one with --context or kubectl config use-context; there are: dev",
        ),
        (
            &nowhere,
            "status",
            "error: cannot use the kubeconfig: cluster \"kind-dev\" has no server",
            CHECK_FILE,
        ),
        (
            &nonsense,
            "status",
            "error: cannot use the kubeconfig: the server of cluster \"kind-dev\" is no address: \"https://a b\"; one looks like https://host:6443",
            CHECK_FILE,
        ),
    ] {
        two_lines(&run(config, arguments), what, then);
    }
}

#[test]
fn an_address_without_a_scheme_is_https_where_tls_is_configured() {
    let plain = config("127.0.0.1:1", None, &token());
    let then = format!("Is the address right and the API server running? {SEE_ADDRESS}");
    let what = "error: the connection to the server http://127.0.0.1:1 was refused";
    two_lines(&run(&plain, "status"), what, &then);
    let mut tls = plain;
    tls["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = json!(true);
    let what = "error: the connection to the server https://127.0.0.1:1 was refused";
    two_lines(&run(&tls, "status"), what, &then);
}

#[test]
fn words_that_are_no_subcommands_lead_to_one() {
    for (word, then) in [
        ("staus", ": did you mean status?"),
        ("aquire", ": did you mean acquire?"),
        ("stat", ": did you mean status?"),
        ("list", ": that is kubectl lease status"),
        ("lock", ": that is kubectl lease acquire"),
        ("delete", ": that is kubectl delete lease"),
        (
            "my-lease",
            ": a lease's name goes after a subcommand, as in kubectl lease status my-lease",
        ),
        ("My_Lease", ""),
    ] {
        let output = Command::new(BINARY, [word]).run();
        said(
            &output,
            2,
            "",
            &format!("error: unrecognized subcommand '{word}'{then} (see --help)\n"),
        );
    }
    let output = Command::new(BINARY, ["-n", "shop"]).run();
    let all = "create, acquire, hold, renew, check, release, steal, status, options, version, completion, explain";
    said(
        &output,
        2,
        "",
        &format!("error: no subcommand: there are {all} (see --help)\n"),
    );
}

#[test]
fn two_of_one_name_are_refused_because_either_could_be_the_wrong_cluster() {
    for list in ["clusters", "users", "contexts"] {
        let mut config = config("https://10.0.0.1", None, &token());
        let again = config[list][0].clone();
        let name = again["name"].clone();
        config[list].as_array_mut().expect("a list").push(again);
        let path = file("twice", &config.to_string());
        let output = Command::new(BINARY, ["status"]).kubeconfig(&path).run();
        let what = format!(
            "error: cannot use the kubeconfig: {}: two {list} are named {name}: remove or rename one",
            path.display()
        );
        two_lines(&output, &what, CHECK_FILE);
    }
}

#[test]
fn an_authority_and_no_verification_exclude_each_other_as_in_kubectl() {
    let mut both = config("https://127.0.0.1:1", None, &token());
    let cluster = &mut both["clusters"][0]["cluster"];
    cluster["insecure-skip-tls-verify"] = json!(true);
    cluster["certificate-authority-data"] = json!("YWJj");
    let what = "error: cannot use the kubeconfig: cluster \"kind-dev\" has insecure-skip-tls-verify and a certificate authority, which exclude each other: remove one";
    two_lines(&run(&both, "status"), what, CHECK_FILE);
    let flags = "status --insecure-skip-tls-verify --certificate-authority=/nowhere";
    let output = run(&config("https://127.0.0.1:1", None, &token()), flags);
    assert_eq!(output.code, Some(2), "{output}");
    assert!(
        output.stderr.contains("exclude each other: give one"),
        "{output}"
    );
    // A flag is an answer.
    let output = run(&both, "status --insecure-skip-tls-verify");
    assert!(output.stderr.contains("was refused"), "{output}");
}

#[test]
fn an_empty_current_context_does_not_hide_that_of_a_later_file() {
    let mut first = config("https://127.0.0.1:1", None, &token());
    let second = first.clone();
    first["current-context"] = json!("");
    let list = format!(
        "{}:{}",
        file("first", &first.to_string()).display(),
        file("second", &second.to_string()).display()
    );
    let output = Command::new(BINARY, ["status"]).kubeconfig(list).run();
    assert!(output.stderr.contains("was refused"), "{output}");
}

#[test]
fn an_empty_flag_is_as_if_it_was_not_given() {
    let config = config("https://127.0.0.1:1", None, &token());
    let path = file("whole", &config.to_string());
    let empty = [
        "status",
        "--context=",
        "--cluster=",
        "--user=",
        "-n",
        "",
        "--server=",
        "--token=",
        "--kubeconfig=",
        "--as=",
        "--tls-server-name=",
        "--certificate-authority=",
    ];
    let output = Command::new(BINARY, empty).kubeconfig(path).run();
    let refused = "error: the connection to the server https://127.0.0.1:1 was refused";
    assert!(output.stderr.starts_with(refused), "{output}");
}
