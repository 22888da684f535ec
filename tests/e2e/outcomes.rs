//! What was done, as one versioned document: every subcommand's satisfies docs/outcome.schema.json and says what is known.

use crate::support::schema::faults;
use crate::support::{SOON, each, fresh, held, pass_to, set_free, stored, waiting};
use lease_harness::{Fault, Latch, Match, Namespace, Output, Proxy, User, lease};
use serde_json::{Value, json};

/// The document that a command printed, which fits the schema.
#[track_caller]
pub fn document(kind: &str, output: &Output) -> Value {
    assert_eq!(output.code, Some(0), "{output}");
    read(kind, &output.stdout)
}

/// The same of a text.
#[track_caller]
pub fn read(kind: &str, text: &str) -> Value {
    let document: Value = serde_json::from_str(text).expect("JSON");
    let schema = include_str!("../../docs/outcome.schema.json");
    let root: Value = serde_json::from_str(schema).expect("the schema is JSON");
    let found = faults(&root, &root["$defs"][kind], &document, "$");
    assert_eq!(found, [""; 0], "{document:#}");
    assert_eq!(faults(&root, &root, &document, "$"), [""; 0]);
    document
}

/// Without what servers note on who wrote which field.
fn bare(mut lease: Value) -> Value {
    let metadata = lease["metadata"].as_object_mut();
    metadata.expect("a map").remove("managedFields");
    lease
}

fn run(ns: &Namespace, user: &User, words: &str) -> Value {
    let words = words.split(' ').chain(["-ojson", "--holder=me"]);
    document("Outcome", &ns.run(user, words))
}

#[test]
fn each_says_what_it_did_with_the_lease_before_and_after() {
    let (ns, user) = fresh();
    let created = run(&ns, &user, "acquire job --create --reason=why");
    let after = bare(stored(&ns, "job"));
    let token = &after["metadata"]["resourceVersion"];
    let metadata = &after["metadata"];
    let uid = &metadata["uid"];
    assert_eq!(
        created,
        json!({
            "apiVersion": "kubectl-lease/v1",
            "kind": "Outcome",
            "action": "acquired",
            "metadata": { "namespace": ns.name(), "name": "job", "uid": uid },
            "grant": {
                "holder": "me", "uid": uid, "transitions": 1, "leaseDurationSeconds": 60,
                "acquireTime": after["spec"]["acquireTime"], "fencingToken": token,
            },
            "waitedSeconds": 0.0,
            "after": after,
        })
    );
    let renewed = run(&ns, &user, "renew job");
    assert_eq!(
        (&renewed["before"], &renewed["action"]),
        (&after, &json!("renewed"))
    );
    assert_eq!(renewed["after"], bare(stored(&ns, "job")));
    assert_eq!(
        renewed["grant"]["acquireTime"],
        created["grant"]["acquireTime"]
    );
    // Nobody but whom it was handed on to knows it; and a renewal follows no other grant.
    assert_eq!(renewed["grant"].get("fencingToken"), None);
    assert_eq!(renewed.get("previous"), None);
    let before = renewed["after"].clone();
    let released = run(&ns, &user, "release job");
    assert_eq!(
        (&released["before"], &released["action"]),
        (&before, &json!("released"))
    );
    assert_eq!(released["after"], bare(stored(&ns, "job")));
    let previous = &released["previous"];
    assert_eq!(
        (&previous["holder"], &previous["reason"]),
        (&json!("me"), &json!("why"))
    );
    assert_eq!(released.get("grant"), None);
    // A free one has no previous holder.
    let again = run(&ns, &user, "acquire job");
    assert_eq!(
        (again.get("previous"), &again["before"]),
        (None, &released["after"])
    );
    let victim = lease("other")
        .holder("ada")
        .duration(60)
        .acquired_ago(9, 0)
        .renewed_ago(1, 0);
    let victim = ns.create(&victim.annotation("kubectl-lease/reason", "nightly").build());
    let stolen = run(&ns, &user, "steal other --yes --now");
    let spec = &victim["spec"];
    let time = |field: &str| {
        let time: jiff::Timestamp = spec[field]
            .as_str()
            .expect("a time")
            .parse()
            .expect("a time");
        time.to_string()
    };
    let previous = json!({
        "holder": "ada", "reason": "nightly",
        "acquireTime": time("acquireTime"), "renewTime": time("renewTime"),
    });
    assert_eq!(
        (&stolen["action"], &stolen["previous"]),
        (&json!("stolen"), &previous)
    );
    assert_eq!(stolen["before"], bare(victim));
    assert_eq!(stolen["after"], bare(stored(&ns, "other")));
    let names = [
        "release",
        "job",
        "other",
        "--holder=me",
        "-ojson",
        "--show-managed-fields",
    ];
    let list = document("OutcomeList", &ns.run(&user, names));
    for (at, name) in ["job", "other"].into_iter().enumerate() {
        assert_eq!(list["items"][at]["metadata"]["name"], name);
        assert_eq!(list["items"][at]["after"], stored(&ns, name));
    }
}

