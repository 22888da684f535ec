//! `status -w` in a pipe: a line for each change and none for a renewal, without a gap or a repeat.

use crate::support::{SOON, free, fresh, held, renew, set_free, watching};
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
    let command = ns.command(user, ["status", "-w"]).via(proxy).own_console();
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
fn each_change_is_a_line_an_expiry_too_and_a_renewal_is_none() {
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
    running.interrupt();
    assert_eq!(running.wait(SOON).code, Some(130));
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    ns.create(&held("a", "x", 2));
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
fn a_watch_goes_on_in_every_format() {
    let (ns, user) = fresh();
    ns.create(&free("a"));
    let proxy = Proxy::to(ns.cluster());
    let formats = [
        ("json", "\"Free\"", "\"Held\""),
        (
            "name",
            "lease.coordination.k8s.io/a",
            "lease.coordination.k8s.io/b",
        ),
        ("yaml", "state: Free", "---"),
        (
            "jsonpath={.metadata.name} {.state}{\"\\n\"}",
            "a Free",
            "a Held",
        ),
        ("jsonpath-as-json={.state}", "    \"Free\"", "    \"Held\""),
        (
            "custom-columns=N:.metadata.name,S:.state",
            "a     Free",
            "a     Held",
        ),
    ];
    let watches = formats.map(|(format, first, second)| {
        let watch = ns
            .command(&user, ["status", "-w", "-o", format])
            .via(&proxy);
        let watch = watch.spawn();
        watch.wait_stdout(|line| line.contains(first), SOON);
        (watch, second)
    });
    let all = |all: &[lease_harness::Request]| {
        let open = |one: &&lease_harness::Request| one.is_answered_watch();
        all.iter().filter(open).count() >= 6
    };
    proxy.wait_for(all, SOON);
    take(&ns, "a", "x\ny");
    ns.create(&free("b"));
    for (watch, second) in &watches {
        watch.wait_stdout(|line| line.contains(second), SOON);
    }
    ns.delete("a");
    let [(json, _), .., (columns, _)] = &watches;
    json.wait_stdout(|line| line.contains("\"Deleted\""), SOON);
    let text = json.stdout();
    let documents: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a document a line"))
        .collect();
    assert!(documents.iter().all(|one| one["kind"] == "LeaseStatus"));
    let of_a = documents
        .iter()
        .filter(|one| one["metadata"]["name"] == "a");
    let states: Vec<&str> = of_a.filter_map(|one| one["state"].as_str()).collect();
    assert_eq!(states, ["Free", "Held", "Deleted"]);
    assert_eq!(columns.stdout().matches("N     S\n").count(), 1);
}

/// How to break a watch off.
type Disturbance = fn(&Namespace, &Proxy);

#[test]
fn whatever_breaks_a_watch_off_what_happened_meanwhile_is_said_and_nothing_twice() {
    let told = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n";
    let disturbances: [(&str, Disturbance); 5] = [
        ("cut off", |_, proxy| proxy.cut_watches()),
        ("ended", |_, proxy| proxy.end_watches()),
        ("refused as too old", |_, proxy| {
            let old = Fault::status(410, "Expired", "too old resource version");
            proxy.fault(Match::watch(), old, 1);
            proxy.cut_watches();
        }),
        ("told within that it is too old", |_, proxy| {
            proxy.cut_watches();
        }),
        ("the history is forgotten", |ns, proxy| {
            let server = ns.cluster().api_server();
            if server.is_some() {
                proxy.fault(Match::watch(), Fault::Delay(Duration::from_millis(500)), 1);
            }
            proxy.cut_watches();
            if let Some(server) = server {
                take(ns, "a", "between");
                take(ns, "a", "two");
                server.compact();
            }
        }),
    ];
    for (what, disturb) in disturbances {
        let (ns, user) = fresh();
        ns.create(&free("a"));
        ns.create(&free("b"));
        let proxy = Proxy::to(ns.cluster());
        let running = start(&ns, &user, &proxy, &[]);
        take(&ns, "a", "one");
        shows(&running, "a Held one");
        proxy.clear();
        if what.starts_with("told") {
            let told = Fault::Respond {
                status: 200,
                headers: Vec::new(),
                body: told.to_owned(),
            };
            proxy.fault(Match::watch(), told, 1);
        }
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
        assert_eq!(found, expected, "{what}: {}", running.stderr());
    }
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
    // Two seconds are between any two.
    let begun = std::time::Instant::now();
    let twice =
        |all: &[lease_harness::Request]| all.iter().filter(|one| one.is_watch()).count() == 2;
    proxy.wait_for(twice, SOON);
    assert!(begun.elapsed() > Duration::from_secs(1));
}

#[test]
fn only_what_was_asked_for_is_shown_and_what_leaves_it_once_more() {
    let (ns, user) = fresh();
    ns.create(
        &lease("a")
            .holder("ci-1")
            .duration(600)
            .renewed_ago(0, 0)
            .build(),
    );
    ns.create(&free("b"));
    let proxy = Proxy::to(ns.cluster());
    let asked = [
        &["a", "--no-headers"][..],
        &["--holder=ci-*", "--no-headers"],
        &["--state=held", "--no-headers"],
    ];
    let watches = asked.map(|more| start(&ns, &user, &proxy, more));
    let all = |all: &[lease_harness::Request]| {
        let open = |one: &&lease_harness::Request| one.is_answered_watch();
        all.iter().filter(open).count() >= 3
    };
    proxy.wait_for(all, SOON);
    take(&ns, "b", "me-too");
    set_free(&ns, "a");
    shows(&watches[2], "a Free -");
    // Neither was held: no line says so, and none says that it is gone.
    ns.create(&free("c"));
    take(&ns, "b", "ci-2");
    ns.delete("b");
    shows(&watches[2], "b Deleted ci-2");
    shows(&watches[1], "b Deleted ci-2");
    shows(&watches[0], "a Free -");
    let lines = watches.each_ref().map(lines);
    assert_eq!(lines[0], ["a Held ci-1", "a Free -"]);
    let by_holder = ["a Held ci-1", "a Free -", "b Held ci-2", "b Deleted ci-2"];
    assert_eq!(lines[1], by_holder);
    let held = [
        "a Held ci-1",
        "b Held me-too",
        "a Free -",
        "b Held ci-2",
        "b Deleted ci-2",
    ];
    assert_eq!(lines[2], held);
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
