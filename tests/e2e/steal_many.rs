//! `steal` of several: taken for themselves, kept renewed together, and handed out when the last victim must have stopped.

use crate::support::{
    ENV, SOON, VERBS, fresh, held, holder, marks, pass_to, renew, said_like, stored, transitions,
    untouched,
};
use lease_harness::{Fault, Latch, Match, Namespace, Proxy, lease};
use serde_json::{Value, json};
use std::time::Duration;

pub const STEAL: [&str; 3] = ["steal", "--holder=me", "--yes"];

pub fn stolen(names: &[&str]) -> String {
    let lines = names.iter();
    lines
        .map(|name| format!("lease.coordination.k8s.io/{name} stolen\n"))
        .collect()
}

pub fn labelled(ns: &Namespace, name: &str, holder: &str, duration: i64) -> Value {
    let mut lease = held(name, holder, duration);
    lease["metadata"]["labels"] = json!({ "app": "x" });
    ns.create(&lease)
}

#[test]
fn all_are_waited_for_together_and_kept_renewed_until_the_last_victim_must_have_stopped() {
    let (ns, user) = fresh();
    labelled(&ns, "a", "ada", 2);
    labelled(&ns, "b", "bob", 6);
    labelled(&ns, "c", "", 2);
    labelled(&ns, "d", "dan", 5);
    let steal = STEAL.into_iter().chain(["-l", "app=x"]);
    let running = ns.spawn(&user, steal);
    let waits = |line: &str| {
        let (waits, all) = (
            "waiting ",
            "until 3 earlier holders must have stopped; all of them are kept renewed",
        );
        line.starts_with(waits) && line.contains(all)
    };
    running.wait_stderr(waits, SOON);
    // Whose victim has two seconds has long expired for whoever watches, unless it is renewed.
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(output.stdout, stolen(&["a", "b", "c", "d"]), "{output}");
    let took = output.elapsed;
    assert!(took >= Duration::from_millis(5900), "{took:?}");
    assert!(
        took < Duration::from_secs(11),
        "the longest wait, and not the sum: {took:?}"
    );
    for (name, duration, count) in [("a", 2, 4), ("b", 6, 4), ("c", 2, 4), ("d", 5, 4)] {
        let lease = stored(&ns, name);
        assert_eq!(
            (holder(&lease), transitions(&lease)),
            ("me", count),
            "{name}"
        );
        assert_eq!(lease["spec"]["leaseDurationSeconds"], duration, "{name}");
        assert_ne!(
            lease["spec"]["acquireTime"], lease["spec"]["renewTime"],
            "{name}"
        );
        assert_eq!(marks(&lease), [""; 0], "{name}");
    }
    // The list was shown, and all can be given back at once.
    assert!(output.stderr.contains("bob"), "{output}");
    let freed = ns.run(&user, ["release", "-l", "app=x", "--holder=me"]);
    assert_eq!(freed.code, Some(0), "{freed}");
    assert_eq!(freed.stdout.lines().count(), 4, "{freed}");
}

#[test]
fn one_that_changes_hands_before_its_write_is_left_and_the_others_are_taken() {
    let (ns, user) = fresh();
    for name in ["a", "b", "c"] {
        labelled(&ns, name, "ada", 60);
    }
    let proxy = Proxy::to(ns.cluster());
    let latch = Latch::closed();
    for name in ["/leases/a", "/leases/b"] {
        let held_back = Fault::HeldBack(latch.clone());
        proxy.fault(Match::put().path(name), held_back, 1);
    }
    let steal = STEAL.into_iter().chain(["a", "b", "c", "--now"]);
    let running = ns.command(&user, steal).via(&proxy).spawn();
    let written = |name: &'static str| {
        move |all: &[lease_harness::Request]| {
            let to = |request: &&lease_harness::Request| {
                request.method == "PUT" && request.path.ends_with(name)
            };
            all.iter().any(|request| to(&request))
        }
    };
    proxy.wait_for(|all| written("/a")(all) && written("/b")(all), SOON);
    let taken = ns.edit("a", |lease| {
        lease["spec"]["holderIdentity"] = "third".into();
        lease["spec"]["leaseTransitions"] = 9.into();
    });
    // A live victim that renews is the one that was shown.
    renew(&ns, "b", 0);
    latch.open();
    let output = running.wait(SOON);
    let result = (output.code, output.stdout.as_str());
    assert_eq!(
        result,
        (Some(122), stolen(&["b", "c"]).as_str()),
        "{output}"
    );
    let refusal = "error: lease \"a\" is held by \"third\" now, not by \"ada\", who was shown\n";
    assert!(output.stderr.contains(refusal), "{output}");
    untouched(&ns, &taken);
    assert_eq!(holder(&stored(&ns, "b")), "me");
}

