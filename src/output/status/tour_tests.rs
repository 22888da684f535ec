//! A tour of what a terminal of 40, 80 and 200 columns shows, as snapshots to be looked at by a person.

use serde_json::{Value, json};

use super::Row;
use super::describe::{Surroundings, describe};
use super::samples::{
    assert_safe, elected, endless, expired, free, held, layout, record, row, skewed, terminating,
    with,
};
use super::table::{Layout, Printer};

/// Leases as clusters have them: long names, a run's own id, scripts, and what must not be shown.
fn leases() -> Vec<Value> {
    let named = |lease: Value, namespace: &str, name: &str, holder: &str| {
        let lease = with(lease, "metadata/namespace", json!(namespace));
        let lease = with(lease, "metadata/name", json!(name));
        with(lease, "spec/holderIdentity", json!(holder))
    };
    let id = "3e4b9c1a-5f0d-4a7e-9c55-2f8a6b1d7e90";
    let because = json!({"kubectl-lease/reason": "night run"});
    let late = with(skewed(), "metadata/annotations", because);
    let injector = format!("cert-manager-cainjector-7d9f8b6c5d-x2x7p_{id}");
    let (cert, injects) = ("cert-manager", "cert-manager-cainjector-leader-election");
    let node = "ip-10-0-12-234.eu-central-1.compute.internal";
    let (system, plane) = ("kube-system", format!("control-plane-1_{id}"));
    let (snapshots, leader) = ("snapshot-controller-0", "snapshot-controller-leader");
    let (state, lock) = (
        "lock-tfstate-default-production",
        "3f0f5d0c-8b3c-6a9e-2f0e-5d8a5c1f7d21",
    );
    let (thai, hindi) = ("ปฏิบัติการ@โรงงาน", "\u{1f469}\u{200d}\u{1f4bb} रिपोर्ट");
    vec![
        named(held(), cert, injects, &injector),
        named(held(), "kube-node-lease", node, node),
        named(elected(), system, "kube-scheduler", &plane),
        named(late, system, leader, snapshots),
        named(endless(), "platform", state, lock),
        named(expired(), "platform", "nightly-backup", thai),
        named(held(), "platform", "report", hindi),
        named(held(), "platform", "strange", "a\u{1b}[2J\u{202e}b"),
        free(),
        terminating(),
    ]
}

fn rows() -> Vec<Row> {
    leases().iter().map(row).collect()
}

fn tour(width: u16) -> String {
    let base = layout(|it| it.width = Some(width));
    let namespaces = true;
    let all = Layout { namespaces, ..base };
    let on_screen = true;
    let watched = Layout { on_screen, ..all };
    let (rates, wide, ascii) = (true, true, true);
    let views = [
        ("status", base),
        ("status -A", all),
        ("status -A -w", Layout { rates, ..watched }),
        ("status -A -w -o wide", Layout { wide, ..watched }),
        ("status -A    (LC_ALL=C)", Layout { ascii, ..all }),
    ];
    let mut text = String::new();
    for (command, layout) in views {
        let shown = Printer::new(layout).page(&rows(), &[Some(12.0)]);
        for line in shown.lines() {
            let columns = console::measure_text_width(line);
            assert!(
                columns <= usize::from(width),
                "{command}: {columns}: {line}"
            );
        }
        text.push_str(&format!("$ kubectl lease {command}\n{shown}\n"));
    }
    assert_safe(&text);
    text
}

#[test]
fn at_40_columns() {
    insta::assert_snapshot!(tour(40));
}

#[test]
fn at_80_columns() {
    insta::assert_snapshot!(tour(80));
}

#[test]
fn at_200_columns() {
    insta::assert_snapshot!(tour(200));
}

#[test]
fn one_by_one() {
    let around = Surroundings::default();
    let all = leases().into_iter().map(|lease| {
        let part = |field: &str| lease["metadata"][field].as_str().unwrap_or_default();
        let (name, namespace) = (part("name"), part("namespace"));
        let shown = describe(&row(&lease), &record(&lease), &around);
        format!("$ kubectl lease status {name} -n {namespace}\n{shown}\n")
    });
    let all: String = all.collect();
    assert_safe(&all);
    insta::assert_snapshot!(all);
}
