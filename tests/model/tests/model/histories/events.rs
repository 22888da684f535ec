//! What happens in a history by itself, at its time.

use std::rc::Rc;

use super::{EventChoice, What};
use crate::actor::Actor;
use crate::millis;
use crate::world::{Processes, World};

/// Has this happen.
pub async fn happen(world: Rc<World>, actors: Rc<[Actor]>, event: EventChoice, unprotected: bool) {
    tokio::time::sleep(millis(event.at)).await;
    let (now, is_free) = (world.now(), world.holder().is_none());
    let allowed = match event.what {
        What::Claim => is_free,
        What::Delete => is_free || unprotected,
        What::Blank | What::EditDuration { .. } => unprotected,
        _ => true,
    };
    if !allowed || world.record().is_none() && !matters_without(&event.what) {
        return;
    }
    let of = |client| actors.iter().find(|actor| actor.client == client);
    let said = match event.what {
        What::CutOff {
            client,
            span,
            outage,
        } => {
            for actor in actors.iter() {
                if client.is_none_or(|client| client == actor.client) {
                    let until = (now + millis(span), outage);
                    (world.server().plan.outages).insert(actor.client, until);
                }
            }
            true
        }
        What::Freeze { client, span } => of(client).is_some_and(|actor| {
            let freezes = may_disturb(&world, client);
            if freezes {
                actor.clock.freeze_until(now + millis(span));
            }
            freezes
        }),
        What::FreezeWatchdog { client, span } => disturb(&world, client, |processes| {
            if let Some((_, clock)) = &processes.watchdog {
                clock.freeze_until(now + millis(span));
            }
        }),
        What::KillWatchdog { client } => disturb(&world, client, |processes| {
            if let Some((watchdog, _)) = &processes.watchdog {
                watchdog.abort();
            }
        }),
        What::Kill { client } => disturb(&world, client, |processes| processes.supervisor.abort()),
        What::Signal { client, signal } => {
            let processes = world.processes.borrow();
            let found = processes.get(&client);
            found.is_some_and(|found| {
                found.signals.send_modify(|all| all.push(signal));
                true
            })
        }
        What::Delete => {
            world.delete();
            true
        }
        What::Claim => {
            world.claim();
            true
        }
        What::EditLabels { times } => {
            for edit in 0..times {
                world.edit_label(event.at + edit);
                tokio::time::sleep(millis(15)).await;
            }
            false
        }
        What::ForgeWord { which } => {
            world.forge_word(which);
            false
        }
        What::Blank => {
            world.edit_spec("holderIdentity", "");
            true
        }
        What::EditDuration { seconds } => {
            world.edit_spec("leaseDurationSeconds", seconds);
            true
        }
    };
    if said {
        world.note(format!("it happens: {:?}", event.what));
    }
}

/// Whether it is about something else than the Lease.
fn matters_without(what: &What) -> bool {
    match what {
        What::CutOff { .. }
        | What::Freeze { .. }
        | What::FreezeWatchdog { .. }
        | What::Kill { .. }
        | What::KillWatchdog { .. }
        | What::Signal { .. } => true,
        What::Delete
        | What::Claim
        | What::EditLabels { .. }
        | What::ForgeWord { .. }
        | What::Blank
        | What::EditDuration { .. } => false,
    }
}

/// Does this to the processes of a hold, the first time that something is done to them.
fn disturb(world: &World, client: usize, what: impl FnOnce(&Processes)) -> bool {
    let mut all = world.processes.borrow_mut();
    let Some(processes) = all.get_mut(&client).filter(|found| !found.disturbed) else {
        return false;
    };
    processes.disturbed = true;
    what(processes);
    true
}

/// Whether its supervisor may be frozen: where there is no command there is nothing else that must go on.
fn may_disturb(world: &World, client: usize) -> bool {
    let runs = world.processes.borrow().contains_key(&client);
    !runs || disturb(world, client, |_| ())
}