#[test]
fn interrupted_while_it_waits_it_says_which_are_whose_and_a_loss_is_of_one_alone() {
    let (ns, user) = fresh();
    labelled(&ns, "a", "ada", 30);
    labelled(&ns, "b", "bob", 20);
    let running = ns.command(&user, STEAL.into_iter().chain(["a", "b", "gone"]));
    let running = running.own_console().spawn();
    running.wait_stderr(|line| line.starts_with("waiting "), SOON);
    running.interrupt();
    let output = running.wait(SOON);
    assert_eq!((output.code, &*output.stdout), (Some(130), ""), "{output}");
    let n = ns.name();
    let whose = format!(
        "interrupted: lease \"a\" stays yours until it expires; \"ada\" may still be running\n\
        interrupted: lease \"b\" stays yours until it expires; \"bob\" may still be running\n\
        To wait for that and acquire what stays yours again: kubectl lease acquire a b -n {n} --holder me --reenter. If its earlier holders are known to have stopped: kubectl lease release a b -n {n} --holder me --now\n"
    );
    assert!(output.stderr.ends_with(&whose), "{output}");
    // As after a single one: the victims are shielded.
    for name in ["a", "b"] {
        assert_eq!(holder(&stored(&ns, name)), "me");
        let release = ns.run(&user, ["release", name, "--holder=me"]);
        assert_eq!(release.code, Some(122), "{release}");
    }
    let release = ns.run(&user, ["release", "-l", "app=x", "--holder=me"]);
    assert_eq!(release.code, Some(122), "{release}");
    // One is lost while all are waited for: whoever waits for the others has them.
    for name in ["a", "b"] {
        ns.delete(name);
        labelled(&ns, name, "ada", 3);
    }
    let running = ns.spawn(&user, STEAL.into_iter().chain(["a", "b"]));
    running.wait_stderr(|line| line.starts_with("waiting"), SOON);
    let taken = pass_to(&ns, "a", "third");
    let output = running.wait(SOON);
    let result = (output.code, output.stdout.as_str());
    assert_eq!(result, (Some(123), stolen(&["b"]).as_str()), "{output}");
    let lost = "error: lease \"a\" lost: taken over by \"third\"\n";
    assert!(output.stderr.ends_with(lost), "{output}");
    untouched(&ns, &taken);
}

#[cfg(unix)] // a terminal
#[test]
fn a_list_is_asked_about_once_and_what_is_no_lock_is_taken_only_by_force() {
    let (ns, _) = fresh();
    let user = ns.user(&VERBS);
    labelled(&ns, "a", "ada", 60);
    labelled(&ns, "b", "bob", 60);
    ns.create(&crate::other_clients::heartbeat());
    ns.edit("job", |lease| {
        lease["metadata"]["labels"] = json!({ "app": "x" })
    });
    let steal = ["steal", "-l", "app=x", "--holder=me", "--now"];
    let before = stored(&ns, "a");
    for (answer, code) in [(&b"n\r"[..], 120), (b"\x03", 130)] {
        let terminal = ns.command(&user, steal).spawn_pty(60, 140);
        let question = "Take these 2 leases over?";
        let screen = terminal.wait_screen(|text| text.contains(question), SOON);
        assert!(
            screen.contains("left as they are, of 3 leases: 1 not a lock"),
            "{screen}"
        );
        assert!(
            screen.contains("bob") && !screen.contains("node-a"),
            "{screen}"
        );
        terminal.send(answer);
        assert_eq!(terminal.wait(SOON).code(), Some(code));
        untouched(&ns, &before);
    }
    let output = ns.run(&user, steal);
    assert_eq!((output.code, &*output.stdout), (Some(120), ""), "{output}");
    let output = ns.run(&user, steal.into_iter().chain(["--yes", "-o", "json"]));
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let names: Vec<&Value> = (list["items"].as_array().into_iter().flatten())
        .map(|item| &item["metadata"]["name"])
        .collect();
    assert_eq!(names, ["a", "b"], "{output}");
    let other = ["steal", "--yes", "--now", "job", "a"];
    let named = ns.run(&user, other.into_iter().chain(["--holder=you"]));
    assert_eq!((named.code, named.stdout), (Some(120), stolen(&["a"])));
    let forced = ns.run(&user, other.into_iter().chain(["--holder=us", "--force"]));
    assert_eq!(
        (forced.code, forced.stdout),
        (Some(0), stolen(&["job", "a"]))
    );
    crate::usage::refused(&[(
        &["steal", "a", "b", "--yes", "-o", ENV],
        "error: -o env hands one grant on, and this is about several leases".into(),
    )]);
}

