//! `--slots`: so many holders at a time, over as many leases.

use crate::hold::scene::{environment, shell};
use crate::support::{
    ENV, SOON, ended, free, fresh, held, holder, in_time_once, matches, renew, requested,
    said_like, set_free, stored, wait_until, watching,
};
use lease_harness::{
    Command, Fault, Match, Namespace, Output, Proxy, Request, Rule, Running, User,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

mod first;
#[cfg(unix)] // a shell that asks which processes live
mod killed;
mod limits;
mod made;
mod said;
mod shown;
mod tried;

/// This lease as one of so many slots.
fn slot(mut lease: Value, of: usize) -> Value {
    let name = lease["metadata"]["name"].as_str().unwrap_or_default();
    let (of_name, _) = name.rsplit_once('-').expect("a slot's name");
    lease["metadata"]["labels"] = json!({ "kubectl-lease/slot-of": of_name });
    lease["metadata"]["annotations"] = json!({ "kubectl-lease/slots": of.to_string() });
    lease
}

/// A namespace with as many slots of `pool` as there are holders; an empty one is nobody.
fn pool(holders: &[&str], duration: i64) -> (Namespace, User) {
    let (ns, user) = fresh();
    for (index, holder) in holders.iter().enumerate() {
        let name = format!("pool-{index}");
        let lease = match *holder {
            "" => free(&name),
            holder => held(&name, holder, duration),
        };
        ns.create(&slot(lease, holders.len()));
    }
    (ns, user)
}

fn acquire(ns: &Namespace, user: &User, slots: &str, flags: &[&str]) -> Command {
    let command = ns.command(user, ["acquire", "pool", "--slots", slots]);
    flags
        .iter()
        .fold(command, |command, flag| command.arg(flag))
}

fn hold(ns: &Namespace, user: &User, slots: &str, script: &str) -> Command {
    let arguments = ["hold", "pool", "--slots", slots, "--create", "--"];
    ns.command(user, arguments).args(shell(script))
}

/// The holders of the slots that are there.
fn holders(ns: &Namespace, count: usize) -> Vec<String> {
    let names = (0..count).map(|index| ns.get(&format!("pool-{index}")));
    let there = names.flatten();
    there.map(|lease| holder(&lease).to_owned()).collect()
}

/// Which slots this one has.
fn slots_of(ns: &Namespace, count: usize, me: &str) -> Vec<usize> {
    let all = holders(ns, count);
    (0..all.len()).filter(|index| all[*index] == me).collect()
}

fn waits(running: &Running) {
    running.wait_stderr(|line| line.starts_with("waiting for a slot of"), SOON);
}

#[test]
fn each_command_sees_its_slot_and_can_renew_and_check_that_by_name() {
    let (ns, user) = fresh();
    let script = format!(
        "echo $KUBECTL_LEASE_SLOT $KUBECTL_LEASE_NAME; \
        kubectl lease check $KUBECTL_LEASE_NAME; kubectl lease renew $KUBECTL_LEASE_NAME; \
        kubectl lease release $KUBECTL_LEASE_NAME; echo $?; \
        kubectl lease hold other --create -- {}",
        environment(&["KUBECTL_LEASE_SLOT", "KUBECTL_LEASE_NAME"])
    );
    let output = hold(&ns, &user, "3", &script).run();
    let slot = output.stdout.lines().next().unwrap_or_default();
    let slot = slot.split(' ').next().unwrap_or_default().to_owned();
    // The first to come makes the first of them.
    assert_eq!(slot, "0", "{output}");
    let pattern = "0 pool-0\nlease.coordination.k8s.io/pool-0 held\nlease.coordination.k8s.io/pool-0 renewed\n122\nKUBECTL_LEASE_NAME=other\n";
    // Outside it has no slot: that is empty, or not set.
    let stdout = output.stdout.replace("KUBECTL_LEASE_SLOT=\n", "");
    assert!(matches(&stdout, pattern), "{output}");
    assert_eq!(output.code, Some(0), "{output}");
    let first = stored(&ns, "pool-0");
    assert_eq!(holder(&first), "", "released");
    assert_eq!(
        first["metadata"]["annotations"],
        json!({ "kubectl-lease/slots": "3" })
    );
    assert_eq!(
        first["metadata"]["labels"],
        json!({ "kubectl-lease/slot-of": "pool" })
    );
    // An exported grant names its own lease too.
    let output = acquire(&ns, &user, "3", &["--create", "--unique", "-o", ENV]).run();
    assert_eq!(output.code, Some(0), "{output}");
    let slot =
        (output.stdout.lines()).find_map(|line| line.strip_prefix("export KUBECTL_LEASE_SLOT="));
    let name = format!("export KUBECTL_LEASE_NAME=pool-{}\n", slot.expect("a slot"));
    assert!(output.stdout.contains(&name), "{output}");
}

#[cfg(unix)] // a shell that makes and counts folders
#[test]
fn of_one_contender_more_than_slots_all_get_in_50_times_and_never_more_at_a_time_than_slots() {
    const ROUNDS: usize = 50;
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let folder = ns.file("inside", "").with_file_name("slots");
    std::fs::create_dir(&folder).expect("the folder is ours");
    // Whoever is in there beside two others, or twice in one slot, says so; nobody leaves before somebody waits.
    let open = folder.with_file_name("open");
    let script = format!(
        "cd {} && mkdir $KUBECTL_LEASE_SLOT || exit 9; [ $(ls | wc -l) -le 2 ] || exit 10; \
         until [ -e {} ]; do sleep 0.01; done; rmdir $KUBECTL_LEASE_SLOT",
        folder.display(),
        open.display()
    );
    // Plain HTTP to a proxy: no TLS handshake for each process.
    let url = ns.kubeconfig_via(&user, &proxy.url());
    let command = hold(&ns, &user, "2", &script).kubeconfig(&url);
    for round in 0..ROUNDS {
        let all: Vec<Running> = (0..3).map(|_| command.spawn()).collect();
        wait_until(|| {
            let mut said = all.iter().map(Running::stderr);
            said.any(|said| said.contains("waiting for a slot of"))
        });
        std::fs::write(&open, "").expect("the folder is ours");
        for one in all {
            let output = one.wait(Duration::from_secs(60));
            assert_eq!(output.code, Some(0), "round {round}: {output}");
        }
        std::fs::remove_file(&open).expect("it is ours");
    }
    assert_eq!(holders(&ns, 2), ["", ""]);
}

#[test]
fn a_waiter_has_one_watch_and_takes_whichever_is_released_within_half_a_second() {
    let (ns, user) = pool(&["a", "b", "c"], 60);
    in_time_once(Duration::from_millis(500), 3, |round| {
        let index = [1, 2, 0][round % 3];
        let proxy = Proxy::to(ns.cluster());
        let running = acquire(&ns, &user, "3", &["--holder=me"])
            .via(&proxy)
            .spawn();
        waits(&running);
        watching(&proxy);
        // What lives is no news.
        (1..4).for_each(|seconds| renew(&ns, "pool-1", seconds));
        let released = Instant::now();
        let name = format!("pool-{index}");
        set_free(&ns, &name);
        let output = running.wait(SOON);
        let took = released.elapsed();
        let expected = "waiting for a slot of \"pool\": all 3 slots are held: slot 0 by \"a\", slot 1 by \"b\", slot 2 by \"c\"; \
                the next is free in at most …s unless renewed\n";
        said_like(
            &output,
            0,
            &format!("lease.coordination.k8s.io/{name} acquired\n"),
            expected,
        );
        requested(&proxy.requests(), &["GET", "GET", "GET", "WATCH", "PUT"]);
        let by = ["a", "b", "c"][index];
        ns.edit(&name, |lease| lease["spec"]["holderIdentity"] = by.into());
        took
    });
}

#[test]
fn a_dead_holder_of_one_slot_is_outlived_while_the_others_are_renewed() {
    let (ns, user) = pool(&["live", "dead", "live"], 3);
    let running = acquire(&ns, &user, "3", &["--holder=me", "--proof=observed"]).spawn();
    waits(&running);
    let begun = Instant::now();
    while running.is_running() && begun.elapsed() < SOON {
        renew(&ns, "pool-0", 0);
        renew(&ns, "pool-2", 0);
        // The pace of the renewals, not a wait for anything.
        std::thread::sleep(Duration::from_millis(300));
    }
    let output = running.wait(SOON);
    let stdout = "lease.coordination.k8s.io/pool-1 acquired\n";
    said_like(&output, 0, stdout, "waiting for a slot of \"pool\": …\n");
    let took = output.elapsed;
    assert!(
        took >= Duration::from_secs(3) && took < Duration::from_secs(7),
        "{took:?}"
    );
}

#[test]
fn where_they_may_not_be_watched_together_each_is_watched_or_all_are_read() {
    let (ns, _) = pool(&["a", "b"], 60);
    // A Role that names them allows to watch each for itself.
    let named = |verbs: &[&str]| {
        let rule = Rule::leases(verbs).named(&["pool-0", "pool-1"]);
        ns.user_with(&[rule])
    };
    let proxy = Proxy::to(ns.cluster());
    let user = named(&["get", "update", "watch"]);
    let running = acquire(&ns, &user, "2", &["--holder=me"])
        .via(&proxy)
        .spawn();
    let watched = |all: &[Request]| all.iter().filter(|r| r.is_answered_watch()).count();
    proxy.wait_for(|all| watched(all) == 2, SOON);
    set_free(&ns, "pool-1");
    let output = running.wait(SOON);
    let stdout = "lease.coordination.k8s.io/pool-1 acquired\n";
    said_like(&output, 0, stdout, "waiting for a slot of …\n");
    let user = named(&["get", "update"]);
    let running = acquire(&ns, &user, "2", &["--holder=you"]).spawn();
    running.wait_stderr(|line| line.contains("cannot be watched"), SOON);
    set_free(&ns, "pool-0");
    let output = running.wait(SOON);
    ended(&output, 0, "lease.coordination.k8s.io/pool-0 acquired\n");
}

#[test]
fn a_grant_whose_reply_is_lost_is_recognised_and_no_second_slot_taken() {
    for fault in [Fault::DropReply, Fault::HangAfterCommit] {
        let (ns, user) = pool(&["", "", ""], 60);
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::put(), fault, 1);
        let output = acquire(&ns, &user, "3", &["--holder=me"]).via(&proxy).run();
        assert_eq!(output.code, Some(0), "{output}");
        let own = slots_of(&ns, 3, "me");
        assert_eq!(own.len(), 1, "{output}");
        let stdout = format!("lease.coordination.k8s.io/pool-{} acquired\n", own[0]);
        assert_eq!(output.stdout, stdout);
    }
}

