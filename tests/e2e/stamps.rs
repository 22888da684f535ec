//! Expiry proven by the server's own stamps. All on in-process servers, whose clocks, versions and stamps can be chosen.

use crate::support::{fresh_in_process, held, not_acquired, said};
use jiff::{SignedDuration, Timestamp};
use lease_harness::lease_api_server::Options;
use lease_harness::{Namespace, Output, Proxy, User, lease};
use serde_json::json;

const TAKE: [&str; 4] = ["acquire", "job", "--holder=me", "--timeout=0"];

/// What was asked of the server, one word a request.
fn asked(ns: &Namespace) -> Vec<&'static str> {
    let server = ns.cluster().api_server().expect("in-process");
    let requests = server.requests();
    requests
        .iter()
        .map(|request| match request.method.as_str() {
            "GET" if request.path == "/version" => "version",
            "GET" if request.query.contains("watch=") => "watch",
            "GET" => "read",
            "PUT" if request.query.contains("dryRun=All") => "dry run",
            "PUT" => "write",
            _ => "other",
        })
        .collect()
}

fn later(ns: &Namespace, seconds: i64) {
    let server = ns.cluster().api_server().expect("in-process");
    server.set_clock_offset(SignedDuration::from_secs(seconds));
    server.clear_requests();
}

/// Another holds it for 15 s at a time, and wrote it so many seconds ago by the server's clock.
fn take_after(seconds: i64, options: Options, flags: &[&str]) -> (Namespace, User, Output) {
    let (ns, user) = fresh_in_process(options);
    ns.create(&held("job", "other", 15));
    later(&ns, seconds);
    let command = ns.command(&user, TAKE);
    let output = flags.iter().fold(command, |c, flag| c.arg(flag)).run();
    (ns, user, output)
}

fn not_taken(ns: &Namespace, output: &Output) {
    let obstacle = "held by \"other\" for at most 15s more unless renewed";
    said(output, 124, "", &not_acquired(ns, "job", obstacle));
    let stored = ns.get("job").expect("it is there");
    assert_eq!(stored["spec"]["holderIdentity"], "other");
}

#[test]
fn a_stamp_and_the_stamp_of_a_dry_run_prove_an_expiry_at_once() {
    let (ns, _, output) = take_after(48, Options::default(), &[]);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(asked(&ns), ["read", "version", "dry run", "write"]);
    let server = ns.cluster().api_server().expect("in-process");
    let sent: Vec<_> = server
        .requests()
        .into_iter()
        .filter(|request| request.method == "PUT")
        .collect();
    for field in ["uid", "resourceVersion"] {
        assert_eq!(
            sent[0].body["metadata"][field],
            sent[1].body["metadata"][field]
        );
    }
    for field in ["holderIdentity", "leaseDurationSeconds", "leaseTransitions"] {
        assert_eq!(sent[0].body["spec"][field], sent[1].body["spec"][field]);
    }
    assert_eq!(
        ns.get("job").expect("it is there")["spec"]["leaseTransitions"],
        4
    );
}

#[test]
fn stamps_prove_nothing_before_the_duration_and_half_a_minute() {
    for seconds in [0, 15, 20, 40] {
        let (ns, _, output) = take_after(seconds, Options::default(), &[]);
        assert_eq!(asked(&ns), ["read"], "{seconds}");
        not_taken(&ns, &output);
    }
}

#[test]
fn a_date_that_is_rewritten_is_no_proof_and_prevents_none() {
    for (seconds, date, code) in [
        // nginx, with a clock of its own.
        (0, 20, 124),
        (0, 3600, 124),
        (40, 3600, 124),
        (48, 3600, 0),
        (48, -3600, 0),
        (20, -3600, 124),
    ] {
        let options = Options {
            date_offset: SignedDuration::from_secs(date),
            ..Options::default()
        };
        let (ns, _, output) = take_after(seconds, options, &[]);
        assert_eq!(output.code, Some(code), "{seconds} {date}\n{output}");
        assert!(asked(&ns).len() <= 4, "{:?}", asked(&ns));
        if code == 124 {
            not_taken(&ns, &output);
        }
    }
}

#[test]
fn without_a_date_a_dry_run_is_asked_for_once() {
    for (seconds, code) in [(48, 0), (20, 124)] {
        let options = Options {
            date_header: false,
            ..Options::default()
        };
        let (ns, _, output) = take_after(seconds, options, &[]);
        assert_eq!(output.code, Some(code), "{output}");
        assert_eq!(asked(&ns)[..3], ["read", "version", "dry run"]);
    }
}

#[test]
fn without_a_dry_run_or_a_new_server_or_where_it_is_not_wanted_only_watching_proves_anything() {
    let refused = |code| Options {
        refuse_dry_run: Some(code),
        ..Options::default()
    };
    let old = Options {
        version: (1, 24),
        ..Options::default()
    };
    for (options, flags, requests) in [
        (refused(400), &[][..], &["read", "version", "dry run"][..]),
        (refused(403), &[], &["read", "version", "dry run"]),
        (refused(500), &[], &["read", "version", "dry run"]),
        (old, &[], &["read", "version"]),
        (Options::default(), &["--proof=observed"], &["read"]),
    ] {
        let described = format!("{options:?}");
        let (ns, _, output) = take_after(3600, options, flags);
        assert_eq!(asked(&ns), requests, "{described}");
        not_taken(&ns, &output);
    }
}

