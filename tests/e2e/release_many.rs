//! `release` of what a selection has, and of many by force: one list, one question, each under its own compare-and-swap.

use crate::support::{
    SOON, VERBS, fresh, held, holder, methods, not_found_as_held, pass_to, said, said_like, stored,
    untouched,
};
use lease_harness::{Fault, Latch, Match, Namespace, Output, Proxy, Rule, TERMINATED, lease};
use serde_json::{Value, json};
use std::time::Duration;

fn labelled(name: &str, holder: &str, duration: i64, app: &str) -> Value {
    let mut lease = held(name, holder, duration);
    lease["metadata"]["labels"] = json!({ "app": app });
    lease
}

/// Mine, another's, one that nobody has, and what is not asked for.
fn some(ns: &Namespace) {
    for (name, holder, app) in [
        ("a-mine", "me", "x"),
        ("b-others", "ada", "x"),
        ("c-mine", "me", "x"),
        ("d-free", "", "x"),
        ("e-mine", "me", "y"),
        ("f-endless", "kured", "y"),
    ] {
        ns.create(&labelled(name, holder, 600, app));
    }
    ns.edit("f-endless", |lease| {
        let spec = lease["spec"].as_object_mut().expect("a spec");
        spec.remove("leaseDurationSeconds");
    });
}

fn holders(ns: &Namespace, names: &[&str]) -> Vec<String> {
    let holder_of = |name: &&str| holder(&stored(ns, name)).to_owned();
    names.iter().map(holder_of).collect()
}

fn released(names: &[&str]) -> String {
    let lines = names.iter();
    lines
        .map(|name| format!("lease.coordination.k8s.io/{name} released\n"))
        .collect()
}

#[track_caller]
fn asked_for(output: &Output, code: i32, names: &[&str]) {
    let result = (output.code, output.stdout.as_str());
    assert_eq!(result, (Some(code), released(names).as_str()), "{output}");
}

#[test]
fn of_what_a_selector_has_my_own_is_released_and_the_rest_left_and_counted() {
    let (ns, user) = fresh();
    some(&ns);
    let proxy = Proxy::to(ns.cluster());
    let release = |flags: &[&str]| {
        let command = ns.command(&user, ["release", "--holder=me"]).via(&proxy);
        flags
            .iter()
            .fold(command, |command, flag| command.arg(flag))
            .run()
    };
    let left = "left as they are, of 4 leases: 1 not held by \"me\", 1 free\n";
    let output = release(&["-l", "app=x"]);
    said(&output, 0, &released(&["a-mine", "c-mine"]), left);
    // A list and one write each: what was listed is what is written.
    assert_eq!(methods(&proxy.requests()), ["GET", "PUT", "PUT"]);
    let left = "left as they are, of 4 leases: 1 not held by \"me\", 3 free\n\
        Nothing was written. To free what others hold: --force\n";
    said(&release(&["-l", "app=x"]), 0, "", left);
    assert_eq!(
        holders(&ns, &["a-mine", "b-others", "e-mine"]),
        ["", "ada", "me"]
    );
    let none = format!("No leases found in {} namespace.\n", ns.name());
    said(&release(&["-l", "app=none"]), 0, "", &none);
    let none = "None of 6 leases is chosen by these filters\n";
    said(&release(&["--state=terminating"]), 0, "", none);
    let left = "left as they are, of 1 lease: 1 not held by \"me\"\n\
        Nothing was written. To free what others hold: --force\n";
    said(&release(&["--held-by=ad?"]), 0, "", left);
    let field = release(&["--field-selector=metadata.name=e-mine", "-ojson"]);
    let list: Value = serde_json::from_str(&field.stdout).expect("JSON");
    let item = &list["items"][0];
    assert_eq!(
        (&list["kind"], &item["metadata"]["name"]),
        (&json!("OutcomeList"), &json!("e-mine"))
    );
    assert_eq!(item["action"], "released");
}

