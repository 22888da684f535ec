//! The other commands where their results cannot be written, or nobody reads them.

use crate::support::{SOON, free, fresh, held, holder, said, said_like, stored, transitions};
use lease_harness::{Namespace, Outlet, Running, User};
use std::time::Duration;

const FULL: &str = "error: cannot write to stdout: No space left on device (os error 28)\n";
const TOO_LATE: &str =
    "error: nobody read the result in time: stdout is blocked, or was for long\n";

const SIGTERM: i32 = 15;

fn full() -> Outlet {
    Outlet::File("/dev/full".into())
}

fn blocked(ns: &Namespace, user: &User, words: &[&str]) -> Running {
    ns.command(user, words).stdout(Outlet::Full).spawn()
}

#[test]
fn a_renewal_that_cannot_be_said_is_one_all_the_same() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 60));
    let output = ns
        .command(&user, ["renew", "job", "--holder=me"])
        .stdout(full())
        .run();
    let expected = format!("{FULL}lease \"job\" was renewed all the same\n");
    said(&output, 1, "", &expected);
    let lease = stored(&ns, "job");
    assert_eq!((holder(&lease), transitions(&lease)), ("me", 3));
}

#[test]
fn a_renewal_that_nobody_reads_is_no_success_once_it_is_over() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 2));
    let output = blocked(&ns, &user, &["renew", "job", "--holder=me"]).wait(SOON);
    let expected = format!("{TOO_LATE}lease \"job\" was renewed all the same\n");
    said(&output, 123, "", &expected);
    assert!(output.elapsed >= Duration::from_secs(1), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "me");
}

#[test]
fn a_release_that_nobody_reads_is_one_and_ends_by_a_signal() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 60));
    let running = blocked(&ns, &user, &["release", "job", "--holder=me"]);
    ns.wait_until("job", |lease| holder(lease).is_empty(), SOON);
    running.wait_blocked(SOON);
    running.signal(SIGTERM);
    let expected = "interrupted before the result was read\n\
                    lease \"job\" was released all the same\n";
    said(&running.wait(SOON), 143, "", expected);
}

#[test]
fn a_release_is_read_as_late_as_one_likes() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 1));
    let running = blocked(&ns, &user, &["release", "job", "--holder=me"]);
    ns.wait_until("job", |lease| holder(lease).is_empty(), SOON);
    running.wait_blocked(SOON);
    running.read_on();
    let released = "lease.coordination.k8s.io/job released\n";
    said(&running.wait(SOON), 0, released, "");
}

#[test]
fn a_stolen_lease_is_kept_and_said_to_be() {
    for (outlet, signal, code, why) in [
        (full(), None, 1, FULL),
        (
            Outlet::Full,
            Some(SIGTERM),
            143,
            "interrupted before the result was read\n",
        ),
    ] {
        let (ns, user) = fresh();
        ns.create(&held("job", "victim", 60));
        let words = ["steal", "job", "--holder=me", "--yes", "--now"];
        let running = ns.command(&user, words).stdout(outlet).spawn();
        ns.wait_until("job", |lease| holder(lease) == "me", SOON);
        if let Some(signal) = signal {
            running.wait_blocked(SOON);
            running.signal(signal);
        }
        let expected = format!(
            "lease \"job\" is held by \"victim\"\n…\n{why}\
             lease \"job\" is held by \"me\" all the same, until its time is over\n\
             It may be held by \"me\". Look: …; free it: kubectl lease release job -n {} --holder me\n",
            ns.name()
        );
        said_like(&running.wait(SOON), code, "", &expected);
        assert_eq!(holder(&stored(&ns, "job")), "me");
    }
}

#[test]
fn a_thief_that_nobody_hears_keeps_its_lease_renewed() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 3));
    let words = ["steal", "job", "--holder=me", "--yes", "--duration=60s"];
    let command = ns.command(&user, words).stderr(Outlet::Full);
    let stolen = "lease.coordination.k8s.io/job stolen\n";
    said(&command.run(), 0, stolen, "");
    assert_eq!(holder(&stored(&ns, "job")), "me");
}

#[test]
fn a_created_holder_that_cannot_be_said_is_freed() {
    let (ns, user) = fresh();
    for (name, outlet, code) in [("a", full(), 1), ("b", Outlet::Broken, 1)] {
        let words = ["create", name, "--holder=me", "-o", "yaml"];
        let output = ns.command(&user, words).stdout(outlet).run();
        let expected = format!(
            "error: …\nlease \"{name}\" was created all the same\n\
             lease \"{name}\" was given back: it is not held\n"
        );
        said_like(&output, code, "", &expected);
        assert_eq!(holder(&stored(&ns, name)), "");
    }
}

#[test]
fn a_created_holder_that_nobody_reads_is_freed_in_time() {
    let (ns, user) = fresh();
    let words = ["create", "job", "--holder=me", "--duration=4s"];
    let output = blocked(&ns, &user, &words).wait(SOON);
    let expected = format!(
        "{TOO_LATE}lease \"job\" was created all the same\n\
         lease \"job\" was given back: it is not held\n"
    );
    said(&output, 123, "", &expected);
    assert_eq!(holder(&stored(&ns, "job")), "");
}

#[test]
fn a_lease_without_a_holder_is_created_whoever_reads_it() {
    let (ns, user) = fresh();
    let broken = ns.command(&user, ["create", "a"]).stdout(Outlet::Broken);
    said(&broken.run(), 0, "", "");
    let unwritten = ns.command(&user, ["create", "b"]).stdout(full());
    let expected = format!("{FULL}lease \"b\" was created all the same\n");
    said(&unwritten.run(), 1, "", &expected);
    for name in ["a", "b"] {
        assert_eq!(holder(&stored(&ns, name)), "");
    }
}

#[test]
fn an_answer_that_comes_out_too_late_is_not_that_it_is_held() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 2));
    let running = blocked(&ns, &user, &["check", "job", "--holder=me"]);
    std::thread::sleep(Duration::from_secs(3));
    running.read_on();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(122), "{output}");
}

#[test]
fn a_list_waits_for_a_slow_reader_and_is_whole() {
    let (ns, user) = fresh();
    for number in 0..20 {
        ns.create(&free(&format!("job-{number:02}")));
    }
    let whole = ns.run(&user, ["status", "-o", "name"]);
    assert_eq!(whole.stdout.lines().count(), 20);
    let running = blocked(&ns, &user, &["status", "-o", "name"]);
    std::thread::sleep(Duration::from_secs(1));
    assert!(running.is_running());
    running.read_on();
    said(&running.wait(SOON), 0, &whole.stdout, "");
}

#[test]
fn a_signal_ends_a_list_and_a_watch_that_nobody_reads() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    for words in [
        ["status"].as_slice(),
        &["status", "-w"],
        &["status", "-w", "-o", "json"],
    ] {
        let running = blocked(&ns, &user, words);
        std::thread::sleep(Duration::from_millis(500));
        assert!(running.is_running());
        running.signal(SIGTERM);
        let output = running.wait(SOON);
        assert!(
            output.code == Some(143) || output.signal == Some(SIGTERM),
            "{output}"
        );
    }
}
