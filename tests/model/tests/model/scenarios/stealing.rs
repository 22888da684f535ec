//! Scenarios of steal and re-entry: a victim that may still run is shielded.

use super::{holding, lawful, sleep, taken, waiting, world};
use crate::actor::{Actor, Leave, patient};
use crate::checker::Purpose;
use crate::faults::Outage;
use crate::{millis, secs, simulate};
use lease_model::lease::decide::StealTerms;
use lease_model::lease::operate::Progress;

#[test]
fn steal_waits_until_the_victim_must_have_stopped_and_keeps_the_lease_renewed() {
    simulate(1, async {
        let world = world(12);
        let (victim, thief, third) = (
            Actor::exact(&world, 0),
            Actor::exact(&world, 1),
            Actor::exact(&world, 2),
        );
        let grant = taken(&victim, None).await;
        // The victim hears of nothing.
        world
            .state
            .borrow_mut()
            .fates
            .outages
            .insert(0, (secs(600.0), Outage::BlackHole));
        holding(&victim, grant, 600.0);
        sleep(1.0).await;
        let waiter = waiting(&third);
        let before = world.state.borrow().ledger.totals.renewals;
        let stolen = thief.steal(Some(3), &patient()).await.expect("stolen");
        assert!(
            world.now() > secs(12.0) && world.now() < secs(14.0),
            "{:?}",
            world.now()
        );
        assert!(world.state.borrow().ledger.totals.renewals >= before + 2);
        assert_eq!(
            stolen.duration().as_secs(),
            3,
            "the duration asked for is recorded in the end"
        );
        assert!(thief.stay(stolen, secs(5.0), Leave::Release).await);
        let (result, _) = waiter.await.expect("a result");
        third
            .stay(result.expect("a grant"), secs(1.0), Leave::Release)
            .await;
        lawful(&world);
    });
}

#[test]
fn the_duration_asked_for_is_recorded_after_a_steal_though_a_label_edit_comes_between() {
    simulate(1, async {
        let world = world(6);
        let (victim, thief) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        taken(&victim, None).await;
        let storm = world.clone();
        tokio::task::spawn_local(async move {
            for edit in 0.. {
                storm.edit_label(edit);
                tokio::time::sleep(millis(100)).await;
            }
        });
        let stolen = thief.steal(Some(3), &patient()).await.expect("stolen");
        assert_eq!(stolen.duration().as_secs(), 3);
        assert_eq!(
            world
                .record()
                .and_then(|record| record.duration())
                .map(|d| d.as_secs()),
            Some(3)
        );
    });
}

#[test]
fn a_thief_that_dies_while_it_waits_shields_the_victim() {
    simulate(1, async {
        let world = world(12);
        let (victim, thief, third) = (
            Actor::exact(&world, 0),
            Actor::exact(&world, 1),
            Actor::exact(&world, 2),
        );
        let grant = taken(&victim, None).await;
        world
            .state
            .borrow_mut()
            .fates
            .outages
            .insert(0, (secs(600.0), Outage::BlackHole));
        holding(&victim, grant, 600.0);
        let waiter = waiting(&third);
        sleep(0.5).await;
        thief.api.begin(Purpose::Steal);
        let terms = StealTerms {
            grant: thief.terms(Some(2)).grant,
            if_holder: None,
            asks: true,
            waits: true,
        };
        thief
            .operations
            .steal(&terms, &patient(), &|_| (), async |_, _| Ok(()))
            .await
            .expect("stolen");
        let (result, _) = waiter.await.expect("a result");
        third
            .stay(result.expect("a grant"), secs(1.0), Leave::Release)
            .await;
        lawful(&world);
    });
}

#[test]
fn one_who_reenters_for_a_shorter_time_and_dies_shields_the_earlier_process() {
    simulate(1, async {
        let world = world(12);
        let (first, third) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        let grant = taken(&first, None).await;
        // Its process cannot reach the server; another with the same identity can, and takes it anew.
        let again = Actor {
            operations: first.restarted().operations,
            ..first.clone()
        };
        let mut terms = first.terms(Some(2));
        terms.reenter = true;
        world.state.borrow_mut().ledger.reenters = true;
        let waiter = waiting(&third);
        sleep(0.2).await;
        again.acquire(&terms, &patient()).await.expect("reentered");
        world
            .state
            .borrow_mut()
            .fates
            .outages
            .insert(0, (secs(600.0), Outage::BlackHole));
        holding(&first, grant, 600.0);
        let (result, _) = waiter.await.expect("a result");
        third
            .stay(result.expect("a grant"), secs(1.0), Leave::Release)
            .await;
        lawful(&world);
    });
}

#[test]
fn a_thief_that_waits_says_when_the_server_does_not_answer() {
    simulate(1, async {
        let world = world(90);
        let (victim, thief) = (Actor::exact(&world, 0), Actor::exact(&world, 1));
        taken(&victim, None).await;
        let patient = patient();
        let stealing = thief.steal(None, &patient);
        let hanging = async {
            sleep(1.0).await;
            let hangs = (world.now() + secs(50.0), Outage::BlackHole);
            world.state.borrow_mut().fates.outages.insert(1, hangs);
        };
        let (stolen, ()) = tokio::join!(stealing, hanging);
        stolen.expect("stolen");
        let said = thief.said.borrow();
        let [
            (_, Progress::Outlasting { .. }),
            (_, Progress::Silent(_)),
            (again, Progress::Heard),
        ] = said[..]
        else {
            panic!("{said:?}");
        };
        assert!(again > secs(51.0), "{again:?}");
    });
}
