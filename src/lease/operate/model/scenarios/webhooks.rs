//! Scenarios of servers that say no for reasons of their own, or store something else: no hammering, no false grant.

use serde_json::json;

use super::super::actor::{Actor, Leave, patient};
use super::super::faults::{Verb, Webhook};
use super::super::ledger::Purpose;
use super::super::server::World;
use super::super::{secs, simulate};
use super::{holder, lawful, sleep, taken, within, world};
use crate::clock::Clock;
use crate::lease::decide::{Loss, Ours, StealTerms};
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::operate::{End, Ended, Grant, Held, Limits, Returned};
use crate::lease::record::Lease;
use crate::lease::values::LeaseDuration;

const STUBBORN: [Webhook; 3] = [Webhook::SaysConflict, Webhook::SaysAbsent, Webhook::Echoes];

fn meets(world: &World, client: usize, webhook: Webhook) {
    world
        .state
        .borrow_mut()
        .fates
        .webhooks
        .insert(client, webhook);
}

fn prefixed(object: &mut serde_json::Value) {
    if let Some(holder) = object["spec"]["holderIdentity"].as_str()
        && !holder.is_empty()
    {
        object["spec"]["holderIdentity"] = json!(format!("team-{holder}"));
    }
}

fn shortened(object: &mut serde_json::Value) {
    object["spec"]["leaseDurationSeconds"] = json!(2);
}

fn named(end: &End, words: &[&str]) {
    let why = end.why().unwrap_or_default();
    let found = words.iter().any(|word| why.contains(word));
    assert!(found, "none of {words:?} is in {why:?}: {end:?}");
}

/// What any stubborn server's words have in them.
const WORDS: [&str; 3] = ["webhook says no", "been modified", "stored nothing"];

#[test]
fn every_operation_gives_up_on_a_stubborn_server_by_its_deadline_with_a_few_requests_and_its_words()
{
    type Operation = fn(Actor, Limits) -> futures::future::LocalBoxFuture<'static, Option<End>>;
    let operations: [(&str, Operation); 5] = [
        ("release", |actor, limits| {
            Box::pin(async move {
                let ours = Ours::Identity("actor-0".parse().expect("a holder"));
                let done = actor
                    .operations
                    .release(&ours, false, &limits, &|_| ())
                    .await;
                done.err()
            })
        }),
        ("renew", |actor, limits| {
            Box::pin(async move {
                let ours = Ours::Identity("actor-0".parse().expect("a holder"));
                let done = actor.operations.renew_ours(&ours, &limits, &|_| ()).await;
                done.err()
            })
        }),
        ("steal", |actor, limits| {
            Box::pin(async move {
                let terms = StealTerms {
                    grant: actor.terms(None).grant,
                    if_holder: None,
                    asks: true,
                    waits: true,
                };
                let operations = &actor.operations;
                let agree = async |_: &Observation, _: &Expiry| Ok(());
                operations
                    .steal(&terms, &limits, &|_| (), agree)
                    .await
                    .err()
            })
        }),
        ("reenter", |actor, limits| {
            Box::pin(async move {
                let mut terms = actor.terms(None);
                terms.reenter = true;
                actor.acquire(&terms, &limits).await.err()
            })
        }),
        ("give back", |actor, limits| {
            Box::pin(async move {
                let record = actor.world.record().expect("it is there");
                let grant = Grant::new(record.clone(), &record, actor.clock.now());
                match actor.operations.give_grant_back(&grant, &limits).await {
                    Returned::Unsettled(end) => Some(end),
                    Returned::Freed | Returned::Lost(_) => None,
                }
            })
        }),
    ];
    for webhook in STUBBORN {
        for (name, operation) in operations {
            for once in [false, true] {
                simulate(1, async {
                    let world = world(15);
                    world.state.borrow_mut().ledger.lawless = true;
                    let actor = Actor::exact(&world, 0);
                    taken(&actor, None).await;
                    meets(&world, 0, webhook);
                    let before = world.all_requests(0);
                    let limits = Limits {
                        once,
                        insist: false,
                        deadline: within(&actor, 30.0).deadline.filter(|_| !once),
                        ..patient()
                    };
                    let end = operation(actor.clone(), limits).await.expect("an error");
                    named(&end, &WORDS);
                    let (sent, took) = (world.all_requests(0) - before, world.now());
                    let story =
                        format!("{name}, {webhook:?}, once {once}: {sent} requests in {took:?}");
                    assert!(sent <= if once { 12 } else { 40 }, "{story}");
                    assert!(took < secs(if once { 2.0 } else { 42.0 }), "{story}");
                });
            }
        }
    }
}

