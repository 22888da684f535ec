//! HTTP and SOCKS5 proxies on the way to the server, from the kubeconfig or the environment.

use crate::support::relay::{Protocol, Relay};
use crate::support::{SOON, fresh, held, said, said_like, set_free};
use lease_harness::{Command, Namespace, User};
use serde_json::{Value, json};
use std::path::PathBuf;

const NAME: &str = "lease.coordination.k8s.io/job\n";

/// `host:port` of the server under test, which speaks TLS.
fn address(ns: &Namespace) -> String {
    ns.cluster().url().replace("https://", "")
}

/// A kubeconfig with a changed cluster.
fn config(ns: &Namespace, user: &User, change: impl Fn(&mut Value)) -> PathBuf {
    let mut config = ns.kubeconfig_json(user);
    change(&mut config["clusters"][0]["cluster"]);
    ns.file("kubeconfig", config.to_string())
}

/// `status job -o name` with it.
fn status(ns: &Namespace, user: &User, change: impl Fn(&mut Value)) -> Command {
    let command = ns.command(user, ["status", "job", "-o", "name"]);
    command.kubeconfig(config(ns, user, change))
}

/// A name that only the relay can reach; the certificate is checked against one that it has.
fn far_away(cluster: &mut Value) {
    cluster["server"] = json!("https://api.far.invalid:6443");
    cluster["tls-server-name"] = json!("localhost");
}

#[test]
fn the_clusters_own_proxy_is_used_by_watches_too() {
    for (protocol, scheme) in [
        (Protocol::Http, "http"),
        (Protocol::Socks5, "socks5"),
        (Protocol::Socks5, "socks5h"),
    ] {
        let (ns, user) = fresh();
        ns.create(&held("job", "other", 60));
        let relay = Relay::to(protocol, &address(&ns));
        let through = |cluster: &mut Value| {
            far_away(cluster);
            cluster["proxy-url"] = json!(format!("{scheme}://{}", relay.address()));
        };
        said(&status(&ns, &user, through).run(), 0, NAME, "");
        assert_eq!(relay.asked(), ["api.far.invalid:6443"], "{scheme}");
        if scheme == "socks5h" {
            // Who waits watches the same way.
            let acquire = ns.command(&user, ["acquire", "job", "--holder=me"]);
            let running = acquire.kubeconfig(config(&ns, &user, through)).spawn();
            running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
            set_free(&ns, "job");
            let output = running.wait(SOON);
            let lines = output.stderr.lines().count();
            assert_eq!((output.code, lines), (Some(0), 1), "{output}");
        }
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
