//! `status -w` whose connection hangs: it asks, says since when nothing is known, and no state changes by silence.

use crate::status_schema::fits;
use crate::support::{SOON, free, fresh, held, methods, renew, watching};
use lease_harness::{Fault, Match, Namespace, Proxy, Request, Running, User};
use serde_json::Value;

/// Two leases, one of which is soon due to be renewed, and a proxy.
fn due() -> (Namespace, User, Proxy) {
    let (ns, user) = fresh();
    ns.create(&held("a", "x", 2));
    ns.create(&free("b"));
    let proxy = Proxy::to(ns.cluster());
    (ns, user, proxy)
}

/// How often a reader was told that a lease has expired; on a slow machine it has, before the connection hangs.
fn expired(running: &Running) -> usize {
    running.stdout().matches("Expired").count()
}

#[cfg(unix)] // terminals
#[test]
fn readers_and_screens_are_told_when_nothing_is_known_and_no_lease_expires_by_silence() {
    let (ns, user, proxy) = due();
    ns.create(&held("c", "x", 8));
    let watch = |more: &[&str]| {
        let command = ns.command(&user, ["status", "-w"]).via(&proxy);
        more.iter().fold(command, |command, a| command.arg(a))
    };
    let (text, json) = (watch(&[]).spawn(), watch(&["-o", "json"]).spawn());
    let (screen, small) = (
        watch(&["c"]).spawn_pty(24, 60),
        watch(&["c"]).spawn_pty(14, 40),
    );
    for terminal in [&screen, &small] {
        terminal.wait_screen(|screen| screen.contains("Held"), SOON);
    }
    let all = |all: &[Request]| {
        let open = |one: &&Request| one.is_answered_watch();
        all.iter().filter(open).count() >= 4
    };
    proxy.wait_for(all, SOON);
    renew(&ns, "a", 0);
    renew(&ns, "c", 0);
    proxy.freeze();
    let before = (expired(&text), expired(&json));
    text.wait_stderr(|line| line.starts_with("Nothing is known since 2"), SOON);
    json.wait_stdout(|line| line.contains("\"known\":false"), SOON);
    let later = |screen: &str| screen.contains("Nothing is known since 2");
    screen.wait_screen(later, SOON);
    // It counts on, in its place below the table, beyond the end of the lease; on a slow machine not every second.
    let counted = |screen: &str| {
        let before = screen.split("s ago)").next().unwrap_or_default();
        let count = before.rsplit('(').next().unwrap_or_default();
        count.parse().is_ok_and(|seconds: u32| seconds >= 9)
    };
    let shown = screen.wait_screen(counted, SOON);
    let held = shown.contains("Held") && !shown.contains("Expired");
    assert!(held, "{shown}");
    assert_eq!(shown.matches("Nothing is known").count(), 1, "{shown}");
    let words = |screen: &str| screen.split_whitespace().collect::<Vec<_>>().join(" ");
    let ends = |screen: &str| words(screen).contains("The states are as of then; trying again.");
    assert!(ends(&shown), "{shown}");
    small.wait_screen(ends, SOON);
    renew(&ns, "a", 600);
    renew(&ns, "c", 600);
    proxy.thaw();
    screen.wait_screen(|screen| !screen.contains("Nothing is known"), SOON);
    text.wait_stderr(|line| line.starts_with("The server answers again."), SOON);
    json.wait_stdout(|line| line.contains("\"known\":true"), SOON);
    assert_eq!(
        (expired(&text), expired(&json)),
        before,
        "{}",
        text.stdout()
    );
    // What is true afterwards is told.
    renew(&ns, "a", -600);
    text.wait_stdout(|line| line.contains("Expired"), SOON);
    let told = json.stdout();
    let mut since = Vec::new();
    for line in told.lines() {
        let document: Value = serde_json::from_str(line).expect("a document a line");
        if document["kind"] == "WatchStatus" {
            fits("WatchStatus", &document);
            let time = document["unknownSince"].as_str().unwrap_or_default();
            since.push(time.parse::<jiff::Timestamp>().expect("a time"));
        }
    }
    assert_eq!(since.len(), 2, "{told}");
    // A server tells whole seconds, and a slow machine hears of them late.
    let apart = since[1].duration_since(since[0]).as_secs().abs();
    assert!(apart <= 2, "{told}");
}

