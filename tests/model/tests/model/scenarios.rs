//! Directed scenarios on the simulation: each makes one thing go wrong, and says what must come of it. Here: what they share.

mod clocks;
mod done_then_refused;
mod giving_back;
mod late_replies;
mod random_steals;
mod renewing;
mod steal_consent;
mod stealing;
mod unanswered_writes;
mod waiting;
mod webhooks;

use std::rc::Rc;
use std::time::Duration;

use crate::actor::{Actor, Leave, patient};
use crate::secs;
use crate::server::World;
use lease_model::clock::Clock;
use lease_model::lease::operate::{End, Grant, Limits};

/// A world with a free Lease of `duration` seconds.
fn world(duration: u32) -> Rc<World> {
    let world = World::new(1);
    world.create(duration);
    world
}

fn holder(world: &World) -> Option<String> {
    world
        .record()
        .and_then(|record| record.holder().map(str::to_owned))
}

fn lawful(world: &World) {
    let state = world.state.borrow();
    assert!(
        state.ledger.violations.is_empty(),
        "{}",
        state.ledger.story()
    );
}

async fn sleep(seconds: f64) {
    tokio::time::sleep(secs(seconds)).await;
}

fn within(actor: &Actor, seconds: f64) -> Limits {
    Limits {
        deadline: Some(actor.clock.now() + secs(seconds)),
        ..patient()
    }
}

/// Takes the free Lease and returns the grant.
async fn taken(actor: &Actor, duration: Option<u32>) -> Grant {
    actor
        .acquire(&actor.terms(duration), &patient())
        .await
        .expect("free")
}

/// Acquires in the background; the result carries the true time of the grant.
fn waiting(actor: &Actor) -> tokio::task::JoinHandle<(Result<Grant, End>, Duration)> {
    let actor = actor.clone();
    tokio::task::spawn_local(async move {
        let result = actor.acquire(&actor.terms(None), &patient()).await;
        (result, actor.world.now())
    })
}

/// Holds on as long as it is renewed, for `seconds`, and then is silent.
fn holding(actor: &Actor, grant: Grant, seconds: f64) -> tokio::task::JoinHandle<bool> {
    let actor = actor.clone();
    tokio::task::spawn_local(async move { actor.stay(grant, secs(seconds), Leave::Crash).await })
}
