//! What else a `hold` can do, of several: its stop is acknowledged, it runs again, it tells what it did; and what is of one lease.

use super::scene::{Scene, written};
use crate::hold::scene::stops_at;
use crate::outcomes::read;
use crate::support::{SOON, ended, pass_to, set_free};
use lease_harness::{Request, Running};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Waits until as many are watched.
#[track_caller]
fn wait_watched(scene: &Scene, count: usize) {
    let watched = |all: &[Request]| {
        let all = all.iter();
        let answered = all.filter(|one| one.is_answered_watch());
        answered.count() >= count
    };
    scene.proxy.wait_for(watched, SOON);
}

fn steal(scene: &Scene, name: &str) -> Running {
    let words = ["steal", name, "--holder=thief", "--yes"];
    scene.ns.spawn(&scene.ns.admin(), words)
}

#[test]
fn whoever_robs_it_of_some_hears_of_each_when_all_has_stopped() {
    for robbed in [&["b"][..], &["a", "c"]] {
        let scene = Scene::new(60);
        // It stops when all have robbed it, and not before: the others would be released.
        let gate = folder(&format!("robbed-{}", robbed.len())).join("gate");
        let script = stops_at(&gate).replace("READY", "echo runs");
        let running = scene.hold("hold a b c", &script).spawn();
        running.wait_stdout(|line| line == "runs", SOON);
        wait_watched(&scene, 3);
        let thieves: Vec<_> = robbed.iter().map(|name| steal(&scene, name)).collect();
        for thief in &thieves {
            thief.wait_stderr(|line| line.starts_with("waiting "), SOON);
        }
        std::fs::write(&gate, "").expect("it can be written");
        let output = running.wait(SOON);
        assert_eq!(output.code, Some(123), "{output}");
        for (name, thief) in robbed.iter().zip(thieves) {
            let output = thief.wait(SOON);
            let stolen = format!("lease.coordination.k8s.io/{name} stolen\n");
            ended(&output, 0, &stolen);
            let last = "says that it has stopped\n";
            assert!(output.stderr.ends_with(last), "{output}");
            assert!(output.elapsed < Duration::from_secs(10), "{output}");
        }
        let holders = ["a", "b", "c"].map(|name| match robbed.contains(&name) {
            true => "thief",
            false => "",
        });
        assert_eq!(scene.holders(), holders, "{output}");
    }
}

