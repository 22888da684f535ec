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
        if protocol == Protocol::Http {
            let command = status(&ns, &user, |cluster| {
                far_away(cluster);
                cluster["proxy-url"] = json!(format!("http://kim:pass@{}", relay.address()));
            });
            said(&command.run(), 0, NAME, "");
            // base64 of kim:pass
            assert_eq!(relay.asked()[1], "api.far.invalid:6443 Basic a2ltOnBhc3M=");
        }
    }
}

#[test]
fn the_environments_proxy_is_used_unless_no_proxy_names_the_server() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let relay = Relay::to(Protocol::Http, &address(&ns));
    let proxy = format!("http://kim:p%61ss@{}", relay.address());
    let command = status(&ns, &user, far_away).env("HTTPS_PROXY", &proxy);
    said(&command.run(), 0, NAME, "");
    assert_eq!(relay.asked(), ["api.far.invalid:6443 Basic a2ltOnBhc3M="]);
    let bypassed = command.env("NO_PROXY", ".far.invalid").run();
    let expected = "error: cannot connect to the server https://api.far.invalid:6443: …\n\
        The server's name cannot be resolved: check the address in the kubeconfig, and this machine's network\n";
    said_like(&bypassed, 1, "", expected);
    assert_eq!(relay.asked().len(), 1);
    // As Go's ProxyFromEnvironment, which is kubectl's.
    let nowhere = "http://127.0.0.1:1";
    let all = status(&ns, &user, far_away).env("ALL_PROXY", nowhere);
    said_like(&all.env("all_proxy", nowhere).run(), 1, "", expected);
    let here = status(&ns, &user, |_| ()).env("HTTPS_PROXY", nowhere);
    said(&here.run(), 0, NAME, "");
}

#[test]
fn a_proxy_that_leads_nowhere_is_named() {
    let (ns, user) = fresh();
    let elsewhere = Relay::to(Protocol::Http, "127.0.0.1:1");
    let elsewhere = format!("http://{}", elsewhere.address());
    let unknown = "the name proxy.invalid does not resolve (…)";
    for (proxy, why) in [
        ("http://proxy.invalid:3128", unknown),
        ("socks5://proxy.invalid:1080", unknown),
        (&elsewhere, "…"),
    ] {
        let command = status(&ns, &user, |cluster| {
            far_away(cluster);
            cluster["proxy-url"] = json!(proxy);
        });
        let expected = format!(
            "error: cannot connect to the server https://api.far.invalid:6443: the proxy {proxy}: {why}\n\
             Check proxy-url in the kubeconfig, or HTTPS_PROXY and NO_PROXY\n"
        );
        said_like(&command.run(), 1, "", &expected);
    }
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
