//! Scenarios of servers that say no for reasons of their own, or store something else: no hammering, no false grant.

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use lease_model::lease::decide::Loss;
use lease_model::lease::operate::{End, Grant, Limits, Returned};
use lease_model::lease::values::LeaseDuration;
use serde_json::{Value, json};

use super::scenario;
use crate::actor::{Actor, once, patient};
use crate::faults::{RequestFault, Verb, Webhook};
use crate::stay::Leave;
use crate::world::World;
use crate::{secs, sleep};

const STUBBORN: [Webhook; 3] = [Webhook::SaysConflict, Webhook::SaysAbsent, Webhook::Echoes];

/// What any stubborn server's words have in them.
const STUBBORN_WORDS: [&str; 3] = ["webhook says no", "been modified", "stored nothing"];

fn assert_says(end: &End, words: &[&str]) {
    let why = end.why().unwrap_or_default();
    let found = words.iter().any(|word| why.contains(word));
    assert!(found, "none of {words:?} is in {why:?}: {end:?}");
}

type Edit = fn(&mut Value);

fn prefixed(object: &mut Value) {
    if let Some(holder) = object["spec"]["holderIdentity"].as_str()
        && !holder.is_empty()
    {
        object["spec"]["holderIdentity"] = json!(format!("team-{holder}"));
    }
}

fn shortened(object: &mut Value) {
    object["spec"]["leaseDurationSeconds"] = json!(2);
}

/// As [`scenario`], where what is stored is another thing than what is sent.
fn altered<T>(duration: u32, script: impl AsyncFnOnce(Rc<World>, [Actor; 3]) -> T) -> T {
    scenario(duration, async |world, actors| {
        world.server().checker.writes_are_altered = true;
        script(world, actors).await
    })
}

/// An operation on the grant, and why it failed.
type Operation = fn(Actor, Grant, Limits) -> LocalBoxFuture<'static, Option<End>>;

const OPERATIONS: [(&str, Operation); 5] = [
    ("release", |actor, _, limits| {
        Box::pin(async move {
            let (operations, ours) = (&actor.operations, actor.identity());
            let released = operations.release(&ours, false, &limits, &|_| ()).await;
            released.err()
        })
    }),
    ("renew", |actor, _, limits| {
        Box::pin(async move {
            let (operations, ours) = (&actor.operations, actor.identity());
            operations.renew_ours(&ours, &limits, &|_| ()).await.err()
        })
    }),
    ("steal", |actor, _, limits| {
        Box::pin(async move {
            let (operations, terms) = (&actor.operations, actor.stealing(None));
            let agree = async |_: &_, _: &_| Ok(());
            let stolen = operations.steal(&terms, &limits, &|_| (), agree).await;
            stolen.err()
        })
    }),
    ("reenter", |actor, _, limits| {
        Box::pin(async move { (actor.acquire(&actor.reentering(None), &limits).await).err() })
    }),
    ("give back", |actor, grant, limits| {
        Box::pin(async move {
            match actor
                .operations
                .give_grant_back(&grant, &limits, &|_| ())
                .await
            {
                Returned::Unsettled(end) => Some(end),
                Returned::Freed(_) | Returned::Lost(_) => None,
            }
        })
    }),
];

#[test]
fn every_operation_gives_up_on_a_stubborn_server_by_its_deadline_with_a_few_requests_and_its_words()
{
    for webhook in STUBBORN {
        for (name, operation) in OPERATIONS {
            for tries_once in [false, true] {
                scenario(15, async |world, [actor, ..]| {
                    world.server().checker.holders_are_fair_game = true;
                    let grant = actor.take(None).await;
                    world.interfere(0, webhook);
                    let before = world.all_requests(0);
                    let (limits, most, longest) = match tries_once {
                        true => (once(), 12, 2.0),
                        false => (actor.within(30.0), 40, 42.0),
                    };
                    let end = operation(actor, grant, limits).await.expect("an error");
                    assert_says(&end, &STUBBORN_WORDS);
                    let (sent, took) = (world.all_requests(0) - before, world.now());
                    let case = format!("{name}, {webhook:?}, {tries_once}: {sent} in {took:?}");
                    assert!(sent <= most && took < secs(longest), "{case}");
                });
            }
        }
    }
}

