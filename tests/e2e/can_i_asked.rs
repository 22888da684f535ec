//! The table of `can-i` against what each call asks the server for.

use crate::support::{SOON, each, free, fresh_in_process, held};
use jiff::SignedDuration;
use lease_harness::lease_api_server::Options;
use lease_harness::{Command, Fault, Match, Namespace, Proxy, Request, Rule, lease};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A row of the table, and calls that go all its ways. One with `-w` or a long time is interrupted once
/// it watches, and one with `?` asks at a terminal and is declined.
const CALLS: [(&str, &[&str]); 28] = [
    ("create", &["create new"]),
    (
        "create --ignore-existing",
        &["create job --ignore-existing -o json"],
    ),
    ("acquire", &["acquire dead", "acquire job --timeout 1m"]),
    (
        "acquire --create",
        &[
            "acquire new --create",
            "acquire job --create --timeout 1m",
            "acquire dead --create",
        ],
    ),
    (
        "acquire --queue",
        &["acquire dead --queue", "acquire job --queue --timeout 1m"],
    ),
    (
        "hold",
        &["hold dead -- sleep 60", "hold job --timeout 1m -- true"],
    ),
    ("hold --create", &["hold new --create -- sleep 60"]),
    ("hold --cleanup", &["hold free --cleanup -- sleep 60"]),
    (
        "hold --label-pod",
        &["hold free --label-pod=role=active --pod=web-0 -- sleep 60"],
    ),
    (
        "hold --slots",
        &[
            "hold pool --slots 2 -- sleep 60",
            "hold full --slots 2 --timeout 1m -- true",
        ],
    ),
    (
        "hold --queue",
        &[
            "hold dead --queue -- sleep 60",
            "hold job --queue --timeout 1m -- true",
        ],
    ),
    (
        "hold --slots --queue",
        &[
            "hold pool --slots 2 --queue -- sleep 60",
            "hold full --slots 2 --queue --timeout 1m -- true",
        ],
    ),
    ("renew", &["renew mine"]),
    ("check", &["check mine"]),
    ("release", &["release mine"]),
    (
        "release --force",
        &["release far --force ?", "release job --force --yes"],
    ),
    ("steal", &["steal far ?", "steal job --yes"]),
    (
        "release -l",
        &["release -l team=a", "release -l team=a --force --yes"],
    ),
    ("steal -l", &["steal -l team=a --yes"]),
    (
        "failover",
        &["failover far ?", "failover job --yes --timeout 3s"],
    ),
    (
        "failover (election)",
        &["failover elected ?", "failover elected --yes"],
    ),
    (
        "status NAME",
        &[
            "status far",
            "status job -w",
            "status mine",
            "status mine -w",
        ],
    ),
    ("status", &["status", "status -w"]),
    ("status --holder-gone", &["status --holder-gone"]),
    ("wait", &["wait job --for=free --timeout 1m"]),
    (
        "wait --for=expired",
        &[
            "wait dead --for=expired",
            "wait full-0 --for=expired --timeout 1m",
        ],
    ),
    ("prune NAME", &["prune dead node --yes"]),
    ("prune", &["prune --yes"]),
];

/// Leases of every kind; the server's clock is a day further than what it has stamped, but for those that are alive.
fn scene(in_line: bool) -> Namespace {
    let (ns, _) = fresh_in_process(Options::default());
    for name in ["dead", "node"] {
        let mut lease = held(name, "gone-0_0f4a1c52-9a52-4f0e-8d9b-6c1f4a53b7a1", 60);
        if name == "node" {
            lease["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "v1", "kind": "Node", "name": "node", "uid": "u"
            }]);
        }
        ns.create(&lease);
    }
    // Places of waiters that were killed.
    for of in ["job", "full"].iter().filter(|_| in_line) {
        let place = lease(&format!("{of}.waiter-a")).label("kubectl-lease/queue-of", of);
        let place = place.holder("gone").duration(15).renewed_ago(0, 0);
        ns.create(&place.build());
    }
    let server = ns.cluster().api_server().expect("in-process");
    server.set_clock_offset(SignedDuration::from_hours(49));
    for name in ["free", "pool-0", "pool-1"] {
        ns.create(&slot(free(name)));
    }
    for name in ["full-0", "full-1"] {
        ns.create(&slot(held(name, "ada", 60)));
    }
    for (name, holder) in [
        ("job", "web-0_2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10"),
        ("far", "node-1_2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10"),
        ("mine", "me"),
    ] {
        let mut lease = held(name, holder, 2);
        lease["metadata"]["labels"] = json!({ "team": "a" });
        ns.create(&lease);
    }
    let candidate = "node-1_7d1f0c0a-1d0b-4c3e-9f63-0c2b6a8e5d11";
    let mut elected = held("elected", candidate, 60);
    elected["spec"]["strategy"] = "OldestEmulationVersion".into();
    ns.create(&elected);
    ns.create_candidate("candidate-2", "elected");
    ns.create_pod("web-0");
    ns
}

