//! `status -o prometheus`: what a textfile collector takes, read here by the rules of the text exposition format.

use crate::support::{free, fresh, fresh_in_process, held, not_found};
use lease_harness::lease_api_server::Options;
use lease_harness::{Output, lease};
use std::collections::{BTreeMap, BTreeSet};

const FAMILIES: [&str; 5] = [
    "kubectl_lease_state",
    "kubectl_lease_info",
    "kubectl_lease_renewal_age_seconds",
    "kubectl_lease_duration_seconds",
    "kubectl_lease_transitions_total",
];

/// The labels behind a metric's name, unescaped, and the rest of the line behind them.
fn labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    let mut rest = text.strip_prefix('{').expect("labels");
    loop {
        let (name, value) = rest.split_once("=\"").expect("a label");
        let mut read = String::new();
        let mut chars = value.char_indices();
        let end = loop {
            match chars.next().expect("a quote ends a value") {
                (at, '"') => break at,
                (_, '\\') => read.push(match chars.next().expect("an escaped character").1 {
                    'n' => '\n',
                    c @ ('"' | '\\') => c,
                    c => panic!("no escape: {c}"),
                }),
                (_, c) => read.push(c),
            }
        };
        assert!(
            labels.insert(name.to_owned(), read).is_none(),
            "{name} twice in {text}"
        );
        rest = &value[end + 1..];
        match rest.strip_prefix('}') {
            Some(after) => return (labels, after),
            None => rest = rest.strip_prefix(',').expect("another label"),
        }
    }
}

type Samples = Vec<(&'static str, BTreeMap<String, String>, f64)>;

/// Each family has one head before its samples, which stand together; no series comes twice.
#[track_caller]
fn samples(output: &Output) -> Samples {
    assert_eq!(output.code, Some(0), "{output}");
    assert!(output.stdout.ends_with('\n'), "{output}");
    let mut families = FAMILIES.iter();
    let mut family = "";
    let (mut all, mut series) = (Samples::new(), BTreeSet::new());
    let mut lines = output.stdout.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = families.next().expect("no other family");
            assert!(help.starts_with(&format!("{family} ")), "{line}");
            let kind = if family.ends_with("_total") {
                "counter"
            } else {
                "gauge"
            };
            assert_eq!(lines.next(), Some(&*format!("# TYPE {family} {kind}")));
            continue;
        }
        let (labels, value) = labels(line.strip_prefix(family).expect("a sample of the family"));
        let value = value.strip_prefix(' ').and_then(|value| value.parse().ok());
        assert!(series.insert((family, labels.clone())), "twice: {line}");
        all.push((family, labels, value.expect("a number")));
    }
    assert_eq!(families.next(), None, "{output}");
    all
}

fn find(samples: &Samples, family: &str, name: &str) -> Vec<(BTreeMap<String, String>, f64)> {
    let of = samples
        .iter()
        .filter(|(its, labels, _)| *its == family && labels["name"] == name);
    of.map(|(_, labels, value)| (labels.clone(), *value))
        .collect()
}

#[test]
fn each_lease_has_a_sample_in_each_family_that_something_is_known_for() {
    let (ns, user) = fresh();
    let hostile = "a\"b\\c\nd{}=,\u{1b}[2J é";
    ns.create(&held("a-held", hostile, 600));
    ns.create(&free("b-free"));
    ns.create(&lease("c-endless").holder("ci-12").transitions(7).build());
    let output = ns.run(&user, ["status", "-o", "prometheus"]);
    let all = samples(&output);
    assert_eq!(output.stderr, "");
    let one = |family: &str, name: &str| {
        let found = find(&all, family, name);
        found.into_iter().next().map(|(_, value)| value)
    };
    for (name, expected) in [
        ("a-held", "held"),
        ("b-free", "free"),
        ("c-endless", "held"),
    ] {
        let states = find(&all, "kubectl_lease_state", name);
        assert_eq!(states.len(), 4);
        for (labels, value) in states {
            assert_eq!(labels["namespace"], ns.name());
            let is = f64::from(u8::from(labels["state"] == expected));
            assert_eq!(value, is, "{name} {labels:?}");
        }
    }
    let (info, value) = find(&all, "kubectl_lease_info", "a-held").remove(0);
    let told = hostile.replace('\u{1b}', "\\u{1b}");
    assert_eq!(
        (info["holder"].as_str(), info["class"].as_str(), value),
        (&*told, "lock", 1.0)
    );
    assert_eq!(
        find(&all, "kubectl_lease_info", "b-free")[0].0["holder"],
        ""
    );
    let age = one("kubectl_lease_renewal_age_seconds", "a-held").expect("it was renewed");
    assert!((0.0..60.0).contains(&age), "{age}");
    for name in ["b-free", "c-endless"] {
        assert_eq!(one("kubectl_lease_renewal_age_seconds", name), None);
        assert_eq!(one("kubectl_lease_duration_seconds", name), None);
    }
    assert_eq!(one("kubectl_lease_duration_seconds", "a-held"), Some(600.0));
    assert_eq!(
        one("kubectl_lease_transitions_total", "c-endless"),
        Some(7.0)
    );
    // Chosen, sorted and named as in any other format; capitals are taken too.
    for (words, names) in [
        (&["--state=free", "-oprometheus"][..], &["b-free"][..]),
        (
            &["-o=Prometheus", "--sort-by=transitions"],
            &["a-held", "b-free", "c-endless"],
        ),
        (&["-oprometheus", "a-held"], &["a-held"]),
        (
            &["-oprometheus", "c-endless", "a-held", "c-endless"],
            &["a-held", "c-endless"],
        ),
    ] {
        let output = ns.run(&user, ["status"].iter().chain(words));
        let all = samples(&output);
        let found: BTreeSet<&str> = all.iter().map(|(_, labels, _)| &*labels["name"]).collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), names, "{words:?}");
    }
    let output = ns.run(&user, ["status", "gone", "a-held", "-oprometheus"]);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(121), &*not_found(&ns, "gone"))
    );
    crate::usage::refused(&[(
        &["status", "-w", "-oprometheus"],
        "error: -o prometheus is how things are once: leave -w out, and run it from time to time"
            .into(),
    )]);
}

#[test]
fn a_namespace_without_leases_is_valid_and_so_is_a_list_of_several_pages() {
    let (ns, user) = fresh();
    assert_eq!(samples(&ns.run(&user, ["status", "-oprometheus"])).len(), 0);
    let (ns, user) = fresh_in_process(Options::default());
    let server = ns.cluster().api_server().expect("in-process");
    for number in 0..620 {
        let mut lease = held(&format!("lease-{number:05}"), "ada", 40);
        lease["metadata"]["namespace"] = ns.name().into();
        server.seed(lease);
    }
    let all = samples(&ns.run(&user, ["status", "-oprometheus"]));
    assert_eq!(all.len(), 620 * (4 + 4));
}
