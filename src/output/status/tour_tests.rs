//! A tour of what a terminal of 40, 80 and 200 columns shows, as snapshots to be looked at by a person.

use serde_json::{Value, json};

use super::Row;
use super::describe::{Surroundings, describe};
use super::samples::{
    assert_safe, elected, endless, expired, free, held, record, row, skewed, terminating,
};
use super::table::{Layout, Printer};

/// Leases as clusters have them: long names, a run's own id, scripts, and what must not be shown.
fn leases() -> Vec<Value> {
    let named = |mut lease: Value, namespace: &str, name: &str, holder: &str| {
        lease["metadata"]["namespace"] = json!(namespace);
        lease["metadata"]["name"] = json!(name);
        lease["spec"]["holderIdentity"] = json!(holder);
        lease
    };
    let id = "3e4b9c1a-5f0d-4a7e-9c55-2f8a6b1d7e90";
    let mut late = skewed();
    late["metadata"]["annotations"] = json!({"kubectl-lease/reason": "night run"});
    vec![
        named(
            held(),
            "cert-manager",
            "cert-manager-cainjector-leader-election",
            &format!("cert-manager-cainjector-7d9f8b6c5d-x2x7p_{id}"),
        ),
        named(
            held(),
            "kube-node-lease",
            "ip-10-0-12-234.eu-central-1.compute.internal",
            "ip-10-0-12-234.eu-central-1.compute.internal",
        ),
        named(
            elected(),
            "kube-system",
            "kube-scheduler",
            &format!("control-plane-1_{id}"),
        ),
        named(
            late,
            "kube-system",
            "snapshot-controller-leader",
            "snapshot-controller-0",
        ),
        named(
            endless(),
            "platform",
            "lock-tfstate-default-production",
            "3f0f5d0c-8b3c-6a9e-2f0e-5d8a5c1f7d21",
        ),
        named(expired(), "platform", "nightly-backup", "ปฏิบัติการ@โรงงาน"),
        named(
            held(),
            "platform",
            "report",
            "\u{1f469}\u{200d}\u{1f4bb} रिपोर्ट",
        ),
        named(held(), "platform", "strange", "a\u{1b}[2J\u{202e}b"),
        free(),
        terminating(),
    ]
}

fn rows() -> Vec<Row> {
    leases().iter().map(row).collect()
}

fn tour(width: u16) -> String {
    let base = Layout {
        width: Some(width),
        ..Layout::default()
    };
    let all = Layout {
        namespaces: true,
        ..base
    };
    let views = [
        ("status", base),
        ("status -A", all),
        (
            "status -A -w",
            Layout {
                on_screen: true,
                rates: true,
                ..all
            },
        ),
        (
            "status -A -w -o wide",
            Layout {
                on_screen: true,
                wide: true,
                ..all
            },
        ),
        ("status -A    (LC_ALL=C)", Layout { ascii: true, ..all }),
    ];
    let mut text = String::new();
    for (command, layout) in views {
        let shown = Printer::new(layout).page(&rows(), &[Some(12.0)]);
        for line in shown.lines() {
            let columns = console::measure_text_width(line);
            assert!(
                columns <= usize::from(width),
                "{command}: {columns} columns: {line}"
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
        let name = lease["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let namespace = lease["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let shown = describe(&row(&lease), &record(&lease), &around);
        format!("$ kubectl lease status {name} -n {namespace}\n{shown}\n")
    });
    let all: String = all.collect();
    assert_safe(&all);
    insta::assert_snapshot!(all);
}