#[test]
fn who_is_interrupted_leaves_no_slot_held_be_it_waiting_or_with_a_write_on_its_way() {
    let (ns, user) = pool(&["a", "b"], 60);
    let running = acquire(&ns, &user, "2", &["--holder=me"])
        .own_console()
        .spawn();
    waits(&running);
    running.interrupt();
    let output = running.wait(SOON);
    assert_eq!(
        (output.code, holders(&ns, 2).join(" ").as_str()),
        (Some(130), "a b"),
        "{output}"
    );
    for fault in [Fault::HangAfterCommit, Fault::Hang] {
        let (ns, user) = pool(&["", ""], 60);
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::put(), fault, 1);
        let running = acquire(&ns, &user, "2", &["--holder=me"])
            .via(&proxy)
            .own_console()
            .spawn();
        proxy.wait_for(
            |all| all.iter().any(|request| request.method == "PUT"),
            SOON,
        );
        running.interrupt();
        let output = running.wait(Duration::from_secs(40));
        assert_eq!(output.code, Some(130), "{output}");
        assert_eq!(holders(&ns, 2), ["", ""], "{output}");
    }
}

#[test]
fn a_hold_that_loses_its_slot_names_it_and_stops_its_command() {
    let (ns, user) = pool(&["a", ""], 60);
    let running = hold(&ns, &user, "2", "echo in; sleep 60").spawn();
    running.wait_stdout(|line| line == "in", SOON);
    let steal = ["steal", "pool-1", "--holder=thief", "--yes", "--now"];
    assert_eq!(ns.run(&user, steal).code, Some(0));
    let output: Output = running.wait(SOON);
    said_like(
        &output,
        123,
        "in\n",
        "lease \"pool-1\" lost: taken over by \"thief\"\n",
    );
}

#[test]
fn who_is_interrupted_twice_goes_at_once_and_names_the_slot_that_may_be_held() {
    let (ns, user) = pool(&["", ""], 60);
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), Fault::HangAfterCommit, 1);
    let running = acquire(&ns, &user, "2", &["--holder=me"])
        .via(&proxy)
        .own_console()
        .spawn();
    proxy.wait_for(
        |all| {
            all.iter()
                .any(|r| r.upstream_status == Some(200) && r.method == "PUT")
        },
        SOON,
    );
    running.interrupt();
    running.terminate();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(130), "{output}");
    let own = slots_of(&ns, 2, "me");
    let named = format!("lease \"pool-{}\"", own.first().expect("it was done"));
    assert!(output.stderr.contains(&named), "{output}");
}
