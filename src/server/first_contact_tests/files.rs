//! Certificates, keys and tokens that cannot be used: each is told with what is wrong with it.

use insta::assert_snapshot;
use lease_harness::{Flaw, Impostor};
use serde_json::json;

use super::{Scene, config, flags, none, served, token};

const HERE: &str = "https://127.0.0.1:1";
const ENCRYPTED: &str =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
const GARBAGE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

#[test]
fn an_authority_that_cannot_be_used_is_told_with_what_is_wrong_with_it() {
    let mut scene = Scene::new();
    let server = Impostor::with_certificate(Flaw::WantsClientCertificate);
    let (_, key) = server.client_certificate(false);
    let made = [
        ("empty", ""),
        ("blank", "\n \n"),
        ("text", "hello\n"),
        ("no text", "\u{0}\u{1}"),
        ("damaged", GARBAGE),
        ("cut off", &GARBAGE[..40]),
        ("a key", &key),
    ]
    .map(|(situation, contents)| (situation, scene.file("ca.pem", contents)));
    let there = ["/nowhere/ca.pem", "/", "/dev/null"].map(|path| (path, path.to_owned()));
    for (situation, path) in made.into_iter().chain(there) {
        let mut named = config(HERE, &token());
        named["clusters"][0]["cluster"]["certificate-authority"] = json!(path);
        scene.tell(situation, &named, none());
        let flag = flags(|it| it.certificate_authority = Some(path));
        let plain = config(HERE, &token());
        scene.tell(&format!("{situation}, by the flag"), &plain, flag);
    }
    let mut data = config(HERE, &token());
    data["clusters"][0]["cluster"]["certificate-authority-data"] = json!("%%%");
    scene.tell("data", &data, none());
    assert_snapshot!(scene.told());
}

#[test]
fn a_client_certificate_that_cannot_be_used_is_told_with_what_is_wrong_with_it() {
    let mut scene = Scene::new();
    let server = Impostor::with_certificate(Flaw::WantsClientCertificate);
    let (certificate, key) = server.client_certificate(false);
    let (_, other) = server.client_certificate(false);
    let (right, good) = (scene.file("crt", &certificate), scene.file("key", &key));
    let other = scene.file("other", &other);
    let (empty, encrypted) = (scene.file("empty", ""), scene.file("encrypted", ENCRYPTED));
    let short = scene.file("short", &key[..60]);
    let both = |crt: &str, key: &str| json!({ "client-certificate": crt, "client-key": key });
    for (situation, user) in [
        ("no certificate", both("/nowhere/crt", &good)),
        ("the key is a folder", both(&right, "/")),
        ("an empty certificate", both(&empty, &good)),
        ("two keys", both(&good, &good)),
        ("two certificates", both(&right, &right)),
        ("an encrypted key", both(&right, &encrypted)),
        ("a key that is cut off", both(&right, &short)),
        ("another's key", both(&right, &other)),
        (
            "a certificate alone",
            json!({ "client-certificate": right }),
        ),
        ("a key alone", json!({ "client-key": good })),
        // As kubectl: the key is left alone.
        (
            "a key and a token",
            json!({ "client-key": good, "token": "secret" }),
        ),
    ] {
        scene.tell(situation, &config(HERE, &user), none());
    }
    let user = json!({ "client-key": good, "token": "secret" });
    let plain = config("http://127.0.0.1:1", &user);
    scene.tell("a key and a token, without TLS", &plain, none());
    assert_snapshot!(scene.told());
}

#[test]
fn a_token_file_that_cannot_be_used_is_told_with_what_is_wrong_with_it() {
    let mut scene = Scene::new();
    let made = [
        ("empty", String::new()),
        ("blank", " \n".to_owned()),
        ("two lines", "s3cret\ns3cret".to_owned()),
        ("huge", "s3cret".repeat(300_000)),
    ]
    .map(|(situation, contents)| (situation, scene.file("token", contents)));
    let there = ["/nowhere/token", "/", "/dev/zero"].map(|path| (path, path.to_owned()));
    for (situation, path) in made.into_iter().chain(there) {
        let user = json!({ "tokenFile": path });
        scene.tell(situation, &config(HERE, &user), none());
    }
    assert!(!scene.told.contains("s3cret"));
    assert_snapshot!(scene.told());
}

#[test]
fn what_no_header_and_no_handshake_carries_is_told_before_anything_is_sent() {
    let mut scene = Scene::new();
    let lines = "s3cret\ns3cret";
    let provider = json!({ "name": "oidc", "config": { "id-token": lines } });
    for (situation, user) in [
        ("a token of two lines", json!({ "token": lines })),
        ("a token with a NUL", json!({ "token": "s3cret\0" })),
        ("a blank token", json!({ "token": " " })),
        (
            "a provider's token of two lines",
            json!({ "auth-provider": provider }),
        ),
        (
            "a name of two lines",
            json!({ "token": "t", "as": "kim\nlee" }),
        ),
    ] {
        scene.tell(situation, &config(HERE, &user), none());
    }
    let some = |text: &str| Some(text.to_owned());
    for (situation, flags) in [
        ("--token of two lines", flags(|it| it.token = some(lines))),
        ("--as", flags(|it| it.impersonate = some("a\nb"))),
        (
            "--as-group",
            flags(|it| {
                it.impersonate = some("a");
                it.impersonate_groups = vec!["g\r".to_owned()];
            }),
        ),
        (
            "--as-uid",
            flags(|it| (it.impersonate, it.impersonate_uid) = (some("a"), some("u\nv"))),
        ),
        (
            "--tls-server-name",
            flags(|it| it.tls_server_name = some("a_b..c")),
        ),
    ] {
        scene.tell(situation, &config(HERE, &token()), flags);
    }
    assert!(!scene.told.contains("s3cret"));
    assert_snapshot!(scene.told());
}

#[test]
fn files_are_found_relative_to_their_kubeconfig() {
    let (ns, user) = served();
    let scene = Scene::new();
    scene
        .folder
        .file("ca.pem", ns.cluster().ca_pem().unwrap_or_default());
    scene.folder.file("token", format!("{}\n", user.token));
    let mut relative = ns.kubeconfig_json(&user);
    let cluster = relative["clusters"][0]["cluster"].as_object_mut();
    let cluster = cluster.expect("a map");
    cluster.remove("certificate-authority-data");
    cluster.insert("certificate-authority".into(), json!("ca.pem"));
    relative["users"][0]["user"] = json!({ "tokenFile": "token" });
    assert_eq!(scene.said(&relative, none()), "ok");
}
