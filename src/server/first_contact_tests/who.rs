//! What answers: no Kubernetes, one without leases, one that does not know who asks; and who asks at all.

use insta::assert_snapshot;
use lease_harness::{Impostor, Proxy, TlsFront};
use serde_json::{Value, json};

use super::{ConnectionOptions, Scene, config, flags, none, served, served_as, token, trusting};
use crate::server::Connection;
use crate::server::testing::runtime;

fn status(reason: &str, code: u16, message: &str) -> String {
    json!({ "kind": "Status", "reason": reason, "code": code, "message": message }).to_string()
}

#[test]
fn a_server_that_is_no_kubernetes_is_told_by_what_it_answers() {
    let mut scene = Scene::new();
    let page = "<!DOCTYPE html>\n<html><head><TITLE>Sign in</TITLE></head></html>";
    let html = ("Content-Type", "text/html");
    let lost = "<html>\n<body>lost\u{7}</body>";
    let login = ("Location", "https://login.example/");
    let pods = r#"{"kind":"PodList","items":[]}"#;
    for (situation, server) in [
        ("a page", Impostor::answering(200, &[html], page)),
        (
            "a page that is lost",
            Impostor::answering(404, &[html], lost),
        ),
        (
            "JSON",
            Impostor::answering(200, &[], r#"{"hello":"world"}"#),
        ),
        ("another kind", Impostor::answering(200, &[], pods)),
        ("a list", Impostor::answering(200, &[], "[]")),
        ("half an object", Impostor::answering(200, &[], "{")),
        ("nothing", Impostor::answering(200, &[], "")),
        ("a redirection", Impostor::answering(302, &[login], "")),
        ("not HTTP", Impostor::saying("SSH-2.0-OpenSSH_9.9\r\n")),
    ] {
        scene.tell(situation, &config(server.url(), &token()), none());
    }
    assert_snapshot!(scene.told());
}

#[test]
fn a_server_without_leases_is_not_a_missing_lease() {
    let mut scene = Scene::new();
    let not_found = status(
        "NotFound",
        404,
        "the server could not find the requested resource",
    );
    let forbidden = status(
        "Forbidden",
        403,
        r#"forbidden: User "alice" cannot get path "/clusters/a/apis""#,
    );
    for (situation, code, body) in [
        ("a page", 404, "404 page not found\n"),
        ("a status", 404, &not_found),
        ("a path that is forbidden", 403, &forbidden),
    ] {
        let server = Impostor::answering(code, &[], body);
        scene.tell(situation, &config(server.url(), &token()), none());
        let below = format!("{}/clusters/a/", server.url());
        scene.tell(
            &format!("{situation}, below a path"),
            &config(&below, &token()),
            none(),
        );
    }
    assert_snapshot!(scene.told());
}

#[test]
fn credentials_that_are_not_accepted_are_told_by_their_kind() {
    let mut scene = Scene::new();
    let server = Impostor::answering(401, &[], &status("Unauthorized", 401, "Unauthorized"));
    // Over plain http nobody says who asks.
    let front = TlsFront::to(server.url(), false);
    let secure = |user: &Value| trusting(front.url(), front.ca_pem(), user);
    scene.tell("a token", &secure(&token()), none());
    let flag = flags(|it| it.token = Some("other".to_owned()));
    scene.tell("--token", &secure(&token()), flag);
    // It may have anything in it.
    let password = json!({ "username": "ad\nmin", "password": "pass\0wörd\n" });
    scene.tell("a password", &secure(&password), none());
    scene.tell("nothing", &secure(&json!({})), none());
    let mut nobody = secure(&json!({}));
    nobody["contexts"][0]["context"]["user"] = json!("");
    scene.tell("nobody", &nobody, none());
    for (situation, user) in [
        ("a token over http", token()),
        ("nothing over http", json!({})),
    ] {
        scene.tell(situation, &config(server.url(), &user), none());
    }
    let message = r#"leases.coordination.k8s.io is forbidden: User "system:anonymous" cannot list resource "leases""#;
    let server = Impostor::answering(403, &[], &status("Forbidden", 403, message));
    let front = TlsFront::to(server.url(), false);
    let anonymous = trusting(front.url(), front.ca_pem(), &json!({}));
    scene.tell("nothing, which is anonymous", &anonymous, none());
    assert_snapshot!(scene.told());
}

#[test]
fn a_token_may_come_from_anywhere_with_white_space_around_it() {
    let (ns, user) = served();
    let scene = Scene::new();
    let padded = format!(" {}\r\n\n", user.token);
    let file = scene.file("token", &padded);
    let another = json!({ "name": "oidc", "config": { "id-token": "another" } });
    for entry in [
        json!({ "token": padded }),
        json!({ "tokenFile": file }),
        json!({ "token": "", "tokenFile": file }),
        json!({ "auth-provider": { "name": "oidc", "config": { "id-token": padded } } }),
        // A token beside a provider is what asks.
        json!({ "token": user.token, "auth-provider": another }),
        // The file comes first, and the token beside it where it cannot be used.
        json!({ "token": "old", "tokenFile": file }),
        json!({ "token": user.token, "tokenFile": "/nowhere/token" }),
        json!({ "token": user.token, "tokenFile": scene.file("blank", "\n") }),
    ] {
        let said = scene.said(&served_as(&ns, &user, &entry), none());
        assert_eq!(said, "ok", "{entry}");
    }
    for (entry, wanted) in [
        (
            json!({ "token": user.token, "tokenFile": scene.file("old", "old") }),
            "(Unauthorized)",
        ),
        (
            json!({ "token": "", "tokenFile": "/nowhere/token" }),
            "/nowhere/token",
        ),
    ] {
        let said = scene.said(&served_as(&ns, &user, &entry), none());
        assert!(said.contains(wanted), "{entry}: {said}");
    }
    let flag = flags(|it| it.token = Some(padded));
    let exec = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "/nowhere" } });
    for entry in [json!({}), exec] {
        let said = scene.said(&served_as(&ns, &user, &entry), flag.clone());
        assert_eq!(said, "ok", "{entry}");
    }
}

