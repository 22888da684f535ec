//! Nothing waits for an Event, and nothing fails for one: no permission, no answer, a refusal for now.

use crate::events::{events_of, recorded};
use crate::hold::scene::{ask_to_end, gate, shell, until_asked};
use crate::support::{SOON, free, fresh, fresh_in_process, holder, said};
use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Match, Proxy, Request, portable};
use serde_json::json;
use std::time::{Duration, Instant};

const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";

/// Far less than the patience of anything that waits for an Event.
const AT_ONCE: Duration = Duration::from_millis(800);

fn hanging() -> Match {
    Match::when(Request::is_of_events)
}

#[test]
fn without_permission_nothing_is_different_but_a_verbose_line() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let run = |words: &[&str]| {
        proxy.clear();
        ns.command(&user, words).via(&proxy).run()
    };
    let acquire = ["acquire", "job", "--holder=me"];
    said(&run(&acquire), 0, ACQUIRED, "");
    assert_eq!(events_of(&proxy.requests()), ["POST"]);
    let renewed = run(&["renew", "job", "--holder=me"]);
    assert_eq!(renewed.code, Some(0), "{renewed}");
    assert_eq!(events_of(&proxy.requests()), [""; 0]);
    assert_eq!(run(&["release", "job", "--holder=me"]).code, Some(0));
    let verbose = run(&[&acquire[..], &["-v"]].concat());
    assert_eq!((verbose.code, &*verbose.stdout), (Some(0), ACQUIRED));
    let line = "the Event LeaseAcquired was not recorded: Error from server (Forbidden): ";
    assert!(verbose.stderr.contains(line), "{verbose}");
    assert_eq!(run(&["release", "job", "--holder=me"]).code, Some(0));
    said(
        &run(&[&acquire[..], &["--no-events"]].concat()),
        0,
        ACQUIRED,
        "",
    );
    assert_eq!(events_of(&proxy.requests()), [""; 0]);
    let shown = run(&["status", "job"]);
    assert!(!shown.stdout.contains("Events:"), "{shown}");
    assert_eq!(shown.stderr, "");
    let steal = [
        "steal",
        "job",
        "--holder=x",
        "--yes",
        "--now",
        "--no-events",
    ];
    assert_eq!(run(&steal).code, Some(0));
    assert_eq!(events_of(&proxy.requests()), [""; 0]);
    assert_eq!(
        run(&["release", "job", "--holder=x", "--now"]).code,
        Some(0)
    );
    let hold = ["hold", "job", "--no-events", "--", "true"];
    assert_eq!(run(&hold).code, Some(0));
    assert_eq!(events_of(&proxy.requests()), [""; 0]);
}

/// `events.k8s.io/v1` came with 1.19.
#[test]
fn a_server_without_such_events_is_as_good() {
    let (ns, user) = fresh_in_process(Options {
        version: (1, 18),
        ..Options::default()
    });
    ns.create(&free("job"));
    said(
        &ns.run(&user, ["acquire", "job", "--holder=me"]),
        0,
        ACQUIRED,
        "",
    );
    let shown = ns.run(&user, ["status", "job"]);
    assert_eq!((shown.code, &*shown.stderr), (Some(0), ""), "{shown}");
    assert!(!shown.stdout.contains("Events:"), "{shown}");
    let hold = ns.run(
        &user,
        ["hold", "job", "--holder=me", "--timeout=0", "--", "true"],
    );
    assert_eq!(hold.code, Some(124), "{hold}");
}

