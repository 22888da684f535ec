//! What the checker says of a creation that is stored after the acquire that sent it has failed.

use serde_json::json;

use lease_model::lease::record::Lease;

use crate::checker::{Passage, Purpose, Sender};
use crate::world::World;
use crate::{secs, simulate};

/// When the Lease is deleted; the creation is sent after 10 s and stored after 30 s.
#[derive(Clone, Copy)]
enum Deleted {
    Never,
    BeforeItWasSent,
    Meanwhile,
}

fn is_a_ghost(astray: bool, deleted: Deleted) -> bool {
    let at = match deleted {
        Deleted::Never => None,
        Deleted::BeforeItWasSent => Some(5.0),
        Deleted::Meanwhile => Some(20.0),
    };
    simulate(1, async {
        let world = World::new(1);
        let server = &mut *world.server();
        let sender = Sender {
            client: 0,
            call: 7,
            purpose: Purpose::Acquire,
            passage: Passage {
                sent: secs(10.0),
                astray,
            },
        };
        if let Some(at) = at {
            server.delete(secs(at));
        }
        (server.checker).failed(secs(15.0), (0, 7), "actor-0", None, true);
        let created = Lease::new(json!({
            "metadata": { "name": "my-lease" },
            "spec": { "holderIdentity": "actor-0", "leaseTransitions": 1 },
        }));
        server.post(secs(30.0), sender, "actor-0", &created.expect("a lease"));
        match &server.checker.violations[..] {
            [] => false,
            [one] if one.contains("a ghost") => true,
            others => panic!("{others:?}"),
        }
    })
}

#[test]
fn a_creation_by_an_acquire_that_has_failed_is_a_ghost() {
    for deleted in [Deleted::Never, Deleted::BeforeItWasSent, Deleted::Meanwhile] {
        assert!(is_a_ghost(false, deleted));
    }
    for deleted in [Deleted::Never, Deleted::BeforeItWasSent] {
        assert!(is_a_ghost(true, deleted));
    }
}

#[test]
fn one_that_was_doubled_or_held_back_until_the_lease_was_deleted_is_none() {
    assert!(!is_a_ghost(true, Deleted::Meanwhile));
}
