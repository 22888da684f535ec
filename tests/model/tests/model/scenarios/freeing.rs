//! Scenarios of what another holds and is freed by force: exactly what was agreed to, whatever gets lost on the way.

use std::cell::Cell;
use std::rc::Rc;

use lease_model::lease::decide::{Change, FreeTerms, Refusal};
use lease_model::lease::evidence::{Expiry, Observation};
use lease_model::lease::keeper::{Nature, Other};
use lease_model::lease::operate::{End, Freed, Limits};
use serde_json::json;
use tokio::task::spawn_local;

use super::scenario;
use crate::actor::{Actor, patient};
use crate::checker::{Counts, Event, Purpose};
use crate::clock::Wall;
use crate::faults::{FaultRates, RequestFault, Verb};
use crate::random::one_of;
use crate::world::World;
use crate::{simulate, sleep};

const ACTORS: usize = 4;

/// Frees what another holds; how that ended, and how often it was asked about.
async fn free(actor: &Actor, asks: bool, limits: &Limits) -> (Result<Freed, End>, u32) {
    free_after(actor, asks, limits, |_| ()).await
}

/// The same; `between` comes between what is shown, for the so manieth time, and the write.
async fn free_after(
    actor: &Actor,
    asks: bool,
    limits: &Limits,
    between: impl Fn(u32),
) -> (Result<Freed, End>, u32) {
    let call = actor.api.begin(Purpose::Free);
    actor.world.server().checker.shown.remove(&actor.client);
    let terms = FreeTerms {
        if_holder: None,
        asks,
        by: actor.name.clone(),
        reason: None,
    };
    let asked = Cell::new(0);
    let agree = async |seen: &Observation, _: &Expiry| {
        asked.set(asked.get() + 1);
        let shown = &mut actor.world.server().checker.shown;
        shown.insert(actor.client, seen.record().clone());
        Ok(())
    };
    let agree = async |seen: &Observation, expiry: &Expiry| {
        let agreed: Result<(), End> = agree(seen, expiry).await;
        between(asked.get());
        agreed
    };
    let operations = &actor.operations;
    let freed = operations.free_from_another(None, &terms, limits, &|_| (), agree);
    let freed = freed.await;
    actor.api.begin(Purpose::Keep);
    if let Err(end) = &freed {
        let end = format!("{} freed nothing: {end:?}", actor.name);
        actor.world.note(end);
    }
    if matches!(&freed, Err(end) if !matches!(end, End::Unsettled { .. })) {
        let checker = &mut actor.world.server().checker;
        checker.disown((actor.client, call));
    }
    (freed, asked.get())
}

#[test]
fn a_lost_reply_is_recognised_and_a_lost_request_is_sent_again() {
    for fault in [RequestFault::LostReply, RequestFault::LostRequest] {
        scenario(6, async |world, [actor, victim, _]| {
            victim.take(None).await;
            world.fail_replace(0, [fault]);
            let (freed, asked) = free(&actor, false, &actor.within(30.0)).await;
            assert_eq!(freed.expect("freed").holder(), "actor-1");
            assert_eq!((world.holder(), asked), (None, 1));
            // The one that has it next is not taken for anything else.
            assert_eq!(world.server().checker.counts.of(Event::Freed), 1);
        });
    }
}

#[test]
fn a_renewal_or_a_label_between_the_yes_and_the_write_changes_nothing_and_another_grant_does() {
    for (field, value, is_the_same) in [
        ("renewTime", json!("2020-01-01T00:00:01.000000Z"), true),
        ("leaseTransitions", json!(9), false),
        ("holderIdentity", json!("actor-2"), false),
        ("leaseDurationSeconds", json!(2), false),
    ] {
        for asks in [true, false] {
            scenario(60, async |world, [actor, victim, _]| {
                victim.take(None).await;
                let between = |asked| match asked {
                    1 => world.edit_spec(field, value.clone()),
                    _ => world.edit_label(1),
                };
                let (freed, asked) = free_after(&actor, asks, &patient(), between).await;
                match (is_the_same, asks) {
                    (true, _) => assert_eq!((freed.is_ok(), asked), (true, 1), "{field}"),
                    (false, true) => assert_eq!((freed.is_ok(), asked), (true, 2), "{field}"),
                    (false, false) => {
                        let holder = match field {
                            "holderIdentity" => "actor-2",
                            _ => "actor-1",
                        };
                        let now = Other {
                            holder: holder.into(),
                            nature: Nature::Lock,
                        };
                        let change = match freed {
                            Err(End::Refused(Refusal::NotAsShown { ref change, .. })) => change,
                            ref other => panic!("{field}: {other:?}"),
                        };
                        let is_of_another = matches!(change, Change::Holder(_));
                        assert_eq!(is_of_another, holder == "actor-2", "{field}: {change:?}");
                        let change = change.clone();
                        let refused = End::Refused(Refusal::NotAsShown { change, now });
                        assert_eq!(freed.err(), Some(refused), "{field}");
                        assert_eq!(world.holder().as_deref(), Some(holder));
                    }
                }
            });
        }
    }
}

