//! The other commands where their results cannot be written, or nobody reads them.

use crate::support::{
    SOON, VERBS, ended, free, fresh, held, holder, said, said_like, stored, transitions,
};
use lease_harness::{Fault, Match, Namespace, Outlet, Proxy, Running, User, lease};
use serde_json::Value;
use std::time::Duration;

const FULL: &str = "error: cannot write to stdout: No space left on device (os error 28)\n";
const TOO_LATE: &str =
    "error: nobody read the result in time: stdout is blocked, or was for too long\n";

const SIGTERM: i32 = 15;

fn full() -> Outlet {
    Outlet::File("/dev/full".into())
}

fn blocked(ns: &Namespace, user: &User, words: &[&str]) -> Running {
    ns.command(user, words).stdout(Outlet::Full).spawn()
}

#[test]
fn a_steal_and_a_release_that_nobody_reads_are_ones_and_said_to_be() {
    let interrupted = "interrupted before the result was read\n";
    // At once, beside a victim that may run; after the wait; and where nobody had it.
    for (outlet, signal, code, why, victim, how) in [
        (full(), None, 1, FULL, "victim", "--now"),
        (
            Outlet::Full,
            Some(SIGTERM),
            143,
            interrupted,
            "victim",
            "--now",
        ),
        (full(), None, 1, FULL, "victim", "--yes"),
        (
            Outlet::Full,
            Some(SIGTERM),
            143,
            interrupted,
            "victim",
            "--yes",
        ),
        (full(), None, 1, FULL, "", "--yes"),
    ] {
        let (ns, user) = fresh();
        let duration = if how == "--now" { 60 } else { 1 };
        ns.create(&held("job", victim, duration));
        let words = ["steal", "job", "--holder=me", "--yes", "--duration=1h", how];
        let running = ns.command(&user, words).stdout(outlet).spawn();
        if let Some(signal) = signal {
            running.wait_blocked(SOON);
            running.signal(signal);
        }
        let output = running.wait(SOON);
        ended(&output, code, "");
        let (fate, left) = match how {
            "--now" => (
                format!(
                    "lease \"job\" is held by \"me\" until it expires: released now, somebody could take it while an earlier command still runs\n\
                     Until when: kubectl lease status job -n {n}\n\
                     If the earlier holder is known to have stopped, free it: kubectl lease release job -n {n} --holder me --now\n",
                    n = ns.name()
                ),
                "me",
            ),
            _ => (
                "lease \"job\" was released: nobody holds it\n".to_owned(),
                "",
            ),
        };
        assert!(output.stderr.ends_with(&format!("{why}{fate}")), "{output}");
        assert_eq!(holder(&stored(&ns, "job")), left);
    }
    let released = "lease.coordination.k8s.io/job released\n";
    let interrupted = format!("{interrupted}lease \"job\" was released anyway\n");
    for (signal, code, stdout, stderr) in [
        (None, 0, released, ""),
        (Some(SIGTERM), 143, "", &*interrupted),
    ] {
        let (ns, user) = fresh();
        ns.create(&held("job", "me", 1));
        let running = blocked(&ns, &user, &["release", "job", "--holder=me"]);
        ns.wait_until("job", |lease| holder(lease).is_empty(), SOON);
        running.wait_blocked(SOON);
        match signal {
            Some(signal) => running.signal(signal),
            None => running.read_on(),
        }
        said(&running.wait(SOON), code, stdout, stderr);
    }
}

/// Nothing tells when whoever had it has stopped, waited for or not.
#[test]
fn a_lock_without_a_duration_that_nobody_hears_of_stays_beside_whoever_had_it() {
    for how in ["--yes", "--now"] {
        let (ns, user) = fresh();
        ns.create(&lease("job").holder("terraform").build());
        ns.create(&lease("other").holder("terraform").build());
        for names in [&["job"][..], &["job", "other"]] {
            let words = [&["steal", "--holder=me", "--yes", how][..], names].concat();
            let output = ns.command(&user, words).stdout(full()).run();
            assert_eq!(output.code, Some(1), "{output}");
            assert!(output.stderr.contains("held by \"me\""), "{output}");
            assert_eq!(holder(&stored(&ns, "job")), "me", "{output}");
        }
    }
}

