//! The whole life of a lease, on every version.

use super::{MINORS, of};
use crate::support::{fresh, holder, stored};
use lease_harness::{Namespace, User};

/// What is done, and how it ends.
const LIFE: [(&str, i32); 11] = [
    ("create job --duration=60s", 0),
    ("acquire job --holder=a --dry-run=server", 0),
    ("acquire job --holder=a", 0),
    ("renew job --holder=a", 0),
    ("check job --holder=a", 0),
    ("status job --exit-code", 0),
    ("acquire job --holder=b --timeout=0", 124),
    ("steal job --holder=b --yes --now", 0),
    ("release job --holder=b", 0),
    ("wait job --for=free --timeout=0", 0),
    ("hold job -- true", 0),
];

fn lives(ns: &Namespace, user: &User) {
    let version = ns.cluster().admin().call("GET", "/version", None);
    let version = version.expect("a version").body["gitVersion"].clone();
    for (call, code) in LIFE {
        let output = ns.command(user, call.split(' ')).run();
        assert_eq!(output.code, Some(code), "{version}: {output}");
    }
    let lease = stored(ns, "job");
    let spec = &lease["spec"];
    assert_eq!((holder(&lease), &spec["leaseTransitions"]), ("", &3.into()));
}

#[test]
fn a_lease_lives_on_every_version() {
    // Two at a time: so many processors there are.
    let minors: Vec<u32> = MINORS.collect();
    std::thread::scope(|scope| {
        for half in minors.chunks(minors.len().div_ceil(2)) {
            scope.spawn(move || {
                for minor in half {
                    let (ns, user) = of(*minor);
                    lives(&ns, &user);
                }
            });
        }
    });
}

/// Only where there is one; otherwise it is the life of the version that the rest of the suite is on.
#[test]
fn a_lease_lives_on_the_real_server_too() {
    let (ns, user) = fresh();
    lives(&ns, &user);
}
