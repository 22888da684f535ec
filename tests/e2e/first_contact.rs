//! What a newcomer meets first, each told in two lines: what is wrong, and what to do. Situation → all of stderr.

use crate::support::relay::{Protocol, Relay};
use crate::support::{fresh, said, said_like, shared};
use lease_harness::{Command, Flaw, Impostor, Output, lease_api_server::Options};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-lease");
const SEE_ADDRESS: &str = "kubectl config view --minify shows the address";
const CHECK_FILE: &str =
    "Check the file that KUBECONFIG or --kubeconfig names: kubectl config view";
const CHECK_USER: &str =
    "Check the user in the kubeconfig: its certificate, token file or exec plugin";
const SET_ONE: &str = "Set KUBECONFIG, give --kubeconfig FILE, or give --server and --token";
const NO_PAGE: &str = "Is the address right, or is there a login page or a proxy in between?";

/// Every subcommand that asks a server.
const SUBCOMMANDS: [&str; 7] = [
    "status job",
    "status",
    "create job",
    "acquire job",
    "release job",
    "renew job",
    "steal job --yes",
];

/// A kubeconfig with one of each: cluster `kind-dev`, user `alice`, and the context `dev` in the namespace `shop`.
fn config(server: &str, ca: Option<&str>, user: &Value) -> Value {
    let mut cluster = json!({ "server": server });
    if let Some(ca) = ca {
        cluster["certificate-authority"] = json!(file("ca.pem", ca));
    }
    let context = json!({ "cluster": "kind-dev", "user": "alice", "namespace": "shop" });
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "dev",
        "clusters": [{ "name": "kind-dev", "cluster": cluster }],
        "users": [{ "name": "alice", "user": user }],
        "contexts": [{ "name": "dev", "context": context }],
    })
}

/// A file that no other call writes.
fn file(name: &str, contents: &str) -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let folder = shared().existing_namespace("first-contact");
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    folder.file(&format!("{number}-{name}"), contents)
}

fn run(config: &Value, arguments: &str) -> Output {
    command(config, arguments).run()
}

fn command(config: &Value, arguments: &str) -> Command {
    let file = file("kubeconfig", &config.to_string());
    Command::new(BINARY, arguments.split_whitespace()).kubeconfig(file)
}

fn token() -> Value {
    json!({ "token": "secret" })
}

/// Exit 1, nothing on stdout, and on stderr exactly these lines (`…` for what is not ours to word), in no time.
#[track_caller]
fn two_lines(output: &Output, what: &str, then: &str) {
    said_like(output, 1, "", &format!("{what}\n{then}\n"));
    assert!(output.elapsed < Duration::from_secs(8), "{output}");
}

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
        (&pod.display().to_string(), nothing_in(&pod)),
    ] {
        let output = Command::new(BINARY, ["status"]).kubeconfig(list).run();
        two_lines(&output, &format!("error: no kubeconfig: {what}"), SET_ONE);
    }
}

