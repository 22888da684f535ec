//! `status NAME` on what became of a Lease before: the previous holder, and the Events about it.

use crate::status_schema::fits;
use crate::support::{SOON, VERBS, free, held, matches, shared, stored};
use lease_harness::{Fault, Match, Namespace, Output, Proxy, Request, Rule, User};
use serde_json::{Value, json};

fn scene() -> (Namespace, User) {
    let ns = shared().namespace();
    let user = ns.user_with(&[
        Rule::leases(&VERBS),
        Rule::leases(&["create", "list"]).on(&["events"]),
    ]);
    ns.create(&free("job"));
    (ns, user)
}

fn done(ns: &Namespace, user: &User, words: &[&str]) -> Output {
    let output = ns.run(user, words);
    assert_eq!(output.code, Some(0), "{output}");
    output
}

fn robbed(ns: &Namespace, user: &User) {
    done(
        ns,
        user,
        &["acquire", "job", "--holder=ada", "--reason=nightly"],
    );
    done(
        ns,
        user,
        &[
            "steal",
            "job",
            "--holder=bob",
            "--reason=the laptop is lost",
            "--yes",
            "--now",
        ],
    );
}

fn line<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let mut lines = text.lines();
    Some(lines.find(|line| line.starts_with(label))?[label.len()..].trim())
}

#[test]
fn the_previous_holder_and_the_events_are_shown_with_who_and_why() {
    let (ns, user) = scene();
    robbed(&ns, &user);
    let text = done(&ns, &user, &["status", "job"]).stdout;
    let previous = line(&text, "Previous:").expect("a previous holder");
    let expected = "ada (reason: nightly): stolen by bob … ago (reason: the laptop is lost)";
    assert!(matches(previous, expected), "{previous}");
    let events = text.split("Events:\n").nth(1).expect("Events");
    let expected = "\x20 Type     Reason         Age…From           Message\n\
        \x20 ----     ------         ---…----           -------\n\
        \x20 Warning  LeaseStolen    …kubectl-lease  stolen by \"bob\" (reason: the laptop is lost) from \"ada\" (reason: nightly)\n\
        \x20 Normal   LeaseAcquired  …kubectl-lease  acquired by \"ada\" (reason: nightly)\n";
    assert!(matches(events, expected), "{text}");
    // Who was robbed can still see it in the morning, whoever has had the lease since.
    done(&ns, &user, &["release", "job", "--holder=bob", "--now"]);
    done(&ns, &user, &["acquire", "job", "--holder=eve"]);
    let text = done(&ns, &user, &["status", "job"]).stdout;
    let previous = line(&text, "Previous:").expect("a previous holder");
    assert!(
        previous.starts_with("ada (reason: nightly): stolen by bob "),
        "{text}"
    );
    assert!(previous.ends_with("; granted once since"), "{text}");
    assert!(!text.contains("kubectl-lease/previous"), "{text}");
}

#[test]
fn the_document_has_both_and_fits_the_schema_and_templates_ask_for_events_only_if_they_speak_of_them()
 {
    let (ns, user) = scene();
    robbed(&ns, &user);
    let text = done(&ns, &user, &["status", "job", "-o", "json"]).stdout;
    let document: Value = serde_json::from_str(&text).expect("JSON");
    fits("LeaseStatus", &document);
    let previous = &document["previousHolder"];
    assert_eq!(
        [
            &previous["holder"],
            &previous["reason"],
            &previous["taken"],
            &previous["takenBy"],
            &previous["takenReason"]
        ],
        [
            &json!("ada"),
            &json!("nightly"),
            &json!("Stolen"),
            &json!("bob"),
            &json!("the laptop is lost")
        ]
    );
    assert_eq!(previous["transitions"], document["transitions"]);
    let reasons: Vec<_> = document["events"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| &event["reason"])
        .collect();
    assert_eq!(reasons, ["LeaseStolen", "LeaseAcquired"]);
    let proxy = Proxy::to(ns.cluster());
    for (format, asked) in [
        ("jsonpath={.state}", 0),
        ("jsonpath={.events[0].note}", 1),
        ("custom-columns=N:.metadata.name", 0),
        ("custom-columns=E:.events[*].reason", 1),
        ("name", 0),
        ("yaml", 1),
    ] {
        proxy.clear();
        let output = ns
            .command(&user, ["status", "job", "-o", format])
            .via(&proxy)
            .run();
        assert_eq!(output.code, Some(0), "{output}");
        let count = |all: &[Request]| all.iter().filter(|request| request.is_of_events()).count();
        assert_eq!(count(&proxy.requests()), asked, "{format}");
        let output = ns
            .command(&user, ["status", "job", "--no-events", "-o", format])
            .via(&proxy)
            .run();
        assert_eq!(output.code, Some(0), "{output}");
        assert_eq!(count(&proxy.requests()), asked, "{format}");
    }
    let columns = "custom-columns=E:.events[*].reason";
    let text = done(
        &ns,
        &user,
        &["status", "job", "--no-headers", "-o", columns],
    )
    .stdout;
    assert_eq!(text, "LeaseStolen,LeaseAcquired\n");
}

