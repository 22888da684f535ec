//! What is said where a verb is missing, and to a hold that waited.

use super::{holders, waits};
use crate::support::{SOON, forbidden, free, fresh};

#[test]
fn a_missing_verb_is_granted_for_all_of_them() {
    let (ns, _) = fresh();
    ns.create(&free("pool-0"));
    let user = ns.user(&["get"]);
    let output = super::acquire(&ns, &user, "1", &["--holder=me"]).run();
    let verb = forbidden(&ns, &user, "update", Some("pool-0"), "acquire");
    // They are watched together, to which no name is known.
    let verb = verb
        .replace("watch:pool-0", "watch")
        .replace(" --resource-name=pool-0", "")
        .replace(
            "is missing. ",
            "is missing. Every slot takes it: which is tried first depends on the holder. ",
        );
    assert_eq!((output.code, output.stderr), (Some(1), verb));
    assert_eq!(holders(&ns, 1), [""]);
}

#[test]
fn a_hold_that_waited_names_the_slot_that_it_has() {
    let (ns, user) = super::pool(&["a", "b"], 60);
    let running = super::hold(&ns, &user, "2", "echo $KUBECTL_LEASE_SLOT").spawn();
    waits(&running);
    crate::support::set_free(&ns, "pool-1");
    let output = running.wait(SOON);
    crate::support::said_like(
        &output,
        0,
        "1\n",
        "waiting for a slot of \"pool\": both slots are held: slot 0 by \"a\", slot 1 by \"b\"; the next is free in at most 60s unless renewed\n\
         lease \"pool-1\" acquired after …\n",
    );
}
