//! A simulated `hold` as a process of its own, which gets signals and can be killed.

use lease_model::clock::Clock;
use lease_model::lease::operate::Grant;
use lease_model::lease::record::Record;
use tokio::sync::watch;
use tokio::task::spawn_local;

use crate::actor::Actor;
use crate::job::Job;
use crate::millis;
use crate::supervisor::Hold;
use crate::world::Processes;

/// Holds this grant for a job, as a process of its own that others may kill; what a next grant of it may replace at once, or `None`
/// if it was killed.
pub async fn hold(actor: &Actor, grant: Grant, job: Job) -> Option<Option<Record>> {
    let (signals, received) = watch::channel(Vec::new());
    let holding = {
        let actor = actor.clone();
        spawn_local(async move { Hold::new(&actor, grant, job, received).run().await })
    };
    let processes = Processes {
        supervisor: holding.abort_handle(),
        watchdog: None,
        signals,
        disturbed: false,
    };
    let (sender, until) = (
        processes.signals.clone(),
        actor.clock.now() + millis(job.until),
    );
    (actor.world.processes.borrow_mut()).insert(actor.client, processes);
    if job.command.is_none() {
        let clock = actor.clock.clone();
        spawn_local(async move {
            clock.sleep_until(until).await;
            sender.send_modify(|all| all.push(15));
        });
    }
    let ended = holding.await;
    actor.world.processes.borrow_mut().remove(&actor.client);
    match ended {
        Ok(replaceable) => Some(replaceable),
        Err(error) if error.is_cancelled() => None,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
