//! Kubernetes Events of what is done to a Lease: what they say, and that nothing waits for one or fails for one.

use crate::support::{SOON, VERBS, free, fresh, held, holder, said, shared, stored};
use lease_harness::{Fault, Match, Namespace, Proxy, Request, Rule, User};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";

/// Far less than the patience of anything that waits for an Event.
const AT_ONCE: Duration = Duration::from_millis(800);

/// A namespace, and a user who may record Events and see them.
fn recorded() -> (Namespace, User) {
    let ns = shared().namespace();
    let user = ns.user_with(&[
        Rule::leases(&VERBS),
        Rule::leases(&["create", "list"]).on(&["events"]),
    ]);
    (ns, user)
}

fn events_of(requests: &[Request]) -> Vec<&str> {
    let events = requests.iter().filter(|request| request.is_of_events());
    events.map(|request| request.method.as_str()).collect()
}

fn hanging() -> Match {
    Match::when(Request::is_of_events)
}

fn notes(ns: &Namespace) -> Vec<String> {
    let say = |event: &Value| {
        let part = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        format!("{} {}: {}", part("type"), part("reason"), part("note"))
    };
    ns.events("job").iter().map(say).collect()
}

#[test]
fn who_acquired_and_who_stole_from_whom_and_why_is_told_by_an_event_of_the_very_lease() {
    let (ns, user) = recorded();
    ns.create(&free("job"));
    let run = |words: &[&str]| {
        let output = ns.run(&user, words);
        assert_eq!(output.code, Some(0), "{output}");
    };
    run(&[
        "acquire",
        "job",
        "--holder=ada",
        "--reason=nightly\u{1b}[2J",
    ]);
    run(&[
        "steal",
        "job",
        "--holder=bob",
        "--reason=stuck",
        "--yes",
        "--now",
    ]);
    run(&["release", "job", "--holder=bob", "--now"]);
    // Nothing is stolen that is free.
    run(&["steal", "job", "--holder=eve", "--yes"]);
    assert_eq!(
        notes(&ns),
        [
            "Normal LeaseAcquired: acquired by \"ada\" (reason: nightly\\u{1b}[2J)",
            "Warning LeaseStolen: stolen by \"bob\" (reason: stuck) from \"ada\" (reason: nightly\\u{1b}[2J)",
            "Normal LeaseAcquired: acquired by \"eve\"",
        ]
    );
    let lease = stored(&ns, "job");
    for event in ns.events("job") {
        let regarding = &event["regarding"];
        assert_eq!(regarding["uid"], lease["metadata"]["uid"]);
        assert_eq!(
            (
                &regarding["kind"],
                &regarding["apiVersion"],
                &regarding["name"]
            ),
            (
                &json!("Lease"),
                &json!("coordination.k8s.io/v1"),
                &json!("job")
            )
        );
        assert!(regarding["resourceVersion"].is_string());
        assert_eq!(event["reportingController"], "kubectl-lease");
        let name = event["metadata"]["name"].as_str().unwrap_or_default();
        assert!(name.starts_with("job.") && name.len() > 10, "{name}");
    }
    let instances: Vec<_> = ns
        .events("job")
        .iter()
        .map(|event| event["reportingInstance"].clone())
        .collect();
    assert_eq!(instances, ["ada", "bob", "eve"]);
}

#[test]
fn a_lease_that_is_acquired_because_it_expired_names_who_let_it_expire() {
    let (ns, user) = recorded();
    ns.create(&held("job", "gone", 1));
    let output = ns.run(&user, ["acquire", "job", "--holder=me", "--duration=60s"]);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(
        notes(&ns),
        ["Normal LeaseAcquired: acquired by \"me\": the lease of \"gone\" had expired"]
    );
}

#[test]
fn a_hold_tells_when_it_acquired_and_when_it_lost_and_its_end_waits_for_it_to_be_told() {
    let (ns, user) = recorded();
    ns.create(&free("job"));
    let hold = ["hold", "job", "--holder=ada", "--reason=nightly", "--"];
    // Over before anything was told of it.
    let output = ns.run(&user, [&hold[..], &["true"]].concat());
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(ns.event_reasons("job"), ["LeaseAcquired"]);
    let running = ns.spawn(&user, [&hold[..], &["sleep", "600"]].concat());
    ns.wait_until("job", |lease| holder(lease) == "ada", SOON);
    let stolen = ns.run(&user, ["steal", "job", "--holder=bob", "--yes", "--now"]);
    assert_eq!(stolen.code, Some(0), "{stolen}");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    let lost = "Warning LeaseLost: lost by \"ada\" (reason: nightly): taken over by \"bob\"";
    let told = notes(&ns);
    assert!(told.iter().any(|note| note == lost), "{told:#?}");
    assert_eq!(told.len(), 4, "{told:#?}");
}

#[test]
fn a_hold_that_is_killed_has_told_that_it_acquired() {
    let (ns, user) = recorded();
    ns.create(&free("job"));
    let running = ns.spawn(&user, ["hold", "job", "--holder=ada", "--", "sleep", "600"]);
    ns.wait_event("job", "LeaseAcquired", SOON);
    running.signal(libc::SIGKILL);
    let output = running.wait(SOON);
    assert_eq!(output.code, None, "{output}");
    assert_eq!(ns.event_reasons("job"), ["LeaseAcquired"]);
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

#[test]
fn an_event_that_is_never_answered_costs_a_second_at_the_end_and_nothing_before() {
    let (ns, user) = recorded();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(hanging(), Fault::Hang, 100);
    let acquire = ["acquire", "job", "--holder=me"];
    let running = ns.command(&user, acquire).via(&proxy).spawn();
    running.wait_stdout(|line| line.contains("acquired"), SOON);
    proxy.wait_for(|all| events_of(all) == ["POST"], SOON);
    assert!(running.is_running());
    // Whoever asks twice does not want to wait.
    let began = Instant::now();
    running.signal(libc::SIGINT);
    running.signal(libc::SIGTERM);
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
    let running = ns
        .command(
            &user,
            [
                "hold",
                "job",
                "--holder=ada",
                "--duration=2s",
                "--",
                "sleep",
                "600",
            ],
        )
        .via(&proxy)
        .spawn();
    proxy.wait_for(|all| !events_of(all).is_empty(), SOON);
    let renewals = |all: &[Request]| all.iter().filter(|request| request.method == "PUT").count();
    proxy.wait_for(|all| renewals(all) >= 6, SOON);
    running.signal(libc::SIGTERM);
    // Free before the hold has given the Event up.
    ns.wait_until("job", |lease| holder(lease).is_empty(), SOON);
    let output = running.wait(SOON);
    assert_eq!((output.code, &*output.stderr), (Some(143), ""), "{output}");
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
    let running = ns
        .command(&user, ["hold", "job", "--holder=ada", "--", "sleep", "600"])
        .via(&proxy)
        .spawn();
    let posted = |all: &[Request]| {
        all.iter()
            .filter(|request| request.is_of_events() && request.status.is_some())
            .count()
    };
    let requests = proxy.wait_for(|all| posted(all) == 1, SOON);
    assert_eq!(events_of(&requests), ["POST", "POST"]);
    running.signal(libc::SIGTERM);
    assert_eq!(running.wait(SOON).code, Some(143));
    assert_eq!(ns.event_reasons("job"), ["LeaseAcquired"]);
}

/// `cargo test --test e2e -- --ignored --nocapture a_handover_takes`: docs/performance.md has what it prints.
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