#[test]
fn what_is_endless_is_not_waited_for_and_lost_replies_are_recognised() {
    let (ns, user) = fresh();
    ns.create(&lease("a").holder("kured").build());
    ns.create(&held("b", "bob", 3));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), Fault::HangAfterCommit, 1);
    let running = ns
        .command(&user, STEAL.into_iter().chain(["a", "b"]))
        .via(&proxy)
        .spawn();
    let output = running.wait(SOON);
    let result = (output.code, output.stdout.as_str());
    assert_eq!(result, (Some(0), stolen(&["a", "b"]).as_str()), "{output}");
    assert!(
        output
            .stderr
            .contains("make sure that they have stopped: \"kured\""),
        "{output}"
    );
    for name in ["a", "b"] {
        assert_eq!(holder(&stored(&ns, name)), "me");
    }
    // Nobody reads the result: they are held all the same, and that is said.
    let output = ns.command(&user, ["steal", "a", "b", "--holder=you", "--yes", "--now"]);
    let output = output.stdout(lease_harness::Outlet::Broken).run();
    said_like_end(
        &output.stderr,
        "error: nobody read the result: the reader of stdout has gone\nheld by \"you\" anyway, until they expire: \"a\", \"b\"\n",
    );
    assert_eq!(output.code, Some(1), "{output}");
    // Not so those that nobody runs beside.
    for name in ["a", "b"] {
        crate::support::set_free(&ns, name);
    }
    let output = ns.command(&user, ["steal", "a", "b", "--holder=you", "--yes"]);
    let output = output.stdout(lease_harness::Outlet::Broken).run();
    said_like_end(
        &output.stderr,
        "error: nobody read the result: the reader of stdout has gone\ngiven back: \"a\", \"b\"\n",
    );
    assert_eq!(output.code, Some(1), "{output}");
    for name in ["a", "b"] {
        assert_eq!(holder(&stored(&ns, name)), "");
    }
    let nobody = ns.user(&["get"]);
    let refused = ns.run(&nobody, STEAL.into_iter().chain(["a", "b", "--now"]));
    assert_eq!(refused.code, Some(1), "{refused}");
    said_like(
        &ns.run(&user, ["steal", "-l", "app=none"]),
        0,
        "",
        "No leases found in … namespace.\n",
    );
}

#[track_caller]
fn said_like_end(text: &str, part: &str) {
    assert!(text.contains(part), "not\n{part}\nbut\n{text}");
}

#[test]
fn none_of_very_many_is_lost_while_the_others_are_taken_and_waited_for() {
    let (ns, user) = fresh();
    let count = 60;
    for number in 0..count {
        labelled(&ns, &format!("job-{number:03}"), "ada", 8);
    }
    let proxy = Proxy::to(ns.cluster());
    let url = ns.kubeconfig_via(&user, &proxy.url());
    let steal = ns.command(&user, STEAL.into_iter().chain(["-l", "app=x"]));
    let output = steal.kubeconfig(&url).run();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(output.stdout.lines().count(), count, "{output}");
    let lists = proxy.requests();
    // Each is watched for the word of its victim.
    let is_watch = |request: &&lease_harness::Request| request.query.contains("watch=");
    let reads = lists
        .iter()
        .filter(|request| request.method == "GET" && !is_watch(request));
    // What was listed is what is written: no more than the list and the version is read. What a watch that the server ended may have
    // missed is read when it ends, and now and then until there is another one.
    let ended = lists.iter().filter(|request| request.server_ended);
    let (reads, ended) = (reads.count(), ended.count());
    assert!(
        reads <= 3 + 3 * ended,
        "{reads} reads, {ended} ended\n{output}"
    );
    assert!(
        output.elapsed < Duration::from_secs(20),
        "{:?}",
        output.elapsed
    );
}

#[test]
fn what_is_ones_own_already_is_left_and_only_what_came_since_is_waited_for() {
    let (ns, user) = fresh();
    let mine = ["a", "b"].map(|name| labelled(&ns, name, "me", 3600));
    labelled(&ns, "new", "ada", 1);
    // Too short for what is asked, whoever has it.
    labelled(&ns, "short", "me", 2);
    let bulk = [&STEAL[..], &["-lapp=x", "--duration=1h"]].concat();
    let output = ns.run(&user, bulk.clone());
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(output.stdout, stolen(&["new", "short"]), "{output}");
    for name in ["new", "short"] {
        assert_eq!(stored(&ns, name)["spec"]["leaseDurationSeconds"], 3600);
    }
    let left = "left as they are, of 4 leases: 2 yours already\n";
    assert!(output.stderr.contains(left), "{output}");
    let output = ns.run(&user, bulk);
    said_like(&output, 0, "", &left.replace("2 yours", "4 yours"));
    let output = ns.run(&user, [&STEAL[..], &["a", "b"]].concat());
    let line = |name: &str| format!("lease \"{name}\" is left: it is yours already\n");
    said_like(&output, 0, "", &(line("a") + &line("b")));
    for lease in &mine {
        untouched(&ns, lease);
    }
    let freed = ns.run(&user, ["release", "-lapp=x", "--holder=me", "-q"]);
    assert_eq!(freed.code, Some(0), "{freed}");
    assert_eq!(marks(&stored(&ns, "new")), [""; 0]);
}

#[test]
fn what_may_still_run_beside_an_interrupted_steal_is_waited_for_again() {
    let (ns, user) = fresh();
    let mut lease = held("a", "me", 1);
    lease["metadata"]["labels"] = json!({ "app": "x" });
    lease["metadata"]["annotations"] = json!({ "kubectl-lease/victim": "3 ada" });
    ns.create(&lease);
    let output = ns.run(&user, [&STEAL[..], &["-lapp=x"]].concat());
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(output.stdout, stolen(&["a"]), "{output}");
}