fn slot(mut lease: Value) -> Value {
    let name = lease["metadata"]["name"].as_str().unwrap_or_default();
    if let Some((of, _)) = name.rsplit_once('-') {
        lease["metadata"]["labels"] = json!({ "kubectl-lease/slot-of": of });
        lease["metadata"]["annotations"] = json!({ "kubectl-lease/slots": "2" });
    }
    lease
}

/// As the table words a permission: of leases, the verb alone.
fn rule(words: &str) -> Rule {
    match words.split_once(' ') {
        None => Rule::leases(&[words]),
        Some((verb, "tickets")) => Rule::leases(&[verb]),
        Some((verb, "nodes")) => Rule::leases(&[verb]).on(&["nodes"]).everywhere(),
        Some((verb, resource)) => Rule::leases(&[verb]).on(&[resource]),
    }
}

/// The rows: a call, and all that it names.
fn table(text: &str) -> Vec<(String, BTreeSet<String>)> {
    let lines = text.lines().map(|line| line.trim_start_matches("# "));
    let rows = lines.skip_while(|line| !line.starts_with("CALL ")).skip(1);
    let rows = rows.take_while(|line| !line.trim_matches('#').is_empty());
    let row = |line: &str| {
        let mut cells = line
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty());
        let call = cells.next().expect("a call").to_owned();
        let words = cells.flat_map(|cell| cell.split(", "));
        let words = words.filter(|word| !["yes", "no"].contains(word));
        (call, words.map(str::to_owned).collect())
    };
    rows.map(row).collect()
}

/// What looks beyond the namespace where it may, and does without where not.
fn is_beyond(request: &Request) -> bool {
    request.path == "/api/v1/pods"
}

/// What a request takes, as the table words it; nothing for what takes no permission.
fn words(request: &Request) -> Option<String> {
    let mut path = request.path.trim_start_matches('/').split('/').peekable();
    let groups = match path.next()? {
        "api" => 1,
        "apis" => 2,
        _ => return None,
    };
    let mut path = path.skip(groups).peekable();
    if path.next_if_eq(&"namespaces").is_some() {
        path.next();
    }
    let resource = path.next()?;
    let named = path.next().is_some();
    let verb = match request.method.as_str() {
        "GET" if request.is_watch() => "watch",
        "GET" if named => "get",
        "GET" => "list",
        "PUT" => "update",
        "POST" => "create",
        "PATCH" => "patch",
        "DELETE" => "delete",
        other => panic!("{other}"),
    };
    let is_ticket = [&request.path, &request.query, &request.body]
        .iter()
        .any(|part| {
            [".waiter-", "queue%2Dof"]
                .iter()
                .any(|word| part.contains(word))
        });
    match resource {
        "leases" if is_ticket => Some(format!("{verb} tickets")),
        "leases" => Some(verb.to_owned()),
        other => Some(format!("{verb} {other}")),
    }
}

