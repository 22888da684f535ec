//! `failover`: the holder steps down and the next candidate takes over, or it is said who did and why not.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use lease_harness::{Fault, Latch, Match, Namespace, Output, Proxy, User, lease};

use crate::hold::scene::{ask_to_end, gate, shell, until_asked};
use crate::support::elector::{Elector, Times};
use crate::support::{
    SOON, each, ended, free, fresh, held, holder, marks, pass_to, said_like, stored, transitions,
    untouched,
};

pub const FAILOVER: [&str; 4] = ["failover", "job", "--holder=me", "--yes"];
const DONE: &str = "lease.coordination.k8s.io/job failed over from ";

pub fn is_waiting(line: &str) -> bool {
    line.starts_with("waiting ")
}

/// A leader, and a candidate that waits.
fn election(ns: &Namespace, times: Times) -> [Elector; 2] {
    let leader = Elector::start(ns, "job", "first", times);
    leader.leads();
    [leader, Elector::start(ns, "job", "second", times)]
}

#[test]
fn a_leader_that_takes_back_what_is_deleted_or_blanked_does_not_take_back_what_is_failed_over() {
    let times = Times::of(2);
    for taken in [Namespace::delete as fn(&Namespace, &str), |ns, job| {
        pass_to(ns, job, "");
    }] {
        let (ns, _) = fresh();
        let leader = Elector::start(&ns, "job", "first", times);
        leader.leads();
        taken(&ns, "job");
        ns.wait_until("job", |lease| holder(lease) == "first", SOON);
        assert_eq!(leader.terms().len(), 1, "it has not even noticed");
        assert!(leader.terms()[0].ended.is_none());
    }
    let (ns, user) = fresh();
    let [leader, next] = election(&ns, times);
    let output = ns.run(&user, FAILOVER);
    ended(&output, 0, &output.stdout);
    assert!(output.stdout.starts_with(DONE), "{output}");
    assert!(leader.terms()[0].ended.is_some(), "{output}");
    let term = next.leads();
    assert!(Some(term.began) > leader.terms()[0].ended, "{output}");
}

#[test]
fn a_leader_is_deposed_within_its_duration_and_a_second_every_time() {
    let lease = Times::of(3);
    let rounds = Mutex::new((0..50).collect::<Vec<u32>>());
    let next_round = || rounds.lock().expect("nobody panics").pop();
    each(0..8, |_| {
        while let Some(round) = next_round() {
            let (ns, user) = fresh();
            let [leader, next] = election(&ns, lease);
            let running = ns.command(&user, FAILOVER).spawn();
            let taken = ns.wait_until("job", |lease| holder(lease) == "me", SOON);
            let taken_at = Instant::now();
            let version = transitions(&taken);
            let output = running.wait(SOON);
            ended(&output, 0, &output.stdout);
            let expected = format!("{DONE}\"first\" to \"second\": free after ");
            assert!(output.stdout.starts_with(&expected), "{round}: {output}");
            // The next one has begun after the first has ended.
            let [first] = leader.terms()[..] else {
                panic!("{round}: {:?}", leader.terms());
            };
            let ended = first.ended.expect("it has stepped down");
            let took = ended.saturating_duration_since(taken_at);
            let most = Duration::from_secs(lease.lease + 1);
            assert!(took <= most, "{round}: {took:?} {output}");
            assert!(ended < next.leads().began, "{round}: {output}");
            assert_eq!(transitions(&stored(&ns, "job")), version + 1, "{round}");
        }
    });
}

#[test]
fn it_is_an_error_if_another_takes_over_than_was_named_or_the_same_one_again() {
    let times = Times::of(4);
    let to = |name: &'static str| {
        let (ns, user) = fresh();
        let electors = election(&ns, times);
        let output = ns.command(&user, FAILOVER).arg("--to").arg(name).run();
        drop(electors);
        (output, ns.name().to_owned())
    };
    let (output, _) = to("second");
    assert_eq!(output.code, Some(0), "{output}");
    let (output, ns) = to("third");
    ended(&output, 122, "");
    let last = format!(
        "error: lease \"job\" was taken by \"second\", not by \"third\"\n\
         \"first\" has stepped down. To try it again: kubectl lease failover job -n {ns} --holder me --to third\n"
    );
    assert!(output.stderr.ends_with(&last), "{output}");
    // A leader that runs for it again.
    let (ns, user) = fresh();
    let leader = Elector::persistent(&ns, "job", "first", times);
    leader.leads();
    let output = ns.run(&user, FAILOVER);
    assert_eq!(output.code, Some(122), "{output}");
    let again = "was taken again by \"first\", who had stepped down";
    assert!(output.stderr.contains(again), "{output}");
    assert!(leader.terms()[0].ended.is_some(), "{output}");
}

