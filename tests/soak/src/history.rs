//! What a soak leaves behind, as plain data: who was started, what was sent, what the server stored, who worked when,
//! which faults there were. The oracle reads nothing else.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::At;

/// Everything of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// How it was asked for, and its course.
    pub run: Run,
    /// Every process of the tool that was started, in order.
    pub calls: Vec<Call>,
    /// Every write of a Lease that the server stored, by whomever, in the order of its resourceVersions.
    pub commits: Vec<Commit>,
    /// Every request that a proxy saw, by arrival.
    pub requests: Vec<Sent>,
    /// What the processes of the commands told the sink.
    pub work: Vec<Work>,
    /// Commands that found another's at work.
    pub overlaps: Vec<Overlap>,
    /// What was done to them, by its begin.
    pub faults: Vec<Injected>,
    /// What was still there at the end, and should not have been.
    pub left: Vec<Leftover>,
}

/// How a run was asked for, and its course.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// All of it is drawn by this.
    pub seed: u64,
    /// How many hold at once, waiting included.
    pub contenders: u32,
    /// `in-process`, or `kube-apiserver`.
    pub server: String,
    /// When the first was started.
    pub started: At,
    /// From here on nothing is done to anybody; everybody goes on for a while.
    pub faults_ended: At,
    /// From here on nobody is started; those that are there may end by themselves.
    pub starts_ended: At,
    /// When the last had ended or was given up.
    pub ended: At,
    /// What the leases are for, by name; the slots of `NAME` are `NAME-0`, `NAME-1`, ….
    pub leases: Vec<Contended>,
    /// The wall clock less this is the hardware's, in nanoseconds: for the server's timestamps.
    pub wall_offset: i64,
}

/// A lease that is contended for, or several of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contended {
    /// The lease's name, or the base name of its slots.
    pub name: String,
    /// 0 for a lease; else how many slots there are.
    pub slots: u32,
}

/// What a process of the tool was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// `hold`, of one lease or several.
    Hold,
    /// `hold --slots`.
    HoldSlot,
    /// `hold --steal`.
    HoldSteal,
    /// `hold --again`.
    HoldAgain,
    /// `acquire`, then `release` by another call.
    Acquire,
    /// `steal --yes`.
    Steal,
    /// `steal --yes --now`.
    StealNow,
    /// `release --holder`, of one's own.
    Release,
    /// `release --force`, of another's.
    ReleaseForce,
    /// `failover`.
    Failover,
}

/// One process of the tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Counts from 0; the index in [`History::calls`].
    pub id: u32,
    /// Which contender started it; several calls one after the other.
    pub contender: u32,
    /// The user that the server knows it by; nobody else's but that contender's.
    pub user: String,
    /// Its `--holder`, no other call's. None where it names nobody (`release --force`).
    pub holder: Option<String>,
    /// What for.
    pub role: Role,
    /// The names that it was given; for slots the base name.
    pub leases: Vec<String>,
    /// The words after the program's name.
    pub words: Vec<String>,
    /// When it was started.
    pub started: At,
    /// When it had ended; none if it was given up at the end.
    pub ended: Option<At>,
    /// How.
    pub exit: Option<Exit>,
    /// What it said on stderr, or its end.
    pub stderr: String,
    /// Its process id.
    pub pid: u32,
    /// What it was asked to run and how that was to end.
    pub command: Option<Command>,
    /// What its clocks were made to show.
    pub clock: ClockLie,
    /// What else was unusual about it: `nofile=12`, `hidepid`, `terminal`, ….
    pub surroundings: Vec<String>,
    /// `--timeout`, in seconds, if given.
    pub timeout: Option<f64>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// What `hold` was asked to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// What it does: `plain`, `forks`, `daemonizes`, `ignores-term`, `undumpable`, `execs`, `dies-by-a-real-time-signal`, ….
    pub manner: String,
    /// How long it works if nothing is done to it, in milliseconds.
    pub works: u64,
    /// How it ends then.
    pub exit: Exit,
}