/// Runs it, and does what it waits for: what there is to see of it.
fn run(ns: &Namespace, command: &Command, call: &str, proxy: &Proxy) -> String {
    if call.ends_with(" ?") {
        let terminal = command.spawn_pty(40, 120);
        let screen = terminal.wait_screen(|text| text.contains("[y/N]"), SOON);
        terminal.send(b"n\r");
        assert_eq!(terminal.wait(SOON).code(), Some(120), "{screen}");
        return screen;
    }
    let running = command.spawn();
    if call.ends_with("-- sleep 60") {
        proxy.wait_for(|all| all.iter().any(Request::is_answered_watch), SOON);
        running.signal(nix::libc::SIGTERM);
    } else if call.ends_with(" -w") || call.contains("--timeout 1m") {
        let watches = |one: &Request| one.is_watch() && one.status == Some(200);
        // Of a line that is looked at last.
        let of_line = |one: &&Request| one.query.contains("queue%2Dof");
        let has_line = call.contains("--queue") || call == "status mine -w";
        proxy.wait_for(
            |all| match has_line {
                true => all.iter().filter(of_line).any(watches),
                false => all.iter().any(watches),
            },
            SOON,
        );
        running.signal(nix::libc::SIGINT);
    } else if call == "failover elected --yes" {
        // As the control plane does.
        let wanted = |lease: &Value| lease["spec"]["preferredHolder"].is_string();
        let lease = ns.wait_until("elected", wanted, SOON);
        ns.edit("elected", |now| {
            now["spec"]["holderIdentity"] = lease["spec"]["preferredHolder"].clone();
            now["spec"]["preferredHolder"] = Value::Null;
            now["spec"]["leaseTransitions"] = json!(9);
        });
    }
    running.wait(SOON).to_string()
}

#[test]
fn the_rows_name_what_their_calls_ask_for_and_no_more_and_with_that_nothing_is_refused() {
    let ns = scene(false);
    let nobody = ns.user_with(&[]);
    let output = ns.run(&nobody, ["can-i"]);
    let rows = table(&output.stdout);
    let told: BTreeSet<&str> = rows.iter().map(|(call, _)| call.as_str()).collect();
    let expected = CALLS.map(|(call, _)| call).into();
    assert_eq!(told, expected, "{output}");
    each(CALLS, |(row, calls)| {
        let (_, named) = rows.iter().find(|(call, _)| call == row).expect("a row");
        let mut asked = BTreeSet::new();
        for call in calls {
            let ns = scene(call.contains("--queue"));
            let rules: Vec<Rule> = named.iter().map(|words| rule(words)).collect();
            let user = ns.user_with(&rules);
            let proxy = Proxy::to(ns.cluster());
            if row.ends_with(" -l") || row == "prune" {
                // Somebody else is faster, so that it is read again.
                let writes = |one: &Request| ["PUT", "DELETE"].contains(&one.method.as_str());
                let writes = move |one: &Request| writes(one) && !one.query.contains("dryRun");
                let faster = Fault::status(409, "Conflict", "the object has been modified");
                proxy.fault(Match::when(writes), faster, 1);
            }
            let command = ns
                .command(&user, call.trim_end_matches(" ?").split(' '))
                .via(&proxy);
            let output = run(
                &ns,
                &command.env("KUBECTL_LEASE_HOLDER", "me"),
                call,
                &proxy,
            );
            let requests = proxy.requests();
            let mut requests = requests.iter().filter(|one| !is_beyond(one)).peekable();
            assert!(requests.peek().is_some(), "{row}: {output}");
            for request in requests {
                let (method, path) = (&request.method, &request.path);
                assert_ne!(
                    request.status,
                    Some(403),
                    "{row}: {method} {path}\n{output}"
                );
                asked.extend(words(request));
            }
        }
        if row.contains("--queue") {
            // One is read where its watch is silent for long.
            asked.insert("get tickets".to_owned());
        }
        assert_eq!(asked, *named, "{row}");
    });
}

#[test]
fn a_server_that_does_not_answer_is_waited_for_once() {
    let (ns, user) = fresh_in_process(Options::default());
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::any(), Fault::Hang, 99);
    let command = ns.command(&user, ["can-i", "--request-timeout=1s"]);
    let output = command.via(&proxy).run();
    assert_eq!(output.code, Some(1), "{output}");
    let asked = proxy.requests();
    assert!(
        asked.iter().all(|request| request.method == "GET"),
        "asked on after no answer: {asked:?}"
    );
}