/// What was written and not answered is no lease that is held.
#[test]
fn of_several_that_nobody_hears_of_each_is_told_as_far_as_it_is_known() {
    let (ns, user) = fresh();
    for name in ["a", "b"] {
        ns.create(&free(name));
    }
    let proxy = Proxy::to(ns.cluster());
    let is_release = |lease: &Value| lease["spec"]["holderIdentity"].is_null();
    let refused = Fault::status(403, "Forbidden", "no more");
    proxy.fault(Match::put().path("/b").body(is_release), refused, 99);
    let words = ["steal", "--holder=me", "--yes", "a", "b"];
    let output = ns.command(&user, words).via(&proxy).stdout(full()).run();
    let expected = format!(
        "{FULL}given back: \"a\"\nthese may be held by \"me\" (Error from server (Forbidden): no more): \"b\"\nLook: …\n"
    );
    said_like(&output, 1, "", &expected);
    assert_eq!(holder(&stored(&ns, "a")), "");
}

#[test]
fn a_renewal_that_nobody_hears_of_is_one_but_no_success_once_it_is_over() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 2));
    let renew = ["renew", "job", "--holder=me"];
    let all_the_same = "lease \"job\" was renewed anyway\n";
    let output = ns.command(&user, renew).stdout(full()).run();
    said(&output, 1, "", &format!("{FULL}{all_the_same}"));
    let output = blocked(&ns, &user, &renew).wait(SOON);
    said(&output, 123, "", &format!("{TOO_LATE}{all_the_same}"));
    assert!(output.elapsed >= Duration::from_secs(1), "{output}");
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 3));
    // Nor is an answer that comes out too late that it is held.
    ns.delete("job");
    ns.create(&held("job", "me", 3));
    let running = blocked(&ns, &user, &["check", "job", "--holder=me"]);
    running.wait_blocked(SOON);
    // Its time passes: that is what the answer depends on.
    std::thread::sleep(Duration::from_millis(3100));
    running.read_on();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(122), "{output}");
}

#[test]
fn a_created_holder_that_nobody_hears_of_is_freed_and_what_names_none_stays() {
    let (ns, user) = fresh();
    let only = VERBS.into_iter().filter(|verb| *verb != "update");
    let creator = ns.user(&only.collect::<Vec<_>>());
    let given_back = "lease \"job\" was released: nobody holds it\n";
    let left = "error: lease \"job\" could not be released: Error from server (Forbidden): …\n\
                It may be held by \"me\". …\n";
    for (user, outlet, flags, code, why, then) in [
        (
            &user,
            full(),
            &["--holder=me", "-oyaml"][..],
            1,
            FULL,
            given_back,
        ),
        (
            &user,
            Outlet::Full,
            &["--holder=me", "--duration=3s"],
            123,
            TOO_LATE,
            given_back,
        ),
        (&user, full(), &[], 1, FULL, ""),
        (&creator, full(), &["--holder=me"], 1, FULL, left),
    ] {
        let words = ["create", "job"].iter().chain(flags);
        let output = ns.command(user, words).stdout(outlet).spawn().wait(SOON);
        let expected = format!("{why}lease \"job\" was created anyway\n{then}");
        said_like(&output, code, "", &expected);
        let by = if then == left { "me" } else { "" };
        assert_eq!(holder(&stored(&ns, "job")), by);
        ns.delete("job");
    }
    let broken = ns.command(&user, ["create", "job"]).stdout(Outlet::Broken);
    said(&broken.run(), 0, "", "");
    assert!(ns.get("job").is_some());
}

#[test]
fn a_list_waits_for_a_slow_reader_and_is_whole_and_a_signal_ends_it() {
    let (ns, user) = fresh();
    for number in 0..20 {
        ns.create(&free(&format!("job-{number:02}")));
    }
    let list = ["status", "-o", "name"];
    let whole = ns.run(&user, list);
    assert_eq!(whole.stdout.lines().count(), 20);
    let running = blocked(&ns, &user, &list);
    running.wait_blocked(SOON);
    running.read_on();
    said(&running.wait(SOON), 0, &whole.stdout, "");
    for words in [&["status"][..], &["status", "-w"]] {
        let running = blocked(&ns, &user, words);
        running.wait_blocked(SOON);
        running.signal(SIGTERM);
        let output = running.wait(SOON);
        let ended = output.code == Some(143) || output.signal == Some(SIGTERM);
        assert!(ended, "{output}");
    }
}

#[test]
fn of_many_that_were_released_the_reason_why_that_cannot_be_said_is_said_once() {
    let (ns, user) = fresh();
    let names = ["a", "b", "c"];
    for name in names {
        ns.create(&held(name, "me", 60));
    }
    for words in [&["a", "b", "c"][..], &["--selector=!x"]] {
        for name in names {
            crate::support::pass_to(&ns, name, "me");
        }
        let release = [&["release", "--holder=me"], words].concat();
        let output = ns.command(&user, release).stdout(full()).run();
        let each = names.map(|name| format!("lease \"{name}\" was released anyway\n"));
        said(&output, 1, "", &(FULL.to_owned() + &each.concat()));
    }
}