#[cfg(unix)] // a shell with a trap
#[test]
fn after_a_loss_of_one_it_runs_again_once_all_are_to_be_had() {
    let scene = Scene::new(60);
    let script = "trap 'exit 0' TERM; echo runs; [ -e again ] && exit 4; : >again; while :; do sleep 0.02; done";
    let folder = folder("again");
    let script = format!("cd {}; {script}", folder.display());
    let running = scene.hold("hold a b c --again", &script).spawn();
    running.wait_stdout(|line| line == "runs", SOON);
    wait_watched(&scene, 3);
    pass_to(&scene.ns, "b", "thief");
    running.wait_stderr(|line| line.starts_with("waiting for lease \"b\""), SOON);
    set_free(&scene.ns, "b");
    let output = running.wait(SOON);
    ended(&output, 4, "runs\nruns\n");
    for said in [
        "lease \"b\" lost: taken over by \"thief\"",
        "leases \"a\", \"b\", \"c\": the command runs again once they are acquired",
        "running the command again (restart 1)",
    ] {
        assert!(output.stderr.contains(said), "{said}: {output}");
    }
    assert_eq!(
        scene.taken_and_given(),
        "+a +b +c -c -a +a +b +c -c -b -a",
        "{output}"
    );
}

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let folder = folder.join(format!("together-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn list(text: &str) -> Vec<Value> {
    // By the schema.
    let list = read("OutcomeList", text);
    list["items"].as_array().expect("items").clone()
}

#[test]
fn what_it_did_is_told_of_each_in_one_document() {
    let scene = Scene::new(60);
    let file = folder("outcome").join("out.json");
    let flag = format!("hold b a --outcome-file={}", file.display());
    let output = scene
        .hold(&flag, &format!("cat {}; exit 7", file.display()))
        .run();
    assert_eq!(output.code, Some(7), "{output}");
    let at_the_end = std::fs::read_to_string(&file).expect("it is there");
    for (text, phase) in [(&output.stdout, "held"), (&at_the_end, "ended")] {
        let all = list(text);
        assert_eq!(all.len(), 2);
        for (one, name) in all.iter().zip(["a", "b"]) {
            assert_eq!(one["metadata"]["name"], name);
            assert_eq!(one["phase"], phase);
            let holder = one["grant"]["holder"].as_str();
            assert!(
                holder.is_some_and(|holder| holder.starts_with("me_")),
                "{one:#}"
            );
        }
    }
    let all = list(&at_the_end);
    assert!(
        all.iter()
            .all(|one| one["released"] == true && one["exitCode"] == 7)
    );
    // Which was lost, and that the other was given back.
    let running = scene.running(&flag);
    wait_watched(&scene, 4);
    pass_to(&scene.ns, "b", "thief");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    let all = list(&std::fs::read_to_string(&file).expect("it is there"));
    let told = |one: &Value| (one.get("lost").cloned(), one["released"].clone());
    assert_eq!(told(&all[0]), (None, json!(true)));
    let lost = json!("taken over by \"thief\"");
    assert_eq!(told(&all[1]), (Some(lost), json!(false)));
}

#[test]
fn a_dry_run_tries_each_and_writes_none() {
    let scene = Scene::new(60);
    for how in ["client", "server"] {
        let flag = format!("--dry-run={how}");
        let output = scene.run(&format!("acquire b a {flag} -o json"));
        assert_eq!(output.code, Some(0), "{output}");
        let all = list(&output.stdout);
        let names: Vec<_> = all.iter().map(|one| &one["metadata"]["name"]).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(all.iter().all(|one| one["dryRun"] == how));
        let dry = if how == "client" {
            "dry run"
        } else {
            "server dry run"
        };
        let output = scene.hold(&format!("hold b a {flag}"), "echo ran").run();
        let line = |name| format!("lease.coordination.k8s.io/{name} acquired ({dry})\n");
        ended(&output, 0, &(line("a") + &line("b")));
    }
    pass_to(&scene.ns, "b", "other");
    let output = scene.run("acquire a b --dry-run=server");
    assert_eq!((output.code, output.stdout.as_str()), (Some(124), ""));
    assert!(output.stderr.contains("\"b\""), "{output}");
    let dry = |one: &Request| one.query.contains("dryRun");
    let real = scene.proxy.requests();
    let real = real.iter().filter(|one| !dry(one)).filter_map(written);
    assert_eq!(real.count(), 0);
    assert_eq!(scene.holders(), ["", "other", ""]);
}

#[test]
fn what_is_of_one_lease_is_refused_for_several_with_how_to_do_it_all_the_same() {
    let scene = Scene::new(60);
    for (words, next) in [
        (
            "hold b a --steal",
            "kubectl lease hold a --steal -- kubectl lease hold b --steal -- COMMAND",
        ),
        (
            "hold b a --cleanup",
            "kubectl lease hold a --cleanup -- kubectl lease hold b --cleanup -- COMMAND",
        ),
        ("hold b a --slots 2", "in a call of its own"),
    ] {
        let output = scene.hold(words, "echo ran").run();
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""));
        let flags = |text: &str| {
            let mut kept = Vec::new();
            let mut words = text.split(' ').peekable();
            while let Some(word) = words.next() {
                match word.starts_with("--kubeconfig") || word.starts_with("--context") {
                    true if !word.contains('=') => drop(words.next()),
                    true => {}
                    false => kept.push(word),
                }
            }
            kept.join(" ")
        };
        assert!(flags(&output.stderr).contains(next), "{output}");
    }
    let output = scene.run("acquire b a --slots 2 --create");
    assert_eq!(output.code, Some(2), "{output}");
    // Each once is one.
    let output = scene.run("acquire a a --slots 2 --create");
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(scene.holders(), ["", "", ""]);
}

#[test]
fn quiet_is_quiet_of_several() {
    let scene = Scene::new(60);
    let output = scene.run("acquire b a -q");
    ended(&output, 0, "");
    assert_eq!(output.stderr, "", "{output}");
    let output = scene.run("release a b -q");
    ended(&output, 0, "");
    let output = scene.hold("hold b a -q", "true").run();
    ended(&output, 0, "");
    assert_eq!(
        (output.stderr.as_str(), scene.holders()),
        ("", Default::default())
    );
}

#[cfg(unix)] // --detach-children is not to be had elsewhere
#[test]
fn what_the_command_leaves_runs_on_without_any_of_them() {
    let scene = Scene::new(60);
    let script = "setsid sleep 61 >/dev/null 2>&1 & echo $!";
    let output = scene.hold("hold b a --detach-children", script).run();
    let left = output.stdout.trim().parse().expect("a process id");
    let killed = nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(left),
        nix::sys::signal::Signal::SIGKILL,
    );
    assert_eq!((output.code, killed), (Some(0), Ok(())), "{output}");
    let said =
        "leases \"a\", \"b\": the command has ended; what it left behind runs on without them: ";
    assert!(output.stderr.contains(said), "{output}");
    assert_eq!(scene.taken_and_given(), "+a +b -b -a");
}
