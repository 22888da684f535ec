//! Who we are to the server, and to whom we speak, where that changes while we wait.

use crate::support::{SOON, held, held_by_another, said, said_like, set_free, status_as, waiting};
use lease_harness::Cluster;
use serde_json::json;

const NAME: &str = "lease.coordination.k8s.io/job\n";
/// The server does not accept the token of somebody.
fn unauthorized(whose: &str) -> String {
    format!(
        "Error from server (Unauthorized): Unauthorized\n\
         The server does not accept the token of {whose}: it may have expired, or be for another cluster; log in again\n"
    )
}

#[test]
fn who_waits_goes_on_when_the_token_or_the_authority_is_replaced() {
    let (ns, user) = held_by_another();
    let next = ns.user(&crate::support::VERBS);
    let file = ns.file("token", &user.token);
    let mut config = ns.kubeconfig_json(&user);
    config["users"][0]["user"] = json!({ "tokenFile": file });
    let config = ns.file("kubeconfig", config.to_string());
    let command = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = command.kubeconfig(config).spawn();
    running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    ns.file("token", &next.token);
    set_free(&ns, "job");
    let stdout = "lease.coordination.k8s.io/job acquired\n";
    said(
        &running.wait(SOON),
        0,
        stdout,
        &waiting("job", "other", "60s"),
    );
    let (ns, user) = held_by_another();
    let proxy = lease_harness::Proxy::to(ns.cluster());
    let mut front = lease_harness::TlsFront::to(&proxy.plain_url(), false);
    let authority = ns.file("ca.pem", front.ca_pem());
    let mut config = ns.kubeconfig_json(&user);
    config["clusters"][0]["cluster"] =
        json!({ "server": front.url(), "certificate-authority": authority });
    let file = ns.file("rotating", config.to_string());
    let watching = ns.command(&user, ["status", "--watch", "-o", "name"]);
    let watching = watching.kubeconfig(file).own_console().spawn();
    watching.wait_stdout(|line| line == NAME.trim_end(), SOON);
    crate::support::watching(&proxy);
    front.replace_authority();
    std::fs::write(&authority, front.ca_pem()).expect("the folder is ours");
    ns.create(&held("another", "other", 60));
    watching.wait_stdout(|line| line == "lease.coordination.k8s.io/another", SOON);
    watching.terminate();
    watching.wait(SOON);
}

/// In-process only: a user is removed from it.
#[test]
fn a_token_revoked_while_waiting_ends_the_wait() {
    let (ns, user) =
        crate::support::fresh_in_process(lease_harness::lease_api_server::Options::default());
    ns.create(&held("job", "other", 60));
    let proxy = lease_harness::Proxy::to(ns.cluster());
    let command = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = command.via(&proxy).spawn();
    crate::support::watching(&proxy);
    let cluster: &Cluster = ns.cluster();
    cluster
        .api_server()
        .expect("in-process")
        .remove_user(&user.name);
    set_free(&ns, "job");
    // The write was sent with a token that had been good until then: something may have sent it twice.
    let expected = waiting("job", "other", "60s")
        + &unauthorized("user \"test\"")
        + "error: a write to lease \"job\" was sent and its outcome could not be learned: Error from server (Unauthorized): Unauthorized\n\
           It may be held by \"me\". Look: kubectl lease status job -n …; free it: kubectl lease release job -n … --holder me\n";
    said_like(&running.wait(SOON), 1, "", &expected);
}

/// Real server only: the in-process one knows no client certificates.
#[cfg(unix)] // a server of its own, which the harness starts on Unix
#[test]
fn a_client_certificate_is_taken_from_the_kubeconfig_or_from_flags() {
    let (ns, user) = held_by_another();
    let Some(plane) = ns.cluster().control_plane() else {
        println!("SKIPPED: the in-process server knows no client certificates");
        return;
    };
    let (certificate, key) = plane.client_certificate(&user.name, &[]);
    let (certificate, key) = (ns.file("cert", certificate), ns.file("key", key));
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "false",
    });
    // Beside a plugin it is what asks.
    let entry = json!({ "client-certificate": certificate, "client-key": key, "exec": exec });
    said(&status_as(&ns, &user, &entry).run(), 0, NAME, "");
    let command = status_as(&ns, &user, &json!({}));
    let command = command.arg("--client-certificate").arg(certificate);
    said(&command.arg("--client-key").arg(key).run(), 0, NAME, "");
}
