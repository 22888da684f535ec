//! Taken at once, or not at all: the order, the requests, and what is refused before anything is written.

use super::scene::{Scene, about, written};
use crate::support::{ended, free, held, requested, said, stored, untouched};
use lease_harness::Request;

const NOBODY: [&str; 3] = ["", "", ""];

#[test]
fn however_they_are_named_they_are_taken_in_one_order_once_each_and_given_back_in_reverse() {
    let scene = Scene::new(60);
    for names in ["a b c", "c b a", "lease/b c a leases/b c"] {
        scene.proxy.clear();
        let output = scene.hold(&format!("hold {names}"), "echo ran").run();
        said(&output, 0, "ran\n", "");
        assert_eq!(scene.taken_and_given(), "+a +b +c -c -b -a", "{names}");
        // A look at each before, a read and a write for the grant, a watch, a release. No renewal, but of what was granted
        // long before the last.
        for name in ["a", "b", "c"] {
            let mut all = scene.proxy.requests();
            let renews = |request: &Request| written(request).is_some_and(|it| it.starts_with('~'));
            all.retain(|it| about(it, name) && (it.server_ended || !it.is_watch()) && !renews(it));
            requested(&all, &["GET", "GET", "PUT", "PUT"]);
        }
        assert_eq!(scene.holders(), NOBODY);
    }
    let output = scene.run("acquire c a b a");
    let lines = ["a", "b", "c"].map(|name| format!("lease.coordination.k8s.io/{name} acquired\n"));
    said(&output, 0, &lines.concat(), "");
    assert_eq!(scene.holders(), ["me", "me", "me"]);
}

#[test]
fn what_is_refused_or_held_is_told_before_anything_is_written() {
    let scene = Scene::new(60);
    let before = scene.ns.create(&held("held", "other", 60));
    let all = ["a", "b"].map(|name| stored(&scene.ns, name));
    let mut elected = free("elected");
    elected["spec"]["strategy"] = "OldestEmulationVersion".into();
    for (words, code, what) in [
        (
            "held b a --timeout 0 -E 75",
            75,
            "lease \"held\" not acquired: held by \"other\"",
        ),
        ("none b a", 121, "\"none\" not found"),
        ("none held b a --timeout 1m", 121, "\"none\" not found"),
        (
            "a b --duration 1s --renew-every 1s",
            2,
            "the times do not fit",
        ),
    ] {
        for subcommand in ["hold", "acquire"] {
            if words.contains("--renew-every") && subcommand == "acquire" {
                continue;
            }
            let command = scene.command(&format!("{subcommand} {words}"));
            let output = match subcommand {
                "hold" => command.arg("--").arg("echo").arg("ran").run(),
                _ => command.run(),
            };
            ended(&output, code, "");
            assert!(output.stderr.contains(what), "{output}");
            assert!(!output.stderr.contains("released"), "{output}");
        }
    }
    for lease in all.iter().chain([&before]) {
        untouched(&scene.ns, lease);
    }
    assert_eq!(scene.written(), Vec::<String>::new());
    // Created together where that is asked for.
    let output = scene.hold("hold new-2 new-1 --create", "echo ran").run();
    said(&output, 0, "ran\n", "");
    assert!(scene.ns.get("new-1").is_some() && scene.ns.get("new-2").is_some());
}

#[test]
fn a_program_among_the_names_is_a_command_that_lacks_its_dashes() {
    let scene = Scene::new(60);
    let output = scene.run("hold a cat");
    ended(&output, 2, "");
    let advice = "a command goes after '--', as in: hold a -- cat";
    assert!(output.stderr.contains(advice), "{output}");
    let output = scene.run("hold a none");
    ended(&output, 121, "");
    assert_eq!(
        scene
            .proxy
            .requests()
            .iter()
            .filter(|all| all.method != "GET")
            .count(),
        0
    );
}

#[test]
fn without_a_command_they_are_held_until_interrupted() {
    let scene = Scene::new(60);
    let running = scene.command("hold b a").own_console().spawn();
    running.wait_stdout(|line| line.ends_with("/b acquired"), crate::support::SOON);
    running.interrupt();
    let output = running.wait(crate::support::SOON);
    let said =
        |verb: &str| ["a", "b"].map(|name| format!("lease.coordination.k8s.io/{name} {verb}\n"));
    let expected = [said("acquired"), said("released")].concat().concat();
    assert_eq!(
        (output.code, &output.stdout),
        (Some(130), &expected),
        "{output}"
    );
    assert_eq!(scene.taken_and_given(), "+a +b -b -a");
}