#[test]
fn in_a_pod_without_its_service_account_that_is_said() {
    let command = Command::new(BINARY, ["status"]).env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    let output = command.env("KUBERNETES_SERVICE_PORT", "443").run();
    let expected = "error: no kubeconfig, and this pod's service account cannot be used: …: No such file or directory; is automountServiceAccountToken off?\n";
    said_like(&output, 1, "", expected);
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
        two_lines(&output, &what, CHECK_FILE);
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
fn a_server_that_cannot_be_reached_is_named_within_the_request_timeout() {
    let (hole, silent) = (Impostor::black_hole(), Impostor::silent());
    let silent = silent.url().replace("http:", "https:");
    for server in [hole.url(), &hole.url().replace("https:", "http:"), &silent] {
        for subcommand in ["status", "acquire job", "create job", "hold job"] {
            let config = config(server, None, &token());
            let output = run(&config, &format!("{subcommand} --request-timeout=1s"));
            let what =
                format!("error: cannot connect to the server {server}: no connection within 1s");
            let then = format!("Does it take a VPN or a proxy to get there? {SEE_ADDRESS}");
            two_lines(&output, &what, &then);
        }
    }
}

#[test]
fn a_certificate_that_cannot_be_trusted_is_told_by_its_fault() {
    let renew =
        "Whoever runs the server has to renew it, unless this machine's clock is wrong: date";
    for (flaw, what, then) in [
        (
            Flaw::Expired,
            "its certificate expired on 2020-12-31",
            renew,
        ),
        (
            Flaw::NotYetValid,
            "its certificate is not valid before 2200-01-01",
            renew,
        ),
        (
            Flaw::OtherName,
            "its certificate is not for 127.0.0.1: it is for other.example",
            "Use the right name in the kubeconfig's server; if this is the server: --tls-server-name other.example",
        ),
        (
            Flaw::WantsClientCertificate,
            "it wants a client certificate",
            "Check client-certificate of the user in the kubeconfig: openssl x509 -noout -enddate tells how long it is valid",
        ),
    ] {
        let server = Impostor::with_certificate(flaw);
        for subcommand in ["status job", "acquire job"] {
            let output = run(
                &config(server.url(), Some(server.ca_pem()), &token()),
                subcommand,
            );
            let what = format!(
                "error: cannot connect to the server {}: {what}",
                server.url()
            );
            two_lines(&output, &what, then);
        }
    }
    let server = Impostor::with_certificate(Flaw::None);
    let other = Impostor::with_certificate(Flaw::None);
    let output = run(
        &config(server.url(), Some(other.ca_pem()), &token()),
        "status",
    );
    let what = format!(
        "error: cannot connect to the server {}: its certificate is signed by an authority that is not trusted here",
        server.url()
    );
    two_lines(
        &output,
        &what,
        "The server's certificate is not trusted: check certificate-authority in the kubeconfig, or --certificate-authority and --tls-server-name",
    );
}

#[test]
fn a_client_certificate_that_has_expired_is_said_to_have() {
    let server = Impostor::with_certificate(Flaw::WantsClientCertificate);
    let (certificate, key) = server.client_certificate(true);
    let user =
        json!({ "client-certificate": file("crt", &certificate), "client-key": file("key", &key) });
    let output = run(
        &config(server.url(), Some(server.ca_pem()), &user),
        "status job",
    );
    let what = format!(
        "error: cannot connect to the server {}: it says that the client certificate has expired",
        server.url()
    );
    let then = "Check client-certificate of the user in the kubeconfig: openssl x509 -noout -enddate tells how long it is valid";
    two_lines(&output, &what, then);
}

/// A real server's and the in-process one's own words differ: each says in its way that the other protocol is meant.
#[test]
fn http_to_an_https_port_and_the_reverse_are_told_apart_from_an_outage() {
    let secure = shared().url();
    let wrong = secure.replace("https:", "http:");
    let output = run(&config(&wrong, None, &token()), "status");
    if shared().is_real() {
        let then = format!(
            "{wrong} has to begin with https: check the server in the kubeconfig, or --server"
        );
        two_lines(
            &output,
            "Error from server (BadRequest): Client sent an HTTP request to an HTTPS server.",
            &then,
        );
    } else {
        let what = format!("error: {wrong} does not answer like a Kubernetes API server: not HTTP");
        two_lines(&output, &what, &format!("{NO_PAGE} {SEE_ADDRESS}"));
    }
    let plain = Impostor::blurting("HTTP/1.1 400 Bad Request\r\n\r\n");
    let wrong = plain.url().replace("http:", "https:");
    let what = format!("error: cannot connect to the server {wrong}: it does not speak TLS");
    let then = format!("Is that the right port, and https? {SEE_ADDRESS}");
    two_lines(
        &run(&config(&wrong, None, &token()), "status"),
        &what,
        &then,
    );
}

#[test]
fn a_server_that_is_no_kubernetes_is_told_at_once_by_every_subcommand() {
    let page = "<!DOCTYPE html>\n<html><head><TITLE>Sign in</TITLE></head></html>";
    let html = ("Content-Type", "text/html");
    for (server, answer) in [
        (
            Impostor::answering(200, &[html], page),
            "an HTML page, \"Sign in\"",
        ),
        (
            Impostor::answering(200, &[], r#"{"hello":"world"}"#),
            "JSON that is not a …",
        ),
        (
            Impostor::answering(200, &[], r#"{"kind":"PodList","items":[]}"#),
            "\"PodList\", not a …",
        ),
        (
            Impostor::answering(302, &[("Location", "https://login.example/")], ""),
            "a redirection to https://login.example/",
        ),
        (Impostor::saying("SSH-2.0-OpenSSH_9.9\r\n"), "not HTTP"),
    ] {
        for subcommand in SUBCOMMANDS {
            let output = run(&config(server.url(), None, &token()), subcommand);
            let what = format!(
                "error: {} does not answer like a Kubernetes API server: {answer}",
                server.url()
            );
            two_lines(&output, &what, &format!("{NO_PAGE} {SEE_ADDRESS}"));
        }
    }
}

#[test]
fn a_server_without_leases_is_not_a_missing_lease() {
    let status = json!({ "kind": "Status", "reason": "NotFound", "code": 404,
        "message": "the server could not find the requested resource" });
    for (body, what) in [
        (
            "404 page not found\n",
            "Error from server (PageNotFound): 404 page not found",
        ),
        (
            &status.to_string(),
            "Error from server (NotFound): the server could not find the requested resource",
        ),
    ] {
        let server = Impostor::answering(404, &[], body);
        for subcommand in SUBCOMMANDS {
            let output = run(&config(server.url(), None, &token()), subcommand);
            let then = format!(
                "Leases need Kubernetes 1.14 or newer: is {} an API server, and is that its whole address? kubectl version",
                server.url()
            );
            two_lines(&output, what, &then);
        }
    }
}

#[test]
fn credentials_that_are_not_accepted_are_told_by_their_kind() {
    let server = Impostor::answering(
        401,
        &[],
        r#"{"kind":"Status","reason":"Unauthorized","message":"Unauthorized"}"#,
    );
    let what = "Error from server (Unauthorized): Unauthorized";
    let script = r#"echo '{"kind":"ExecCredential","status":{"token":"old"}}'"#;
    let plugin = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script], "interactiveMode": "Never" } });
    for (user, arguments, then) in [
        (
            token(),
            "status",
            "The server does not accept the token of user \"alice\": it may have expired, or be for another cluster; log in again",
        ),
        (
            token(),
            "status --token=other",
            "The server does not accept the token of the command line: it may have expired, or be for another cluster; log in again",
        ),
        (
            plugin,
            "status",
            "The server does not accept what exec plugin \"sh\" gives for user \"alice\": log in again with that plugin",
        ),
        (
            json!({}),
            "status",
            "There are no credentials for user \"alice\": log in, or give --token",
        ),
    ] {
        two_lines(
            &run(&config(server.url(), None, &user), arguments),
            what,
            then,
        );
    }
    let message = r#"leases.coordination.k8s.io is forbidden: User "system:anonymous" cannot list resource "leases""#;
    let body = json!({ "kind": "Status", "reason": "Forbidden", "message": message });
    let server = Impostor::answering(403, &[], &body.to_string());
    let output = run(&config(server.url(), None, &json!({})), "status");
    two_lines(
        &output,
        &format!("Error from server (Forbidden): {message}"),
        "There are no credentials for user \"alice\": log in, or give --token",
    );
}

