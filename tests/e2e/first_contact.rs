//! What a newcomer meets first, where it takes the program: its environment, and that every subcommand says it.

use crate::support::{SOON, fresh, held_by_another, said, said_like, shared};
use lease_harness::{Command, HOME, Impostor, PATH_SEPARATOR, Proxy, no_such_folder};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-lease");
const NAME: &str = "lease.coordination.k8s.io/job\n";
const SEE_ADDRESS: &str = "kubectl config view --minify shows the address";
const SET_ONE: &str = "Set KUBECONFIG, give --kubeconfig FILE, or give --server and --token";

/// Every subcommand that asks a server.
const SUBCOMMANDS: [&str; 9] = [
    "status job",
    "status",
    "create job",
    "acquire job",
    "hold job -- true",
    "release job",
    "renew job",
    "check job",
    "steal job --yes",
];

#[test]
fn every_subcommand_says_at_once_what_is_wrong_on_the_way() {
    let (ns, user) = held_by_another();
    let login = Impostor::answering(200, &[("Content-Type", "text/html")], "<html></html>");
    let hole = Impostor::black_hole();
    let nowhere = "http://127.0.0.1:1";
    for words in SUBCOMMANDS {
        let run = |flags: &str| {
            let words = format!("{flags} {words}");
            let output = ns.run(&user, words.split_whitespace());
            assert!(output.elapsed < SOON / 2, "{output}");
            output
        };
        let what = format!("error: the connection to the server {nowhere} was refused\n");
        let address = SEE_ADDRESS.replace(" shows", &format!(" --server {nowhere} shows"));
        let then = format!("Is the address right and the API server running? {address}\n");
        said(&run(&format!("-s {nowhere}")), 1, "", &(what + &then));
        let expected = "Error from server (Unauthorized): Unauthorized\n\
            The server does not accept the token of the command line: it may have expired, or be for another cluster; log in again\n";
        said(&run("--token=wrong"), 1, "", expected);
        let url = login.url();
        let expected = format!(
            "error: {url} does not answer like a Kubernetes API server: an HTML page\n\
             Is the address right, or is there a login page or a proxy in between? …\n"
        );
        said_like(&run(&format!("-s {url}")), 1, "", &expected);
    }
    // All wait at once.
    let waiting = SUBCOMMANDS.map(|words| {
        let flags = format!(
            "-s {} --insecure-skip-tls-verify --request-timeout=1s",
            hole.url()
        );
        ns.spawn(&user, format!("{flags} {words}").split_whitespace())
    });
    let expected = format!(
        "error: cannot connect to the server {}: no connection within 1s\n\
         Does it take a VPN or a proxy to get there? …\n",
        hole.url()
    );
    for running in waiting {
        said_like(&running.wait(SOON), 1, "", &expected);
    }
    // A real server's and the in-process one's own words differ: each says in its way that the other protocol is meant.
    let wrong = shared().url().replace("https:", "http:");
    let output = ns.run(&user, ["status", "-s", &wrong]);
    let expected = match shared().is_real() {
        true => format!(
            "Error from server (BadRequest): Client sent an HTTP request to an HTTPS server.\n\
             {wrong} has to begin with https: check the server in the kubeconfig, or --server\n"
        ),
        false => format!(
            "error: {wrong} does not answer like a Kubernetes API server: not HTTP\n\
             Is the address right, or is there a login page or a proxy in between? …\n"
        ),
    };
    said_like(&output, 1, "", &expected);
}

