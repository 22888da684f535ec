//! `failover` of a coordinated election: the preferred holder is written, and it is waited for until the control plane follows.

use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Latch, Match, Namespace, Output, Proxy, Rule, User};
use serde_json::{Value, json};

use crate::support::{SOON, VERBS, ended, fresh_in_process, held, holder, stored};

const FAILOVER: [&str; 4] = ["failover", "job", "--holder=me", "--yes"];

/// Only servers of 1.31 and newer have them.
fn election(candidates: &[&str]) -> (Namespace, User) {
    let (ns, _) = fresh_in_process(Options::default());
    let candidate = |verbs: &[&str]| Rule {
        resources: vec!["leasecandidates".into()],
        ..Rule::leases(verbs)
    };
    let rules = [Rule::leases(&VERBS), candidate(&["list"])];
    for candidate in candidates {
        ns.create_candidate(candidate, "job");
    }
    ns.create_candidate("of-another", "other");
    let mut lease = held("job", "first", 15);
    lease["spec"]["strategy"] = json!("OldestEmulationVersion");
    ns.create(&lease);
    let user = ns.user_with(&rules);
    (ns, user)
}

/// What the control plane does when somebody is preferred.
fn elects(ns: &Namespace, who: Option<&str>) {
    let wanted = |lease: &Value| lease["spec"]["preferredHolder"].is_string();
    let lease = ns.wait_until("job", wanted, SOON);
    let preferred = lease["spec"]["preferredHolder"]
        .as_str()
        .unwrap_or_default();
    let who = who.unwrap_or(preferred).to_owned();
    ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = json!(who);
        lease["spec"]["preferredHolder"] = Value::Null;
        lease["spec"]["leaseTransitions"] = json!(4);
    });
}

fn run(ns: &Namespace, user: &User, flags: &[&str]) -> Output {
    let command = ns.command(user, FAILOVER);
    flags
        .iter()
        .fold(command, |command, flag| command.arg(flag))
        .run()
}

/// Runs it, and the control plane elects this one, or who is preferred.
fn elected(ns: &Namespace, user: &User, flags: &[&str], who: Option<&str>) -> Output {
    std::thread::scope(|scope| {
        let plane = scope.spawn(|| elects(ns, who));
        let output = run(ns, user, flags);
        plane.join().expect("it is preferred");
        output
    })
}

#[test]
fn the_only_other_candidate_is_preferred_and_waited_for() {
    let (ns, user) = election(&["first", "second"]);
    let output = elected(&ns, &user, &[], None);
    let expected =
        "lease.coordination.k8s.io/job failed over from \"first\" to \"second\": taken after ";
    assert_eq!(output.code, Some(0), "{output}");
    assert!(output.stdout.starts_with(expected), "{output}");
    let lease = stored(&ns, "job");
    assert_eq!(holder(&lease), "second");
}

#[test]
fn of_several_candidates_one_has_to_be_named() {
    let (ns, user) = election(&["first", "second", "third"]);
    let before = ns.get("job");
    let output = run(&ns, &user, &[]);
    ended(&output, 2, "");
    let expected = format!(
        "error: lease \"job\" has several candidates: say which one is to hold it\n\
         Nothing was written. There are \"second\", \"third\": kubectl lease failover job -n {} --holder me --to second\n",
        ns.name()
    );
    assert_eq!(output.stderr, expected);
    let output = run(&ns, &user, &["--to=fourth"]);
    ended(&output, 2, "");
    assert!(
        output.stderr.contains("has no candidate \"fourth\""),
        "{output}"
    );
    assert!(
        output
            .stderr
            .contains("It has: \"first\", \"second\", \"third\""),
        "{output}"
    );
    let output = run(&ns, &user, &["--to=third", "--if-holder=other"]);
    ended(&output, 122, "");
    let output = run(&ns, &user, &["--to=first"]);
    ended(&output, 0, "");
    assert_eq!(ns.get("job"), before);
    let output = elected(&ns, &user, &["--to=third"], None);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "third");
}

#[test]
fn another_than_was_preferred_is_an_error_and_so_is_nobody() {
    let (ns, user) = election(&["first", "second", "third"]);
    let output = elected(&ns, &user, &["--to=second"], Some("third"));
    ended(&output, 122, "");
    assert!(
        output
            .stderr
            .contains("was taken by \"third\", not by \"second\""),
        "{output}"
    );
    let output = run(&ns, &user, &["--to=second", "--timeout=300ms"]);
    ended(&output, 124, "");
    assert!(
        output
            .stderr
            .contains("has not come to \"second\" in 300ms"),
        "{output}"
    );
    assert_eq!(stored(&ns, "job")["spec"]["preferredHolder"], "second");
    let (ns, user) = election(&["first"]);
    let output = run(&ns, &user, &[]);
    ended(&output, 1, "");
    assert!(output.stderr.contains("has no other candidate"), "{output}");
}

#[test]
fn a_renewal_between_the_read_and_the_write_does_no_harm_and_a_new_holder_does() {
    let (ns, user) = election(&["first", "second"]);
    let proxy = Proxy::to(ns.cluster());
    let latch = Latch::closed();
    proxy.fault(Match::put(), Fault::HeldBack(latch.clone()), 1);
    let running = ns.command(&user, FAILOVER).via(&proxy).spawn();
    proxy.wait_for(
        |all| all.iter().any(|request| request.method == "PUT"),
        SOON,
    );
    crate::support::renew(&ns, "job", 1);
    latch.open();
    elects(&ns, None);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
    let latch = Latch::closed();
    proxy.fault(Match::put(), Fault::HeldBack(latch.clone()), 1);
    proxy.clear();
    let running = ns.command(&user, FAILOVER).via(&proxy).spawn();
    proxy.wait_for(
        |all| all.iter().any(|request| request.method == "PUT"),
        SOON,
    );
    crate::support::pass_to(&ns, "job", "third");
    latch.open();
    let output = running.wait(SOON);
    ended(&output, 122, "");
    assert_eq!(stored(&ns, "job")["spec"].get("preferredHolder"), None);
}

#[test]
fn who_may_not_list_candidates_is_told_so() {
    let (ns, _) = election(&["first", "second"]);
    let user = ns.user(&VERBS);
    let output = run(&ns, &user, &[]);
    ended(&output, 1, "");
    assert!(output.stderr.contains("leasecandidates"), "{output}");
}