#[test]
fn events_are_asked_for_beside_the_lease_and_not_waited_for_long() {
    let (ns, user) = scene();
    robbed(&ns, &user);
    let proxy = Proxy::to(ns.cluster());
    // The Lease's own answer comes only when its Events were asked for.
    proxy.fault(Match::get().path("/leases/"), Fault::Delay(SOON), 1);
    let running = ns.command(&user, ["status", "job"]).via(&proxy).spawn();
    proxy.wait_for(|all| all.iter().any(Request::is_of_events), SOON);
    drop(running);
    proxy.fault(Match::when(Request::is_of_events), Fault::Hang, 1);
    let output = ns.command(&user, ["status", "job"]).via(&proxy).run();
    assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{output}");
    assert_eq!(
        line(&output.stdout, "Events:"),
        Some("unknown: no answer in time"),
        "{output}"
    );
    assert!(output.elapsed < SOON / 2, "{output}");
    proxy.fault(
        Match::when(Request::is_of_events),
        Fault::status(500, "InternalError", "etcd is tired"),
        1,
    );
    let output = ns.command(&user, ["status", "job"]).via(&proxy).run();
    let events = line(&output.stdout, "Events:").unwrap_or_default();
    assert!(
        events.starts_with("unknown: ") && events.ends_with("etcd is tired"),
        "{output}"
    );
    // What is not there has no Events, and is not waited for.
    proxy.fault(Match::when(Request::is_of_events), Fault::Hang, 1);
    let output = ns.command(&user, ["status", "other"]).via(&proxy).run();
    assert_eq!(output.code, Some(121), "{output}");
}

#[test]
fn the_events_of_an_earlier_lease_of_the_name_are_not_this_ones() {
    let (ns, user) = scene();
    done(&ns, &user, &["acquire", "job", "--holder=ada"]);
    ns.delete("job");
    ns.create(&held("job", "bob", 600));
    let text = done(&ns, &user, &["status", "job"]).stdout;
    assert_eq!(line(&text, "Events:"), Some("<none>"), "{text}");
    assert_eq!(line(&text, "Previous:"), None, "{text}");
}

#[test]
fn a_takeover_notes_the_previous_holder_and_a_full_lease_is_taken_without_it() {
    let (ns, user) = scene();
    let mut lease = held("full", "gone", 1);
    // The API server takes 262144 bytes of annotations, keys included.
    lease["metadata"]["annotations"] = json!({ "much": "x".repeat(262_000) });
    ns.create(&lease);
    done(
        &ns,
        &user,
        &["acquire", "full", "--holder=me", "--duration=60s"],
    );
    let annotations = &stored(&ns, "full")["metadata"]["annotations"];
    assert_eq!(annotations.get("kubectl-lease/previous"), None);
    assert!(annotations.get("much").is_some());
    ns.create(&held("expired", "gone", 1));
    done(
        &ns,
        &user,
        &["acquire", "expired", "--holder=me", "--duration=60s"],
    );
    let text = done(&ns, &user, &["status", "expired"]).stdout;
    let previous = line(&text, "Previous:").unwrap_or_default();
    assert!(
        matches(previous, "gone: expired, and acquired by me … ago"),
        "{text}"
    );
}