#[test]
fn where_nobody_takes_over_the_lease_is_free() {
    let (ns, user) = fresh();
    ns.create(&held("job", "first", 3));
    let output = ns.command(&user, FAILOVER).arg("--timeout=1s").run();
    let expected = format!(
        "lease \"job\" is held by \"first\"\n  …: it may be alive\n\
         waiting … until \"first\" must have stopped; the lease is kept from everybody until then\n\
         \"first\" has stepped down: lease \"job\" is free after …; waiting for who takes it over\n\
         error: nobody has taken lease \"job\" in 1s: it is free\n\
         Its candidates may have gone, or wait for longer. Look: kubectl lease status job -n {} --watch\n",
        ns.name()
    );
    said_like(&output, 124, "", &expected);
    let lease = stored(&ns, "job");
    assert_eq!(holder(&lease), "");
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 3);
    assert_eq!(marks(&lease), [""; 0]);
}

fn refused(ns: &Namespace, user: &User, flags: &[&str], code: i32, error: &str) -> Output {
    let before = ns.get("job");
    let command = ns.command(user, ["failover", "job", "--holder=me"]);
    let output = flags
        .iter()
        .fold(command, |command, flag| command.arg(flag))
        .run();
    ended(&output, code, "");
    assert!(output.stderr.contains(error), "{output}");
    assert_eq!(ns.get("job"), before, "{output}");
    output
}

#[test]
fn where_nobody_is_to_step_down_nothing_is_written() {
    let (ns, user) = fresh();
    refused(&ns, &user, &["--yes"], 121, "\"job\" not found");
    ns.create(&free("job"));
    refused(
        &ns,
        &user,
        &["--yes"],
        122,
        "error: lease \"job\" is free: nobody has to step down",
    );
    pass_to(&ns, "job", "first");
    refused(
        &ns,
        &user,
        &[],
        120,
        "there is no terminal to ask on; give --yes",
    );
    let other = ["--yes", "--if-holder=other"];
    refused(
        &ns,
        &user,
        &other,
        122,
        "is not held by \"other\": it is held by \"first\"",
    );
    ns.delete("job");
    // Nothing tells when it has stopped.
    ns.create(&lease("job").holder("first").build());
    refused(
        &ns,
        &user,
        &["--yes"],
        120,
        "error: lease \"job\" has no duration",
    );
    ns.delete("job");
    ns.create(&crate::other_clients::heartbeat());
    let output = refused(&ns, &user, &["--yes"], 120, "it is a node's heartbeat");
    assert!(output.stderr.contains("--force"), "{output}");
}

#[cfg(unix)] // a terminal
#[test]
fn a_person_is_asked_and_nothing_is_written_before_a_yes() {
    for (answer, code) in [("n\r", 120), ("\x03", 130), ("y\r", 124)] {
        let (ns, user) = fresh();
        let before = ns.create(&held("job", "first", 2));
        let words = ["failover", "job", "--holder=me", "--timeout=0"];
        let terminal = ns.command(&user, words).spawn_pty(24, 100);
        terminal.wait_screen(|text| text.contains("Make it step down?"), SOON);
        untouched(&ns, &before);
        terminal.send(answer.as_bytes());
        assert_eq!(terminal.wait(SOON).code(), Some(code), "{answer:?}");
        if code != 124 {
            untouched(&ns, &before);
        }
    }
}

