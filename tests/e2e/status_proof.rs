//! `status` and clocks: which one a state was told by, who is skewed, and what it costs to know.

use crate::support::{fresh, fresh_in_process, held, methods};
use jiff::SignedDuration;
use lease_harness::lease_api_server::Options;
use lease_harness::{Namespace, Proxy, User, lease};
use serde_json::Value;

fn document(ns: &Namespace, user: &User, name: &str) -> Value {
    let output = ns.run(user, ["status", name, "-o", "json"]);
    assert_eq!(output.code, Some(0), "{output}");
    serde_json::from_str(&output.stdout).expect("JSON")
}

#[test]
fn the_proof_is_the_servers_stamp_where_that_can_be_believed_and_the_holders_time_elsewhere() {
    let old = Options {
        version: (1, 24),
        ..Options::default()
    };
    for (options, state, proof) in [
        (Options::default(), "Held", "ServerStamp"),
        (old, "Expired", "RenewTime"),
    ] {
        let (ns, user) = fresh_in_process(options);
        // Written now by a holder whose clock is an hour behind.
        ns.create(
            &lease("job")
                .holder("x")
                .duration(15)
                .renewed_ago(0, -3600)
                .build(),
        );
        let shown = document(&ns, &user, "job");
        assert_eq!(
            (shown["state"].as_str(), shown["proof"].as_str()),
            (Some(state), Some(proof))
        );
        let table = ns.run(&user, ["status"]).stdout;
        assert!(table.contains(state), "{table}");
    }
}

#[test]
fn an_expired_lease_is_said_to_be_so_by_what_is_known_though_the_clocks_agree() {
    let old = Options {
        version: (1, 24),
        ..Options::default()
    };
    let stamp = "Expired (by the server's own stamp of the last renewal)";
    let time = "Expired (by the holder's renewTime against the server's clock)";
    for (options, later, state, takes) in [
        (Options::default(), 50, stamp, "(at once)"),
        (Options::default(), 20, stamp, "s, which a proof takes)"),
        (
            old,
            50,
            time,
            "(within 15s, which this server needs as proof)",
        ),
    ] {
        let (ns, user) = fresh_in_process(options);
        ns.create(&held("job", "x", 15));
        let server = ns.cluster().api_server().expect("in-process");
        server.set_clock_offset(SignedDuration::from_secs(later));
        server.clear_requests();
        let text = ns.run(&user, ["status", "job"]).stdout;
        assert_eq!(server.requests().len(), 2, "{text}");
        assert!(
            text.contains(&format!("\nState:       {state}\n")),
            "{text}"
        );
        assert!(text.contains(takes), "{text}");
    }
}

#[test]
fn an_expiry_by_the_servers_stamp_needs_the_duration_and_two_seconds() {
    // By the holder's renewTime it would have expired at 15; the test itself takes time.
    for (ahead, state) in [(15, "Held"), (18, "Expired")] {
        let (ns, user) = fresh_in_process(Options::default());
        ns.create(&held("job", "x", 15));
        let server = ns.cluster().api_server().expect("in-process");
        server.set_clock_offset(SignedDuration::from_secs(ahead));
        assert_eq!(
            document(&ns, &user, "job")["state"],
            state,
            "{ahead} s later"
        );
    }
}

#[test]
fn without_a_date_nothing_is_said_to_be_expired() {
    let options = Options {
        date_header: false,
        ..Options::default()
    };
    let (ns, user) = fresh_in_process(options);
    ns.create(
        &lease("job")
            .holder("x")
            .duration(15)
            .renewed_ago(3600, 0)
            .build(),
    );
    let shown = document(&ns, &user, "job");
    assert_eq!(shown["state"], "Held");
    assert!(
        shown["proof"].is_null() && shown["expiresInSeconds"].is_null(),
        "{shown}"
    );
    let text = ns.run(&user, ["status", "job"]).stdout;
    assert!(text.contains("\nExpires in:  unknown\n"), "{text}");
}

#[test]
fn a_skewed_holder_is_shown_with_amount_and_direction() {
    for (skew, direction, words) in [
        (-3600, "behind", " behind the server's"),
        (-20, "behind", " behind the server's"),
        (3600, "ahead", "ahead of the server's"),
    ] {
        let (ns, user) = fresh_in_process(Options::default());
        ns.create(
            &lease("job")
                .holder("x")
                .duration(600)
                .renewed_ago(0, skew)
                .build(),
        );
        let text = ns.run(&user, ["status", "job"]).stdout;
        assert!(text.contains(words), "{text}");
        let output = ns.run(&user, ["status", "-o", "wide"]);
        assert!(output.stdout.contains(direction), "{output}");
        assert_eq!(output.stderr, "Of 1 lease: 1 skewed\n", "{output}");
        let seconds = document(&ns, &user, "job")["skewSeconds"].as_f64();
        assert!(
            seconds.is_some_and(|seconds| (seconds - skew as f64).abs() < 3.0),
            "{seconds:?}"
        );
    }
}

#[test]
fn one_lease_costs_one_request_and_so_does_a_short_list() {
    let (ns, user) = fresh();
    ns.create(&held("job", "x", 600));
    let proxy = Proxy::to(ns.cluster());
    for arguments in [
        &["status", "job"][..],
        &["status", "job", "-o", "json"],
        &["status"],
    ] {
        proxy.clear();
        let output = ns.command(&user, arguments).via(&proxy).run();
        assert_eq!(output.code, Some(0), "{output}");
        assert_eq!(methods(&proxy.requests()), ["GET"], "{arguments:?}");
    }
}
