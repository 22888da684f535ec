//! Certificates, keys and tokens that cannot be used: each is told with what is wrong with it.

use super::{config, file, run, token, two_lines};
use lease_harness::{Flaw, Impostor};
use serde_json::{Value, json};

const CHECK_CLUSTER: &str = "Check that cluster in the kubeconfig: kubectl config view --minify";
const CHECK_USER: &str = "Check that user in the kubeconfig: kubectl config view --minify";
const ENCRYPTED: &str =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
const GARBAGE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

#[test]
fn an_authority_that_cannot_be_used_is_told_with_what_is_wrong_with_it() {
    let server = Impostor::with_certificate(Flaw::WantsClientCertificate);
    let (_, key) = server.client_certificate(false);
    let no_pem = "there is no certificate in it (PEM begins with -----BEGIN CERTIFICATE-----)";
    for (contents, why) in [
        ("", "it is empty"),
        ("\n \n", "it is empty"),
        ("hello\n", no_pem),
        ("\u{0}\u{1}", no_pem),
        (GARBAGE, "the certificate in it is damaged"),
        (&GARBAGE[..40], "it is cut off or damaged"),
        (&key, "there is no certificate in it, but something else"),
    ] {
        let path = file("ca.pem", contents);
        let mut config = config("https://127.0.0.1:1", None, &token());
        config["clusters"][0]["cluster"]["certificate-authority"] = json!(path);
        let what = format!(
            "error: cannot use the certificate authority of cluster \"kind-dev\": {}: {why}",
            path.display()
        );
        two_lines(&run(&config, "status"), &what, CHECK_CLUSTER);
        let plain = super::config("https://127.0.0.1:1", None, &token());
        let flag = format!("status --certificate-authority={}", path.display());
        let what = format!(
            "error: cannot use --certificate-authority: {}: {why}",
            path.display()
        );
        let then = "Check the file that --certificate-authority names";
        two_lines(&run(&plain, &flag), &what, then);
    }
    for (path, why) in [
        ("/nowhere/ca.pem", "No such file or directory"),
        ("/", "Is a directory"),
        ("/dev/null", "it is empty"),
    ] {
        let mut config = config("https://127.0.0.1:1", None, &token());
        config["clusters"][0]["cluster"]["certificate-authority"] = json!(path);
        let what = format!(
            "error: cannot use the certificate authority of cluster \"kind-dev\": {path}: {why}"
        );
        two_lines(&run(&config, "status"), &what, CHECK_CLUSTER);
    }
    let mut config = config("https://127.0.0.1:1", None, &token());
    config["clusters"][0]["cluster"]["certificate-authority-data"] = json!("%%%");
    let what = "error: cannot use the certificate authority of cluster \"kind-dev\": its data is not base64";
    two_lines(&run(&config, "status"), what, CHECK_CLUSTER);
}

#[test]
fn a_client_certificate_that_cannot_be_used_is_told_with_what_is_wrong_with_it() {
    let server = Impostor::with_certificate(Flaw::WantsClientCertificate);
    let (certificate, key) = server.client_certificate(false);
    let (_, other) = server.client_certificate(false);
    let crt = |contents: &str| file("crt", contents).display().to_string();
    let (right, good) = (crt(&certificate), crt(&key));
    let (empty, encrypted, other) = (crt(""), crt(ENCRYPTED), crt(&other));
    let short = crt(&key[..60]);
    let (of_certificate, of_key) = (
        "the client certificate of user \"alice\"",
        "the client key of user \"alice\"",
    );
    let both = |crt: &str, key: &str| json!({ "client-certificate": crt, "client-key": key });
    let cases: [(Value, String); 8] = [
        (
            both("/nowhere/crt", &good),
            format!("{of_certificate}: /nowhere/crt: No such file or directory"),
        ),
        (both(&right, "/"), format!("{of_key}: /: Is a directory")),
        (
            both(&empty, &good),
            format!("{of_certificate}: {empty}: it is empty"),
        ),
        (
            both(&good, &good),
            format!("{of_certificate}: {good}: there is no certificate in it, but something else"),
        ),
        (
            both(&right, &right),
            format!("{of_key}: {right}: there is no private key in it, but something else"),
        ),
        (
            both(&right, &encrypted),
            format!(
                "{of_key}: {encrypted}: the key is encrypted, and there is nobody to ask for its password"
            ),
        ),
        (
            both(&right, &short),
            format!("{of_key}: {short}: it is cut off or damaged"),
        ),
        (
            both(&right, &other),
            format!("{of_key}: {other}: it does not belong to {of_certificate}"),
        ),
    ];
    for (user, what) in cases {
        let output = run(&config("https://127.0.0.1:1", None, &user), "status");
        two_lines(&output, &format!("error: cannot use {what}"), CHECK_USER);
    }
    let alone = json!({ "client-certificate": right });
    let what = format!("error: cannot use {of_certificate}: {right}: {of_key} is missing");
    two_lines(
        &run(&config("https://127.0.0.1:1", None, &alone), "status"),
        &what,
        CHECK_USER,
    );
    let alone = json!({ "client-key": good });
    let what = format!("error: cannot use {of_key}: {good}: {of_certificate} is missing");
    two_lines(
        &run(&config("https://127.0.0.1:1", None, &alone), "status"),
        &what,
        CHECK_USER,
    );
    // As kubectl: with a token the key is left alone.
    let beside = json!({ "client-key": good, "token": "secret" });
    for server in ["https://127.0.0.1:1", "http://127.0.0.1:1"] {
        let output = run(&config(server, None, &beside), "status");
        assert!(output.stderr.contains("was refused"), "{output}");
    }
}

#[test]
fn a_token_file_that_cannot_be_used_is_told_with_what_is_wrong_with_it() {
    for (contents, why) in [
        ("", "it is empty"),
        ("\n", "it is empty"),
        (
            "one\ntwo\n",
            "it is no token: it has several lines, or characters that no token has",
        ),
        (
            "ab\u{0}c",
            "it is no token: it has several lines, or characters that no token has",
        ),
    ] {
        let path = file("token", contents);
        let user = json!({ "tokenFile": path });
        let what = format!(
            "error: cannot use the token file of user \"alice\": {}: {why}",
            path.display()
        );
        two_lines(
            &run(&config("https://127.0.0.1:1", None, &user), "status"),
            &what,
            CHECK_USER,
        );
    }
}

#[test]
fn names_that_cannot_be_sent_are_told_before_anything_is() {
    let config = config("https://127.0.0.1:1", None, &token());
    let what = "error: cannot use the TLS server name \"a_b..c\": it is no host name";
    let then = "Check --tls-server-name, or tls-server-name of the cluster in the kubeconfig";
    two_lines(&run(&config, "status --tls-server-name=a_b..c"), what, then);
    let mut two = config;
    two["users"][0]["user"]["as"] = json!("kim\nlee");
    let what = "error: cannot use the kubeconfig: \"as\" of the user in the kubeconfig, \"kim\\nlee\", contains more than one line, which no HTTP header can carry";
    let then = "Check the file that KUBECONFIG or --kubeconfig names: kubectl config view";
    two_lines(&run(&two, "status"), what, then);
}