#[test]
fn a_holder_that_renews_at_the_last_moment_steps_down_and_one_that_has_changed_does_not() {
    for renews in [true, false] {
        let (ns, user) = fresh();
        ns.create(&held("job", "first", 4));
        let proxy = Proxy::to(ns.cluster());
        let latch = Latch::closed();
        proxy.fault(Match::put(), Fault::HeldBack(latch.clone()), 1);
        let command = ns.command(&user, FAILOVER).arg("--timeout=0");
        let running = command.via(&proxy).spawn();
        proxy.wait_for(
            |all| all.iter().any(|request| request.method == "PUT"),
            SOON,
        );
        match renews {
            true => crate::support::renew(&ns, "job", 0),
            false => drop(pass_to(&ns, "job", "third")),
        }
        latch.open();
        let output = running.wait(SOON);
        assert_eq!(
            output.code,
            Some(if renews { 124 } else { 122 }),
            "{output}"
        );
        let left = if renews { "" } else { "third" };
        assert_eq!(holder(&stored(&ns, "job")), left, "{output}");
    }
}

#[test]
fn of_two_failovers_one_is_done_and_the_other_says_so() {
    let (ns, user) = fresh();
    let electors = election(&ns, Times::of(3));
    // The second has seen the leader too, and writes when the first has.
    let proxy = Proxy::to(ns.cluster());
    let latch = Latch::closed();
    proxy.fault(Match::put(), Fault::HeldBack(latch.clone()), 1);
    let second = ["failover", "job", "--holder=you", "--yes"];
    let late = ns.command(&user, second).via(&proxy).spawn();
    proxy.wait_for(
        |all| all.iter().any(|request| request.method == "PUT"),
        SOON,
    );
    let first = ns.command(&user, FAILOVER).spawn();
    ns.wait_until("job", |lease| holder(lease) == "me", SOON);
    latch.open();
    let output = late.wait(SOON);
    ended(&output, 122, "");
    let by = "is being taken over already: by \"me\", who waits until \"first\" must have stopped";
    assert!(output.stderr.contains(by), "{output}");
    // What is advised robs nobody who is not named.
    assert!(!output.stderr.contains("lease steal"), "{output}");
    // A third comes while the first waits.
    let third = ns.command(&user, second).run();
    ended(&third, 122, "");
    assert!(third.stderr.contains(by), "{third}");
    let output = first.wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(
        output
            .stdout
            .starts_with(&format!("{DONE}\"first\" to \"second\"")),
        "{output}"
    );
    drop(electors);
}

#[test]
fn a_hold_that_has_to_step_down_says_when_it_has_and_the_next_one_begins() {
    let (ns, user) = fresh();
    let gate = gate(&ns);
    let hold = |holder: &str| {
        let words = [
            "hold",
            "job",
            "--create",
            "--duration=60s",
            "--holder",
            holder,
        ];
        let script = shell(&format!("echo begun; {}", until_asked(&gate)));
        ns.command(&user, words).arg("--").args(script).spawn()
    };
    let first = hold("first");
    first.wait_stdout(|line| line == "begun", SOON);
    let second = hold("second");
    second.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    let output = ns.run(&user, FAILOVER);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(
        output
            .stdout
            .starts_with(&format!("{DONE}\"first\" to \"second\"")),
        "{output}"
    );
    assert!(output.elapsed < Duration::from_secs(10), "{output}");
    assert!(
        output
            .stderr
            .contains("\"first\" says that it has stopped\n"),
        "{output}"
    );
    assert_eq!(first.wait(SOON).code, Some(123));
    second.wait_stdout(|line| line == "begun", SOON);
    let ended = ask_to_end(&second, &gate);
    assert_eq!(second.wait(SOON).code, Some(ended));
}

#[test]
fn without_a_watch_it_works_too() {
    let (ns, _) = fresh();
    let user = ns.user(&["get", "update"]);
    let electors = election(&ns, Times::of(2));
    let output = ns.run(&user, FAILOVER);
    assert_eq!(output.code, Some(0), "{output}");
    drop(electors);
}

#[test]
fn the_lease_as_it_is_afterwards_is_printed_where_that_is_asked_for() {
    let (ns, user) = fresh();
    let electors = election(&ns, Times::of(2));
    let output = ns
        .command(&user, FAILOVER)
        .arg("-ojsonpath={.after.spec.holderIdentity}")
        .run();
    ended(&output, 0, "second");
    drop(electors);
}
