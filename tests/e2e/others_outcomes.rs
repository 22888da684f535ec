//! What was done to the Leases of others, and in bulk, as documents; and what would be done, as `--dry-run` tells it.

use crate::outcomes::{document, read};
use crate::prune::{DAY, dead, old};
use crate::support::{VERBS, each, fresh, held, holder, said, shared, stored, untouched};
use lease_harness::{Namespace, Output, Proxy, Request, Rule, User};
use serde_json::{Value, json};

const WHERE: [(&str, &str); 2] = [("client", "dry run"), ("server", "server dry run")];

fn chooser() -> (Namespace, User) {
    let ns = shared().namespace();
    let user = ns.user(&["get", "list", "update", "delete", "watch"]);
    (ns, user)
}

/// Nothing but reads, and writes that the server is told not to store.
#[track_caller]
fn stores_nothing(requests: &[Request], place: &str) {
    for request in requests {
        let dry = place == "server" && request.query.contains("dryRun=All");
        assert!(request.method == "GET" || dry, "{request:?}");
    }
}

fn labelled(ns: &Namespace, name: &str, by: &str) -> Value {
    let mut lease = held(name, by, 60);
    lease["metadata"]["labels"] = json!({ "app": "x" });
    ns.create(&lease)
}

#[test]
fn what_was_freed_by_force_says_whose_it_was() {
    let (ns, user) = chooser();
    let free = ["release", "--holder=me", "--force", "--yes", "-ojson"];
    labelled(&ns, "a", "ada");
    let one = document("Outcome", &ns.run(&user, [&free[..], &["a"]].concat()));
    assert_eq!(
        (&one["action"], &one["previous"]["holder"]),
        (&json!("released"), &json!("ada"))
    );
    assert_eq!((holder(&one["before"]), holder(&one["after"])), ("ada", ""));
    assert_eq!(one.get("grant"), None);
    labelled(&ns, "b", "bob");
    labelled(&ns, "c", "eve");
    let several = document(
        "OutcomeList",
        &ns.run(&user, [&free[..], &["-lapp=x"]].concat()),
    );
    let of = |at: usize| several["items"][at]["previous"]["holder"].clone();
    assert_eq!((of(0), of(1)), (json!("bob"), json!("eve")), "{several:#}");
    labelled(&ns, "d", "me");
    let own = ["release", "--holder=me", "-lapp=x", "-ojson"];
    let own = document("OutcomeList", &ns.run(&user, own));
    assert_eq!(own["items"][0]["metadata"]["name"], "d", "{own:#}");
    assert_eq!(own["items"][0]["previous"]["holder"], "me");
}

#[test]
fn what_was_stolen_in_bulk_has_a_grant_and_a_victim_each() {
    let (ns, user) = chooser();
    labelled(&ns, "a", "ada");
    labelled(&ns, "b", "");
    let steal = [
        "steal",
        "-lapp=x",
        "--holder=me",
        "--yes",
        "--now",
        "-ojson",
    ];
    let list = document("OutcomeList", &ns.run(&user, steal));
    let [a, b] = [&list["items"][0], &list["items"][1]];
    assert_eq!(
        (&a["action"], &a["previous"]["holder"]),
        (&json!("stolen"), &json!("ada"))
    );
    assert_eq!(b.get("previous"), None);
    for (item, name) in [(a, "a"), (b, "b")] {
        assert_eq!(item["grant"]["holder"], "me");
        let version = &stored(&ns, name)["metadata"]["resourceVersion"];
        assert_eq!(&item["grant"]["fencingToken"], version, "{item:#}");
    }
    // Once more: there is nothing to take.
    let list = document("OutcomeList", &ns.run(&user, steal));
    assert_eq!(list["items"], json!([]));
}

#[test]
fn what_was_pruned_is_what_it_was_and_nothing_since() {
    let (ns, user) = old();
    ns.create(&dead("job", 1, 2 * DAY));
    for (flags, dry_run) in [
        ("--yes --dry-run=client", json!("client")),
        ("--dry-run=server", json!("server")),
        ("--yes", Value::Null),
    ] {
        let words = ["prune", "job", "-ojson"].into_iter();
        let output = ns.run(&user, words.chain(flags.split(' ')));
        let list = document("OutcomeList", &output);
        let item = &list["items"][0];
        assert_eq!(
            (&item["action"], &item["dryRun"]),
            (&json!("pruned"), &dry_run)
        );
        assert_eq!(item["previous"]["holder"], "ada", "{item:#}");
        assert_eq!(holder(&item["before"]), "ada");
        assert_eq!((item.get("after"), item.get("grant")), (None, None));
    }
    assert_eq!(ns.get("job"), None);
    // Nothing is a list too.
    for flags in [
        &["--yes"][..],
        &["--yes", "--dry-run=client"],
        &["--dry-run=server"],
    ] {
        let output = ns.run(&user, [&["prune", "-ojson"], flags].concat());
        assert_eq!(document("OutcomeList", &output)["items"], json!([]));
    }
}

#[test]
fn the_outcome_of_a_hold_that_stole_says_who_was_robbed() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 4));
    let file = ns.file("outcome.json", "");
    let path = file.display().to_string();
    let words = [
        "hold",
        "job",
        "--holder=me",
        "--steal",
        "--yes",
        "--outcome-file",
        &path,
    ];
    let output = ns.run(&user, words.into_iter().chain(["--", "cat", &path]));
    let begun = document("Outcome", &output);
    assert_eq!(begun["previous"]["holder"], "victim", "{begun:#}");
    let text = std::fs::read_to_string(&file).expect("the file is there");
    assert_eq!(read("Outcome", &text)["previous"]["holder"], "victim");
}

