//! What worked under one token, all processes of a command together.

use std::collections::BTreeMap;

use crate::history::{History, Work};
use crate::time::At;

/// The part of a tree that the supervisor started itself.
pub const COMMAND: &str = "command";

/// The processes of one command on one lease.
pub struct Tree<'h> {
    pub lease: &'h str,
    pub token: u64,
    pub holder: &'h str,
    pub first: At,
    pub last: At,
    pub processes: Vec<&'h Work>,
}

impl<'h> Tree<'h> {
    /// The process that was alive last.
    pub fn longest(&self) -> &'h Work {
        let mut all = self.processes.iter().copied();
        let first = self.processes[0];
        all.by_ref().fold(
            first,
            |one, other| if other.last > one.last { other } else { one },
        )
    }
}

/// By lease and token.
pub fn all(history: &History) -> Vec<Tree<'_>> {
    let mut all: BTreeMap<(&str, u64, &str), Tree<'_>> = BTreeMap::new();
    for work in &history.work {
        let key = (work.lease.as_str(), work.token, work.holder.as_str());
        let tree = all.entry(key).or_insert_with(|| Tree {
            lease: &work.lease,
            token: work.token,
            holder: &work.holder,
            first: work.first,
            last: work.last,
            processes: Vec::new(),
        });
        tree.first = tree.first.min(work.first);
        tree.last = tree.last.max(work.last);
        tree.processes.push(work);
    }
    all.into_values().collect()
}
