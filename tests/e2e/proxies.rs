//! HTTP and SOCKS5 proxies on the way to the server, from the kubeconfig or the environment.

use crate::support::relay::{Protocol, Relay};
use crate::support::{fresh, held, said, said_like};
use lease_harness::{Command, Namespace, User};
use serde_json::{Value, json};

const NAME: &str = "lease.coordination.k8s.io/job\n";

/// `host:port` of the server under test, which speaks TLS.
fn address(ns: &Namespace) -> String {
    ns.cluster().url().replace("https://", "")
}

/// `status job -o name` with a changed cluster in the kubeconfig.
fn status(ns: &Namespace, user: &User, change: impl Fn(&mut Value)) -> Command {
    let mut config = ns.kubeconfig_json(user);
    change(&mut config["clusters"][0]["cluster"]);
    let file = ns.file("kubeconfig", config.to_string());
    ns.command(user, ["status", "job", "-o", "name"])
        .kubeconfig(file)
}

/// A name that only the relay can reach; the certificate is checked against one that it has.
fn far_away(cluster: &mut Value) {
    cluster["server"] = json!("https://api.far.invalid:6443");
    cluster["tls-server-name"] = json!("localhost");
}

#[test]
fn the_clusters_own_proxy_is_used() {
    for (protocol, scheme) in [
        (Protocol::Http, "http"),
        (Protocol::Socks5, "socks5"),
        (Protocol::Socks5, "socks5h"),
    ] {
        let (ns, user) = fresh();
        ns.create(&held("job", "other", 60));
        let relay = Relay::to(protocol, &address(&ns));
        let command = status(&ns, &user, |cluster| {
            far_away(cluster);
            cluster["proxy-url"] = json!(format!("{scheme}://{}", relay.address()));
        });
        said(&command.run(), 0, NAME, "");
        assert_eq!(relay.asked(), ["api.far.invalid:6443"], "{scheme}");
    }
}

#[test]
fn the_environments_proxy_is_used_unless_no_proxy_names_the_server() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let relay = Relay::to(Protocol::Http, &address(&ns));
    let proxy = format!("http://{}", relay.address());
    let command = status(&ns, &user, far_away).env("HTTPS_PROXY", &proxy);
    said(&command.run(), 0, NAME, "");
    assert_eq!(relay.asked().len(), 1);
    let bypassed = command.env("NO_PROXY", ".far.invalid").run();
    let expected = "error: cannot connect to the server https://api.far.invalid:6443: …\n\
        The server's name cannot be resolved: check the address in the kubeconfig, and this machine's network\n";
    said_like(&bypassed, 1, "", expected);
    assert_eq!(relay.asked().len(), 1);
}

#[test]
fn this_machine_itself_is_reached_without_the_environments_proxy() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let command = status(&ns, &user, |_| ()).env("HTTPS_PROXY", "http://127.0.0.1:1");
    said(&command.run(), 0, NAME, "");
}

#[test]
fn a_proxy_is_given_its_user_and_password() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let relay = Relay::to(Protocol::Http, &address(&ns));
    let command = status(&ns, &user, |cluster| {
        far_away(cluster);
        cluster["proxy-url"] = json!(format!("http://kim:pass@{}", relay.address()));
    });
    said(&command.run(), 0, NAME, "");
    let proxy = format!("http://kim:p%61ss@{}", relay.address());
    let command = status(&ns, &user, far_away).env("HTTPS_PROXY", proxy);
    said(&command.run(), 0, NAME, "");
    // base64 of kim:pass
    let asked = "api.far.invalid:6443 Basic a2ltOnBhc3M=";
    assert_eq!(relay.asked(), [asked, asked]);
}

#[test]
fn a_proxy_that_is_not_there_is_an_error_and_not_tried_again() {
    let (ns, user) = fresh();
    let command = status(&ns, &user, |cluster| {
        far_away(cluster);
        cluster["proxy-url"] = json!("http://127.0.0.1:1");
    });
    let output = command.run();
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), ""),
        "{output}"
    );
    assert_eq!(output.stderr.lines().count(), 2, "{output}");
    assert!(
        output.stderr.contains("https://api.far.invalid:6443"),
        "{output}"
    );
}

#[test]
fn a_proxy_of_an_unknown_kind_is_named() {
    let (ns, user) = fresh();
    let command = status(&ns, &user, |cluster| {
        cluster["proxy-url"] = json!("ftp://127.0.0.1:1");
    });
    let expected = "error: cannot use the kubeconfig: proxy-url \"ftp://127.0.0.1:1\": only http, https and socks5 proxies are supported\n…\n";
    said_like(&command.run(), 1, "", expected);
    for (proxy, why) in [
        (
            "ftp://127.0.0.1:1",
            "only http, https and socks5 proxies are supported",
        ),
        ("http://[:1", "it is no address: …"),
    ] {
        let command = status(&ns, &user, far_away).env("HTTPS_PROXY", proxy);
        let expected = format!(
            "error: cannot use the proxy of HTTPS_PROXY, {proxy:?}: {why}\n\
             Set HTTPS_PROXY to one like http://host:3128, unset it, or name the server in NO_PROXY\n"
        );
        said_like(&command.run(), 1, "", &expected);
    }
}

/// As in Go's ProxyFromEnvironment, which is kubectl's.
#[test]
fn all_proxy_is_not_heeded() {
    let (ns, user) = fresh();
    let proxy = "http://127.0.0.1:1";
    let command = status(&ns, &user, far_away).env("ALL_PROXY", proxy);
    let output = command.env("all_proxy", proxy).run();
    assert_eq!(output.code, Some(1), "{output}");
    assert!(output.stderr.contains("cannot be resolved"), "{output}");
    assert!(!output.stderr.contains("proxy"), "{output}");
}

#[test]
fn a_waiter_watches_through_a_proxy() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let relay = Relay::to(Protocol::Socks5, &address(&ns));
    let mut config = ns.kubeconfig_json(&user);
    let cluster = &mut config["clusters"][0]["cluster"];
    far_away(cluster);
    cluster["proxy-url"] = json!(format!("socks5://{}", relay.address()));
    let file = ns.file("kubeconfig", config.to_string());
    let command = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = command.kubeconfig(file).spawn();
    running.wait_stderr(|line| line.starts_with("waiting for"), crate::support::SOON);
    crate::support::set_free(&ns, "job");
    let output = running.wait(crate::support::SOON);
    assert_eq!(
        (output.code, output.stderr.lines().count()),
        (Some(0), 1),
        "{output}"
    );
}