#[test]
fn an_event_that_is_never_answered_costs_a_second_at_the_end_and_nothing_before() {
    let (ns, user) = recorded();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(hanging(), Fault::Hang, 100);
    let acquire = ["acquire", "job", "--holder=me"];
    let running = ns.command(&user, acquire).via(&proxy).own_console().spawn();
    running.wait_stdout(|line| line.contains("acquired"), SOON);
    proxy.wait_for(|all| events_of(all) == ["POST"], SOON);
    assert!(running.is_running());
    // Whoever asks twice does not want to wait.
    running.interrupt();
    running.terminate();
    let began = Instant::now();
    let output = running.wait(SOON);
    assert_eq!(
        (output.code, &*output.stdout),
        (Some(0), ACQUIRED),
        "{output}"
    );
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert_eq!(
        ns.run(&user, ["release", "job", "--holder=me"]).code,
        Some(0)
    );
    let output = ns.command(&user, acquire).via(&proxy).run();
    assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{output}");
    let took = output.elapsed;
    assert!(
        took >= Duration::from_millis(900) && took < SOON,
        "{took:?}"
    );
    assert_eq!(
        ns.run(&user, ["release", "job", "--holder=me"]).code,
        Some(0)
    );
    // Who has two seconds does not lose one of them.
    proxy.clear();
    let output = ns
        .command(&user, acquire)
        .arg("--duration=2s")
        .via(&proxy)
        .run();
    assert_eq!(output.code, Some(0), "{output}");
    let requests = proxy.requests();
    let event = requests.iter().find(|request| request.is_of_events());
    let waited = event.map(|event| Instant::now().duration_since(event.at));
    assert!(waited < Some(AT_ONCE), "{waited:?}");
}

#[test]
fn a_hold_renews_and_hands_over_while_its_event_is_never_answered() {
    let (ns, user) = recorded();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(hanging(), Fault::Hang, 100);
    let gate = gate(&ns);
    let running = ns
        .command(
            &user,
            ["hold", "job", "--holder=ada", "--duration=3s", "--"],
        )
        .args(shell(&until_asked(&gate)))
        .via(&proxy)
        .spawn();
    proxy.wait_for(|all| !events_of(all).is_empty(), SOON);
    let renewals = |all: &[Request]| all.iter().filter(|request| request.method == "PUT").count();
    proxy.wait_for(|all| renewals(all) >= 6, SOON);
    let ended = ask_to_end(&running, &gate);
    // Free before the hold has given the Event up.
    ns.wait_until("job", |lease| holder(lease).is_empty(), SOON);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(ended), "{output}");
    // One connection was for the Event, and no renewal has lost its own by it.
    let faults: Vec<_> = proxy
        .requests()
        .into_iter()
        .filter(|request| request.method == "PUT" && request.fault.is_some())
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn an_event_that_was_refused_for_now_is_told_again_and_once() {
    let (ns, user) = recorded();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(hanging(), Fault::DropReply, 1);
    let gate = gate(&ns);
    let running = ns
        .command(&user, ["hold", "job", "--holder=ada", "--"])
        .args(shell(&until_asked(&gate)))
        .via(&proxy)
        .spawn();
    let posted = |all: &[Request]| {
        all.iter()
            .filter(|request| request.is_of_events() && request.status.is_some())
            .count()
    };
    let requests = proxy.wait_for(|all| posted(all) == 1, SOON);
    assert_eq!(events_of(&requests), ["POST", "POST"]);
    let ended = ask_to_end(&running, &gate);
    assert_eq!(running.wait(SOON).code, Some(ended));
    assert_eq!(ns.event_reasons("job"), ["LeaseAcquired"]);
}