#[test]
fn over_plain_http_no_credentials_go_out_and_no_plugin_runs() {
    let (ns, user) = served();
    let proxy = Proxy::to(ns.cluster());
    let scene = Scene::new();
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "/nowhere",
    });
    for entry in [
        json!({ "token": user.token }),
        json!({ "tokenFile": scene.file("token", &user.token) }),
        json!({ "tokenFile": "/nowhere/token" }),
        json!({ "username": "kim", "password": "secret" }),
        json!({ "exec": exec }),
        json!({ "auth-provider": { "name": "oidc", "config": { "id-token": user.token } } }),
    ] {
        proxy.clear();
        let flags = flags(|it| it.impersonate = Some("carol".to_owned()));
        let said = scene.said(&config(&proxy.plain_url(), &entry), flags);
        let requests = proxy.requests();
        assert!(!requests.is_empty(), "{entry}: {said}");
        for request in requests {
            assert_eq!(request.header("authorization"), None, "{entry}");
            assert_eq!(request.header("impersonate-user"), Some("carol"), "{entry}");
        }
    }
}

/// Every address a server or a proxy can be given by, with a password, and what is wrong with each.
fn addresses() -> Vec<String> {
    let mut all = Vec::new();
    for rest in "@127.0.0.1:1 @127.0.0.1:x @ /x@127.0.0.1:1 @127.0.0.1:1/path".split(' ') {
        for scheme in ["https://", "http:/", "ftp://", ""] {
            all.push(format!("{scheme}kim:s3cret{rest}"));
            all.push(format!("{scheme}kim:1/s3cret{rest}"));
        }
    }
    all
}

#[test]
fn a_password_in_an_address_is_not_said() {
    let scene = Scene::new();
    let kept = |said: &str| assert!(!said.contains("s3cret"), "{said}");
    for address in addresses() {
        kept(&scene.said(&config(&address, &token()), none()));
        let flag = flags(|it| it.server = Some(address.clone()));
        kept(&scene.said(&config("https://127.0.0.1:1", &token()), flag));
        let mut through = config("https://127.0.0.1:1", &token());
        through["clusters"][0]["cluster"]["proxy-url"] = json!(address);
        kept(&scene.said(&through, none()));
    }
    let options = ConnectionOptions {
        kubeconfig: Some(
            scene
                .file(
                    "config",
                    config("https://kim:s3cret@127.0.0.1:1", &token()).to_string(),
                )
                .into(),
        ),
        ..none()
    };
    let connection = runtime().block_on(Connection::load(&options));
    let connection = connection.unwrap_or_else(|error| panic!("{:?}", error.lines()));
    kept(&connection.server());
}