#[test]
fn a_plugin_that_gives_no_credentials_is_shown_with_what_it_said_or_how_to_get_it() {
    let plugin = |command: &str, script: &str| {
        json!({ "exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": ["-c", script],
            "interactiveMode": "Never", "installHint": "It is not here yet.\n\nGet it:\n  brew install it\n",
        } })
    };
    let hint = "  It is not here yet.\n  Get it:\n    brew install it\n";
    for (user, what, shown) in [
        (
            plugin("no-such-plugin", ""),
            "exec plugin \"no-such-plugin\" is not on PATH",
            hint,
        ),
        (
            plugin("/nowhere/plugin", ""),
            "exec plugin \"/nowhere/plugin\" does not exist",
            hint,
        ),
        (
            plugin("/", ""),
            "exec plugin \"/\" cannot be run: Permission denied",
            "",
        ),
        (
            plugin(
                "sh",
                "echo 'please log in' >&2; echo '  cloud login' >&2; exit 4",
            ),
            "exec plugin \"sh\" failed (exit status: 4)",
            "  please log in\n    cloud login\n",
        ),
        (
            plugin("sh", "kill -9 $$"),
            "exec plugin \"sh\" failed (signal: 9 (SIGKILL))",
            "",
        ),
        (
            plugin("sh", "echo hello"),
            "exec plugin \"sh\" printed no ExecCredential: line 1 column 1: …",
            "",
        ),
        (
            plugin("sh", ""),
            "exec plugin \"sh\" printed no ExecCredential with a status",
            "",
        ),
        (
            json!({ "client-certificate": "/nowhere/crt", "client-key": "/nowhere/key" }),
            "failed to load client certificate: failed to read file \"/nowhere/crt\": No such file or directory",
            "",
        ),
    ] {
        let output = run(&config("http://127.0.0.1:1", None, &user), "status");
        let what = format!("error: cannot use the credentials: {what}");
        two_lines(&output, &what, &format!("{shown}{CHECK_USER}"));
    }
}