#[test]
fn what_would_be_done_to_others_is_said_and_nothing_is_stored() {
    let rows = [
        ("release a --force", "released", 1),
        ("release a --force --yes --if-holder=ada", "released", 1),
        ("release a b --force --yes", "released", 2),
        ("release -l app=x --force", "released", 2),
        ("release -l app=x", "released", 0),
        ("steal a b --yes", "stolen", 2),
        ("steal -l app=x --now", "stolen", 2),
        ("failover a --yes", "failed over from \"ada\"", 1),
        (
            "failover a --if-holder=ada --to=bob",
            "failed over from \"ada\"",
            1,
        ),
    ];
    each(rows, |(words, done, count)| {
        for (place, of_it) in WHERE {
            let (ns, user) = chooser();
            let before = [labelled(&ns, "a", "ada"), labelled(&ns, "b", "bob")];
            let proxy = Proxy::to(ns.cluster());
            let run = |more: &[&str]| -> Output {
                let dry_run = format!("--dry-run={place}");
                let words = words.split(' ').chain(["--holder=me"]);
                let words = words.chain(more.iter().copied());
                ns.command(&user, words).arg(dry_run).via(&proxy).run()
            };
            let line = |name: &&str| format!("lease.coordination.k8s.io/{name} {done} ({of_it})\n");
            let expected: String = ["a", "b"][..count].iter().map(line).collect();
            let output = run(&[]);
            assert_eq!(
                (output.code, &*output.stdout),
                (Some(0), &*expected),
                "{output}"
            );
            if count > 0 {
                let json = run(&["-ojson"]);
                let text = &json.stdout;
                let kind = if text.contains("OutcomeList") {
                    "OutcomeList"
                } else {
                    "Outcome"
                };
                let document = read(kind, text);
                let item = if kind == "Outcome" {
                    &document
                } else {
                    &document["items"][0]
                };
                assert_eq!(
                    (&item["dryRun"], holder(&item["before"])),
                    (&json!(place), "ada")
                );
            }
            said(&run(&["-q"]), 0, "", "");
            before.iter().for_each(|lease| untouched(&ns, lease));
            stores_nothing(&proxy.requests(), place);
        }
    });
}

#[test]
fn a_failover_tells_how_long_it_would_hold_the_lease_and_refuses_what_it_would_refuse() {
    let (ns, user) = fresh();
    ns.create(&held("job", "first", 60));
    let words = ["failover", "job", "--holder=me", "--dry-run=server"];
    let output = ns.run(&user, words);
    let line = "lease \"job\" would be held for up to 60s, until \"first\" must have stopped or says that it has, and then freed for the next candidate\n";
    assert!(output.stderr.ends_with(line), "{output}");
    ns.edit("job", |lease| lease["spec"]["holderIdentity"] = "".into());
    for (edit, code) in [("", 122), ("endless", 120)] {
        if !edit.is_empty() {
            ns.edit("job", |lease| {
                lease["spec"]["holderIdentity"] = "kured".into();
                lease["spec"]["leaseDurationSeconds"] = Value::Null;
            });
        }
        assert_eq!(ns.run(&user, words).code, Some(code));
    }
}

#[test]
fn a_hold_that_would_steal_says_so_and_one_that_would_only_acquire_too() {
    each([("ada", "stolen"), ("", "acquired")], |(by, done)| {
        for (place, of_it) in WHERE {
            let (ns, user) = fresh();
            let before = ns.create(&held("job", by, 60));
            let dry_run = format!("--dry-run={place}");
            let hold = [
                "hold",
                "job",
                "--holder=me",
                "--steal",
                &dry_run,
                "--",
                "true",
            ];
            let output = ns.run(&user, hold);
            let expected = format!("lease.coordination.k8s.io/job {done} ({of_it})\n");
            assert_eq!(
                (output.code, &*output.stdout),
                (Some(0), &*expected),
                "{output}"
            );
            untouched(&ns, &before);
        }
    });
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "ada", 60));
    let words = [
        "hold",
        "job",
        "--holder=me",
        "--steal",
        "--if-holder=bob",
        "--dry-run=server",
    ];
    let output = ns.run(&user, words.into_iter().chain(["--", "true"]));
    assert_eq!(output.code, Some(122), "{output}");
    untouched(&ns, &before);
}

#[test]
fn quiet_is_quiet_in_all_that_is_done_to_others() {
    let (ns, _) = old();
    let user = ns.user_with(&[Rule::leases(&VERBS), Rule::leases(&["list", "delete"])]);
    let rows = [
        "wait a --for=held",
        "wait gone --for=deleted",
        "prune a",
        "prune gone-long --dry-run=client",
        "prune gone-long --dry-run=server",
        "prune gone-long --yes",
        "release a b --force --yes --holder=me",
        "steal a b --yes --now --holder=me",
        "release -l app=x --holder=me --now",
    ];
    labelled(&ns, "a", "ada");
    labelled(&ns, "b", "bob");
    ns.create(&dead("gone-long", 1, 2 * DAY));
    for words in rows {
        said(&ns.run(&user, words.split(' ').chain(["-q"])), 0, "", "");
    }
    ns.create(&held("c", "first", 1));
    let failover = ["failover", "c", "--holder=me", "--yes", "-q"];
    let running = ns.spawn(&user, failover);
    ns.wait_until("c", |lease| holder(lease) == "me", crate::support::SOON);
    ns.wait_until("c", |lease| holder(lease).is_empty(), crate::support::SOON);
    crate::support::pass_to(&ns, "c", "second");
    said(&running.wait(crate::support::SOON), 0, "", "");
}
