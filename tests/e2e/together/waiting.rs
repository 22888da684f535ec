//! Waiting for one while another is held: it is kept meanwhile, it may be lost meanwhile, and it is given back where the wait fails.

use super::scene::{Scene, is};
use crate::support::{SOON, ended, pass_to, set_free};
use lease_harness::{Fault, Match, Request, TERMINATED};
use std::time::Duration;

/// Of the requests that the server carried out, when the last write like this came.
fn last(all: &[Request], write: &str) -> std::time::Instant {
    let like = |request: &&Request| super::scene::written(request).as_deref() == Some(write);
    all.iter().rfind(like).expect("it was written").at
}

#[test]
fn what_is_held_already_is_renewed_while_another_is_waited_for_and_is_fresh_when_the_command_begins()
 {
    let scene = Scene::new(3);
    scene.ns.edit("b", |lease| {
        lease["spec"]["holderIdentity"] = "other".into();
        lease["spec"]["leaseDurationSeconds"] = 600.into();
    });
    let running = scene.hold("hold c b a", "echo ran").spawn();
    let waits = |line: &str| line.starts_with("waiting for lease \"b\": held by \"other\"");
    running.wait_stderr(waits, SOON);
    running.wait_stderr(|line| line == "lease \"a\" is held meanwhile", SOON);
    // Longer than a holds without a renewal.
    scene.wait_written("~a", 4);
    let [a, b, c] = scene.holders();
    assert!(a.starts_with("me_") && b == "other" && c.is_empty());
    set_free(&scene.ns, "b");
    let output = running.wait(SOON);
    ended(&output, 0, "ran\n");
    assert!(
        output
            .stderr
            .contains("leases \"a\", \"b\", \"c\" acquired after"),
        "{output}"
    );
    assert_eq!(scene.taken_and_given(), "+a +b +c -c -b -a");
    let all = scene.proxy.requests();
    let age = last(&all, "-c").duration_since(last(&all, "~a"));
    assert!(age < Duration::from_secs(1), "{age:?}\n{output}");
}

#[test]
fn one_that_is_lost_meanwhile_is_acquired_anew_and_none_that_comes_later_is_held_for_that() {
    let scene = Scene::new(3);
    pass_to(&scene.ns, "c", "other");
    scene.ns.edit("c", |lease| {
        lease["spec"]["leaseDurationSeconds"] = 600.into()
    });
    let running = scene.hold("hold a b c", "echo ran").spawn();
    running.wait_stderr(|line| line.starts_with("waiting for lease \"c\""), SOON);
    running.wait_stderr(
        |line| line == "leases \"a\", \"b\" are held meanwhile",
        SOON,
    );
    // For longer than the first is looked at below.
    scene.ns.edit("b", |lease| {
        lease["spec"]["holderIdentity"] = "thief".into();
        lease["spec"]["leaseDurationSeconds"] = 600.into();
    });
    let lost =
        "lease \"b\" lost before all were acquired: taken over by \"thief\"; acquiring it again";
    running.wait_stderr(|line| line == lost, SOON);
    running.wait_stderr(
        |line| line.starts_with("waiting for lease \"b\": held by \"thief\""),
        SOON,
    );
    // The first is kept all the while.
    scene.wait_written("~a", 3);
    pass_to(&scene.ns, "a", "thief");
    running.wait_stderr(
        |line| line.starts_with("waiting for lease \"a\": held by \"thief\""),
        SOON,
    );
    for name in ["c", "b", "a"] {
        set_free(&scene.ns, name);
    }
    let output = running.wait(SOON);
    ended(&output, 0, "ran\n");
    assert_eq!(
        scene.taken_and_given(),
        "+a +b +a +b +c -c -b -a",
        "{output}"
    );
}

/// Nothing has begun under it yet.
#[test]
fn who_robs_it_of_one_while_another_is_waited_for_hears_that_nothing_runs() {
    for words in ["hold a b", "acquire a b"] {
        let scene = Scene::new(12);
        pass_to(&scene.ns, "b", "other");
        scene.ns.edit("b", |lease| {
            lease["spec"]["leaseDurationSeconds"] = 600.into()
        });
        let running = match words {
            "hold a b" => scene.hold(words, "echo ran"),
            _ => scene.command(words),
        };
        let running = running.own_console().spawn();
        running.wait_stderr(|line| line.starts_with("waiting for lease \"b\""), SOON);
        let steal = ["steal", "a", "--yes", "--holder=thief", "--duration=30s"];
        let output = scene.ns.run(&scene.ns.admin(), steal);
        ended(&output, 0, "lease.coordination.k8s.io/a stolen\n");
        // The next renewal tells of it, after a third of the time.
        assert!(
            output.stderr.contains("says that it has stopped"),
            "{output}"
        );
        running.terminate();
        assert_eq!(running.wait(SOON).code, Some(TERMINATED));
    }
}

