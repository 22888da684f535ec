//! `--field-manager`: every write has that name, and what is told by who wrote goes on being told.

use crate::support::{SOON, free, fresh, fresh_in_process, held, said, stored, watching};
use lease_harness::Proxy;
use lease_harness::lease_api_server::Options;
use serde_json::Value;

const FLAG: &str = "--field-manager=my ci";

/// Who owns the holder, by managedFields.
fn owner(lease: &Value) -> Option<&str> {
    let entries = lease["metadata"]["managedFields"].as_array()?.iter();
    let mut owners =
        entries.filter(|entry| entry["fieldsV1"]["f:spec"]["f:holderIdentity"].is_object());
    owners.next()?["manager"].as_str()
}

#[test]
fn every_write_has_the_name_and_no_other() {
    let (ns, user) = fresh();
    ns.create(&held("other", "ada", 1));
    let proxy = Proxy::to(ns.cluster());
    let queries = || {
        let all = proxy.requests();
        let all = all.into_iter().filter(|one| one.method != "GET");
        all.map(|one| one.query).collect::<Vec<_>>()
    };
    for words in [
        "create job",
        "acquire job",
        "acquire new --create",
        "renew job",
        "release job",
        "steal other new --yes --now",
        "steal other --yes --now",
        "failover other --yes --timeout 0",
        "hold job --duration 3s --create -- sleep 2",
    ] {
        let words = words.split(' ');
        let (words, rest): (Vec<&str>, Vec<&str>) =
            match words.clone().position(|word| word == "--") {
                Some(at) => (words.clone().take(at).collect(), words.skip(at).collect()),
                None => (words.collect(), Vec::new()),
            };
        let words = words.into_iter().chain([FLAG]).chain(rest);
        let command = ns.command(&user, words).env("KUBECTL_LEASE_HOLDER", "me");
        let output = command.via(&proxy).run();
        // Nobody takes it over.
        let code = if output.stderr.contains("has stepped down") {
            124
        } else {
            0
        };
        assert_eq!(output.code, Some(code), "{output}");
        let queries = queries();
        assert!(!queries.is_empty());
        for query in queries {
            // A dry run that only asks for the time has a name of its own.
            let name = match query.contains("dryRun") {
                true => "fieldManager=",
                false => "fieldManager=my%20ci",
            };
            assert!(query.contains(name), "{query}");
        }
        proxy.clear();
    }
}

#[test]
fn a_grant_under_another_name_is_checked_and_shown_as_any_and_leaves_nothing_behind() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let before = stored(&ns, "job");
    // A name that an election has too.
    let me = "--holder=web-6d8f7c9b5-x2x9k_9cbf54e5-1136-44bd-8f9a-1dcd15c346b4";
    let run = |words: &[&str]| {
        let output = ns.run(&user, words);
        assert_eq!(output.code, Some(0), "{output}");
        output
    };
    run(&["acquire", "job", me, FLAG, "--reason=why"]);
    assert_eq!(owner(&stored(&ns, "job")), Some("my ci"));
    said(
        &run(&["check", "job", me]),
        0,
        "lease.coordination.k8s.io/job held\n",
        "",
    );
    let class = ["status", "job", "-ojsonpath={.class} {.reason}"];
    assert_eq!(run(&class).stdout, "lock why");
    run(&["renew", "job", me, FLAG]);
    said(
        &run(&["check", "job", me]),
        0,
        "lease.coordination.k8s.io/job held\n",
        "",
    );
    let described = run(&["status", "job"]).stdout;
    assert!(!described.contains("kubectl-lease/manager"), "{described}");
    // Servers before 1.25 do not tell who wrote it last.
    let told = described.contains("my ci");
    assert!(told || ns.cluster().is_real(), "{described}");
    run(&["release", "job", me, FLAG]);
    let annotations = |lease: &Value| lease["metadata"]["annotations"].clone();
    assert_eq!(annotations(&stored(&ns, "job")), annotations(&before));
}

#[test]
fn the_servers_stamps_prove_an_expiry_to_whoever_writes_under_another_name() {
    let (ns, user) = fresh_in_process(Options::default());
    ns.create(&held("job", "ada", 600));
    let server = ns.cluster().api_server().expect("in-process");
    server.set_clock_offset(jiff::SignedDuration::from_secs(700));
    let acquire = ["acquire", "job", "--holder=me", "--timeout=0", FLAG];
    let acquired = "lease.coordination.k8s.io/job acquired\n";
    said(&ns.run(&user, acquire), 0, acquired, "");
    // And of one that was written so.
    server.set_clock_offset(jiff::SignedDuration::from_secs(1400));
    let acquire = ["acquire", "job", "--holder=you", "--timeout=0"];
    said(&ns.run(&user, acquire), 0, acquired, "");
}

#[test]
fn a_hold_under_another_name_is_robbed_and_released_as_any() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let proxy = Proxy::to(ns.cluster());
    let running = ns
        .command(&user, ["hold", "job", FLAG])
        .via(&proxy)
        .own_console()
        .spawn();
    watching(&proxy);
    assert_eq!(owner(&stored(&ns, "job")), Some("my ci"));
    running.terminate();
    let output = running.wait(SOON);
    assert!(output.stdout.ends_with("released\n"), "{output}");
}
