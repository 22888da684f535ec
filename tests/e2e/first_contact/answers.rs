//! What answers: no Kubernetes, one without leases, one that does not know who asks; and who cannot say.

use super::{CHECK_USER, NO_PAGE, SEE_ADDRESS, SUBCOMMANDS, config, run, token, two_lines};
use crate::support::fresh;
use lease_harness::{Command, Impostor, TlsFront};
use serde_json::json;

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
    // Over plain http nobody says who asks.
    let front = TlsFront::to(server.url(), false);
    let (url, authority) = (front.url(), front.ca_pem());
    let what = "Error from server (Unauthorized): Unauthorized";
    let script = r#"echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"old"}}'"#;
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
            &run(&config(url, Some(authority), &user), arguments),
            what,
            then,
        );
    }
    let mut nobody = config(url, Some(authority), &json!({}));
    nobody["contexts"][0]["context"]["user"] = json!("");
    let then = "Nothing says who asks: give --token, or choose a user of the kubeconfig with --user or --context";
    two_lines(&run(&nobody, "status"), what, then);
    let arguments = format!("status -s {url} --insecure-skip-tls-verify");
    let without = Command::new(super::BINARY, arguments.split(' ')).kubeconfig("/nowhere");
    two_lines(&without.run(), what, then);
    let then = "Over plain http no credentials are sent, as with kubectl: use the server's https:// address (--server, or server of the cluster in the kubeconfig)";
    for user in [token(), json!({})] {
        two_lines(
            &run(&config(server.url(), None, &user), "status"),
            what,
            then,
        );
    }
    let message = r#"leases.coordination.k8s.io is forbidden: User "system:anonymous" cannot list resource "leases""#;
    let body = json!({ "kind": "Status", "reason": "Forbidden", "message": message });
    let server = Impostor::answering(403, &[], &body.to_string());
    let front = TlsFront::to(server.url(), false);
    let output = run(
        &config(front.url(), Some(front.ca_pem()), &json!({})),
        "status",
    );
    two_lines(
        &output,
        &format!("Error from server (Forbidden): {message}"),
        "There are no credentials for user \"alice\": log in, or give --token",
    );
}

#[test]
fn a_path_that_the_server_does_not_know_is_named_if_the_address_has_it() {
    let forbidden = r#"forbidden: User "alice" cannot get path "/clusters/a/apis""#;
    let status = json!({ "kind": "Status", "reason": "Forbidden", "message": forbidden });
    for (code, body, what) in [
        (404, "404 page not found\n".to_owned(), "PageNotFound): 404 page not found".to_owned()),
        (
            404,
            json!({ "kind": "Status", "reason": "NotFound", "message": "the server could not find the requested resource" }).to_string(),
            "NotFound): the server could not find the requested resource".to_owned(),
        ),
        (403, status.to_string(), format!("Forbidden): {forbidden}")),
    ] {
        let server = Impostor::answering(code, &[], &body);
        let address = format!("{}/clusters/a/", server.url());
        let output = run(&config(&address, None, &token()), "status");
        two_lines(
            &output,
            &format!("Error from server ({what}"),
            "The server does not know what is below \"/clusters/a\": try the address without that path, in the server of the kubeconfig or --server",
        );
    }
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
    ] {
        let output = run(&config("https://127.0.0.1:1", None, &user), "status");
        let what = format!("error: cannot use the credentials: {what}");
        two_lines(&output, &what, &format!("{shown}{CHECK_USER}"));
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