#[test]
fn one_that_is_lost_is_waited_for_without_what_comes_after_it() {
    let scene = Scene::new(3);
    pass_to(&scene.ns, "c", "other");
    scene.ns.edit("c", |lease| {
        lease["spec"]["leaseDurationSeconds"] = 600.into()
    });
    let running = scene.hold("hold a b c", "echo ran").spawn();
    running.wait_stderr(|line| line.starts_with("waiting for lease \"c\""), SOON);
    pass_to(&scene.ns, "a", "thief");
    running.wait_stderr(
        |line| line.starts_with("waiting for lease \"a\": held by \"thief\""),
        SOON,
    );
    assert_eq!(scene.holders(), ["thief", "", "other"]);
    for name in ["c", "a"] {
        set_free(&scene.ns, name);
    }
    let output = running.wait(SOON);
    ended(&output, 0, "ran\n");
    assert_eq!(
        scene.taken_and_given(),
        "+a +b -b +a +b +c -c -b -a",
        "{output}"
    );
}

#[test]
fn a_deleted_one_ends_the_wait_unless_it_may_be_made_again() {
    let scene = Scene::new(3);
    pass_to(&scene.ns, "b", "other");
    scene.ns.edit("b", |lease| {
        lease["spec"]["leaseDurationSeconds"] = 600.into()
    });
    for (flag, code) in [("", 121), (" --create", 0)] {
        let running = scene.hold(&format!("hold a b{flag}"), "echo ran").spawn();
        running.wait_stderr(|line| line.starts_with("waiting for lease \"b\""), SOON);
        scene.ns.delete("a");
        running.wait_stderr(|line| line.contains("lost before all were acquired"), SOON);
        if code == 0 {
            scene.ns.wait_until(
                "a",
                |lease| crate::support::holder(lease).contains("me"),
                SOON,
            );
            set_free(&scene.ns, "b");
        }
        let output = running.wait(SOON);
        assert_eq!(output.code, Some(code), "{output}");
        if code == 121 {
            assert_eq!(scene.ns.get("a"), None);
            scene
                .ns
                .create(&lease_harness::lease("a").duration(3).build());
        }
    }
    assert_eq!(scene.holders(), ["", "", ""]);
}

#[test]
fn an_outage_of_what_is_held_is_no_loss_while_nothing_runs() {
    let scene = Scene::new(2);
    scene.ns.edit("b", |lease| {
        lease["spec"]["holderIdentity"] = "other".into();
        lease["spec"]["leaseDurationSeconds"] = 600.into();
    });
    let refuse = Match::when(|request| super::scene::about(request, "a") && is("~a")(request));
    scene.proxy.fault(
        refuse,
        Fault::status(503, "ServiceUnavailable", "away"),
        1_000_000,
    );
    let running = scene.hold("hold a b", "echo ran").spawn();
    running.wait_stderr(|line| line.starts_with("waiting for lease \"b\""), SOON);
    // Longer than its duration.
    let refused = |all: &[Request]| {
        let mut all = all.iter().filter(|request| is("~a")(request));
        let first = all.next().map(|first| first.at);
        let last = all.next_back().map(|last| last.at);
        first
            .zip(last)
            .is_some_and(|(first, last)| last - first > Duration::from_secs(3))
    };
    running.wait_stderr(
        |line| {
            line.starts_with("lease \"a\" could not be renewed: ")
                && line.ends_with("; trying again")
        },
        SOON,
    );
    scene.proxy.wait_for(refused, SOON);
    scene.proxy.clear_faults();
    set_free(&scene.ns, "b");
    let output = running.wait(SOON);
    ended(&output, 0, "ran\n");
    assert_eq!(scene.taken_and_given(), "+a +b -b -a", "{output}");
}

#[test]
fn where_the_time_is_over_for_one_all_are_given_back() {
    let scene = Scene::new(60);
    pass_to(&scene.ns, "c", "other");
    let hold = scene.hold("hold a b c --timeout 6s -E 9", "echo ran");
    for command in [hold, scene.command("acquire b c a --timeout 6s -E 9")] {
        scene.proxy.clear();
        let output = command.run();
        ended(&output, 9, "");
        let expected = "lease \"b\" was released: nobody holds it\nlease \"a\" was released: nobody holds it\n";
        assert!(
            output
                .stderr
                .contains("lease \"c\" not acquired: held by \"other\""),
            "{output}"
        );
        assert!(output.stderr.ends_with(expected), "{output}");
        assert_eq!(scene.taken_and_given(), "+a +b -b -a");
        assert_eq!(scene.holders(), ["", "", "other"]);
    }
    // What cannot be given back is said.
    let gone = Match::when(is("-a"));
    scene
        .proxy
        .fault(gone, Fault::status(403, "Forbidden", "not now"), 1);
    let output = scene.run("acquire a b c --timeout 6s");
    ended(&output, 124, "");
    assert!(
        output.stderr.contains("lease \"a\" could not be released"),
        "{output}"
    );
    assert!(
        output.stderr.contains("It may be held by \"me\""),
        "{output}"
    );
    assert_eq!(scene.holders(), ["me", "", "other"]);
}
