//! `steal` of more than a slow server can have kept renewed at once: one part after the other.

use crate::steal_many::{STEAL, labelled, stolen};
use crate::support::{fresh_in_process, holder, stored};
use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Match, Proxy};
use serde_json::Value;
use std::time::Duration;

/// All of them at once would need 8.25 s for a renewal each, and have 8.
#[test]
fn no_more_are_taken_at_a_time_than_a_slow_server_can_have_renewed_and_none_is_lost() {
    let (ns, user) = fresh_in_process(Options::default());
    let count = 264;
    for number in 0..count {
        labelled(&ns, &format!("job-{number:03}"), "ada", 8);
    }
    let proxy = Proxy::to(ns.cluster());
    let slow = Fault::Delay(Duration::from_millis(500));
    proxy.fault(Match::put(), slow, usize::MAX);
    let steal = STEAL.into_iter().chain(["-l", "app=x", "--now"]);
    let output = ns.command(&user, steal).via(&proxy).run();
    assert_eq!(output.code, Some(0), "{output}");
    let names: Vec<String> = (0..count)
        .map(|number| format!("job-{number:03}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(output.stdout, stolen(&names), "{output}");
    assert!(output.stderr.contains(" of them first, "), "{output}");
    assert!(!output.stderr.contains("no answer"), "{output}");
    for name in ["job-000", "job-263"] {
        assert_eq!(holder(&stored(&ns, name)), "me");
    }
}

#[cfg(unix)] // /dev/full
#[test]
fn nobody_is_robbed_any_more_once_the_results_cannot_be_said() {
    let (ns, user) = fresh_in_process(Options::default());
    let count = 60;
    for number in 0..count {
        labelled(&ns, &format!("job-{number:03}"), "ada", 8);
    }
    let proxy = Proxy::to(ns.cluster());
    let slow = Fault::Delay(Duration::from_millis(500));
    proxy.fault(Match::put(), slow, usize::MAX);
    let steal = STEAL.into_iter().chain(["-l", "app=x", "--now"]);
    let full = lease_harness::Outlet::File("/dev/full".into());
    let output = ns.command(&user, steal).via(&proxy).stdout(full).run();
    assert_eq!(output.code, Some(1), "{output}");
    let left = "error: not tried after that: \"job-";
    assert!(output.stderr.contains(left), "{output}");
    assert_eq!(output.stderr.matches("cannot write to stdout").count(), 1);
    assert_eq!(holder(&stored(&ns, "job-059")), "ada");
}

/// A machine can read each: YAML has a mark between documents, and JSON needs none.
#[test]
fn what_is_taken_after_the_first_ones_is_a_document_of_its_own() {
    let (ns, user) = fresh_in_process(Options::default());
    let name = |number: usize| format!("job-{number:03}");
    let fill = || (0..60).for_each(|number| drop(labelled(&ns, &name(number), "ada", 8)));
    fill();
    let proxy = Proxy::to(ns.cluster());
    let slow = Fault::Delay(Duration::from_millis(500));
    proxy.fault(Match::put(), slow, usize::MAX);
    let steal = |format: &'static str| {
        let steal = STEAL
            .into_iter()
            .chain(["-l", "app=x", "--now", "-o", format]);
        let output = ns.command(&user, steal).via(&proxy).run();
        assert_eq!(output.code, Some(0), "{output}");
        output
    };
    let output = steal("json");
    let lists = serde_json::Deserializer::from_str(&output.stdout).into_iter::<Value>();
    let lists: Vec<Value> = lists.collect::<Result<_, _>>().expect("JSON");
    let items = |list: &Value| list["items"].as_array().map_or(0, Vec::len);
    assert!(lists.len() > 1, "{output}");
    assert_eq!(lists.iter().map(items).sum::<usize>(), 60, "{output}");
    (0..60).for_each(|number| ns.delete(&name(number)));
    fill();
    let output = steal("yaml");
    let lists: Vec<&str> = output.stdout.split("---\n").collect();
    assert!(lists.len() > 1, "{output}");
    assert!(
        lists.iter().all(|list| list.starts_with("apiVersion: ")),
        "{output}"
    );
}
