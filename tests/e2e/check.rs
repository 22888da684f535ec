//! `check`: tells by the exit status whether a lease is held.

use crate::support::{
    SOON, forbidden, free, fresh, fresh_in_process, held, not_found_as_held, not_held_by_you, said,
    untouched,
};
use jiff::SignedDuration;
use lease_harness::lease_api_server::Options;
use lease_harness::{Namespace, Output, User};
use std::time::Instant;

const EXPIRED: &str = "lease.coordination.k8s.io/job is held by you, but its time is over: others may take it any moment\n";

fn check(ns: &Namespace, user: &User, flags: &[&str]) -> Output {
    let command = ns.command(user, ["check", "job", "--holder=me"]);
    flags.iter().fold(command, |c, flag| c.arg(flag)).run()
}

#[test]
fn a_lease_of_ones_own_is_held() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 60));
    said(
        &check(&ns, &user, &[]),
        0,
        "lease.coordination.k8s.io/job held\n",
        "",
    );
    said(&check(&ns, &user, &["-q"]), 0, "", "");
}

#[test]
fn a_lease_of_another_or_of_nobody_is_not_held() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let message = not_held_by_you(&ns, "job", "me", "other").replace("Nothing was written. ", "");
    said(&check(&ns, &user, &[]), 122, "", &message);
    said(&check(&ns, &user, &["--quiet"]), 122, "", "");
    ns.delete("job");
    ns.create(&free("job"));
    let message = "error: lease \"job\" is not held by \"me\": it is free\n";
    said(&check(&ns, &user, &[]), 122, "", message);
}

#[test]
fn an_absent_lease_is_not_found() {
    let (ns, user) = fresh();
    said(
        &check(&ns, &user, &[]),
        121,
        "",
        &not_found_as_held(&ns, "job"),
    );
}

#[test]
fn a_missing_permission_is_an_error_and_not_an_answer() {
    let (ns, _) = fresh();
    let user = ns.user(&["list"]);
    ns.create(&held("job", "me", 60));
    let message = forbidden(&ns, &user, "get", Some("job"), "check");
    said(&check(&ns, &user, &[]), 1, "", &message);
}

#[test]
fn a_lease_whose_time_is_over_is_not_held_any_more() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 1));
    let deadline = Instant::now() + SOON;
    let mut output = check(&ns, &user, &[]);
    // Stamps are whole seconds: less than one is never certain.
    while output.stderr != EXPIRED && Instant::now() < deadline {
        assert_eq!(output.code, Some(122), "{output}");
        output = check(&ns, &user, &[]);
    }
    said(&output, 122, "", EXPIRED);
    said(&check(&ns, &user, &["-q"]), 122, "", "");
}

#[test]
fn a_holder_whose_clock_is_an_hour_ahead_is_not_said_to_hold_when_its_time_is_over() {
    let (ns, user) = fresh();
    let ahead = lease_harness::lease("job")
        .holder("me")
        .duration(3)
        .renewed_ago(0, 3600);
    ns.create(&ahead.build());
    let written = Instant::now();
    let output = loop {
        let age = written.elapsed();
        let output = check(&ns, &user, &[]);
        if output.code != Some(0) {
            break output;
        }
        assert!(age.as_secs() < 3, "{age:?}\n{output}");
    };
    said(&output, 122, "", &format!("{UNPROVEN}{}", renew(&ns)));
}

const UNPROVEN: &str = "lease.coordination.k8s.io/job is recorded as held by you, but nothing proves that its time is not over\n";

fn renew(ns: &Namespace) -> String {
    format!(
        "A renewal proves it: kubectl lease renew job -n {} --holder me\n",
        ns.name()
    )
}

/// In-process only: this server's clock is moved.
#[test]
fn the_holders_skewed_clock_does_not_matter_where_the_server_stamps_renewals() {
    for skew in [-3600, 0, 3600] {
        let (ns, user) = fresh_in_process(Options::default());
        let skewed = lease_harness::lease("job")
            .holder("me")
            .duration(15)
            .renewed_ago(0, skew);
        ns.create(&skewed.build());
        said(
            &check(&ns, &user, &[]),
            0,
            "lease.coordination.k8s.io/job held\n",
            "",
        );
        let server = ns.cluster().api_server().expect("in-process");
        server.set_clock_offset(SignedDuration::from_secs(18));
        let message = match skew {
            3600 => format!("{UNPROVEN}{}", renew(&ns)),
            _ => EXPIRED.to_owned(),
        };
        said(&check(&ns, &user, &[]), 122, "", &message);
        said(&check(&ns, &user, &["-q"]), 122, "", "");
    }
}

/// In-process only: an old server's clock is moved, and a proxy rewrites its `Date`.
#[test]
fn where_the_server_stamps_no_renewals_only_the_grant_is_proof_and_never_date_or_the_holders_clock()
{
    for date in [-3600, 0, 3600] {
        let old = Options {
            version: (1, 20),
            restamp_managed_fields: false,
            date_offset: SignedDuration::from_secs(date),
            ..Options::default()
        };
        let (ns, user) = fresh_in_process(old);
        let server = ns.cluster().api_server().expect("in-process");
        ns.create(&free("job"));
        let take = ["acquire", "job", "--holder=me", "--duration=30s"];
        assert_eq!(ns.run(&user, take).code, Some(0));
        assert_eq!(check(&ns, &user, &[]).code, Some(0), "just granted");
        server.set_clock_offset(SignedDuration::from_secs(20));
        let renewed = ns.run(&user, ["renew", "job", "--holder=me"]);
        assert_eq!(renewed.code, Some(0));
        assert_eq!(check(&ns, &user, &[]).code, Some(0), "granted 20 s ago");
        server.set_clock_offset(SignedDuration::from_secs(31));
        // By our own clock it was renewed just now: it may be alive.
        assert_eq!(check(&ns, &user, &["-q"]).code, Some(122));
    }
}

/// In-process only: this server refuses dry runs.
#[test]
fn without_the_servers_time_nothing_is_certain() {
    let refusing = Options {
        refuse_dry_run: Some(400),
        ..Options::default()
    };
    let (ns, user) = fresh_in_process(refusing);
    ns.create(&held("job", "me", 60));
    let why = "The server's own time is not known, because it tries no renewal for you: \
               Error from server (BadRequest): admission webhook \"side.effects.example\" does not support dry run\n";
    let expected = format!("{UNPROVEN}{why}{}", renew(&ns));
    said(&check(&ns, &user, &[]), 122, "", &expected);
    said(&check(&ns, &user, &["-q"]), 122, "", "");
}

#[test]
fn without_permission_to_update_nothing_is_certain() {
    let (ns, _) = fresh();
    let user = ns.user(&["get"]);
    let before = ns.create(&held("job", "me", 60));
    let output = check(&ns, &user, &[]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(122), ""));
    let said = &output.stderr;
    assert!(
        said.starts_with(UNPROVEN) && said.ends_with(&renew(&ns)),
        "{output}"
    );
    assert!(said.contains("forbidden"), "{output}");
    untouched(&ns, &before);
}

#[test]
fn a_check_writes_nothing() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "me", 60));
    assert_eq!(check(&ns, &user, &[]).code, Some(0));
    untouched(&ns, &before);
}

#[test]
fn a_lease_without_a_duration_is_held_for_ever() {
    let (ns, user) = fresh();
    ns.create(
        &lease_harness::lease("job")
            .holder("me")
            .renewed_ago(9999, 0)
            .build(),
    );
    assert_eq!(check(&ns, &user, &[]).code, Some(0));
}
