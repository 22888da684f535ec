//! Scenarios: each makes one thing go wrong, and says what must come of it. Here: what they share.

mod acknowledged;
mod clocks;
mod done_then_refused;
mod failing_over;
mod freeing;
mod giving_back;
mod late_replies;
mod looking_on;
mod pruning;
mod random_steals;
mod renewing;
mod steal_consent;
mod stealing;
mod together;
mod unanswered_writes;
mod waiting;
mod webhooks;

use std::rc::Rc;

use crate::actor::Actor;
use crate::simulate;
use crate::world::World;

/// Plays a script in a world with a free Lease of `duration` seconds and three actors whose clocks are exact. No rule may
/// have been broken at its end.
fn scenario<T>(duration: u32, script: impl AsyncFnOnce(Rc<World>, [Actor; 3]) -> T) -> T {
    simulate(1, async {
        let world = World::new(1);
        world.create(duration);
        let actors = [0, 1, 2].map(|client| Actor::exact(&world, client));
        let result = script(world.clone(), actors).await;
        world.assert_no_violations();
        result
    })
}