#[test]
fn what_changes_between_the_list_and_a_write_is_told_and_the_others_go_on() {
    let (ns, user) = fresh();
    some(&ns);
    let proxy = Proxy::to(ns.cluster());
    let latch = Latch::closed();
    let held_back = Fault::HeldBack(latch.clone());
    proxy.fault(Match::put().path("/leases/a-mine"), held_back, 1);
    let running = ns.command(&user, ["release", "-l", "app in (x,y)", "--holder=me"]);
    let running = running.via(&proxy).spawn();
    proxy.wait_for(
        |all| all.iter().any(|request| request.path.ends_with("/a-mine")),
        SOON,
    );
    let taken = pass_to(&ns, "a-mine", "third");
    latch.open();
    let output = running.wait(SOON);
    let expected = format!(
        "left as they are, of 6 leases: 2 not held by \"me\", 1 free\n{}",
        crate::support::not_held_by_you(&ns, "a-mine", "me", "third")
    );
    said(&output, 122, &released(&["c-mine", "e-mine"]), &expected);
    untouched(&ns, &taken);
    // A renewal in between is of the same grant, and it is no error that another has it where that is said.
    for name in ["a-mine", "c-mine"] {
        pass_to(&ns, name, "me");
    }
    let latch = Latch::closed();
    let held_back = Fault::HeldBack(latch.clone());
    proxy.clear();
    proxy.fault(Match::put().path("-mine"), held_back, 2);
    let running = ns.command(
        &user,
        ["release", "-l", "app=x", "--holder=me", "--ignore-not-held"],
    );
    let running = running.via(&proxy).spawn();
    proxy.wait_for(
        |all| {
            methods(all)
                .iter()
                .filter(|method| **method == "PUT")
                .count()
                == 2
        },
        SOON,
    );
    crate::support::renew(&ns, "a-mine", 0);
    pass_to(&ns, "c-mine", "third");
    latch.open();
    let output = running.wait(SOON);
    asked_for(&output, 0, &["a-mine"]);
    let left = "lease \"c-mine\" is held by \"third\", not by \"me\": nothing to release\n";
    assert!(output.stderr.ends_with(left), "{output}");
}

#[cfg(unix)] // a terminal
#[test]
fn by_force_all_are_shown_in_one_list_and_asked_about_once() {
    let (ns, _) = fresh();
    let user = ns.user(&VERBS);
    some(&ns);
    let force = ["release", "-l", "app", "--holder=me", "--force"];
    let terminal = ns.command(&user, force).spawn_pty(60, 140);
    let question = "Free these 5 leases?";
    let screen = terminal.wait_screen(|text| text.contains(question), SOON);
    for part in [
        "left as they are, of 6 leases: 1 free",
        "NAME",
        "HOLDER",
        "b-others",
        "kured",
        "warning: nothing waits until their holders have stopped",
    ] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    assert!(!screen.contains("d-free "), "{screen}");
    // One has changed hands while the question stood; and one has renewed.
    let taken = pass_to(&ns, "b-others", "third");
    crate::support::renew(&ns, "a-mine", 0);
    terminal.send(b"y\r");
    assert_eq!(terminal.wait(SOON).code(), Some(122));
    let screen = terminal.screen();
    assert_eq!(screen.matches("Free these").count(), 1, "{screen}");
    assert!(
        screen
            .contains("lease \"b-others\" is held by \"third\" now, not by \"ada\", who was shown"),
        "{screen}"
    );
    untouched(&ns, &taken);
    let rest = ["a-mine", "c-mine", "e-mine", "f-endless"];
    assert_eq!(holders(&ns, &rest), ["", "", "", ""]);
    // Nobody to ask; no; and yes.
    let before = stored(&ns, "b-others");
    let refusal =
        "not confirmed: there is no terminal to ask on; give --yes; nothing was written\n";
    let output = ns.run(&user, force);
    assert_eq!((output.code, &*output.stdout), (Some(120), ""), "{output}");
    assert!(output.stderr.ends_with(refusal), "{output}");
    let terminal = ns.command(&user, force).spawn_pty(60, 140);
    terminal.wait_screen(|text| text.contains("Free this lease?"), SOON);
    terminal.send(b"\x03");
    assert_eq!(terminal.wait(SOON).code(), Some(130));
    untouched(&ns, &before);
    let output = ns.command(&user, force).arg("--yes").run();
    asked_for(&output, 0, &["b-others"]);
}