#[test]
fn a_hold_on_a_stubborn_server_sends_a_few_requests_until_its_deadline() {
    for webhook in STUBBORN {
        for watches in [true, false] {
            scenario(30, async |world, [mut actor, ..]| {
                actor.watches = watches;
                let grant = actor.take(None).await;
                world.interfere(0, webhook);
                let before = world.all_requests(0);
                assert!(!actor.stay(grant, secs(60.0), Leave::Crash).await);
                let sent = world.all_requests(0) - before;
                assert!(sent < 250, "{webhook:?}: {sent} requests");
            });
        }
    }
}

#[test]
fn a_waiter_before_a_stubborn_server_waits_on_without_hammering() {
    for (webhook, create) in [
        (Webhook::SaysConflict, false),
        (Webhook::SaysAbsent, false),
        (Webhook::Echoes, false),
        // POST says that it exists, GET says that it does not.
        (Webhook::SaysConflict, true),
    ] {
        scenario(15, async |world, [actor, ..]| {
            if create {
                world.delete();
            }
            world.interfere(0, webhook);
            let (terms, limits) = (actor.terms(Some(15)), actor.within(60.0));
            let end = actor.acquire(&terms, &limits).await;
            assert_says(&end.expect_err("nothing is granted"), &STUBBORN_WORDS);
            let sent = world.all_requests(0);
            assert!(sent <= 60, "{webhook:?}: {sent} requests in a minute");
            assert!(world.now() < secs(62.0), "{:?}", world.now());
        });
    }
}

#[test]
fn a_storm_of_edits_is_not_answered_by_a_storm_of_writes() {
    scenario(15, async |world, [actor, ..]| {
        actor.take(None).await;
        world.edit_labels_every(0.001);
        let before = world.all_requests(0);
        let (ours, limits) = (actor.identity(), actor.within(30.0));
        let _ = actor.operations.renew_ours(&ours, &limits, &|_| ()).await;
        let sent = world.all_requests(0) - before;
        assert!(sent < 80, "{sent} requests");
    });
}

#[test]
fn another_holder_stored_than_sent_is_no_grant_and_is_given_back() {
    for create in [false, true] {
        altered(15, async |world, [actor, ..]| {
            if create {
                world.delete();
            }
            world.interfere(0, Webhook::Alters(prefixed));
            let end = actor.acquire(&actor.terms(Some(15)), &patient()).await;
            let end = end.expect_err("that is not us");
            assert!(matches!(end, End::Altered { left: None, .. }), "{end:?}");
            let words = "holderIdentity \"team-actor-0\" instead of \"actor-0\"";
            assert_says(&end, &[words]);
            assert_eq!(world.holder(), None);
        });
    }
}

#[test]
fn a_stolen_lease_that_went_to_another_name_shields_the_victim_and_is_then_given_back() {
    altered(12, async |world, [victim, thief, _]| {
        victim.take(None).await;
        sleep(1.0).await;
        world.interfere(1, Webhook::Alters(prefixed));
        let end = thief.steal(Some(3), &patient()).await.expect_err("not us");
        assert!(matches!(end, End::Altered { left: None, .. }), "{end:?}");
        assert!(world.now() > secs(12.0), "{:?}", world.now());
        assert_eq!(world.holder(), None);
    });
}

#[test]
fn a_shorter_duration_stored_is_used_or_refused() {
    for (least, granted) in [(Some(2), true), (Some(3), false), (None, false)] {
        altered(6, async |world, [actor, ..]| {
            world.interfere(0, Webhook::Alters(shortened));
            let mut terms = actor.terms(Some(6));
            terms.min_duration = least.map(LeaseDuration::constant);
            match actor.acquire(&terms, &patient()).await {
                Ok(grant) if granted => assert_eq!(grant.duration().as_secs(), 2),
                Err(end) if !granted => {
                    assert_says(&end, &["leaseDurationSeconds 2 instead of 6"]);
                    assert_eq!(world.holder(), None);
                }
                other => panic!("{least:?}: {other:?}"),
            }
        });
    }
}