#[test]
fn a_holder_that_another_client_wrote_alone_is_as_young_as_that() {
    let (ns, user) = fresh_in_process(Options::default());
    ns.create(&held("job", "old", 15));
    let url = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases/job?fieldManager=terraform",
        ns.name()
    );
    // The stamps of what the old holder wrote are a minute old when somebody else writes the holder alone.
    later(&ns, 60);
    let mut object = ns.get("job").expect("it is there");
    object["spec"]["holderIdentity"] = json!("other");
    let proxy = Proxy::to(ns.cluster());
    let answer = proxy
        .api(&ns.admin())
        .call("PUT", &url, Some(&object))
        .expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    let output = ns.run(&user, TAKE);
    not_taken(&ns, &output);
    later(&ns, 60 + 40);
    not_taken(&ns, &ns.run(&user, TAKE));
    later(&ns, 60 + 48);
    assert_eq!(ns.run(&user, TAKE).code, Some(0));
}

#[test]
fn steal_shows_as_expired_and_does_not_wait_for_only_what_stamps_prove() {
    for (seconds, date, flags, expired) in [
        (36, 0, &[][..], true),
        // A live holder, and a proxy with a clock of its own.
        (0, 3600, &[], false),
        (20, 0, &[], false),
        (3600, 0, &["--proof=observed"], false),
    ] {
        let (ns, user) = fresh_in_process(Options {
            date_offset: SignedDuration::from_secs(date),
            ..Options::default()
        });
        ns.create(&held("job", "other", 3));
        later(&ns, seconds);
        let command = ns.command(&user, ["steal", "job", "--holder=me", "--yes"]);
        let output = flags.iter().fold(command, |c, flag| c.arg(flag)).run();
        assert_eq!(output.code, Some(0), "{output}");
        let said = &output.stderr;
        assert_eq!(
            said.contains("the server's own stamps prove it"),
            expired,
            "{said}"
        );
        assert_eq!(said.contains("it may be alive"), !expired, "{said}");
        assert_eq!(
            said.contains("until \"other\" must have stopped"),
            !expired,
            "{said}"
        );
    }
}

#[test]
fn hold_takes_over_by_stamps_too() {
    for (flags, code) in [(&[][..], 0), (&["--proof=observed"], 124)] {
        let (ns, user) = fresh_in_process(Options::default());
        ns.create(&held("job", "other", 15));
        later(&ns, 48);
        let command = ns.command(&user, ["hold", "job", "--timeout=0"]);
        let command = flags.iter().fold(command, |c, flag| c.arg(flag));
        let output = command.arg("--").arg("true").run();
        assert_eq!(output.code, Some(code), "{output}");
    }
}

/// A Lease that `other` holds, with these entries as its managedFields.
fn seeded(ns: &Namespace, entries: &[(&str, Option<&str>)]) {
    let entries: Vec<_> = entries
        .iter()
        .map(|(field, time)| {
            let mut entry = json!({
                "manager": format!("m{field}"), "operation": "Update", "apiVersion": "coordination.k8s.io/v1",
                "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { *field: {} } },
            });
            if let Some(time) = time {
                entry["time"] = json!(time);
            }
            entry
        })
        .collect();
    let mut object = lease("job")
        .holder("other")
        .duration(15)
        .transitions(3)
        .renewed_ago(3600, 0)
        .build();
    object["metadata"]["namespace"] = json!(ns.name());
    object["metadata"]["managedFields"] = json!(entries);
    ns.cluster().api_server().expect("in-process").seed(object);
}

#[test]
fn the_newest_stamp_of_any_field_counts_and_each_must_be_readable() {
    let ago = |seconds: i64| {
        let time = Timestamp::now() - SignedDuration::from_secs(seconds);
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let (old, young) = (ago(3600), ago(5));
    let (old, young) = (Some(old.as_str()), Some(young.as_str()));
    for (entries, code) in [
        (&[("f:renewTime", old), ("f:leaseTransitions", old)][..], 0),
        (&[("f:renewTime", old), ("f:leaseTransitions", young)], 124),
        (&[("f:renewTime", old), ("f:preferredHolder", young)], 124),
        (&[("f:renewTime", old), ("f:leaseTransitions", None)], 124),
        (
            &[
                ("f:renewTime", old),
                ("f:leaseTransitions", Some("yesterday")),
            ],
            124,
        ),
        (&[], 124),
    ] {
        let (ns, user) = fresh_in_process(Options::default());
        seeded(&ns, entries);
        let output = ns.run(&user, TAKE);
        assert_eq!(output.code, Some(code), "{entries:?}\n{output}");
    }
}
