//! `wait`: conditions that are met at once, later, for a moment, or not in time; by a watch, and nothing is written.

use crate::support::{
    SOON, ended, free, fresh, fresh_in_process, held, not_found, pass_to, renew, requested, said,
    said_like, set_free, untouched, watching,
};
use jiff::SignedDuration;
use lease_harness::lease_api_server::Options;
use lease_harness::{Namespace, Proxy, Running, User, lease};
use serde_json::Value;
use std::time::Duration;

const MET: &str = "lease.coordination.k8s.io/job condition met\n";

fn wait_via(ns: &Namespace, user: &User, proxy: &Proxy, arguments: &[&str]) -> Running {
    let words = ["wait"].iter().chain(arguments);
    let running = ns.command(user, words).via(proxy).spawn();
    running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    watching(proxy);
    running
}

/// What is said where `job` is not so in time.
fn timed_out(ns: &Namespace, instead: &str) -> String {
    format!(
        "error: timed out waiting for the condition on leases/job\n\
         Lease \"job\": {instead}. Look: kubectl lease status job -n {}\n",
        ns.name()
    )
}

#[test]
fn a_look_tells_by_its_exit_status_what_is_so_and_writes_nothing() {
    let (ns, user) = fresh();
    let leases = [
        ns.create(&held("held", "ada", 600)),
        ns.create(&free("free")),
        ns.create(&lease("endless").holder("ada").build()),
    ];
    for (name, condition, met) in [
        ("held", "held", true),
        ("held", "free", false),
        ("held", "expired", false),
        ("held", "deleted", false),
        ("held", "holder=ada", true),
        ("held", "holder=Ada", false),
        ("held", "not-holder=ada", false),
        ("held", "not-holder=eve", true),
        ("free", "free", true),
        ("free", "held", false),
        ("free", "expired", false),
        ("free", "holder=ada", false),
        ("free", "not-holder=ada", true),
        ("endless", "held", true),
        ("endless", "expired", false),
        ("gone", "deleted", true),
        ("gone", "DELETE", true),
    ] {
        let condition = format!("--for={condition}");
        let output = ns.run(&user, ["wait", name, &condition, "--timeout=0", "-E", "75"]);
        match met {
            true => said(&output, 0, &MET.replace("job", name), ""),
            false => {
                let expected = format!(
                    "error: condition not met for leases/{name}\nLease \"{name}\": …. Look: kubectl lease status {name} -n {}\n",
                    ns.name()
                );
                said_like(&output, 75, "", &expected);
            }
        }
    }
    let output = ns.run(&user, ["wait", "gone", "--for=free", "--timeout=0"]);
    said(&output, 121, "", &not_found(&ns, "gone"));
    for lease in &leases {
        untouched(&ns, lease);
    }
}

#[test]
fn a_watch_tells_of_a_moment_in_which_it_is_so_and_nothing_is_polled() {
    let (ns, user) = fresh();
    ns.create(&held("job", "ada", 60));
    for (condition, before, after) in [("free", "ada", "ada"), ("holder=eve", "ada", "ada")] {
        pass_to(&ns, "job", before);
        let proxy = Proxy::to(ns.cluster());
        let condition = format!("--for={condition}");
        let running = wait_via(&ns, &user, &proxy, &["job", &condition]);
        match condition.ends_with("free") {
            true => set_free(&ns, "job"),
            false => drop(pass_to(&ns, "job", "eve")),
        }
        pass_to(&ns, "job", after);
        let output = running.wait(SOON);
        ended(&output, 0, MET);
        requested(&proxy.requests(), &["GET", "WATCH"]);
        assert_eq!(ns.holder("job").as_deref(), Some(after));
    }
}

