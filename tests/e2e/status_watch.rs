//! `status -w` in a pipe: a line for each change and none for a renewal, without a gap or a repeat.

use crate::support::{SOON, VERBS, free, fresh, held, renew, set_free, watching};
use lease_harness::{Fault, Match, Namespace, Proxy, Running, User, lease};
use serde_json::Value;
use std::time::Duration;

/// NAME, STATE and HOLDER of each line so far.
fn lines(running: &Running) -> Vec<String> {
    let words = |line: &str| {
        line.split_whitespace()
            .take(3)
            .collect::<Vec<_>>()
            .join(" ")
    };
    running.stdout().lines().map(words).collect()
}

fn shows(running: &Running, expected: &'static str) {
    let words = |line: &str| {
        line.split_whitespace()
            .take(3)
            .collect::<Vec<_>>()
            .join(" ")
    };
    running.wait_stdout(|line| words(line) == expected, SOON);
}

fn start(ns: &Namespace, user: &User, proxy: &Proxy, more: &[&str]) -> Running {
    let command = ns.command(user, ["status", "-w"]).via(proxy);
    let running = more
        .iter()
        .fold(command, |command, a| command.arg(a))
        .spawn();
    watching(proxy);
    running
}

fn take(ns: &Namespace, name: &str, holder: &str) {
    ns.edit(name, |lease| {
        lease["spec"]["holderIdentity"] = holder.into()
    });
}

#[test]
fn each_change_is_a_line_and_a_renewal_is_none() {
    let (ns, user) = fresh();
    ns.create(&held("a", "x", 600));
    ns.create(&free("b"));
    let proxy = Proxy::to(ns.cluster());
    let running = start(&ns, &user, &proxy, &[]);
    shows(&running, "b Free -");
    renew(&ns, "a", 0);
    renew(&ns, "a", 0);
    take(&ns, "b", "y");
    shows(&running, "b Held y");
    renew(&ns, "a", 0);
    set_free(&ns, "a");
    shows(&running, "a Free -");
    ns.edit("a", |lease| {
        lease["metadata"]["labels"]["irrelevant"] = "1".into()
    });
    ns.create(&free("c"));
    shows(&running, "c Free -");
    ns.delete("b");
    shows(&running, "b Deleted y");
    let expected = [
        "NAME STATE HOLDER",
        "a Held x",
        "b Free -",
        "b Held y",
        "a Free -",
        "c Free -",
        "b Deleted y",
    ];
    assert_eq!(lines(&running), expected);
    assert_eq!(running.stderr(), "");
    running.signal(libc::SIGINT);
    assert_eq!(running.wait(SOON).code, Some(130));
}

#[test]
fn a_lease_becomes_expired_without_any_event_and_lives_again_by_a_renewal() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    ns.create(&held("a", "x", 5));
    let running = start(&ns, &user, &proxy, &[]);
    shows(&running, "a Expired x");
    renew(&ns, "a", 0);
    let both = |text: &str| text.matches("Held").count() == 2;
    wait(&running, both);
    assert_eq!(
        lines(&running)[1..4],
        ["a Held x", "a Expired x", "a Held x"]
    );
}

