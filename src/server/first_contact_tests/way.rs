//! On the way to the server: the network, TLS and proxies.

use std::time::Duration;

use insta::assert_snapshot;
use lease_harness::{Flaw, Impostor};
use serde_json::json;

use super::{Scene, config, flags, none, served, token, trusting};
use crate::server::testing::said;

const FAR: &str = "https://api.far.invalid:6443";

#[test]
fn whoever_keeps_a_request_waiting_is_named_within_the_request_timeout() {
    let mut scene = Scene::new();
    let (hole, silent) = (Impostor::black_hole(), Impostor::silent());
    let (plain_hole, mute) = (
        hole.url().replace("https:", "http:"),
        silent.url().replace("http:", "https:"),
    );
    let through = |proxy: &str| {
        let mut through = config(FAR, &token());
        through["clusters"][0]["cluster"]["proxy-url"] = json!(proxy);
        through
    };
    let cases = [
        ("no connection", config(hole.url(), &token())),
        ("no connection, without TLS", config(&plain_hole, &token())),
        ("no TLS", config(&mute, &token())),
        ("no answer", config(silent.url(), &token())),
        ("no connection through the proxy", through(silent.url())),
        ("no connection to the proxy", through(&plain_hole)),
    ]
    .map(|(situation, config)| (situation, scene.file("config", config.to_string())));
    // All wait at once.
    let waiting = cases.map(|(situation, path)| {
        let options = flags(|it| it.kubeconfig = Some(path.into()));
        let waits = std::thread::spawn(move || said(&options, Duration::from_secs(1)));
        (situation, waits)
    });
    for (situation, waits) in waiting {
        scene.note(situation, &waits.join().expect("it says something"));
    }
    assert_snapshot!(scene.told());
}

#[test]
fn a_certificate_that_cannot_be_trusted_is_told_by_its_fault() {
    let mut scene = Scene::new();
    for flaw in [
        Flaw::Expired,
        Flaw::NotYetValid,
        Flaw::OtherName,
        Flaw::Authority,
        Flaw::SelfSignedExpired,
        Flaw::SelfSignedForClients,
        Flaw::ForClients,
        Flaw::WantsClientCertificate,
    ] {
        let server = Impostor::with_certificate(flaw);
        let trusting = trusting(server.url(), server.ca_pem(), &token());
        scene.tell(&format!("{flaw:?}"), &trusting, none());
    }
    let server = Impostor::with_certificate(Flaw::WantsClientCertificate);
    let (certificate, key) = server.client_certificate(true);
    let user = json!({
        "client-certificate": scene.file("crt", &certificate),
        "client-key": scene.file("key", &key),
    });
    let expired = trusting(server.url(), server.ca_pem(), &user);
    scene.tell("the client's has expired", &expired, none());
    assert_snapshot!(scene.told());
}

#[test]
fn a_certificate_of_another_authority_is_not_trusted_unless_it_is_its_own() {
    let mut scene = Scene::new();
    for flaw in [Flaw::None, Flaw::SelfSigned] {
        let (server, stranger) = (
            Impostor::with_certificate(flaw),
            Impostor::with_certificate(flaw),
        );
        let other = trusting(server.url(), stranger.ca_pem(), &token());
        scene.tell(&format!("{flaw:?}: another's"), &other, none());
        // What `openssl req -x509` makes: Go takes it as a server's, and so is it here if the kubeconfig has it.
        let own = trusting(server.url(), server.ca_pem(), &token());
        scene.tell(&format!("{flaw:?}: its own"), &own, none());
        let named = flags(|it| it.tls_server_name = Some("other.example".to_owned()));
        scene.tell(&format!("{flaw:?}: by another name"), &own, named);
    }
    assert_snapshot!(scene.told());
}

#[test]
fn flags_say_whom_to_trust_and_by_which_name() {
    let (ns, user) = served();
    let scene = Scene::new();
    let mut untrusting = ns.kubeconfig_json(&user);
    let cluster = untrusting["clusters"][0]["cluster"].as_object_mut();
    cluster.expect("a map").remove("certificate-authority-data");
    let said = |flags| scene.said(&untrusting, flags);
    assert!(said(none()).contains("an authority that is not trusted here\n"));
    let insecure = flags(|it| it.insecure_skip_tls_verify = true);
    assert_eq!(said(insecure), "ok");
    let authority = scene.file("ca.pem", ns.cluster().ca_pem().unwrap_or_default());
    for (name, wanted) in [
        (None, "ok"),
        (Some("localhost"), "ok"),
        (
            Some("another.example"),
            "its certificate is not for another.example: it is for ",
        ),
    ] {
        let said = said(flags(|it| {
            it.certificate_authority = Some(authority.clone());
            it.tls_server_name = name.map(str::to_owned);
        }));
        assert!(said.contains(wanted), "{name:?}: {said}");
    }
}

#[test]
fn a_proxy_that_does_not_connect_is_named_without_its_password() {
    let mut scene = Scene::new();
    let refusing = Impostor::answering(403, &[], "no");
    let asking = Impostor::answering(407, &[], "who are you");
    let ending = Impostor::saying("HTTP/1.1 200 Connection established\r\n\r\n");
    for (situation, proxy) in [
        (
            "it refuses",
            refusing.url().replace("http://", "http://kim:secret@"),
        ),
        ("it asks", asking.url().to_owned()),
        ("it is not there", "http://127.0.0.1:1".to_owned()),
        ("it is no SOCKS", "socks5://127.0.0.1:1".to_owned()),
        ("it hangs up", ending.url().to_owned()),
    ] {
        let mut through = config(FAR, &token());
        through["clusters"][0]["cluster"]["proxy-url"] = json!(proxy);
        scene.tell(situation, &through, none());
    }
    assert!(!scene.told.contains("secret"));
    assert_snapshot!(scene.told());
}

/// RFC 8446, section 6: handshake_failure, protocol_version, unrecognized_name.
#[test]
fn a_server_that_does_not_speak_tls_or_ends_it_is_told_by_what_it_says() {
    let mut scene = Scene::new();
    let alert = |code| Impostor::blurting(vec![21, 3, 3, 0, 2, 2, code]);
    for (situation, server) in [
        ("handshake_failure", alert(40)),
        ("protocol_version", alert(70)),
        ("unrecognized_name", alert(112)),
        (
            "plain HTTP",
            Impostor::blurting("HTTP/1.1 400 Bad Request\r\n\r\n"),
        ),
    ] {
        let server = server.url().replace("http:", "https:");
        scene.tell(situation, &config(&server, &token()), none());
    }
    assert_snapshot!(scene.told());
}