#[test]
fn each_of_several_has_to_be_so_once_whatever_the_others_are_then() {
    let (ns, user) = fresh();
    for name in ["a", "b"] {
        ns.create(&held(name, "ada", 60));
    }
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &["a", "lease/b", "a", "--for=free"]);
    running.wait_stderr(|line| line.contains("lease \"b\" to be free"), SOON);
    proxy.wait_for(
        |all| {
            let open = |request: &&lease_harness::Request| request.is_answered_watch();
            all.iter().filter(open).count() >= 2
        },
        SOON,
    );
    set_free(&ns, "b");
    running.wait_stdout(|line| line.contains("/b condition met"), SOON);
    pass_to(&ns, "b", "eve");
    set_free(&ns, "a");
    let output = running.wait(SOON);
    let met = |name: &str| MET.replace("job", name);
    ended(&output, 0, &(met("b") + &met("a")));
    // One that is missing is told, and the others are waited for.
    let output = ns.run(&user, ["wait", "x", "a", "--for=free", "-o", "name"]);
    said(
        &output,
        121,
        "lease.coordination.k8s.io/a\n",
        &not_found(&ns, "x"),
    );
    set_free(&ns, "b");
    let output = ns.run(&user, ["wait", "b", "a", "--for=free", "-o", "json"]);
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let name = |at: usize| list["items"][at]["metadata"]["name"].as_str();
    assert_eq!(
        (name(0), name(1), name(2)),
        (Some("b"), Some("a"), None),
        "{output}"
    );
    // Nobody has to read it.
    let words = ["wait", "a", "b", "--for=free"];
    let output = ns
        .command(&user, words)
        .stdout(lease_harness::Outlet::Broken)
        .run();
    said(&output, 0, "", "");
    let words = ["wait", "a", "--for=held", "--timeout=0"];
    let output = ns
        .command(&user, words)
        .stdout(lease_harness::Outlet::Broken)
        .run();
    assert_eq!(output.code, Some(124), "{output}");
}

#[test]
fn a_deleted_lease_is_waited_for_until_it_is_made_again_and_is_deleted_however_soon_that_is() {
    let (ns, user) = fresh();
    ns.create(&held("job", "ada", 60));
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &["job", "--for=free"]);
    ns.delete("job");
    running.wait_stderr(|line| line.contains("it was deleted"), SOON);
    ns.create(&free("job"));
    let expected = "waiting for lease \"job\" to be free: held by \"ada\"\n\
         waiting for lease \"job\" to be free: it was deleted, and may be created again\n";
    said(&running.wait(SOON), 0, MET, expected);
    // Its end is not seen, and the next one has the same holder.
    pass_to(&ns, "job", "ada");
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &["job", "--for=deleted"]);
    proxy.down();
    ns.delete("job");
    ns.create(&held("job", "ada", 60));
    proxy.up();
    ended(&running.wait(SOON), 0, MET);
}

#[test]
fn an_expiry_is_proven_by_watching_for_the_recorded_duration_and_a_renewal_begins_it_anew() {
    let (ns, _) = fresh();
    ns.create(&held("job", "ada", 2));
    let user = ns.user(&["get", "watch"]);
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &["job", "--for=expired"]);
    renew(&ns, "job", -86_400);
    let before = ns.get("job").expect("it is there");
    let output = running.wait(SOON);
    let expected =
        "waiting for lease \"job\" to expire: held by \"ada\" for at most 2s more unless renewed\n";
    said(&output, 0, MET, expected);
    assert!(output.elapsed >= Duration::from_secs(2), "{output}");
    untouched(&ns, &before);
    // A watch that has fallen silent proves nothing.
    ns.edit("job", |lease| {
        lease["spec"]["leaseDurationSeconds"] = 2.into()
    });
    let proxy = Proxy::to(ns.cluster());
    let arguments = ["job", "--for=expired", "--timeout=5s"];
    let running = wait_via(&ns, &user, &proxy, &arguments);
    proxy.pause_watches();
    ns.edit("job", |lease| {
        lease["spec"]["leaseDurationSeconds"] = 600.into();
    });
    ended(&running.wait(SOON), 124, "");
    // What never expires, and what is free, is not waited for in silence.
    ns.edit("job", |lease| {
        lease["spec"]["leaseDurationSeconds"] = Value::Null
    });
    for (change, instead) in [
        ("ada", "held by \"ada\" without an expiry"),
        ("", "it is free, and only what is held can expire"),
    ] {
        pass_to(&ns, "job", change);
        let output = ns.run(&user, ["wait", "job", "--for=expired", "--timeout=300ms"]);
        let expected = format!("waiting for lease \"job\" to expire: {instead}\n");
        said(&output, 124, "", &(expected + &timed_out(&ns, instead)));
    }
}

#[test]
fn an_expiry_is_proven_at_once_by_the_servers_stamps_where_it_may_be_tried_out() {
    let (ns, user) = fresh_in_process(Options::default());
    let before = ns.create(&held("job", "ada", 60));
    let server = ns.cluster().api_server().expect("in-process");
    server.set_clock_offset(SignedDuration::from_secs(100));
    let look = ["wait", "job", "--for=expired", "--timeout=0"];
    said(&ns.run(&user, look), 0, MET, "");
    untouched(&ns, &before);
    assert_eq!(
        ns.command(&user, look).arg("--proof=observed").run().code,
        Some(124)
    );
    let reader = ns.user(&["get", "watch"]);
    assert_eq!(ns.run(&reader, look).code, Some(124));
    // By its clock the holder is dead; whoever renews is not.
    let alive = ["wait", "job", "--for=held"];
    assert_eq!(
        ns.command(&user, alive).arg("--timeout=0").run().code,
        Some(124)
    );
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &["job", "--for=held"]);
    renew(&ns, "job", -86_400);
    let expected =
        "waiting for lease \"job\" to be held: held by \"ada\", who is not known to be alive\n";
    said(&running.wait(SOON), 0, MET, expected);
}

