//! On the way to the server: the network, TLS, proxies and slow plugins.

use super::{NO_PAGE, SEE_ADDRESS, config, file, run, token, two_lines};
use crate::support::relay::{Protocol, Relay};
use crate::support::shared;
use lease_harness::{Flaw, Impostor, lease_api_server::Options};
use serde_json::json;

const REPLACE: &str = "Whoever runs the server has to replace its certificate; openssl s_client -connect HOST:PORT -showcerts shows it";
const CHECK_PROXY: &str = "Check proxy-url in the kubeconfig, or HTTPS_PROXY and NO_PROXY";

#[test]
fn a_server_that_cannot_be_reached_is_named_within_the_request_timeout() {
    let (hole, silent) = (Impostor::black_hole(), Impostor::silent());
    let silent = silent.url().replace("http:", "https:");
    let away = (
        "no connection within 1s",
        format!("Does it take a VPN or a proxy to get there? {SEE_ADDRESS}"),
    );
    let mute = (
        "it takes connections, but did not answer in TLS within 1s",
        format!("Is that the right port, and https? {SEE_ADDRESS}"),
    );
    for (server, (what, then)) in [
        (hole.url(), &away),
        (&hole.url().replace("https:", "http:"), &away),
        (&silent, &mute),
    ] {
        for subcommand in ["status", "acquire job", "create job", "hold job"] {
            let config = config(server, None, &token());
            let output = run(&config, &format!("{subcommand} --request-timeout=1s"));
            let what = format!("error: cannot connect to the server {server}: {what}");
            two_lines(&output, &what, then);
        }
    }
}

/// What `openssl req -x509` makes: Go takes it as a server's, and so is it here if the kubeconfig has it.
#[test]
fn a_servers_certificate_may_be_its_own_authority() {
    let server = Impostor::with_certificate(Flaw::SelfSigned);
    let trusting = config(server.url(), Some(server.ca_pem()), &token());
    let output = run(&trusting, "status");
    assert!(output.stderr.contains("JSON that is not"), "{output}");
    let named = run(&trusting, "status --tls-server-name other.example");
    let what = format!(
        "error: cannot connect to the server {}: its certificate is not for other.example: it is for 127.0.0.1",
        server.url()
    );
    assert!(named.stderr.starts_with(&what), "{named}");
    let stranger = Impostor::with_certificate(Flaw::SelfSigned);
    let output = run(
        &config(server.url(), Some(stranger.ca_pem()), &token()),
        "status",
    );
    let what = "its certificate is signed by an authority that is not trusted here";
    assert!(output.stderr.contains(what), "{output}");
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
            Flaw::Authority,
            "its certificate is an authority's, and no server's (CA:TRUE)",
            REPLACE,
        ),
        (
            Flaw::SelfSignedExpired,
            "its certificate expired on 2020-12-31",
            renew,
        ),
        (
            Flaw::SelfSignedForClients,
            "its certificate is not for servers (its extendedKeyUsage lacks serverAuth)",
            REPLACE,
        ),
        (
            Flaw::ForClients,
            "its certificate is not for servers (its extendedKeyUsage lacks serverAuth)",
            REPLACE,
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

#[test]
fn whoever_keeps_a_request_waiting_before_it_is_sent_is_named() {
    let proxy = Impostor::silent();
    let mut through = config("https://api.far.invalid:6443", None, &token());
    through["clusters"][0]["cluster"]["proxy-url"] = json!(proxy.url());
    let what = format!(
        "error: cannot connect to the server https://api.far.invalid:6443: no connection through the proxy {} within 1s",
        proxy.url()
    );
    two_lines(
        &run(&through, "status --request-timeout=1s"),
        &what,
        CHECK_PROXY,
    );
    let hole = Impostor::black_hole().url().replace("https:", "http:");
    through["clusters"][0]["cluster"]["proxy-url"] = json!(hole);
    let what = format!(
        "error: cannot connect to the server https://api.far.invalid:6443: no connection to the proxy {hole} within 1s"
    );
    two_lines(
        &run(&through, "status --request-timeout=1s"),
        &what,
        CHECK_PROXY,
    );

    let exec = json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": "sleep", "args": ["3"], "interactiveMode": "Never" });
    let asking = config("https://127.0.0.1:1", None, &json!({ "exec": exec }));
    let what = "error: no credentials in time: exec plugin \"sleep\" gave nothing within 1s";
    let then = "Run that plugin by hand to see what it waits for, or give it longer with --request-timeout";
    two_lines(&run(&asking, "status --request-timeout=1s"), what, then);
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
        ("http://127.0.0.1:1".to_owned(), "Connection refused"),
        ("socks5://127.0.0.1:1".to_owned(), "Connection refused"),
        (
            "http://proxy.invalid:3128".to_owned(),
            "the name proxy.invalid does not resolve (…)",
        ),
        (
            "socks5://proxy.invalid:1080".to_owned(),
            "the name proxy.invalid does not resolve (…)",
        ),
        (format!("http://{}", elsewhere.address()), "…"),
    ] {
        let mut config = config("https://api.far.invalid:6443", None, &token());
        config["clusters"][0]["cluster"]["proxy-url"] = json!(proxy);
        let shown = proxy.replace("kim:secret@", "");
        let what = format!(
            "error: cannot connect to the server https://api.far.invalid:6443: the proxy {shown}: {why}"
        );
        two_lines(&run(&config, "status"), &what, CHECK_PROXY);
    }
}

#[test]
fn a_server_that_ends_the_handshake_is_told_by_what_it_says() {
    let alert = |code| Impostor::blurting(vec![21, 3, 3, 0, 2, 2, code]);
    let https = format!("Is that the right port, and https? {SEE_ADDRESS}");
    let name = format!(
        "Is the address right, and --tls-server-name or tls-server-name in the kubeconfig? {SEE_ADDRESS}"
    );
    let nothing =
        "it and kubectl-lease have nothing of TLS in common (TLS 1.2 and 1.3 are spoken here)";
    // RFC 8446, section 6: handshake_failure, protocol_version, unrecognized_name.
    for (server, what, then) in [
        (alert(40), nothing, &https),
        (alert(70), nothing, &https),
        (
            alert(112),
            "it knows no server of the name that it is asked for",
            &name,
        ),
    ] {
        let server = server.url().replace("http:", "https:");
        let output = run(&config(&server, None, &token()), "status");
        let what = format!("error: cannot connect to the server {server}: {what}");
        two_lines(&output, &what, then);
    }
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