#[test]
fn a_watch_that_hangs_alone_is_replaced_and_where_all_do_it_reads_and_knows() {
    let begin = |(ns, user, proxy): &(Namespace, User, Proxy)| {
        let running = ns.command(user, ["status", "-w"]).via(proxy).spawn();
        running.wait_stdout(|line| line.contains("Held"), SOON);
        running
    };
    let (one, all) = (due(), due());
    all.2.fault(Match::watch(), Fault::Hang, usize::MAX);
    let (replaced, reading) = (begin(&one), begin(&all));
    watching(&one.2);
    one.2.pause_watches();
    reading.wait_stderr(|line| line.ends_with("; trying again"), SOON);
    for (ns, ..) in [&one, &all] {
        ns.edit("b", |lease| lease["spec"]["holderIdentity"] = "y".into());
    }
    replaced.wait_stdout(|line| line.contains(" y "), SOON);
    assert_eq!(replaced.stderr(), "");
    reading.wait_stdout(|line| line.contains(" y "), SOON);
    let stderr = reading.stderr();
    // A slow machine may have its first answer late.
    let heard = stderr.matches("The server answers again").count();
    let silences = stderr.matches("Nothing is known").count();
    assert_eq!(silences, heard, "{stderr}");
}

/// An outage, by name: how it begins and how it ends.
type Outage = (&'static str, fn(&Proxy), fn(&Proxy));

#[test]
fn an_outage_is_waited_out_and_said_once_and_no_lease_expires_by_it() {
    let errors = |proxy: &Proxy| {
        let broken = || Fault::status(503, "ServiceUnavailable", "etcd is away");
        proxy.fault(Match::get(), broken(), usize::MAX);
        proxy.fault(Match::watch(), broken(), usize::MAX);
    };
    let outages: [Outage; 2] = [
        ("refused", Proxy::down, Proxy::up),
        ("etcd is away", errors, Proxy::clear_faults),
    ];
    let begun = outages.map(|(what, begins, ends)| {
        let (ns, user, proxy) = due();
        let running = ns.command(&user, ["status", "-w"]).via(&proxy).spawn();
        watching(&proxy);
        renew(&ns, "a", 0);
        begins(&proxy);
        let before = expired(&running);
        (what, ends, ns, proxy, running, before)
    });
    for (what, ends, ns, proxy, running, before) in begun {
        running.wait_stderr(|line| line.ends_with("; trying again"), SOON);
        running.wait_stderr(|line| line.starts_with("Nothing is known since "), SOON);
        assert!(running.stderr().contains(what), "{}", running.stderr());
        assert_eq!(expired(&running), before, "{what}: {}", running.stdout());
        ns.edit("b", |lease| lease["spec"]["holderIdentity"] = "y".into());
        ends(&proxy);
        running.wait_stdout(|line| line.contains(" y "), SOON);
        running.wait_stderr(|line| line.starts_with("The server answers again."), SOON);
        running.wait_stdout(|line| line.contains("Expired"), SOON);
        assert_eq!(
            running.stderr().lines().count(),
            3,
            "{what}: {}",
            running.stderr()
        );
    }
}

#[test]
fn a_watch_takes_no_more_permissions_than_it_needs() {
    // Of one Lease to get it; of all to list them; the verb watch makes both immediate.
    let rows = [
        (&["get", "watch"][..], &["status", "a", "-w"][..], None),
        (
            &["get"],
            &["status", "a", "-w"],
            Some("; reading it every 2 s instead"),
        ),
        (
            &["list"],
            &["status", "-w"],
            Some("; listing every 2 s instead"),
        ),
    ];
    let begun = rows.map(|(verbs, words, says)| {
        let (ns, _) = fresh();
        let user = ns.user(verbs);
        ns.create(&free("a"));
        let proxy = Proxy::to(ns.cluster());
        let running = ns.command(&user, words).via(&proxy).spawn();
        (ns, proxy, running, verbs, says)
    });
    for (ns, proxy, running, _, says) in &begun {
        running.wait_stdout(|line| line.contains("Free"), SOON);
        match says {
            None => watching(proxy),
            Some(says) => {
                running.wait_stderr(|line| line.ends_with(says), SOON);
            }
        }
        ns.edit("a", |lease| lease["spec"]["holderIdentity"] = "x".into());
    }
    for (ns, _, running, ..) in &begun {
        running.wait_stdout(|line| line.contains("Held"), SOON);
        ns.delete("a");
    }
    for (_, proxy, running, verbs, says) in begun {
        running.wait_stdout(|line| line.contains("Deleted"), SOON);
        let requests = proxy.requests();
        assert!(methods(&requests).contains(&"WATCH"), "it is tried");
        let lists = |one: &&Request| {
            !one.is_watch() && !one.is_of_a_line() && one.path.ends_with("/leases")
        };
        let listed = requests.iter().filter(lists).count() > 0;
        assert_eq!(listed, verbs.contains(&"list"), "{requests:?}");
        let lines = running.stderr().lines().count();
        assert_eq!(lines, usize::from(says.is_some()), "{}", running.stderr());
    }
}
