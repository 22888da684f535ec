//! `check`: tells by the exit status whether a lease is held.

use crate::support::{
    SOON, forbidden, free, fresh, fresh_in_process, held, not_found, not_held_by_you, said,
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
    let message = not_held_by_you(&ns, "job", "me", "other");
    said(&check(&ns, &user, &[]), 122, "", &message);
    said(&check(&ns, &user, &["--quiet"]), 122, "", "");
    ns.delete("job");
    ns.create(&free("job"));
    let message = "error: lease \"job\" is not held by \"me\": it is free\nNothing was written.\n";
    said(&check(&ns, &user, &[]), 122, "", message);
}

#[test]
fn an_absent_lease_is_not_found() {
    let (ns, user) = fresh();
    said(&check(&ns, &user, &[]), 121, "", &not_found(&ns, "job"));
}

#[test]
fn a_missing_permission_is_an_error_and_not_an_answer() {
    let (ns, _) = fresh();
    let user = ns.user(&["list"]);
    ns.create(&held("job", "me", 60));
    let message = forbidden(&ns, &user, "get", Some("job"));
    said(&check(&ns, &user, &[]), 1, "", &message);
}

#[test]
fn a_lease_whose_time_is_over_is_not_held_any_more() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 1));
    let deadline = Instant::now() + SOON;
    let mut output = check(&ns, &user, &[]);
    while output.code == Some(0) && Instant::now() < deadline {
        output = check(&ns, &user, &[]);
    }
    said(&output, 122, "", EXPIRED);
    said(&check(&ns, &user, &["-q"]), 122, "", "");
}

/// In-process only: this server's clock is moved.
#[test]
fn the_holders_skewed_clock_does_not_matter_where_the_server_stamps_renewals() {
    let (ns, user) = fresh_in_process(Options::default());
    let behind = lease_harness::lease("job")
        .holder("me")
        .duration(15)
        .renewed_ago(0, -3600);
    ns.create(&behind.build());
    said(
        &check(&ns, &user, &[]),
        0,
        "lease.coordination.k8s.io/job held\n",
        "",
    );
    let server = ns.cluster().api_server().expect("in-process");
    server.set_clock_offset(SignedDuration::from_secs(18));
    said(&check(&ns, &user, &[]), 122, "", EXPIRED);
}
