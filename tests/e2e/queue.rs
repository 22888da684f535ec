//! `--queue`: waiters are served in the order in which they came.

use crate::hold::scene::{shell, until};
use crate::support::{
    SOON, VERBS, ended, free, fresh, held, holder, said, set_free, stored, wait_until,
};
use lease_harness::{Command, Namespace, Proxy, Request, Rule, Running, User};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

mod alone;
#[cfg(unix)] // waiters that are killed and frozen
mod dead;
mod ends;
mod permissions;
mod shared;

/// A namespace, and a user who may do all that a queue takes.
fn lined() -> (Namespace, User) {
    let ns = crate::support::shared().namespace();
    let user = ns.user(&[&VERBS[..], &["delete"]].concat());
    (ns, user)
}

/// `hold job --queue …` as `name`, which writes its name into a file once it has the lease.
fn waiter(ns: &Namespace, user: &User, name: &str, flags: &[&str], log: &Path) -> Command {
    let command = ns.command(user, ["hold", "job", "--queue", "--holder", name]);
    let script = format!("echo {name} >> {}", log.display());
    command.args(flags).arg("--").args(shell(&script))
}

/// The same, started, once it has a place.
fn stands(command: &Command) -> Running {
    let running = command.spawn();
    running.wait_stderr(is_placed, SOON);
    running
}

fn is_placed(line: &str) -> bool {
    line.contains(" in line for ")
}

/// The tickets of a lease, as its label has them.
fn tickets(ns: &Namespace, of: &str) -> Vec<Value> {
    let path = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases?labelSelector=kubectl-lease%2Fqueue-of%3D{of}",
        ns.name()
    );
    let answer = ns.cluster().admin().call("GET", &path, None);
    let answer = answer.expect("an answer");
    let list = answer.body;
    list["items"].as_array().cloned().unwrap_or_default()
}

