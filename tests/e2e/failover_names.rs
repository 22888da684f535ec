//! Failover and who is called what: who leads already, whoever follows by the name of this call, and what was edited meanwhile.

use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Latch, Match, Proxy, lease};
use serde_json::json;

use crate::failover::FAILOVER;
use crate::outcomes::read;
use crate::prune::later;
use crate::support::{
    SOON, ended, fresh, fresh_in_process, held, holder, pass_to, said, stored, transitions,
    untouched,
};

const DONE: &str = "lease.coordination.k8s.io/job failed over from ";

#[test]
fn who_leads_already_is_left_alone_as_in_a_coordinated_election() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "first", 60));
    for dry_run in [None, Some("--dry-run=server"), Some("--dry-run=client")] {
        let words = FAILOVER.into_iter().chain(["--to=first"]).chain(dry_run);
        let line = "\"first\" holds lease \"job\" already; nothing was written\n";
        said(&ns.run(&user, words), 0, "", line);
        untouched(&ns, &before);
        // Of what was not done there is a document too.
        let words = FAILOVER.into_iter().chain(["--to=first", "-ojson", "-q"]);
        let output = ns.run(&user, words.chain(dry_run));
        assert_eq!(output.code, Some(0), "{output}");
        let list = read("OutcomeList", &output.stdout);
        assert_eq!(list["items"], json!([]), "{output}");
    }
    // Whoever names whom to depose is told that it is another.
    let words = ["--if-holder=second", "--to=first"];
    let output = ns.run(&user, FAILOVER.into_iter().chain(words));
    ended(&output, 122, "");
    untouched(&ns, &before);
    // Nobody leads by a lease that has expired.
    let (ns, user) = fresh_in_process(Options::default());
    ns.create(&held("job", "first", 1));
    later(&ns, 100);
    let words = ["--to=first", "--timeout=0"];
    let output = ns.run(&user, FAILOVER.into_iter().chain(words));
    ended(&output, 124, "");
    assert_eq!(holder(&stored(&ns, "job")), "");
}

#[test]
fn whoever_follows_by_the_name_of_this_call_has_taken_over() {
    let (ns, user) = fresh();
    ns.create(&held("job", "first", 2));
    let running = ns.command(&user, FAILOVER).arg("--timeout=2m").spawn();
    running.wait_stderr(|line| line.contains(" has stepped down: "), SOON);
    ns.edit("job", |lease| {
        let had = lease["spec"]["leaseTransitions"].as_i64();
        lease["spec"]["leaseTransitions"] = had.map(|had| had + 1).into();
        lease["spec"]["holderIdentity"] = "me".into();
    });
    let output = running.wait(SOON);
    let taken = format!("{DONE}\"first\" to \"me\": free after ");
    assert!(output.stdout.starts_with(&taken), "{output}");
    assert_eq!(output.code, Some(0), "{output}");
}

/// Whoever was to step down has, and is not whom the next try is about.
#[cfg(unix)] // pasted into a POSIX shell
#[test]
fn to_try_it_again_names_the_present_holder() {
    let (ns, user) = fresh();
    ns.create(&held("job", "first", 2));
    let words = ["--if-holder=first", "--to=third", "--timeout=2m"];
    let running = ns.command(&user, FAILOVER.into_iter().chain(words)).spawn();
    running.wait_stderr(|line| line.contains(" has stepped down: "), SOON);
    let taken = pass_to(&ns, "job", "second");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(122), "{output}");
    let again = output.stderr.rsplit("To try it again: ").next();
    let again = again
        .expect("it says how")
        .trim()
        .replace("kubectl lease", "kubectl-lease");
    assert!(again.contains("--if-holder second"), "{output}");
    let script = format!("{again} --dry-run=client");
    let output = ns.program(&user, "sh", ["-c", &script]).run();
    assert_eq!(output.code, Some(0), "{output}");
    untouched(&ns, &taken);
}

#[test]
fn what_was_edited_after_it_was_shown_is_said_and_nobody_is_made_to_step_down() {
    let (ns, user) = fresh();
    ns.create(&held("job", "first", 60));
    let proxy = Proxy::to(ns.cluster());
    let latch = Latch::closed();
    proxy.fault(Match::put(), Fault::HeldBack(latch.clone()), 1);
    let running = ns.command(&user, FAILOVER).via(&proxy).spawn();
    let is_put = |all: &[lease_harness::Request]| all.iter().any(|one| one.method == "PUT");
    proxy.wait_for(is_put, SOON);
    let edited = ns.edit("job", |lease| {
        lease["spec"]["leaseDurationSeconds"] = json!(90);
    });
    latch.open();
    let output = running.wait(SOON);
    ended(&output, 122, "");
    let again = format!(
        "error: lease \"job\" has changed since it was shown: its duration is 90s now, and was 60s\n\
         It was not taken from \"first\": --yes agrees only to what was shown. Look, and make it step down: \
         kubectl lease failover job -n {} --holder me\n",
        ns.name()
    );
    assert!(output.stderr.ends_with(&again), "{output}");
    untouched(&ns, &edited);
}

#[test]
fn the_last_transition_is_left_for_whoever_follows() {
    let (ns, user) = fresh();
    let mut last = held("job", "first", 60);
    last["spec"]["leaseTransitions"] = (i32::MAX - 1).into();
    let before = ns.create(&last);
    for dry_run in [None, Some("--dry-run=server")] {
        let output = ns.run(&user, FAILOVER.into_iter().chain(dry_run));
        ended(&output, 1, "");
        let why =
            "error: lease \"job\" has counted 2147483646 transitions, and there can be one more";
        assert!(output.stderr.starts_with(why), "{output}");
        untouched(&ns, &before);
    }
    ns.edit("job", |lease| {
        lease["spec"]["leaseTransitions"] = (i32::MAX - 2).into();
        lease["spec"]["leaseDurationSeconds"] = json!(1);
    });
    let output = ns.command(&user, FAILOVER).arg("--timeout=0").run();
    ended(&output, 124, "");
    let output = ns.run(&user, ["acquire", "job", "--holder=next", "--timeout=0"]);
    assert_eq!(output.code, Some(0), "{output}");
    let stored = stored(&ns, "job");
    assert_eq!(transitions(&stored), i64::from(i32::MAX), "{stored}");
}

#[cfg(unix)] // a POSIX shell
#[test]
fn what_a_shell_has_acquired_it_can_fail_over_as_nothing_stops_it_there() {
    let (ns, user) = fresh();
    ns.create(&lease("job").duration(2).build());
    let script = "eval \"$(kubectl lease acquire job --holder=me -o env)\"; \
        kubectl lease failover job --holder=thief --yes --timeout=0; echo $?";
    let script = script.replace("kubectl lease", env!("CARGO_BIN_EXE_kubectl-lease"));
    let output = ns.program(&user, "/bin/sh", ["-c", &script]).run();
    ended(&output, 0, "124\n");
    assert_eq!(holder(&stored(&ns, "job")), "");
}