#[test]
fn several_names_by_force_are_each_answered_for_and_what_is_no_lock_is_left() {
    let (ns, user) = fresh();
    some(&ns);
    ns.create(&crate::other_clients::heartbeat());
    let force = ["release", "--holder=me", "--force", "--yes"];
    let names = ["b-others", "gone", "job", "d-free", "f-endless", "b-others"];
    let output = ns.run(&user, force.into_iter().chain(names));
    asked_for(&output, 121, &["b-others", "f-endless"]);
    let is_free = "error: lease \"d-free\" is not held by anybody: it is free already\n";
    for part in [not_found_as_held(&ns, "gone"), is_free.to_owned()] {
        assert!(output.stderr.contains(&part), "{part}: {output}");
    }
    let no_lock = "error: lease \"job\" is not a lock: it is a node's heartbeat";
    assert!(output.stderr.contains(no_lock), "{output}");
    let chosen = ns.run(
        &user,
        force.into_iter().chain(["--state=held", "--if-holder=me"]),
    );
    asked_for(&chosen, 0, &["a-mine", "c-mine", "e-mine"]);
    let left = "left as they are, of 4 leases: 1 not held by \"me\"\n";
    assert!(chosen.stderr.starts_with(left), "{chosen}");
    assert_eq!(holder(&stored(&ns, "job")), "node-a");
}

#[test]
fn of_all_namespaces_each_is_written_in_its_own_and_the_clusters_own_are_out_of_reach() {
    let (ns, _) = fresh();
    let other = ns.cluster().namespace();
    let system = ns.cluster().existing_namespace("kube-system");
    let mark = ns.name().to_owned();
    for space in [&ns, &other, &system] {
        space.create(&labelled("job", "ada", 600, &mark));
    }
    ns.create(&labelled("mine", "me", 600, &mark));
    let selector = format!("app={mark}");
    let user = ns.user_with(&[Rule::leases(&VERBS).everywhere()]);
    let release = ["release", "-A", "-l", &selector, "--holder=me"];
    let output = ns.run(&user, release);
    let line = |name: &str, space: &Namespace| {
        format!(
            "lease.coordination.k8s.io/{name} released in namespace {}\n",
            space.name()
        )
    };
    said(
        &output,
        0,
        &line("mine", &ns),
        "left as they are, of 4 leases: 3 not held by \"me\"\n",
    );
    let output = ns.run(&user, release.into_iter().chain(["--force", "--yes"]));
    let mut lines = [line("job", &ns), line("job", &other)];
    lines.sort();
    assert_eq!((output.code, output.stdout), (Some(0), lines.concat()));
    let left = "left as they are, of 4 leases: 1 free, 1 in kube-system or kube-node-lease, which -A does not reach (-n does)\n";
    assert!(output.stderr.starts_with(left), "{}", output.stderr);
    assert_eq!(holder(&stored(&system, "job")), "ada");
    system.delete("job");
    crate::usage::refused(&[
        (
            &["release", "-A", "--force", "--yes"],
            "error: -A alone would choose every lease of the cluster, whoever holds it: say which with -l, --field-selector, --held-by or --state".into(),
        ),
        (
            &["steal", "-A", "--yes"],
            "error: -A alone would choose every lease of the cluster, whoever holds it: say which with -l, --field-selector, --held-by or --state".into(),
        ),
        (
            &["release", "-l", "", "--force", "--yes"],
            "error: --selector is given with nothing, as if by a variable that is not set: leave it out to choose without it".into(),
        ),
        (
            &["steal", "--held-by=", "--state=held", "--yes"],
            "error: --held-by is given with nothing, as if by a variable that is not set: leave it out to choose without it".into(),
        ),
        (&["release", "a", "-l", "app=x"], "error: …--selector…".into()),
        (&["steal", "a", "-A"], "error: …--all-namespaces…".into()),
        (&["release", "--force"], "error: …<NAME>…".into()),
    ]);
}