/// What was written into the file, word by word.
fn logged(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

/// Those of these requests that write.
fn writes(requests: &[Request]) -> Vec<&Request> {
    let all = requests.iter().filter(|one| !one.is_of_events());
    all.filter(|one| one.method != "GET").collect()
}

#[test]
fn waiters_are_served_in_the_order_in_which_they_came_and_are_told_their_place() {
    let (ns, user) = lined();
    ns.create(&held("job", "other", 60));
    let log = ns.file("log", "");
    let names = ["a", "b", "c", "d"];
    let waiting: Vec<Running> = names
        .iter()
        .map(|name| stands(&waiter(&ns, &user, name, &["--reason", "nightly"], &log)))
        .collect();
    let all = tickets(&ns, "job");
    assert_eq!(all.len(), 4);
    let lease = stored(&ns, "job");
    for ticket in &all {
        let owner = &ticket["metadata"]["ownerReferences"][0];
        assert_eq!(owner["kind"], "Lease");
        assert_eq!(owner["name"], "job");
        assert_eq!(owner["uid"], lease["metadata"]["uid"]);
        let annotations = &ticket["metadata"]["annotations"];
        assert_eq!(annotations["kubectl-lease/reason"], "nightly");
        assert!(names.contains(&holder(ticket)));
    }
    set_free(&ns, "job");
    let outputs: Vec<_> = waiting.into_iter().map(|one| one.wait(SOON)).collect();
    assert_eq!(logged(&log), names);
    let places = |output: &lease_harness::Output| -> Vec<String> {
        let lines = output.stderr.lines().filter(|line| is_placed(line));
        lines.map(|line| line[..3].to_owned()).collect()
    };
    assert_eq!(places(&outputs[0]), ["1st"]);
    assert_eq!(places(&outputs[1]).first().map(String::as_str), Some("2nd"));
    assert_eq!(places(&outputs[3]).first().map(String::as_str), Some("4th"));
    assert_eq!(places(&outputs[3]).last().map(String::as_str), Some("1st"));
    for output in &outputs {
        ended(output, 0, "");
    }
    assert_eq!(tickets(&ns, "job"), [Value::Null; 0]);
    assert_eq!(holder(&stored(&ns, "job")), "");
}

#[test]
fn a_lease_that_is_free_with_nobody_in_line_costs_one_list_more_and_no_ticket() {
    let (ns, user) = lined();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let acquire = |flags: &[&str]| {
        let arguments = ["acquire", "job", "--queue", "--holder", "me", "--no-events"];
        ns.command(&user, arguments).args(flags).via(&proxy).run()
    };
    said(
        &acquire(&[]),
        0,
        "lease.coordination.k8s.io/job acquired\n",
        "",
    );
    let requests = proxy.drain();
    let methods: Vec<&str> = requests.iter().map(|one| one.method.as_str()).collect();
    assert_eq!(methods, ["GET", "GET", "PUT"]);
    assert!(
        requests[1]
            .query
            .contains("labelSelector=kubectl%2Dlease%2Fqueue%2Dof%3Djob")
    );
    // A single try where somebody has it asks for no list either.
    ended(&acquire(&["--timeout", "0"]), 124, "");
    let methods: Vec<String> = proxy.drain().into_iter().map(|one| one.method).collect();
    assert_eq!(methods, ["GET"]);
}

#[test]
fn a_handover_costs_three_writes_and_an_idle_waiter_one_renewal_in_a_third_of_its_duration() {
    let (ns, user) = lined();
    ns.create(&held("job", "other", 60));
    let (log, gate) = (
        ns.file("log", ""),
        ns.file("none", "").with_file_name("gate"),
    );
    let proxy = Proxy::to(ns.cluster());
    let first = {
        let command = ns.command(&user, ["hold", "job", "--queue", "--holder", "first"]);
        let command = command.args(["--duration", "30s", "--no-events", "--"]);
        command.args(shell(&until(&gate))).via(&proxy)
    };
    let first = stands(&first);
    let others: Vec<Running> = ["a", "b", "c", "d", "e"]
        .iter()
        .map(|name| {
            let flags = ["--duration", "30s", "--no-events"];
            stands(&waiter(&ns, &user, name, &flags, &log).via(&proxy))
        })
        .collect();
    set_free(&ns, "job");
    first.wait_stderr(|line| line.contains("acquired"), SOON);
    wait_until(|| tickets(&ns, "job").len() == 5);
    proxy.wait_over(proxy.arrived(), SOON);
    proxy.clear();
    std::fs::write(&gate, "").expect("a file");
    ended(&first.wait(SOON), 0, "");
    others
        .into_iter()
        .for_each(|one| ended(&one.wait(SOON), 0, ""));
    assert_eq!(logged(&log), ["a", "b", "c", "d", "e"]);
    let requests = proxy.drain();
    // Each grant, each release, each ticket that goes; whoever waited for longer than a busy machine takes has renewed its own.
    let of_lease = |one: &&&Request| one.path.ends_with("/leases/job");
    let all = writes(&requests);
    assert_eq!(all.iter().filter(of_lease).count(), 5 + 6, "{all:?}");
    let deleted = all.iter().filter(|one| one.method == "DELETE").count();
    assert_eq!(deleted, 5);
    let renewed = all.len() - 11 - deleted;
    assert!(renewed <= 10, "{renewed}: {all:?}");
}

#[test]
fn a_higher_priority_goes_before_and_a_lower_one_behind() {
    let (ns, user) = lined();
    ns.create(&held("job", "other", 60));
    let log = ns.file("log", "");
    let waiting: Vec<Running> = [
        ("usual", "0"),
        ("patient", "-1"),
        ("urgent", "7"),
        ("second", "7"),
    ]
    .iter()
    .map(|(name, priority)| {
        let priority = format!("--priority={priority}");
        stands(&waiter(&ns, &user, name, &[&priority], &log))
    })
    .collect();
    waiting[0].wait_stderr(|line| line.starts_with("2nd in line"), SOON);
    set_free(&ns, "job");
    waiting
        .into_iter()
        .for_each(|one| ended(&one.wait(SOON), 0, ""));
    assert_eq!(logged(&log), ["urgent", "second", "usual", "patient"]);
}

#[test]
fn a_line_that_is_full_refuses_politely_and_a_single_try_stands_in_no_line() {
    let (ns, user) = lined();
    ns.create(&held("job", "other", 60));
    let log = ns.file("log", "");
    let first = stands(&waiter(&ns, &user, "a", &[], &log));
    let second = stands(&waiter(&ns, &user, "b", &["--max-waiters", "2"], &log));
    let full = waiter(&ns, &user, "c", &["--max-waiters", "2", "-E", "75"], &log).run();
    let look = format!("kubectl lease status job -n {}", ns.name());
    let stderr = format!(
        "waiting for lease \"job\": held by \"other\" for at most 60s more unless renewed\n\
         error: lease \"job\" not acquired: 2 wait in line, and --max-waiters is 2\n\
         Look: {look}; try again later, or give a larger --max-waiters\n"
    );
    crate::support::said_like(&full, 75, "", &stderr.replace("60s", "…"));
    assert_eq!(tickets(&ns, "job").len(), 2);
    let dry = waiter(&ns, &user, "d", &["--dry-run"], &log).run();
    assert_eq!(dry.code, Some(124), "{dry}");
    // Free, and not for whoever has not waited.
    first.kill();
    second.kill();
    set_free(&ns, "job");
    let tried = waiter(&ns, &user, "d", &["--timeout", "0"], &log).run();
    let stderr = format!(
        "error: lease \"job\" not acquired: 2 wait in line before you\nLook: {look}; wait longer with --timeout\n"
    );
    said(&tried, 124, "", &stderr);
    let dry = waiter(&ns, &user, "d", &["--dry-run"], &log).run();
    said(&dry, 124, "", &stderr);
    drop((first, second));
}
