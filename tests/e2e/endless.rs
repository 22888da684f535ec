//! Answers without an end, from whatever answers at the server's address: said at once, and never kept in memory.

use crate::support::relay::{Protocol, Relay};
use crate::support::{SOON, fresh, held, said_like, shared};
use lease_harness::{Command, Fault, Impostor, Match, Output, Proxy};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
const LEASE: &str = r#"{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":""#;

/// The tool in an address space that has room for the longest answer there is reason for, and for not much more.
fn run(server: &str, proxy: Option<&str>, arguments: &str) -> Output {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let mut cluster = json!({ "server": server });
    if let Some(proxy) = proxy {
        cluster["proxy-url"] = json!(proxy);
    }
    let config = json!({
        "clusters": [{ "name": "c", "cluster": cluster }],
        "users": [{ "name": "u", "user": { "token": "secret" } }],
        "contexts": [{ "name": "x", "context": { "cluster": "c", "user": "u" } }],
        "current-context": "x",
    });
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = shared().existing_namespace("endless");
    let file = folder.file(&format!("{number}"), config.to_string());
    let binary = env!("CARGO_BIN_EXE_kubectl-lease");
    let script = format!("ulimit -v 600000; exec {binary} {arguments}");
    Command::new("/bin/sh", ["-c", &script])
        .kubeconfig(file)
        .run()
}

#[track_caller]
fn told(output: &Output, server: &str, answer: &str) {
    let expected = format!(
        "error: {server} does not answer like a Kubernetes API server: {answer}\n\
         Is the address right, or is there a login page or a proxy in between? kubectl config view --minify shows the address\n"
    );
    said_like(output, 1, "", &expected);
    assert!(output.elapsed < SOON, "{output}");
}

#[test]
fn what_has_no_end_is_not_read_to_its_end() {
    let lease = "a Lease of more than 16 MiB";
    let page = Impostor::endless(format!("{HEAD}{LEASE}"), vec![b'x'; 1 << 16]);
    for (arguments, answer) in [("status job", lease), ("renew job --holder me", lease)] {
        told(&run(page.url(), None, arguments), page.url(), answer);
    }
    let headers = Impostor::endless(HEAD.trim_end(), "\r\nX-Again: and again");
    let output = run(headers.url(), None, "status job");
    told(&output, headers.url(), "headers without end");
    // RFC 1951, section 3.2.4: stored blocks of 65535 bytes, none of them the last.
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let head = HEAD.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n");
    let block = [&[0, 0xff, 0xff, 0, 0][..], &[b' '; 0xffff]].concat();
    let page = Impostor::endless([head.as_bytes(), &gzip].concat(), block);
    let relay = Relay::to(Protocol::Http, &page.url().replace("http://", ""));
    let proxy = format!("http://{}", relay.address());
    let server = "http://api.far.invalid:80";
    told(&run(server, Some(&proxy), "status job"), server, lease);
    // An error is told by its status.
    let head = HEAD.replace("200 OK", "403 Forbidden");
    let page = Impostor::endless(head, "You shall not pass. ".repeat(4000));
    let output = run(page.url(), None, "status job");
    let expected = "Error from server (Forbidden): You shall not pass. …\n";
    said_like(&output, 1, "", expected);
    // Interim answers are given up with the request.
    let page = Impostor::endless("", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000));
    let output = run(page.url(), None, "status job --request-timeout=1s");
    let expected = "error: no usable answer from the API server: no answer within 1s\n\
        The request itself looks right: try again, and see kubectl get --raw /readyz\n";
    said_like(&output, 1, "", expected);
    assert!(output.elapsed < SOON, "{output}");
}

fn longer_than_a_lease() -> Fault {
    Fault::Respond {
        status: 200,
        headers: Vec::new(),
        body: format!("{LEASE}{}", "x".repeat(17 << 20)),
    }
}

/// The server may have carried the write out: whoever answered in its place knows nothing about it. Nor is a watch that
/// does this the end of the waiting.
#[test]
fn a_write_whose_answer_is_too_long_is_looked_into_and_a_watch_is_made_up_for() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 60));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), longer_than_a_lease(), 1);
    let renew = ["renew", "job", "--holder=me"];
    let output = ns.command(&user, renew).via(&proxy).run();
    let expected = format!(
        "{} does not answer like a Kubernetes API server: a Lease of more than 16 MiB; trying again\n",
        proxy.url()
    );
    let renewed = "lease.coordination.k8s.io/job renewed\n";
    said_like(&output, 0, renewed, &expected);
    proxy.fault(Match::watch(), longer_than_a_lease(), 1);
    let acquire = ["acquire", "job", "--holder=another"];
    let waiting = ns.command(&user, acquire).via(&proxy).spawn();
    crate::support::watching(&proxy);
    crate::support::set_free(&ns, "job");
    let output = waiting.wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
}
