//! Decodes and renders a page of Leases, without a server: `cargo bench --bench decode`.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark reads clocks and prints"
)]

use std::fmt::Write;
use std::time::Instant;

const LEASES: usize = 10_000;
const ROUNDS: u32 = 20;

fn main() {
    let body = page();
    // Once to warm up, and to see that it does something.
    let lines = kubectl_lease::render_page(&body)
        .expect("a list")
        .lines()
        .count();
    assert_eq!(lines, LEASES + 1);
    let began = Instant::now();
    for _ in 0..ROUNDS {
        std::hint::black_box(kubectl_lease::render_page(std::hint::black_box(&body)));
    }
    let each = began.elapsed() / ROUNDS;
    let rate = body.len() as f64 / each.as_secs_f64() / 1e6;
    println!(
        "{LEASES} leases, {} KiB: {each:.1?} to decode and render, {rate:.0} MB/s",
        body.len() / 1024
    );
}

/// A page as a kube-apiserver sends it, managed fields and all.
fn page() -> Vec<u8> {
    let mut items = String::new();
    for number in 0..LEASES {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(
            items,
            r#"{comma}{{"metadata":{{"name":"node-{number:05}","namespace":"kube-node-lease","uid":"0a1b2c3d-{number:08}","resourceVersion":"{number}","creationTimestamp":"2026-01-01T00:00:00Z","ownerReferences":[{{"apiVersion":"v1","kind":"Node","name":"node-{number:05}","uid":"u"}}],"managedFields":[{{"manager":"kubelet","operation":"Update","apiVersion":"coordination.k8s.io/v1","time":"2026-01-02T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{{"f:metadata":{{"f:ownerReferences":{{}}}},"f:spec":{{"f:holderIdentity":{{}},"f:leaseDurationSeconds":{{}},"f:renewTime":{{}}}}}}}}]}},"spec":{{"holderIdentity":"node-{number:05}","leaseDurationSeconds":40,"renewTime":"2026-01-02T00:00:00.123456Z"}}}}"#
        );
    }
    format!(r#"{{"kind":"LeaseList","apiVersion":"coordination.k8s.io/v1","metadata":{{"resourceVersion":"1"}},"items":[{items}]}}"#)
        .into_bytes()
}