#[test]
fn the_environment_and_flags_say_where_the_server_is() {
    let (ns, user) = held_by_another();
    let run = |list: &str| {
        let command = Command::new(BINARY, ["status", "job", "-o", "name"]);
        command.kubeconfig(list).run()
    };
    let empty = ns.file("empty", "").display().to_string();
    for (list, what) in [
        (
            "",
            format!(
                "KUBECONFIG is not set, and …{} does not exist",
                Path::new(".kube").join("config").display()
            ),
        ),
        (
            "/nowhere/config",
            "KUBECONFIG names /nowhere/config, which does not exist".to_owned(),
        ),
        (
            &format!("/nowhere/a{PATH_SEPARATOR}/nowhere/b"),
            "KUBECONFIG names /nowhere/a and /nowhere/b, which do not exist".to_owned(),
        ),
        (&empty, format!("{empty} has no clusters and no contexts")),
    ] {
        let expected = format!("error: no kubeconfig: {what}\n{SET_ONE}\n");
        said_like(&run(list), 1, "", &expected);
    }
    // Several are merged, and an empty current context does not hide that of a later file.
    let write = |name: &str, config: &Value| ns.file(name, config.to_string());
    let whole = ns.kubeconfig_json(&user);
    let (mut first, mut second) = (whole.clone(), whole.clone());
    for kind in ["contexts", "users"] {
        first[kind] = json!([]);
    }
    first["current-context"] = json!("");
    second["clusters"] = json!([]);
    let (first, second) = (write("first", &first), write("second", &second));
    let list = |files: &[&str]| files.join(&PATH_SEPARATOR.to_string());
    let (first, second) = (first.display().to_string(), second.display().to_string());
    let both = list(&[&first, "", "/nowhere/config", &second]);
    said(&run(&both), 0, NAME, "");
    let mut third = whole.clone();
    third["current-context"] = json!("ignored, because an earlier file has one");
    let third = write("third", &third).display().to_string();
    said(&run(&list(&[&both, &third])), 0, NAME, "");
    let home = ns.file("x", "").parent().expect("a folder").join("home");
    std::fs::create_dir_all(home.join(".kube")).expect("writable");
    std::fs::write(home.join(".kube/config"), whole.to_string()).expect("writable");
    let command = Command::new(BINARY, ["status", "job", "-o", "name"]);
    let output = command.kubeconfig("").env(HOME, &home).run();
    said(&output, 0, NAME, "");
    // An empty flag is as if it was not given.
    let empty = [
        "status",
        "job",
        "-oname",
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
        "--request-timeout=",
    ];
    let command = Command::new(BINARY, empty).kubeconfig(ns.kubeconfig(&user));
    said(&command.run(), 0, NAME, "");
    let command = ns.command(&user, ["status", "job", "-oname"]);
    let output = command.arg("--request-timeout").arg("-1s").run();
    said(&output, 0, NAME, "");
    // The server and a token are enough without any kubeconfig.
    let proxy = Proxy::to(ns.cluster());
    let authority = ns.file("ca.pem", Proxy::ca_pem());
    let somewhere = || {
        let command = Command::new(BINARY, ["status", "job", "-oname"]);
        let command = command.kubeconfig("/nowhere/config").arg("-s");
        let command = command.arg(proxy.url()).arg("--certificate-authority");
        command.arg(&authority)
    };
    let known = somewhere().arg("--token").arg(&user.token);
    let output = known.clone().arg("-n").arg(ns.name()).run();
    said(&output, 0, NAME, "");
    // The default namespace, which this user may not look into.
    let output = known.run();
    assert_eq!(output.code, Some(1), "{output}");
    let named = "in the namespace \"default\"";
    assert!(output.stderr.contains(named), "{output}");
    let output = somewhere().run();
    let then = "\nThe request names no user: give --token, or choose a user of the kubeconfig with --user or --context\n";
    assert!(output.stderr.ends_with(then), "{output}");
}

/// In a pod, with everything there is to be asked in its own cluster.
fn in_pod(words: &[&str], port: &str) -> Command {
    let command = Command::new(BINARY, words).env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    command.env("KUBERNETES_SERVICE_PORT", port)
}

#[test]
fn a_pods_own_account_is_used_unless_something_is_chosen_that_only_a_kubeconfig_has() {
    let expected = format!(
        "error: cannot use this pod's certificate authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt: {}\n\
         There is no kubeconfig, so the pod's service account is used: is automountServiceAccountToken off for it?\n",
        no_such_folder()
    );
    let status = ["status", "--context=", "--cluster=", "--user="];
    said(&in_pod(&status, "443").run(), 1, "", &expected);
    let expected = "error: no kubeconfig, and this pod's environment is of no use: KUBERNETES_SERVICE_HOST is set, but KUBERNETES_SERVICE_PORT is not\n\
        Kubernetes sets KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT in every pod: set both, or give --server and --token\n";
    said(&in_pod(&["status"], "").run(), 1, "", expected);
    let (ns, _) = fresh();
    let users = json!({ "users": [{ "name": "prod" }] }).to_string();
    let users = ns.file("users", users);
    let nothing_in = format!("{} has no clusters and no contexts", users.display());
    for (kubeconfig, why) in [
        (PathBuf::new(), "KUBECONFIG is not set, and …"),
        (
            "/nowhere/config".into(),
            "KUBECONFIG names /nowhere/config, which does not exist",
        ),
        (users, &nothing_in),
    ] {
        for (flag, kind) in [
            ("--context", "context"),
            ("--cluster", "cluster"),
            ("--user", "user"),
        ] {
            let command = in_pod(&["status", flag, "prod"], "443").kubeconfig(&kubeconfig);
            let expected = format!(
                "error: {kind} \"prod\" does not exist: no kubeconfig: {why}\n\
                 {flag} chooses from a kubeconfig: set KUBECONFIG, or give --kubeconfig FILE\n"
            );
            said_like(&command.run(), 1, "", &expected);
        }
    }
}