/// A plugin may take seconds, or ask a person.
#[test]
fn no_credential_plugin_is_run_for_an_event() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let runs = ns.file("runs", "");
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": { "token": user.token },
    });
    let credential = ns.file("credential", credential.to_string());
    let (log, credential) = (runs.display(), credential.display());
    let plugin = ["append", &log.to_string(), "run", "then", "copy"];
    let plugin = portable(&[&plugin[..], &[&credential.to_string()]].concat());
    let plugin: Vec<_> = plugin.iter().map(|word| word.to_string_lossy()).collect();
    let mut config = ns.kubeconfig_json(&user);
    config["clusters"][0]["cluster"] = proxy.cluster_entry();
    config["users"][0]["user"] = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
        "command": plugin[0], "args": plugin[1..],
    }});
    let config = ns.file("kubeconfig", config.to_string());
    let command = |words: &[&str]| ns.command(&user, words).kubeconfig(&config);
    let count = || {
        std::fs::read_to_string(&runs)
            .unwrap_or_default()
            .lines()
            .count()
    };
    let shown = command(&["status", "job"]).run();
    assert_eq!((shown.code, count()), (Some(0), 1), "{shown}");
    assert_eq!(events_of(&proxy.requests()), ["GET"]);
    proxy.clear();
    let hold = ["hold", "job", "--holder=me", "--duration=6s", "--"];
    let gate = gate(&ns);
    let running = command(&hold).args(shell(&until_asked(&gate))).spawn();
    let refused = |all: &[Request]| {
        all.iter()
            .position(|one| one.is_of_events() && one.status == Some(403))
    };
    proxy.wait_for(
        |all| {
            let after =
                refused(all).map(|at| all[at..].iter().filter(|one| one.method == "PUT").count());
            after >= Some(2)
        },
        SOON,
    );
    let ended = ask_to_end(&running, &gate);
    let output = running.wait(SOON);
    assert_eq!(
        (output.code, &*output.stderr, count()),
        (Some(ended), "", 2)
    );
}

/// `cargo test --test e2e -- --ignored --nocapture a_handover_takes`: docs/performance.md has what it prints.
#[cfg(unix)] // SIGTERM to the command is a part of what is measured
#[test]
#[ignore = "measures, and asserts nothing"]
fn a_handover_takes_as_long_with_events_as_without() {
    const ROUNDS: usize = 40;
    let (ns, user) = recorded();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let mut handovers = [Vec::new(), Vec::new()];
    let mut holds = [Vec::new(), Vec::new()];
    let mut shown = [Vec::new(), Vec::new()];
    for round in 0..2 * ROUNDS {
        let kind = round % 2;
        let flags = [&["--no-events"][..], &[]][kind];
        let hold = |holder: &str, command: &[&str]| {
            let words = ["hold", "job", "--holder", holder].into_iter();
            let words = words.chain(flags.iter().copied()).chain(["--"]);
            let words = words.chain(command.iter().copied());
            ns.command(&user, words.collect::<Vec<_>>()).via(&proxy)
        };
        let output = hold("alone", &["true"]).run();
        assert_eq!(output.code, Some(0), "{output}");
        holds[kind].push(output.elapsed);
        let status = ns.command(&user, [&["status", "job"], flags].concat());
        shown[kind].push(status.run().elapsed);
        let first = hold("first", &["sleep", "600"]).spawn();
        ns.wait_until("job", |lease| holder(lease) == "first", SOON);
        let second = hold("second", &["true"]).spawn();
        second.wait_stderr(|line| line.starts_with("waiting"), SOON);
        // Nothing but the handover goes on.
        std::thread::sleep(Duration::from_millis(300));
        proxy.clear();
        first.signal(libc::SIGTERM);
        assert_eq!(second.wait(SOON).code, Some(0));
        assert_eq!(first.wait(SOON).code, Some(143));
        let answered: Vec<Instant> = proxy
            .requests()
            .iter()
            .filter(|request| request.method == "PUT" && request.status == Some(200))
            .filter_map(|request| Some(request.at + request.took?))
            .collect();
        handovers[kind].push(answered[1].duration_since(answered[0]));
    }
    for (name, measured) in [
        ("hold -- true", holds),
        ("handover", handovers),
        ("status job", shown),
    ] {
        for (kind, mut all) in ["without events", "with events"].into_iter().zip(measured) {
            all.sort();
            let (median, least) = (all[all.len() / 2], all[0]);
            println!("{name}, {kind}: median {median:.1?}, least {least:.1?}");
        }
    }
}