#[test]
fn a_renewal_that_is_altered_is_a_loss_or_no_renewal() {
    let edits: [(Edit, bool); 6] = [
        (prefixed, true),
        (shortened, true),
        (|o| o["spec"]["holderIdentity"] = json!(""), true),
        (|o| o["spec"] = json!({}), true),
        (|o| o["spec"]["leaseTransitions"] = json!(0), true),
        // Others see no sign of life: ours until it expires, and no longer.
        (
            |o| o["spec"]["renewTime"] = json!("2020-01-01T00:00:00.000000Z"),
            false,
        ),
    ];
    for (number, (edit, at_once)) in edits.into_iter().enumerate() {
        altered(6, async |world, [actor, ..]| {
            let grant = actor.take(None).await;
            world.interfere(0, Webhook::Alters(edit));
            let deadline = grant.expires_at();
            let lost = actor.operations.renew_until(&grant, deadline).await;
            match (lost.expect_err("no renewal"), at_once) {
                (Loss::Altered(what), true) | (Loss::Deadline { last: Some(what) }, false) => {
                    // The second time the very same is sent to be stored: nothing is.
                    let words = ["the server stored", "stored nothing"];
                    assert!(words.iter().any(|word| what.contains(word)), "{what}");
                }
                (loss, _) => panic!("case {number}: {loss:?}"),
            }
            assert_eq!(world.now() < secs(1.0), at_once, "case {number}");
        });
    }
}

#[test]
fn a_longer_duration_or_none_keeps_nobody_in_and_is_no_loss() {
    let edits: [Edit; 2] = [
        |object| object["spec"]["leaseDurationSeconds"] = json!(60),
        |object| object["spec"]["leaseDurationSeconds"] = json!(null),
    ];
    for edit in edits {
        altered(6, async |world, [actor, ..]| {
            let grant = actor.take(None).await;
            world.interfere(0, Webhook::Alters(edit));
            assert!(actor.stay(grant, secs(30.0), Leave::Release).await);
            assert_eq!(world.holder(), None);
        });
    }
}

#[test]
fn a_release_that_stores_a_holder_all_the_same_is_an_error() {
    altered(6, async |world, [actor, ..]| {
        actor.take(None).await;
        let keeper = Webhook::Alters(|object| object["spec"]["holderIdentity"] = json!("keeper"));
        world.interfere(0, keeper);
        let (ours, limits) = (actor.identity(), actor.within(30.0));
        let operations = &actor.operations;
        let released = operations.release(&ours, false, &limits, &|_| ()).await;
        match released {
            Err(End::Altered {
                left: Some(left), ..
            }) => assert_eq!(left, "keeper"),
            other => panic!("{other:?}"),
        }
        assert_eq!(world.requests(0, Verb::Replace), 2);
    });
}

#[test]
fn a_lease_that_is_created_otherwise_than_asked_is_an_error_and_held_by_nobody() {
    altered(15, async |world, [actor, ..]| {
        world.delete();
        world.interfere(0, Webhook::Alters(prefixed));
        let created = actor.create("me", &patient()).await;
        let Err(End::Altered { left: None, .. }) = created else {
            panic!("{created:?}");
        };
        assert_eq!(world.holder(), None);
    });
}

#[test]
fn a_create_that_says_it_exists_where_nothing_is_does_not_hammer() {
    scenario(15, async |world, [actor, ..]| {
        world.delete();
        world.fail(0, Verb::Create, [RequestFault::LostRequest]);
        world.interfere(0, Webhook::SaysConflict);
        let end = actor.create("", &actor.within(30.0)).await;
        let end = end.expect_err("it is not there");
        assert_says(&end, &["webhook says no"]);
        assert!(matches!(end, End::Unsettled { .. }), "{end:?}");
        assert!(world.all_requests(0) < 40, "{}", world.all_requests(0));
    });
}

#[test]
fn a_proxy_that_sends_every_update_twice_costs_neither_the_grant_nor_the_release() {
    for watches in [true, false] {
        scenario(6, async |world, [mut actor, ..]| {
            actor.watches = watches;
            let grant = actor.take(None).await;
            world.interfere(0, Webhook::SendsTwice);
            let stayed = actor.stay(grant.clone(), secs(30.0), Leave::Crash).await;
            assert!(stayed);
            let (operations, limits) = (&actor.operations, actor.within(10.0));
            let returned = operations.give_grant_back(&grant, &limits, &|_| ()).await;
            assert!(matches!(returned, Returned::Freed(_)), "{returned:?}");
        });
    }
}
