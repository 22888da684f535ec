//! Scenarios of what a yes to a steal covers, and for how long: replies go astray, and the thief stands still.

use std::cell::Cell;
use std::rc::Rc;

use super::{holder, lawful, sleep, taken, waiting, within, world};
use crate::actor::{Actor, patient};
use crate::checker::Purpose;
use crate::faults::{Mishap, Verb};
use crate::server::World;
use crate::{millis, secs, simulate};
use lease_model::clock::Clock;
use lease_model::lease::decide::{Loss, Refusal, StealTerms};
use lease_model::lease::keeper::{Nature, Other};
use lease_model::lease::operate::{End, Grant, Limits};

/// A thief, a victim that is silent from now on, and a third who waits for the Lease.
struct Cast {
    world: Rc<World>,
    thief: Actor,
    third: Actor,
    /// How often the thief was asked.
    asked: Rc<Cell<u32>>,
}

impl Cast {
    async fn new(duration: u32) -> Self {
        let world = world(duration);
        let actor = |client| Actor::exact(&world, client);
        let (thief, victim, third) = (actor(0), actor(1), actor(2));
        taken(&victim, None).await;
        sleep(1.0).await;
        Self {
            world,
            thief,
            third,
            asked: Rc::default(),
        }
    }

    async fn steal(&self, asks: bool, limits: &Limits) -> Result<Grant, End> {
        self.thief.api.begin(Purpose::Steal);
        let terms = StealTerms {
            grant: self.thief.terms(None).grant,
            if_holder: None,
            asks,
            waits: true,
        };
        let agree = async |_: &_, _: &_| {
            self.asked.set(self.asked.get() + 1);
            Ok(())
        };
        let operations = &self.thief.operations;
        let stolen = operations.steal(&terms, limits, &|_| (), agree).await;
        stolen.map(|stolen| stolen.grant)
    }

    /// The thief stands still from when its write is done until `until`, seconds of true time.
    fn frozen_once_done(&self, until: f64) {
        let (world, clock) = (self.world.clone(), self.thief.clock.clone());
        tokio::task::spawn_local(async move {
            while holder(&world).as_deref() != Some("actor-0") {
                tokio::time::sleep(millis(1)).await;
            }
            clock.freeze_until(secs(until));
        });
    }

    fn held_by_the_third(&self) -> bool {
        holder(&self.world).as_deref() == Some("actor-2")
    }
}

#[test]
fn an_old_yes_is_not_for_whoever_took_it_from_the_thief_that_stood_still() {
    for reply in [Some(Mishap::LostReply), None] {
        for asks in [false, true] {
            simulate(1, async {
                let cast = Cast::new(6).await;
                if let Some(reply) = reply {
                    cast.world.mishap(0, Verb::Replace, reply);
                }
                cast.frozen_once_done(60.0);
                let waiter = waiting(&cast.third);
                let stolen = cast.steal(asks, &patient()).await;
                waiter.await.expect("a result").0.expect("a grant");
                match (stolen, asks && reply.is_some()) {
                    // Shown anew, and agreed to again.
                    (Ok(_), true) => assert_eq!(cast.asked.get(), 2),
                    (Err(End::Lost(Loss::TakenBy(by))), false) => {
                        assert_eq!((by.as_str(), cast.asked.get()), ("actor-2", 1));
                        assert!(cast.held_by_the_third());
                    }
                    (other, _) => panic!("{reply:?} {asks}: {other:?}"),
                }
                lawful(&cast.world);
            });
        }
    }
}