#[test]
fn a_hold_on_a_stubborn_server_sends_a_few_requests_until_its_deadline() {
    for webhook in STUBBORN {
        for watches in [true, false] {
            simulate(1, async {
                let world = world(30);
                let mut actor = Actor::exact(&world, 0);
                actor.watches = watches;
                let grant = taken(&actor, None).await;
                meets(&world, 0, webhook);
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
        simulate(1, async {
            let world = if create { World::new(1) } else { world(15) };
            let actor = Actor::exact(&world, 0);
            meets(&world, 0, webhook);
            let end = actor
                .acquire(&actor.terms(Some(15)), &within(&actor, 60.0))
                .await
                .expect_err("nothing is granted");
            named(&end, &WORDS);
            let sent = world.all_requests(0);
            assert!(sent <= 60, "{webhook:?}: {sent} requests in a minute");
            assert!(world.now() < secs(62.0), "{:?}", world.now());
        });
    }
}

#[test]
fn a_storm_of_edits_is_not_answered_by_a_storm_of_writes() {
    simulate(1, async {
        let world = world(15);
        let actor = Actor::exact(&world, 0);
        taken(&actor, None).await;
        let storm = world.clone();
        tokio::task::spawn_local(async move {
            for edit in 0.. {
                storm.edit_label(edit);
                tokio::time::sleep(super::super::millis(1)).await;
            }
        });
        let before = world.all_requests(0);
        let ours = Ours::Identity("actor-0".parse().expect("a holder"));
        let limits = within(&actor, 30.0);
        let _ = actor.operations.renew_ours(&ours, &limits, &|_| ()).await;
        let sent = world.all_requests(0) - before;
        assert!(sent < 80, "{sent} requests");
    });
}

#[test]
fn another_holder_stored_than_sent_is_no_grant_and_is_given_back() {
    for create in [false, true] {
        simulate(1, async {
            let world = if create { World::new(1) } else { world(15) };
            world.state.borrow_mut().ledger.foreign_hands = true;
            let actor = Actor::exact(&world, 0);
            meets(&world, 0, Webhook::Alters(prefixed));
            let end = actor
                .acquire(&actor.terms(Some(15)), &patient())
                .await
                .expect_err("that is not us");
            assert!(matches!(end, End::Altered { left: None, .. }), "{end:?}");
            named(
                &end,
                &["holderIdentity \"team-actor-0\" instead of \"actor-0\""],
            );
            assert_eq!(holder(&world), None);
        });
    }
}

#[test]
fn a_stolen_lease_that_went_to_another_name_shields_the_victim_and_is_then_given_back() {
    simulate(1, async {
        let world = world(12);
        world.state.borrow_mut().ledger.foreign_hands = true;
        let (victim, thief) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        taken(&victim, None).await;
        sleep(1.0).await;
        meets(&world, 1, Webhook::Alters(prefixed));
        let end = thief.steal(Some(3), &patient()).await.expect_err("not us");
        assert!(matches!(end, End::Altered { left: None, .. }), "{end:?}");
        assert!(world.now() > secs(12.0), "{:?}", world.now());
        assert_eq!(holder(&world), None);
    });
}

#[test]
fn a_shorter_duration_stored_is_used_or_refused() {
    for (least, granted) in [(Some(2), true), (Some(3), false), (None, false)] {
        simulate(1, async {
            let world = world(6);
            world.state.borrow_mut().ledger.foreign_hands = true;
            let actor = Actor::exact(&world, 0);
            meets(&world, 0, Webhook::Alters(shortened));
            let mut terms = actor.terms(Some(6));
            terms.min_duration = least.map(LeaseDuration::constant);
            match actor.acquire(&terms, &patient()).await {
                Ok(grant) => {
                    assert!(granted);
                    assert_eq!(grant.duration(), LeaseDuration::constant(2));
                }
                Err(end) => {
                    assert!(!granted, "{end:?}");
                    named(&end, &["leaseDurationSeconds 2 instead of 6"]);
                    assert_eq!(holder(&world), None);
                }
            }
            lawful(&world);
        });
    }
}

#[test]
fn a_renewal_that_is_altered_is_a_loss_or_no_renewal() {
    type Edit = fn(&mut serde_json::Value);
    let cases: [(Edit, bool); 6] = [
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
    for (number, (change, at_once)) in cases.into_iter().enumerate() {
        simulate(1, async {
            let world = world(6);
            world.state.borrow_mut().ledger.foreign_hands = true;
            let mut actor = Actor::exact(&world, 0);
            actor.watches = false;
            let grant = taken(&actor, None).await;
            meets(&world, 0, Webhook::Alters(change));
            let lost = actor
                .operations
                .renew_until(&grant, grant.expires_at())
                .await
                .expect_err("no renewal");
            match (&lost, at_once) {
                (Loss::Altered(what), true) | (Loss::Deadline { last: Some(what) }, false) => {
                    // The second time the very same is sent to be stored: nothing is.
                    let words = ["the server stored", "stored nothing"];
                    assert!(words.iter().any(|word| what.contains(word)), "{what}");
                }
                _ => panic!("case {number}: {lost:?}"),
            }
            assert_eq!(world.now() < secs(1.0), at_once, "case {number}");
        });
    }
}

#[test]
fn a_longer_duration_or_none_keeps_nobody_in_and_is_no_loss() {
    for seconds in [json!(60), json!(null)] {
        simulate(1, async {
            let world = world(6);
            world.state.borrow_mut().ledger.foreign_hands = true;
            let actor = Actor::exact(&world, 0);
            let grant = taken(&actor, None).await;
            let webhook: fn(&mut serde_json::Value) = if seconds.is_null() {
                |object| object["spec"]["leaseDurationSeconds"] = json!(null)
            } else {
                |object| object["spec"]["leaseDurationSeconds"] = json!(60)
            };
            meets(&world, 0, Webhook::Alters(webhook));
            assert!(actor.stay(grant, secs(30.0), Leave::Release).await);
            assert_eq!(holder(&world), None);
        });
    }
}

#[test]
fn a_release_that_stores_a_holder_all_the_same_is_an_error() {
    simulate(1, async {
        let world = world(6);
        world.state.borrow_mut().ledger.foreign_hands = true;
        let actor = Actor::exact(&world, 0);
        taken(&actor, None).await;
        meets(
            &world,
            0,
            Webhook::Alters(|object| object["spec"]["holderIdentity"] = json!("keeper")),
        );
        actor.api.begin(Purpose::Keep);
        let ours = Ours::Identity("actor-0".parse().expect("a holder"));
        let end = actor
            .operations
            .release(&ours, false, &within(&actor, 30.0), &|_| ())
            .await
            .expect_err("it is not free");
        assert!(
            matches!(&end, End::Altered { left: Some(left), .. } if left == "keeper"),
            "{end:?}"
        );
        assert_eq!(world.requests(0, Verb::Replace), 2);
    });
}

#[test]
fn a_lease_that_is_created_otherwise_than_asked_is_an_error_and_held_by_nobody() {
    simulate(1, async {
        let world = World::new(1);
        world.state.borrow_mut().ledger.foreign_hands = true;
        let actor = Actor::exact(&world, 0);
        actor.api.begin(Purpose::Acquire);
        meets(&world, 0, Webhook::Alters(prefixed));
        let fresh = Lease::fresh("default", "my-lease", LeaseDuration::constant(60));
        let mut object = fresh.as_json().clone();
        object["spec"]["holderIdentity"] = json!("me");
        let record = Lease::new(object).expect("a lease");
        let created = create(&actor, &record, &patient()).await;
        assert!(
            matches!(created, Err(End::Altered { left: None, .. })),
            "{created:?}"
        );
        assert_eq!(holder(&world), None);
    });
}

#[test]
fn a_proxy_that_sends_every_update_twice_costs_neither_the_grant_nor_the_release() {
    for watches in [true, false] {
        simulate(1, async {
            let world = world(6);
            let mut actor = Actor::exact(&world, 0);
            actor.watches = watches;
            let grant = taken(&actor, None).await;
            meets(&world, 0, Webhook::SendsTwice);
            assert!(actor.stay(grant, secs(30.0), Leave::Crash).await);
            let record = world.record().expect("it is there");
            let grant = Grant::new(record.clone(), &record, actor.clock.now());
            let limits = within(&actor, 10.0);
            let returned = actor.operations.give_grant_back(&grant, &limits).await;
            assert!(matches!(returned, Returned::Freed), "{returned:?}");
            lawful(&world);
        });
    }
}

#[test]
fn a_create_that_says_it_exists_where_nothing_is_does_not_hammer() {
    simulate(1, async {
        let world = World::new(1);
        let actor = Actor::exact(&world, 0);
        actor.api.begin(Purpose::Outsider);
        world.mishap(0, Verb::Create, super::super::faults::Mishap::LostRequest);
        meets(&world, 0, Webhook::SaysConflict);
        let record = Lease::fresh("default", "my-lease", LeaseDuration::constant(60));
        let end = create(&actor, &record, &within(&actor, 30.0))
            .await
            .expect_err("it is not there");
        named(&end, &["webhook says no"]);
        assert!(matches!(end, End::Unsettled { .. }), "{end:?}");
        assert!(world.all_requests(0) < 40, "{}", world.all_requests(0));
    });
}

/// Creates a Lease, and keeps it if there is one.
async fn create(actor: &Actor, lease: &Lease, limits: &Limits) -> Result<(), End> {
    let kept = async |_: Held<'_>| Ok::<_, ()>(());
    match actor.operations.create(lease, limits, &|_| (), kept).await {
        Ok(_) => Ok(()),
        Err(Ended::Ungranted(end)) => Err(end),
        Err(ended) => panic!("{ended:?}"),
    }
}
