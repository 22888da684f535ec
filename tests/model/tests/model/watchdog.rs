//! The simulated watchdog of a command: a process of its own, which does what is due whatever becomes of its supervisor.

use std::cell::OnceCell;
use std::rc::Rc;

use lease_model::clock::{Clock, Instant};
use lease_model::hold::machine::Ended;
use lease_model::hold::timing::Timing;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, spawn_local};

use crate::clock::SimulatedClock;
use crate::command::{Behaviour, Tree};
use crate::millis;
use crate::world::World;

/// What a supervisor says.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    Held(Instant),
    Forward(i32),
    Stop,
    Kill,
}

/// What a supervisor hears.
#[derive(Clone, Copy, Debug)]
pub enum News {
    NotStarted,
    Ended(Ended),
    /// It has heard of no renewal in time.
    Fenced,
    Gone,
    Detached,
    WatchdogDied,
}

/// What a watchdog is started with.
pub struct Start {
    pub world: Rc<World>,
    pub client: usize,
    pub clock: SimulatedClock,
    pub token: String,
    pub timing: Timing,
    pub sent_at: Instant,
    pub behaviour: Behaviour,
    pub detaches: bool,
}

/// A command as its supervisor sees it. Dropped when the supervisor dies: the watchdog hears that.
pub struct Child {
    orders: mpsc::UnboundedSender<Order>,
    news: mpsc::UnboundedReceiver<News>,
    tree: Rc<OnceCell<Rc<Tree>>>,
    taken_over: bool,
    pub watchdog: AbortHandle,
}

impl Child {
    pub fn start(start: Start) -> Self {
        let (orders, ordered) = mpsc::unbounded_channel();
        let (tell, news) = mpsc::unbounded_channel();
        let tree = Rc::new(OnceCell::new());
        let watchdog = Watchdog {
            start,
            orders: ordered,
            tell,
            tree: tree.clone(),
            supervised: true,
            stopping: false,
            kill_due: None,
        };
        Self {
            orders,
            news,
            tree,
            taken_over: false,
            watchdog: spawn_local(watchdog.run()).abort_handle(),
        }
    }

    pub fn tell(&self, order: Order) {
        let _ = self.orders.send(order);
    }

    /// Kills all: by the watchdog, and by our own hand in case it is frozen or dead.
    pub fn kill(&self) {
        self.tell(Order::Kill);
        if let Some(tree) = self.tree.get() {
            tree.kill();
        }
    }

    /// The next news. Without a watchdog all is killed and waited for.
    pub async fn news(&mut self) -> News {
        if !self.taken_over {
            if let Some(news) = self.news.recv().await {
                return news;
            }
            self.taken_over = true;
            if let Some(tree) = self.tree.get() {
                // The kernel does that to the child of whoever dies.
                tree.kill_leader();
            }
            return News::WatchdogDied;
        }
        if let Some(tree) = self.tree.get() {
            while !tree.is_gone() {
                tree.kill();
                tree.change().await;
            }
        }
        News::Gone
    }
}

struct Watchdog {
    start: Start,
    orders: mpsc::UnboundedReceiver<Order>,
    tell: mpsc::UnboundedSender<News>,
    tree: Rc<OnceCell<Rc<Tree>>>,
    supervised: bool,
    stopping: bool,
    kill_due: Option<Instant>,
}

impl Watchdog {
    fn fence_at(&self) -> Instant {
        self.start.sent_at + self.start.timing.renew_deadline
    }

    fn say(&self, news: News) {
        let _ = self.tell.send(news);
    }

    async fn run(mut self) {
        // The exec takes a moment, and this process may be frozen before it.
        tokio::time::sleep(millis(1)).await;
        self.start.clock.thawed().await;
        self.listen(None);
        let late = self.start.clock.now() >= self.fence_at();
        if self.stopping || late || !self.start.behaviour.starts {
            self.say(News::NotStarted);
            return;
        }
        let start = &self.start;
        let deadline = start.clock.true_at(start.sent_at + start.timing.dead_after);
        let tree = Tree::start(
            &start.world,
            start.client,
            &start.token,
            deadline,
            start.behaviour,
        );
        let _ = self.tree.set(tree.clone());
        self.watch(&tree).await;
    }

    async fn watch(&mut self, tree: &Tree) {
        let mut told = false;
        loop {
            self.listen(Some(tree));
            self.act(tree);
            if let Some(ended) = tree.ended().filter(|_| !told) {
                told = true;
                self.say(News::Ended(ended));
            }
            if tree.is_gone() {
                return self.say(News::Gone);
            }
            if told && self.start.detaches && !self.stopping {
                tree.let_go();
                return self.say(News::Detached);
            }
            let now = self.start.clock.now();
            let next = match self.kill_due {
                Some(due) if due > now => due,
                Some(_) => now + millis(20),
                None => self.fence_at(),
            };
            let clock = self.start.clock.clone();
            tokio::select! {
                biased;
                order = self.orders.recv(), if self.supervised => {
                    // A frozen process reads it later.
                    clock.thawed().await;
                    self.obey(order, Some(tree));
                }
                () = tree.change() => clock.thawed().await,
                () = clock.sleep_until(next) => {}
            }
        }
    }

    /// Hears whatever has been said.
    fn listen(&mut self, tree: Option<&Tree>) {
        while self.supervised {
            match self.orders.try_recv() {
                Ok(order) => self.obey(Some(order), tree),
                Err(mpsc::error::TryRecvError::Empty) => return,
                Err(mpsc::error::TryRecvError::Disconnected) => self.obey(None, tree),
            }
        }
    }

    fn obey(&mut self, order: Option<Order>, tree: Option<&Tree>) {
        match order {
            Some(Order::Held(sent_at)) => self.start.sent_at = self.start.sent_at.max(sent_at),
            Some(Order::Forward(signal)) => {
                if let Some(tree) = tree.filter(|_| matches!(signal, 1 | 2 | 3 | 15)) {
                    tree.terminate();
                }
            }
            Some(Order::Stop) => self.stop(tree),
            Some(Order::Kill) => {
                self.stopping = true;
                self.kill_due = Some(self.start.clock.now());
            }
            // Nobody renews the lease any more.
            None => {
                self.supervised = false;
                self.stop(tree);
            }
        }
    }

    fn act(&mut self, tree: &Tree) {
        let now = self.start.clock.now();
        if !self.stopping && now >= self.fence_at() {
            self.say(News::Fenced);
            self.stop(Some(tree));
        }
        if self.kill_due.is_some_and(|due| now >= due) {
            tree.kill();
        }
    }

    fn stop(&mut self, tree: Option<&Tree>) {
        if std::mem::replace(&mut self.stopping, true) {
            return;
        }
        let (now, timing) = (self.start.clock.now(), self.start.timing);
        let kill_at = (now + timing.kill_after).min(self.start.sent_at + timing.kill_at);
        self.kill_due = Some(kill_at);
        if let Some(tree) = tree {
            tree.terminate();
        }
    }
}