#[test]
fn where_nothing_can_be_learned_of_the_write_any_more_that_is_said_and_else_it_is_known() {
    for reply in [RequestFault::LostReply, RequestFault::LostRequest] {
        for reads in [true, false] {
            scenario(600, async |world, [actor, victim, _]| {
                victim.take(None).await;
                let cut = |_| {
                    world.fail_replace(0, vec![reply; 20]);
                    if !reads {
                        world.fail(0, Verb::Get, vec![RequestFault::Refused; 200]);
                    }
                };
                let limits = actor.within(8.0);
                let (freed, _) = free_after(&actor, false, &limits, cut).await;
                let is_free = world.holder().is_none();
                match (freed, reads) {
                    (Ok(_), true) if is_free => {}
                    // Still on top of what is there: it may be carried out yet.
                    (Err(End::Unsettled { .. }), true) if !is_free => {}
                    (Err(End::Unsettled { .. }), false) => {}
                    (other, _) => panic!("{reply:?} {reads}: {other:?}"),
                }
            });
        }
    }
}

fn random_actors(world: &Rc<World>) -> Vec<Actor> {
    let actor = |client| {
        let mut rng = world.server().rng.fork();
        let wall = Wall::Skewed(rng.i64(-9000..=9000));
        Actor::new(world, client, rng.u64(990_000..=1_010_000), wall)
    };
    (0..ACTORS).map(actor).collect()
}

/// Gets in a dozen times, or frees what another has.
async fn live(actor: Actor) {
    for _ in 0..12 {
        let mut rng = actor.world.server().rng.fork();
        let actor = actor.restarted();
        sleep(rng.f64()).await;
        if rng.bool() {
            let limits = actor.within([5.0, 30.0][usize::from(rng.bool())]);
            let _ = free(&actor, rng.bool(), &limits).await;
        } else if let Ok(grant) = actor
            .acquire(&actor.terms(Some(2)), &actor.within(30.0))
            .await
        {
            // What is freed beside whoever has it is nothing to run a command under.
            sleep(rng.f64() * 1.5).await;
            if rng.bool() {
                actor.release(grant).await;
            }
        }
    }
}

#[test]
fn whatever_gets_lost_no_other_grant_is_freed_than_was_agreed_to_and_none_after_an_end_was_told() {
    let mut counts = Counts::default();
    for seed in 0..60 {
        simulate(seed, async {
            let world = World::new(seed);
            world.create(2);
            world.server().checker.holders_are_fair_game = true;
            let mut rng = world.server().rng.fork();
            world.server().plan.rates = FaultRates {
                requests: one_of(&mut rng, &[0, 100, 300]),
                latency: one_of(&mut rng, &[3, 20, 100]),
                watches: one_of(&mut rng, &[0, 50]),
                late: one_of(&mut rng, &[0, 500]),
            };
            let lives = random_actors(&world).into_iter();
            let lives: Vec<_> = lives.map(|actor| spawn_local(live(actor))).collect();
            for life in lives {
                life.await.expect("a result");
            }
            counts.add_all(&world.server().checker.counts);
            world.assert_no_violations();
        });
    }
    assert!(counts.of(Event::Freed) > 200, "{counts:?}");
    assert!(counts.of(Event::LateWrite) > 0, "{counts:?}");
}