/// A reply that was lost, and another's edit in between: the write that happened is told, with what it was made over.
#[test]
fn what_was_there_before_is_what_the_write_replaced_whatever_came_in_between() {
    let lost = |words: &str, lease: Value| {
        let (ns, user) = fresh();
        let before = ns.create(&lease);
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::put(), Fault::DropReply, 1);
        let words = words.split(' ').chain(["-ojson", "--holder=me"]);
        let output = ns.command(&user, words).via(&proxy).run();
        let document = document("Outcome", &output);
        assert_eq!(document["before"], bare(before), "{output}");
        assert_eq!(document["after"], bare(stored(&ns, "job")), "{output}");
        document
    };
    let free = lease("job").duration(60).transitions(3).build();
    let token = |lease: &Value| lease["metadata"]["resourceVersion"].clone();
    let acquired = lost("acquire job", free);
    assert_eq!(acquired["grant"]["fencingToken"], token(&acquired["after"]));
    lost("release job", held("job", "me", 60));
    let stolen = lost("steal job --yes --now", held("job", "ada", 60));
    assert_eq!(stolen["previous"]["holder"], "ada");
    // An edit between the read and the write.
    each(
        [
            "acquire job",
            "renew job",
            "release job",
            "steal job --yes --now",
        ],
        |words| {
            let (ns, user) = fresh();
            let holder = match words.split(' ').next() {
                Some("acquire") => "",
                Some("steal") => "ada",
                _ => "me",
            };
            ns.create(&held("job", holder, 60));
            let proxy = Proxy::to(ns.cluster());
            let latch = Latch::closed();
            proxy.fault(Match::put(), Fault::HeldBack(latch.clone()), 1);
            let words = words.split(' ').chain(["-ojson", "--holder=me"]);
            let running = ns.command(&user, words).via(&proxy).spawn();
            proxy.wait_for(|all| all.iter().any(|one| one.method == "PUT"), SOON);
            let edited = ns.edit("job", |lease| {
                lease["metadata"]["labels"] = json!({ "a": "b" })
            });
            latch.open();
            let document = document("Outcome", &running.wait(SOON));
            assert_eq!(document["before"], bare(edited));
        },
    );
}

#[test]
fn a_wait_is_told_with_whom_it_was_for() {
    let (ns, user) = fresh();
    ns.create(&held("job", "ada", 60));
    let acquire = ["acquire", "job", "--holder=me", "-ojson"];
    let running = ns.spawn(&user, acquire);
    running.wait_stderr(|line| line.starts_with("waiting"), SOON);
    set_free(&ns, "job");
    let output = running.wait(SOON);
    assert!(
        output.stderr.starts_with(&waiting("job", "ada", "60s")),
        "{output}"
    );
    let waited = document("Outcome", &output);
    assert!(waited["waitedSeconds"].as_f64() > Some(0.0), "{output}");
    // It was free by then.
    assert_eq!(waited.get("previous"), None);
    // An expired one is taken from whoever let it expire.
    pass_to(&ns, "job", "bob");
    ns.edit("job", |lease| {
        lease["spec"]["leaseDurationSeconds"] = json!(1)
    });
    let taken = document("Outcome", &ns.run(&user, acquire));
    assert_eq!(taken["previous"]["holder"], "bob");
    ns.create(&held("other", "ada", 1));
    let stolen = run(&ns, &user, "steal other --yes");
    let waited = stolen["waitedSeconds"].as_f64().expect("a number");
    assert!((0.5..15.0).contains(&waited), "{stolen:#}");
}