#[track_caller]
fn wait(running: &Running, wanted: impl Fn(&str) -> bool) {
    let deadline = std::time::Instant::now() + SOON;
    while !wanted(&running.stdout()) {
        assert!(
            std::time::Instant::now() < deadline,
            "{}\n{}",
            running.stdout(),
            running.stderr()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_watch_of_one_lease_shows_only_that() {
    let (ns, user) = fresh();
    ns.create(&free("a"));
    ns.create(&free("b"));
    let proxy = Proxy::to(ns.cluster());
    let running = start(&ns, &user, &proxy, &["a", "--no-headers"]);
    take(&ns, "b", "y");
    take(&ns, "a", "x");
    shows(&running, "a Held x");
    assert_eq!(lines(&running), ["a Free -", "a Held x"]);
}

#[test]
fn json_is_one_document_a_line_and_names_are_names() {
    let (ns, user) = fresh();
    ns.create(&free("a"));
    let proxy = Proxy::to(ns.cluster());
    let running = start(&ns, &user, &proxy, &["-o", "json"]);
    take(&ns, "a", "x\ny");
    running.wait_stdout(|line| line.contains("\"Held\""), SOON);
    ns.delete("a");
    running.wait_stdout(|line| line.contains("\"Deleted\""), SOON);
    let documents: Vec<Value> = running
        .stdout()
        .lines()
        .map(|line| serde_json::from_str(line).expect("a document a line"))
        .collect();
    let states: Vec<&str> = documents
        .iter()
        .filter_map(|one| one["state"].as_str())
        .collect();
    assert_eq!(states, ["Free", "Held", "Deleted"]);
    assert!(documents.iter().all(|one| one["kind"] == "LeaseStatus"));

    let running = start(&ns, &user, &proxy, &["-o", "name"]);
    ns.create(&free("b"));
    running.wait_stdout(|line| line == "lease.coordination.k8s.io/b", SOON);
}

/// Whatever breaks the watch off, what happened meanwhile is said, and nothing twice.
#[track_caller]
fn survives(disturb: impl Fn(&Namespace, &Proxy)) {
    let (ns, user) = fresh();
    ns.create(&free("a"));
    ns.create(&free("b"));
    let proxy = Proxy::to(ns.cluster());
    let running = start(&ns, &user, &proxy, &[]);
    take(&ns, "a", "one");
    shows(&running, "a Held one");
    proxy.clear();
    disturb(&ns, &proxy);
    take(&ns, "a", "two");
    ns.delete("b");
    shows(&running, "b Deleted -");
    shows(&running, "a Held two");
    watching(&proxy);
    take(&ns, "a", "three");
    shows(&running, "a Held three");
    let mut found = lines(&running);
    // After a new list the order between leases is not that of the changes.
    found[1..].sort();
    let expected = [
        "NAME STATE HOLDER",
        "a Free -",
        "a Held one",
        "a Held three",
        "a Held two",
        "b Deleted -",
        "b Free -",
    ];
    assert_eq!(found, expected, "{}", running.stderr());
}

#[test]
fn a_watch_cut_off_in_the_middle_goes_on() {
    survives(|_, proxy| proxy.cut_watches());
}

#[test]
fn a_watch_that_ends_goes_on() {
    survives(|_, proxy| proxy.end_watches());
}

#[test]
fn a_watch_refused_as_too_old_begins_with_a_new_list() {
    survives(|_, proxy| {
        proxy.fault(
            Match::watch(),
            Fault::status(410, "Expired", "too old resource version"),
            1,
        );
        proxy.cut_watches();
    });
}

#[test]
fn a_watch_told_within_that_it_is_too_old_begins_with_a_new_list() {
    survives(|_, proxy| {
        let event = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n";
        let told = Fault::Respond {
            status: 200,
            headers: Vec::new(),
            body: event.to_owned(),
        };
        proxy.fault(Match::watch(), told, 1);
        proxy.cut_watches();
    });
}

#[test]
fn a_server_that_forgets_its_history_is_listed_anew() {
    survives(|ns, proxy| {
        if let Some(server) = ns.cluster().api_server() {
            proxy.fault(Match::watch(), Fault::Delay(Duration::from_secs(1)), 1);
            proxy.cut_watches();
            take(ns, "a", "between");
            take(ns, "a", "two");
            server.compact();
        } else {
            proxy.cut_watches();
        }
    });
}

#[test]
fn an_outage_is_waited_out_and_said_once() {
    let (ns, user) = fresh();
    ns.create(&held("a", "x", 4));
    let proxy = Proxy::to(ns.cluster());
    let running = start(&ns, &user, &proxy, &[]);
    proxy.down();
    running.wait_stderr(|line| line.ends_with("; trying again"), SOON);
    shows(&running, "a Expired x");
    take(&ns, "a", "y");
    proxy.up();
    wait(&running, |text| text.contains(" y "));
    assert_eq!(running.stderr().lines().count(), 1, "{}", running.stderr());
}

#[test]
fn without_permission_to_watch_it_lists_and_says_so_once() {
    let (ns, _) = fresh();
    let user = ns.user(&["list"]);
    ns.create(&free("a"));
    let running = ns.spawn(&user, ["status", "-w"]);
    running.wait_stderr(|line| line.ends_with("; listing every 2 s instead"), SOON);
    take(&ns, "a", "x");
    shows(&running, "a Held x");
    ns.delete("a");
    shows(&running, "a Deleted x");
    assert_eq!(lines(&running).len(), 4);
    assert_eq!(running.stderr().lines().count(), 1, "{}", running.stderr());
}

#[test]
fn a_server_that_ends_each_watch_at_once_is_not_asked_without_a_pause() {
    let (ns, user) = fresh();
    ns.create(&free("a"));
    let proxy = Proxy::to(ns.cluster());
    let ended = Fault::Respond {
        status: 200,
        headers: Vec::new(),
        body: String::new(),
    };
    proxy.fault(Match::watch(), ended, usize::MAX);
    let running = start(&ns, &user, &proxy, &[]);
    shows(&running, "a Free -");
    std::thread::sleep(Duration::from_secs(3));
    let asked = proxy.requests().len();
    assert!(asked < 8, "{asked} requests in 3 s");
}

#[test]
fn without_permission_to_list_it_ends() {
    let (ns, _) = fresh();
    let user = ns.user(&["get", "watch"]);
    let output = ns.run(&user, ["status", "-w"]);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), ""),
        "{output}"
    );
}