#[test]
fn a_holder_that_looks_dead_by_its_own_clock_is_held_by_once_it_renews() {
    let (ns, user) = fresh_in_process(Options {
        version: (1, 20),
        ..Options::default()
    });
    ns.create(
        &lease("job")
            .holder("ada")
            .duration(60)
            .renewed_ago(0, -7200)
            .build(),
    );
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &["job", "--for=held"]);
    renew(&ns, "job", -7200);
    ended(&running.wait(SOON), 0, MET);
}

#[test]
fn who_may_not_watch_reads_and_who_may_not_read_is_told() {
    let (ns, _) = fresh();
    ns.create(&held("job", "ada", 60));
    let user = ns.user(&["get"]);
    let running = ns.spawn(&user, ["wait", "job", "--for=free"]);
    running.wait_stderr(|line| line.contains("cannot be watched"), SOON);
    set_free(&ns, "job");
    ended(&running.wait(SOON), 0, MET);
    let output = ns.run(&ns.user(&["list"]), ["wait", "job", "--for=free"]);
    ended(&output, 1, "");
    let role = "--verb=get,watch --resource=leases.coordination.k8s.io --resource-name=job";
    assert!(output.stderr.contains(role), "{output}");
}

#[test]
fn an_outage_is_waited_out_and_at_the_end_of_the_time_it_is_said_what_is_not_known() {
    let (ns, user) = fresh();
    ns.create(&held("job", "ada", 60));
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &["job", "--for=free", "--timeout=-1"]);
    proxy.down();
    running.wait_stderr(|line| line.ends_with("; trying again"), SOON);
    set_free(&ns, "job");
    proxy.up();
    ended(&running.wait(SOON), 0, MET);
    pass_to(&ns, "job", "ada");
    let proxy = Proxy::to(ns.cluster());
    let running = wait_via(&ns, &user, &proxy, &["job", "--for=free", "--timeout=3s"]);
    proxy.down();
    let output = running.wait(SOON);
    let expected = format!(
        "waiting for lease \"job\" to be free: held by \"ada\"\n…; trying again\n\
         error: timed out waiting for the condition on leases/job\nNothing is known since …: …\n\
         Lease \"job\": until then held by \"ada\". Look: kubectl lease status job -n {}…\n",
        ns.name()
    );
    said_like(&output, 124, "", &expected);
    // A server that is not there at all is no matter of time.
    let proxy = Proxy::to(ns.cluster());
    proxy.down();
    let output = ns
        .command(&user, ["wait", "a", "b", "--for=free"])
        .via(&proxy)
        .run();
    ended(&output, 1, "");
    assert_eq!(output.stderr.matches("refused").count(), 1, "{output}");
}

#[test]
fn it_is_interrupted_with_one_line() {
    let (ns, user) = fresh();
    for name in ["a", "b"] {
        ns.create(&held(name, "ada", 60));
    }
    let running = ns.command(&user, ["wait", "a", "b", "--for=free"]);
    let running = running.own_console().spawn();
    running.wait_stderr(|line| line.contains("lease \"b\""), SOON);
    running.interrupt();
    let output = running.wait(SOON);
    ended(&output, 130, "");
    assert_eq!(
        output.stderr.matches("interrupted: ").count(),
        1,
        "{output}"
    );
}

#[test]
fn wrong_conditions_are_refused_with_what_is_allowed() {
    let allowed = "allowed: free, held, expired, deleted, holder=IDENTITY, not-holder=IDENTITY";
    let wrong =
        |value: &str| format!("error: invalid value \"{value}\" for --for <CONDITION>: {allowed}");
    crate::usage::refused(&[
        (&["wait", "job", "--for=ready"], wrong("ready")),
        (
            &["wait", "job", "--for=condition=Ready"],
            wrong("condition=Ready"),
        ),
        (
            &["wait", "job"],
            "error: …--for <CONDITION> (see --help)".into(),
        ),
        (
            &["wait", "--for=free"],
            "error: …<NAME>... (see --help)".into(),
        ),
    ]);
}
