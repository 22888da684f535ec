//! A simulated command with what it starts: it lives in true time, and the checker is told when all of it is gone.

use std::cell::Cell;
use std::rc::Rc;

use lease_model::hold::machine::Ended;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::spawn_local;

use crate::clock::TrueTime;
use crate::millis;
use crate::world::World;

/// What a command does, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behaviour {
    /// It can be executed.
    pub starts: bool,
    /// It ends by itself after so long.
    pub runs: u64,
    /// It ends so long after it was asked to; else it takes no notice.
    pub obeys: Option<u64>,
    /// It leaves something behind, which takes no notice either and ends so long after it.
    pub leaves: u64,
}

/// How long the kernel takes to end what is killed: less than what a hold leaves it.
const DEATH: u64 = 5;

/// A command that runs, and all that it has started.
pub struct Tree {
    world: Rc<World>,
    behaviour: Behaviour,
    leader_until: Cell<TrueTime>,
    left_until: Cell<TrueTime>,
    how: Cell<Ended>,
    changed: Notify,
}

impl Tree {
    /// Starts it for `client`, whose grant has this token; it must be gone by `deadline`.
    pub fn start(
        world: &Rc<World>,
        client: usize,
        token: &str,
        deadline: TrueTime,
        behaviour: Behaviour,
    ) -> Rc<Self> {
        let now = world.now();
        (world.server().checker).start(now, client, token, deadline);
        let tree = Rc::new(Self {
            world: world.clone(),
            behaviour,
            leader_until: Cell::new(now + millis(behaviour.runs)),
            left_until: Cell::new(now + millis(behaviour.runs + behaviour.leaves)),
            how: Cell::new(Ended::Exited(0)),
            changed: Notify::new(),
        });
        let running = tree.clone();
        spawn_local(async move {
            while !running.is_gone() {
                running.change().await;
            }
            let now = running.world.now();
            running.world.server().checker.end(now, client);
        });
        tree
    }

    /// How the command itself ended, if it has.
    pub fn ended(&self) -> Option<Ended> {
        (self.world.now() >= self.leader_until.get()).then(|| self.how.get())
    }

    pub fn is_gone(&self) -> bool {
        let now = self.world.now();
        now >= self.leader_until.get() && now >= self.left_until.get()
    }

    /// Asks all of it to stop.
    pub fn terminate(&self) {
        let Some(obeys) = self.behaviour.obeys else {
            return;
        };
        let at = self.world.now() + millis(obeys);
        if at < self.leader_until.get() {
            self.leader_until.set(at);
            self.how.set(Ended::Signalled(15));
        }
        self.changed.notify_waiters();
    }

    /// Kills the command itself.
    pub fn kill_leader(&self) {
        let at = self.world.now() + millis(DEATH);
        if at < self.leader_until.get() {
            self.leader_until.set(at);
            self.how.set(Ended::Signalled(9));
        }
        self.changed.notify_waiters();
    }

    /// Kills all of it.
    pub fn kill(&self) {
        self.kill_leader();
        let at = self.world.now() + millis(DEATH);
        self.left_until.set(self.left_until.get().min(at));
    }

    /// What it has left behind is nobody's concern any more.
    pub fn let_go(&self) {
        let now = self.world.now();
        self.left_until.set(self.left_until.get().min(now));
        self.changed.notify_waiters();
    }

    /// Returns when something of it ends, or may end sooner than it would have.
    pub async fn change(&self) {
        let now = self.world.now();
        let ends = [self.leader_until.get(), self.left_until.get()];
        let next = ends.into_iter().filter(|end| *end > now).min();
        let next = next.map(|at| self.world.began + at);
        tokio::select! {
            biased;
            () = self.changed.notified() => {}
            () = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            } => {}
        }
    }
}
