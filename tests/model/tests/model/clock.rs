//! An actor's clocks: a monotonic one that starts anywhere and runs a little wrong, and a wall clock that may say anything.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use lease_model::clock::{Clock, Instant};

/// True time: since the simulation began.
pub type TrueTime = Duration;

/// What a wall clock does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wall {
    /// Off by so many seconds.
    Skewed(i64),
    /// Set anew now and then, to anything.
    Jumping,
    /// It stands still, as under faketime.
    Standing,
    /// Whole seconds only.
    Coarse,
}

/// One actor's clocks, and whether its process is frozen.
#[derive(Clone)]
pub struct SimulatedClock(Rc<Inner>);

struct Inner {
    began: tokio::time::Instant,
    origin: Duration,
    /// Parts per million of the true rate: 975 000 to 1 025 000, unless a scenario wants more.
    rate: u64,
    wall: Wall,
    skew: Cell<i64>,
    skew_until: Cell<TrueTime>,
    rng: Cell<u64>,
    frozen_until: Cell<TrueTime>,
}

impl SimulatedClock {
    /// Clocks that start now.
    pub fn new(
        began: tokio::time::Instant,
        rate: u64,
        wall: Wall,
        rng: &mut fastrand::Rng,
    ) -> Self {
        Self(Rc::new(Inner {
            began,
            origin: Duration::from_secs(rng.u64(0..1_000_000)),
            rate,
            wall,
            skew: Cell::new(0),
            skew_until: Cell::default(),
            rng: Cell::new(rng.u64(..)),
            frozen_until: Cell::default(),
        }))
    }

    /// The clocks of another process of the same machine, which is frozen by itself.
    pub fn of_another_process(&self) -> Self {
        let inner = &*self.0;
        Self(Rc::new(Inner {
            frozen_until: Cell::default(),
            skew: inner.skew.clone(),
            skew_until: inner.skew_until.clone(),
            rng: inner.rng.clone(),
            ..*inner
        }))
    }

    /// True time.
    pub fn true_now(&self) -> TrueTime {
        self.0.began.elapsed()
    }

    /// The true time at which this clock shows `instant`.
    pub fn true_at(&self, instant: Instant) -> TrueTime {
        let local = instant.since_origin().saturating_sub(self.0.origin);
        nanos(local.as_nanos() * 1_000_000 / u128::from(self.0.rate))
    }

    /// The process does nothing until `instant`, true time.
    pub fn freeze_until(&self, instant: TrueTime) {
        self.0
            .frozen_until
            .set(instant.max(self.0.frozen_until.get()));
    }

    /// Returns once the process is not frozen.
    pub async fn thawed(&self) {
        while self.true_now() < self.0.frozen_until.get() {
            tokio::time::sleep_until(self.0.began + self.0.frozen_until.get()).await;
        }
    }
}

/// Now, on the simulation's own clock.
#[expect(
    clippy::disallowed_methods,
    reason = "simulated: the runtime's time is paused"
)]
pub fn instant() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// The true wall time when the simulation begins.
pub fn epoch() -> Timestamp {
    Timestamp::from_second(1_767_225_600).expect("2026")
}

impl Clock for SimulatedClock {
    fn now(&self) -> Instant {
        let local = self.true_now().as_nanos() * u128::from(self.0.rate) / 1_000_000;
        Instant::from_origin(self.0.origin + nanos(local))
    }

    fn wall(&self) -> Timestamp {
        let now = self.true_now();
        let truth = epoch() + now;
        let shifted = |seconds| truth + SignedDuration::from_secs(seconds);
        match self.0.wall {
            Wall::Skewed(seconds) => shifted(seconds),
            Wall::Standing => epoch(),
            Wall::Coarse => Timestamp::from_second(truth.as_second()).expect("2026"),
            Wall::Jumping => {
                if now >= self.0.skew_until.get() {
                    let mut rng = fastrand::Rng::with_seed(self.0.rng.get());
                    let year = 31_536_000;
                    self.0.skew.set(match rng.u8(0..3) {
                        0 => rng.i64(-3..=3),
                        1 => rng.i64(-7200..=7200),
                        _ => rng.i64(-20 * year..=20 * year),
                    });
                    self.0
                        .skew_until
                        .set(now + Duration::from_millis(rng.u64(10..20_000)));
                    self.0.rng.set(rng.u64(..));
                }
                shifted(self.0.skew.get())
            }
        }
    }

    async fn sleep_until(&self, instant: Instant) {
        // A zero sleep yields, as a real timer does.
        loop {
            self.thawed().await;
            if self.now() >= instant {
                return;
            }
            tokio::time::sleep_until(
                self.0.began + self.true_at(instant) + Duration::from_nanos(1),
            )
            .await;
        }
    }
}

fn nanos(count: u128) -> Duration {
    Duration::from_nanos(u64::try_from(count).expect("less than 584 years"))
}
