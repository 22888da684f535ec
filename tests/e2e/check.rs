//! `check`: tells by the exit status whether a lease is held.

use crate::support::{
    each, free, fresh, fresh_in_process, held, not_found_as_held, not_held_by_you, said, untouched,
};
use jiff::SignedDuration;
use lease_harness::lease_api_server::Options;
use lease_harness::{Namespace, Output, User, lease};

const HELD: &str = "lease.coordination.k8s.io/job held\n";
const EXPIRED: &str =
    "lease.coordination.k8s.io/job is held by you, but it has expired: others can take it now\n";
const UNPROVEN: &str =
    "lease.coordination.k8s.io/job is recorded as held by you, but it may have expired\n";

fn check(ns: &Namespace, user: &User) -> Output {
    ns.run(user, ["check", "job", "--holder=me"])
}

/// The same answer, and no words.
#[track_caller]
fn quiet(ns: &Namespace, user: &User, code: i32) {
    let output = ns.run(user, ["check", "job", "--holder=me", "--quiet"]);
    said(&output, code, "", "");
}

fn later(ns: &Namespace, seconds: i64) {
    let server = ns.cluster().api_server().expect("in-process");
    server.set_clock_offset(SignedDuration::from_secs(seconds));
}

fn renewal(ns: &Namespace) -> String {
    format!(
        "To be sure, renew it: kubectl lease renew job -n {} --holder me\n",
        ns.name()
    )
}

#[test]
fn a_check_tells_whose_a_lease_is_and_writes_nothing() {
    let (ns, user) = fresh();
    said(&check(&ns, &user), 121, "", &not_found_as_held(&ns, "job"));
    let others = not_held_by_you(&ns, "job", "me", "other").replace("Nothing was written. ", "");
    let nobodys = "error: lease \"job\" is not held by \"me\": it is free\n";
    let endless = lease("job").holder("me").renewed_ago(9999, 0).build();
    for (object, code, stdout, stderr) in [
        (held("job", "me", 60), 0, HELD, ""),
        (endless, 0, HELD, ""),
        (held("job", "other", 60), 122, "", others.as_str()),
        (free("job"), 122, "", nobodys),
    ] {
        let before = ns.create(&object);
        said(&check(&ns, &user), code, stdout, stderr);
        quiet(&ns, &user, code);
        untouched(&ns, &before);
        ns.delete("job");
    }
    // In-process only: the one server refuses dry runs.
    let (ns, user) = fresh_in_process(Options {
        refuse_dry_run: Some(400),
        ..Options::default()
    });
    let (others, _) = fresh_in_process(Options::default());
    let reader = others.user(&["get"]);
    for (ns, user, why) in [
        (
            &ns,
            &user,
            "side.effects.example\" does not support dry run",
        ),
        (&others, &reader, "is forbidden"),
    ] {
        let before = ns.create(&held("job", "me", 60));
        let output = check(ns, user);
        assert_eq!((output.code, output.stdout.as_str()), (Some(122), ""));
        let because = "The server's clock is unknown, because a dry run of the renewal failed: Error from server ";
        let begins = format!("{UNPROVEN}{because}");
        let said = &output.stderr;
        assert!(said.starts_with(&begins) && said.contains(why), "{output}");
        assert!(said.ends_with(&renewal(ns)), "{output}");
        untouched(ns, &before);
    }
}

/// In-process only: this server's clock is moved.
#[test]
fn the_holders_skewed_clock_does_not_matter_where_the_server_stamps_renewals() {
    each([-3600, 0, 3600], |skew| {
        let (ns, user) = fresh_in_process(Options::default());
        let skewed = lease("job").holder("me").duration(15);
        ns.create(&skewed.renewed_ago(0, skew).build());
        said(&check(&ns, &user), 0, HELD, "");
        later(&ns, 18);
        let message = match skew {
            3600 => format!("{UNPROVEN}{}", renewal(&ns)),
            _ => EXPIRED.to_owned(),
        };
        said(&check(&ns, &user), 122, "", &message);
        quiet(&ns, &user, 122);
    });
}

/// In-process only: an old server's clock is moved, and a proxy rewrites its `Date`.
#[test]
fn where_the_server_stamps_no_renewals_only_the_grant_is_proof_and_never_date_or_the_holders_clock()
{
    each([-3600, 3600], |date| {
        let old = Options {
            version: (1, 20),
            date_offset: SignedDuration::from_secs(date),
            ..Options::default()
        };
        let (ns, user) = fresh_in_process(old);
        ns.create(&free("job"));
        let take = ["acquire", "job", "--holder=me", "--duration=30s"];
        assert_eq!(ns.run(&user, take).code, Some(0));
        quiet(&ns, &user, 0);
        later(&ns, 20);
        let renewed = ns.run(&user, ["renew", "job", "--holder=me"]);
        assert_eq!(renewed.code, Some(0));
        // Granted 20 s ago.
        quiet(&ns, &user, 0);
        later(&ns, 31);
        // By our own clock it was renewed just now: it may be alive.
        quiet(&ns, &user, 122);
    });
}