#[test]
fn an_old_yes_is_not_for_whoever_came_before_the_write() {
    simulate(1, async {
        let cast = Cast::new(6).await;
        // The request lies somewhere until long after the client has given up on it.
        cast.thief.clock.freeze_until(secs(1.0));
        cast.world.mishap(0, Verb::Replace, Mishap::LostRequest);
        let waiter = waiting(&cast.third);
        let (world, clock) = (cast.world.clone(), cast.thief.clock.clone());
        tokio::task::spawn_local(async move {
            while world.requests(0, Verb::Replace) == 0 {
                tokio::time::sleep(millis(1)).await;
            }
            clock.freeze_until(secs(60.0));
        });
        let stolen = cast.steal(false, &patient()).await;
        waiter.await.expect("a result").0.expect("a grant");
        let expected = Refusal::NotAsShown {
            shown: Some("actor-1".into()),
            now: Other {
                holder: "actor-2".into(),
                nature: Nature::Lock,
            },
        };
        assert_eq!(stolen.err(), Some(End::Refused(expected)));
        assert!(cast.held_by_the_third());
        lawful(&cast.world);
    });
}

#[test]
fn a_thief_that_stood_still_and_finds_it_still_its_own_begins_with_a_full_duration() {
    for reply in [Some(Mishap::LostReply), None] {
        simulate(1, async {
            let cast = Cast::new(6).await;
            if let Some(reply) = reply {
                cast.world.mishap(0, Verb::Replace, reply);
            }
            cast.frozen_once_done(60.0);
            // Even where no time is left for anything else.
            let limits = within(&cast.thief, 30.0);
            let stolen = cast.steal(false, &limits).await.expect("still ours");
            assert!(stolen.expires_at() > cast.thief.clock.now() + secs(5.0));
            assert_eq!(holder(&cast.world).as_deref(), Some("actor-0"));
            lawful(&cast.world);
        });
    }
}

#[test]
fn the_time_to_answer_counts_against_nothing() {
    simulate(1, async {
        let cast = Cast::new(600).await;
        cast.world.mishap(0, Verb::Replace, Mishap::LostReply);
        cast.world
            .mishap(0, Verb::Get, Mishap::SlowReply(millis(1)));
        cast.world.mishap(0, Verb::Get, Mishap::Refused);
        cast.thief.api.begin(Purpose::Steal);
        let terms = StealTerms {
            grant: cast.thief.terms(None).grant,
            if_holder: None,
            asks: true,
            waits: true,
        };
        let clock = &cast.thief.clock;
        let limits = within(&cast.thief, 30.0);
        let agree = async |_: &_, _: &_| {
            clock.sleep_until(clock.now() + secs(3600.0)).await;
            Ok(())
        };
        let operations = &cast.thief.operations;
        let stolen = operations.steal(&terms, &limits, &|_| (), agree).await;
        assert!(stolen.is_ok(), "{stolen:?}");
        lawful(&cast.world);
    });
}

#[test]
fn a_victim_that_may_not_know_of_a_shorter_duration_is_waited_for_by_the_longer_one() {
    for edited in [serde_json::json!(2), serde_json::json!(null)] {
        simulate(1, async {
            let cast = Cast::new(60).await;
            cast.thief.api.begin(Purpose::Steal);
            let terms = StealTerms {
                grant: cast.thief.terms(Some(3)).grant,
                if_holder: None,
                asks: true,
                waits: true,
            };
            let agree = async |_: &_, _: &_| {
                cast.asked.set(cast.asked.get() + 1);
                if cast.asked.get() == 1 {
                    cast.world.outsider(|object| {
                        object.map(|mut object| {
                            object["spec"]["leaseDurationSeconds"] = edited.clone();
                            object
                        })
                    });
                }
                Ok(())
            };
            let operations = &cast.thief.operations;
            let stolen = operations
                .steal(&terms, &patient(), &|_| (), agree)
                .await
                .expect("stolen");
            assert_eq!(cast.asked.get(), 2);
            let now = cast.thief.clock.now();
            assert!(
                stolen
                    .victim_stops
                    .is_ok_and(|stops| stops > now + secs(58.0))
            );
            let recorded = cast.world.record().and_then(|record| record.duration());
            assert_eq!(recorded.map(|duration| duration.as_secs()), Some(60));
        });
    }
}