/// What the clocks of a process show, against the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClockLie {
    /// CLOCK_REALTIME is ahead by this, in milliseconds.
    pub wall_offset: i64,
    /// The clocks that NTP slews run at 1 + this; CLOCK_MONOTONIC_RAW tells the truth.
    pub slew: f64,
}

/// One write that the server stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// The lease's name.
    pub lease: String,
    /// The resourceVersion that it was given; that of a deletion is etcd's.
    pub revision: u64,
    /// Who wrote it; none where the audit log missed it and etcd did not.
    pub user: Option<String>,
    /// `create`, `update`, `patch`, `delete`; empty where only etcd knows of it.
    pub verb: String,
    /// When the server had read the request, and when it answered; none where only etcd knows of it.
    pub received: Option<At>,
    /// See above.
    pub answered: Option<At>,
    /// The object before; none for a creation.
    pub before: Option<Value>,
    /// The object as it is stored now; none once it is deleted.
    pub after: Option<Value>,
}

/// A request as a proxy saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// Whose proxy it was: each contender has one of its own.
    pub contender: u32,
    /// When it had come completely.
    pub at: At,
    /// When its answer was handed over or its connection reset; none where neither happened. A watch: its first byte.
    pub answered: Option<At>,
    /// `GET`, `PUT`, ….
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query.
    pub query: String,
    /// What was sent; `null` without a body.
    pub body: Value,
    /// What the server said.
    pub upstream_status: Option<u16>,
    /// What the client was told.
    pub status: Option<u16>,
    /// The name of the proxy's fault that it met.
    pub fault: Option<String>,
}

/// One process of a command's tree on one lease, from its first to its last sign of life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The lease, or the slot.
    pub lease: String,
    /// Its fencing token.
    pub token: u64,
    /// The holder identity that its environment has: which call it belongs to.
    pub holder: String,
    /// Its process id.
    pub pid: u32,
    /// `command`, or what it is in the tree: `child`, `daemon`, ….
    pub part: String,
    /// The first sign of life, by its own clock ([`At`]), just before it was sent.
    pub first: At,
    /// The last.
    pub last: At,
    /// How many the sink took.
    pub taken: u64,
    /// How many it refused, because a greater token had been seen before.
    pub refused: u64,
    /// The first that was refused.
    pub first_refused: Option<At>,
    /// The last that was taken.
    #[serde(default)]
    pub last_taken: Option<At>,
}

/// A command that did not get the lock which the whole tree of the one before keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    /// The lease, or the slot.
    pub lease: String,
    /// When it tried.
    pub at: At,
    /// Its fencing token.
    pub token: u64,
    /// Its holder identity.
    pub holder: String,
    /// Its process id.
    pub pid: u32,
    /// The processes that had the lock then, as far as `/proc/locks` and the lock's file tell: holder and process id.
    pub beside: Vec<(String, u32)>,
}

/// Something that was done to somebody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Injected {
    /// Its kind: `put-dropped-after-commit`, `supervisor-stopped`, `deleted`, ….
    pub kind: String,
    /// Which family: `api`, `process`, `surroundings`, `people`.
    pub family: String,
    /// When it began.
    pub begun: At,
    /// When it was over; the same for what has no length.
    pub over: At,
    /// The contenders that it was meant for; empty: all of them.
    pub contenders: Vec<u32>,
    /// The call that it was meant for, if one.
    pub call: Option<u32>,
    /// The lease that it was meant for, if one.
    pub lease: Option<String>,
    /// What more there is to say: a signal's number, a delay.
    pub detail: String,
}

/// Something that should not be there any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// `process`, `zombie`, `file`, `lock`, `holder`.
    pub kind: String,
    /// Which.
    pub what: String,
    /// The call that it is of, where that can be told.
    pub call: Option<u32>,
}
