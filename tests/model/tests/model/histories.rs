//! Histories: all that chance decides is drawn beforehand, as an explicit list of choices, and then played. One that breaks a
//! rule is cut down to the shortest that still does.

mod draw;
mod events;
mod play;
mod shrink;
mod told;
mod wrong;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::checker::Counts;
use crate::clock::Wall;
use crate::faults::{Outage, RequestFault, Verb, WatchFault};
use crate::job::Job;
use crate::random::seeds;
use crate::reached::Reached;
use crate::server::Wrong;
use crate::stay::Leave;

use draw::{brief, holding, stealing, whatever};

/// A kind of history.
#[derive(Clone, Copy, Debug)]
pub enum Draw {
    /// Actors get in again and again while requests, clocks and outsiders do what they will.
    Whatever,
    /// Everybody steals from everybody.
    Stealing,
    /// Supervisors run commands, and processes are frozen and killed.
    Holding,
    /// A few actors for some seconds.
    Brief,
}

impl Draw {
    pub const ALL: [Draw; 4] = [Self::Whatever, Self::Stealing, Self::Holding, Self::Brief];

    fn history(self, seed: u64) -> History {
        match self {
            Self::Whatever => whatever(seed),
            Self::Stealing => stealing(seed),
            Self::Holding => holding(seed),
            Self::Brief => brief(seed),
        }
    }

    /// How many seeds are played, unless other ones are asked for.
    pub fn seeds(self) -> u64 {
        match self {
            Self::Whatever => 300,
            Self::Stealing => 60,
            Self::Holding => 1000,
            Self::Brief => 4000,
        }
    }
}

/// What has happened in all histories of a kind, and what they have reached. They are played once, for whichever test comes first.
/// None may break a rule.
pub fn played(draw: Draw) -> &'static (Counts, Reached) {
    static PLAYED: [OnceLock<(Counts, Reached)>; Draw::ALL.len()] =
        [const { OnceLock::new() }; Draw::ALL.len()];
    PLAYED[draw as usize].get_or_init(|| {
        let seeds = seeds().unwrap_or(0..draw.seeds());
        told::play_seeds(seeds, |seed| draw.history(seed))
    })
}

/// What happens in a simulation, but for what the actors make of it. Spans are in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// For resourceVersions, and how long each request takes within what `latency` allows.
    pub seed: u64,
    pub server: ServerChoices,
    pub actors: Vec<ActorChoices>,
    pub faults: Vec<FaultChoice>,
    pub watches: Vec<WatchChoice>,
    pub events: Vec<EventChoice>,
    /// From when on nothing fails any more, and everybody gets in once more.
    pub calm_from: u64,
    /// Whether people do what the rules protect holders from.
    pub unprotected: bool,
}

/// What kind of server there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerChoices {
    /// What the Lease that is there at first records; 0 if there is none.
    pub duration: u32,
    pub version: Option<(u32, u32)>,
    pub restamps: bool,
    /// How many seconds its `Date` is off; `None` if there is none.
    pub date: Option<i64>,
    /// How far apart the clocks of its two API servers are.
    pub skew: u64,
    pub refuses_dry_run: bool,
    pub observed_only: bool,
    /// The longest way there or back.
    pub latency: u64,
    /// Every answer to a write comes so late.
    pub late: u64,
    pub wrong: Option<Wrong>,
}

/// An actor, and what it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActorChoices {
    pub client: usize,
    /// Of its clock, in millionths of the true rate.
    pub rate: u64,
    pub wall: Wall,
    pub watches: bool,
    /// How long what it does inside takes to stop after a loss.
    pub lingers: u64,
    pub lives: Vec<Life>,
}

/// How an actor gets the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    Acquire,
    Steal,
    FailOver,
}

/// What an actor does with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Then {
    /// Stays inside for so long.
    Stay { span: u64, leave: Leave },
    /// Runs a command, or holds until a signal.
    Hold(Job),
}

/// One try to get in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Life {
    pub pause: u64,
    pub how: How,
    /// `--duration`.
    pub duration: Option<u32>,
    /// `--timeout`.
    pub within: Option<u64>,
    /// When a signal comes while it waits.
    pub interrupted: Option<u64>,
    /// Whether it is another process than the one before, which knows nothing of its grant.
    pub fresh: bool,
    pub then: Then,
}

/// Something goes wrong with a request: the `nth` of its kind by this client, from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultChoice {
    pub client: usize,
    pub verb: Verb,
    pub nth: u64,
    pub fault: RequestFault,
}

/// Something goes wrong with the `nth` watch of this client.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchChoice {
    pub client: usize,
    pub nth: u64,
    pub fault: WatchFault,
}

/// Something happens at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventChoice {
    pub at: u64,
    pub what: What,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum What {
    /// Nothing gets through to the server, of this client or of all.
    CutOff {
        client: Option<usize>,
        span: u64,
        outage: Outage,
    },
    /// A process is stopped for a while: the supervisor, and all that acts inside by itself.
    Freeze {
        client: usize,
        span: u64,
    },
    /// The watchdog is.
    FreezeWatchdog {
        client: usize,
        span: u64,
    },
    /// The supervisor is killed.
    Kill {
        client: usize,
    },
    KillWatchdog {
        client: usize,
    },
    /// The supervisor gets a signal.
    Signal {
        client: usize,
        signal: i32,
    },
    /// Somebody deletes the Lease, if it is free or holders are not protected.
    Delete,
    /// Another client writes its own name into a free Lease.
    Claim,
    /// Somebody edits a label, so many times in a row.
    EditLabels {
        times: u64,
    },
    /// Somebody says of a grant that it has stopped.
    ForgeWord {
        which: u8,
    },
    /// Somebody blanks the holder.
    Blank,
    /// Somebody changes the recorded duration, or removes it.
    EditDuration {
        seconds: Option<u32>,
    },
}