#[test]
fn a_proxy_that_does_not_connect_is_named_without_its_password() {
    let refusing = Impostor::answering(403, &[], "no");
    let asking = Impostor::answering(407, &[], "who are you");
    let elsewhere = Relay::to(Protocol::Http, "127.0.0.1:1");
    for (proxy, why) in [
        (
            refusing.url().replace("http://", "http://kim:secret@"),
            "it refuses to connect there",
        ),
        (asking.url().to_owned(), "it wants a user and a password"),
        (
            "http://127.0.0.1:1".to_owned(),
            "tcp connect error: Connection refused",
        ),
        ("http://proxy.invalid:3128".to_owned(), "dns error: …"),
        (format!("http://{}", elsewhere.address()), "…"),
    ] {
        let mut config = config("https://api.far.invalid:6443", None, &token());
        config["clusters"][0]["cluster"]["proxy-url"] = json!(proxy);
        let shown = proxy.replace("kim:secret@", "");
        let what = format!(
            "error: cannot connect to the server https://api.far.invalid:6443: the proxy {shown}: {why}"
        );
        two_lines(
            &run(&config, "status"),
            &what,
            "Check proxy-url in the kubeconfig, or HTTPS_PROXY and NO_PROXY",
        );
    }
}

#[test]
fn a_create_in_a_namespace_that_is_not_there_says_how_to_make_it() {
    let (ns, _) = fresh();
    let output = ns.run(&ns.admin(), ["create", "job", "-n", "nowhere"]);
    two_lines(
        &output,
        "Error from server (NotFound): namespaces \"nowhere\" not found",
        "Choose another with -n, or create it: kubectl create namespace nowhere",
    );
}

/// In-process only: a server that speaks plain HTTP.
#[test]
fn https_to_a_plain_server_is_told() {
    let plain = Options {
        tls: false,
        ..Options::default()
    };
    let (ns, _) = crate::support::fresh_in_process(plain);
    let wrong = ns.cluster().url().replace("http:", "https:");
    let output = run(&config(&wrong, None, &token()), "status");
    assert_eq!(output.code, Some(1), "{output}");
    let what = format!("error: cannot connect to the server {wrong}: it does not speak TLS\n");
    assert!(output.stderr.starts_with(&what), "{output}");
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
    let all =
        "create, acquire, hold, renew, check, release, steal, status, version, completion, explain";
    said(
        &output,
        2,
        "",
        &format!("error: no subcommand: there are {all} (see --help)\n"),
    );
    let output = Command::new(BINARY, ["--version"]).run();
    said(
        &output,
        2,
        "",
        "error: unexpected argument '--version': kubectl lease version tells it\n",
    );
}