#[test]
fn a_thousand_are_released_with_one_list_and_a_write_each() {
    let (ns, user) = fresh();
    let count = if ns.cluster().is_real() { 150 } else { 1000 };
    for number in 0..count {
        let lease = lease(&format!("job-{number:04}"))
            .holder("me")
            .duration(600)
            .transitions(1);
        ns.create(&lease.label("app", "x").build());
    }
    let proxy = Proxy::to(ns.cluster());
    let url = ns.kubeconfig_via(&user, &proxy.url());
    let release = ns.command(
        &user,
        ["release", "-l", "app=x", "--holder=me", "-o", "name"],
    );
    let output = release.kubeconfig(&url).run();
    assert_eq!(output.code, Some(0), "{output}");
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.len(), count);
    assert!(lines.is_sorted());
    let sent = proxy.requests();
    let puts = methods(&sent)
        .iter()
        .filter(|method| **method == "PUT")
        .count();
    assert!(
        puts == count && sent.len() <= count + 3,
        "{puts} of {}",
        sent.len()
    );
    assert!(
        output.elapsed < Duration::from_secs(120),
        "{:?}",
        output.elapsed
    );
}

#[test]
fn a_server_that_goes_away_stops_what_was_not_begun_and_a_signal_does_too() {
    let (ns, user) = fresh();
    for number in 0..30 {
        ns.create(&labelled(&format!("job-{number:02}"), "me", 600, "x"));
    }
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(
        Match::put().path("/leases/job-05"),
        Fault::Refuse,
        usize::MAX,
    );
    let release = ["release", "-l", "app=x", "--holder=me", "--timeout=0"];
    let output = ns.command(&user, release).via(&proxy).run();
    assert_eq!(output.code, Some(1), "{output}");
    assert!(
        output.stdout.starts_with(&released(&["job-00"])),
        "{output}"
    );
    let left = output.stderr.lines().last().unwrap_or_default();
    assert!(
        left.starts_with("error: not tried after that: \"job-"),
        "{output}"
    );
    assert!(left.ends_with(" more"), "{output}");
    assert_eq!(holder(&stored(&ns, "job-29")), "me");
    proxy.clear_faults();
    proxy.clear();
    proxy.fault(Match::put(), Fault::Delay(Duration::from_millis(500)), 8);
    let running = ns.command(&user, release).via(&proxy).own_console().spawn();
    proxy.wait_for(|all| methods(all).contains(&"PUT"), SOON);
    running.terminate();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(TERMINATED), "{output}");
    let left = "interrupted: not tried any more: \"job-";
    assert!(output.stderr.contains(left), "{output}");
    // What was under way is known, and said.
    assert!(!output.stdout.is_empty(), "{output}");
    for line in output.stdout.lines() {
        let name = line.trim_start_matches("lease.coordination.k8s.io/");
        let name = name.trim_end_matches(" released");
        assert_eq!(holder(&stored(&ns, name)), "", "{name}");
    }
    assert_eq!(holder(&stored(&ns, "job-29")), "me");
    // Nor may one hide that it is a forbidden list.
    let user = ns.user(&["get", "update"]);
    let output = ns.run(&user, ["release", "-l", "app=x"]);
    said_like(
        &output,
        1,
        "",
        "Error from server (Forbidden): leases.coordination.k8s.io is forbidden: …\n…--verb=get,list,update…\n",
    );
}