#[test]
fn only_what_was_asked_for_is_shown() {
    let (ns, user) = fresh();
    assert!(VERBS.contains(&"watch"));
    ns.create(&lease("a").holder("ci-1").build());
    ns.create(&lease("b").holder("me").build());
    let proxy = Proxy::to(ns.cluster());
    let running = start(&ns, &user, &proxy, &["--holder=ci-*", "--no-headers"]);
    take(&ns, "b", "me-too");
    take(&ns, "b", "ci-2");
    shows(&running, "b Held ci-2");
    assert_eq!(lines(&running), ["a Held ci-1", "b Held ci-2"]);
}

#[test]
fn a_lease_that_leaves_what_was_asked_for_is_said_once_more() {
    let (ns, user) = fresh();
    ns.create(&held("a", "x", 600));
    ns.create(&free("b"));
    let proxy = Proxy::to(ns.cluster());
    let running = start(&ns, &user, &proxy, &["--state=held", "--no-headers"]);
    set_free(&ns, "a");
    shows(&running, "a Free -");
    // Neither was held: no line says so, and none says that it is gone.
    ns.delete("a");
    ns.create(&free("c"));
    take(&ns, "b", "y");
    shows(&running, "b Held y");
    ns.delete("b");
    shows(&running, "b Deleted y");
    let expected = ["a Held x", "a Free -", "b Held y", "b Deleted y"];
    assert_eq!(lines(&running), expected);
}

#[test]
fn a_name_that_is_not_there_is_said_and_waited_for() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let running = start(&ns, &user, &proxy, &["later", "--no-headers"]);
    let said = format!(
        "lease \"later\" is not in namespace {}; waiting for it to be created\n",
        ns.name()
    );
    running.wait_stderr(|line| line == said.trim_end(), SOON);
    assert_eq!((running.stdout(), running.stderr()), (String::new(), said));
    ns.create(&free("later"));
    shows(&running, "later Free -");
    ns.delete("later");
    shows(&running, "later Deleted -");
    assert_eq!(running.stderr().lines().count(), 1, "{}", running.stderr());
}

#[test]
fn a_name_in_a_namespace_that_is_missing_is_not_waited_for() {
    let (ns, _) = fresh();
    let output = ns.run(&ns.admin(), ["status", "later", "-w", "-n", "nowhere"]);
    assert_eq!(output.code, Some(1), "{output}");
    assert!(
        output.stderr.contains("namespaces \"nowhere\" not found"),
        "{output}"
    );
}
