//! Who made a write: by its user, and where the log missed it by the request; and which call of theirs.

use std::collections::HashMap;

use super::matched;
use super::record::Record;
use crate::history::{Call, Commit, History, Role, Sent};
use crate::time::At;

/// Who made a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// One of the contenders.
    Contender(u32),
    /// Somebody else: people, foreign holders, or whoever only etcd knows of.
    Foreign,
}

/// The calls, by what a write tells of them.
pub struct Authors<'h> {
    calls: &'h [Call],
    users: HashMap<&'h str, u32>,
    owners: HashMap<&'h str, &'h Call>,
    /// Whose a grant is, as an acknowledgement names it.
    named: HashMap<(i64, &'h str, &'h str), &'h str>,
}

impl<'h> Authors<'h> {
    pub fn of_calls(history: &'h History) -> Self {
        let mut owners = HashMap::new();
        let granted = history.calls.iter().filter(|call| !frees(call));
        for call in granted {
            if let Some(holder) = call.holder.as_deref() {
                owners.entry(holder).or_insert(call);
            }
        }
        let stored = history.commits.iter();
        let keys = stored.filter_map(|commit| Record(commit.after.as_ref()?).key());
        let users = history.calls.iter();
        Self {
            calls: &history.calls,
            users: users
                .map(|call| (call.user.as_str(), call.contender))
                .collect(),
            owners,
            named: keys
                .map(|key| ((key.transitions, key.acquired, key.uid), key.holder))
                .collect(),
        }
    }

    /// The call that asked for grants as this holder.
    pub fn owner(&self, holder: &str) -> Option<&'h Call> {
        self.owners.get(holder).copied()
    }

    /// Whose grant it is that has stopped, by an acknowledgement.
    pub fn victim(&self, stopped: (i64, &str, &str)) -> Option<&'h Call> {
        self.owner(self.named.get(&stopped)?)
    }

    /// Whose write it is; `sent` is a request with this content.
    pub fn of(&self, commit: &Commit, sent: Option<&Sent>) -> Author {
        let contender = match &commit.user {
            Some(user) => self.users.get(user.as_str()).copied(),
            None => sent
                .filter(|sent| says_something_new(commit) || matched::replaces(sent, commit))
                .map(|sent| sent.contender),
        };
        contender.map_or(Author::Foreign, Author::Contender)
    }

    /// Which call of its contender it is by: the one whose holder it writes, frees or speaks for; else one that was there
    /// when it was asked for, and frees.
    pub fn call(&self, commit: &'h Commit, author: Author, asked: At) -> Option<&'h Call> {
        let Author::Contender(contender) = author else {
            return None;
        };
        let (before, after) = (
            commit.before.as_ref().map(Record),
            commit.after.as_ref().map(Record),
        );
        let own = |call: &&'h Call| call.contender == contender;
        let spoke = before.and_then(Record::stopped);
        let speaks = after
            .and_then(Record::stopped)
            .filter(|now| Some(*now) != spoke);
        if let Some(victim) = speaks.and_then(|of| self.victim(of)).filter(own) {
            return Some(victim);
        }
        let there =
            |call: &&Call| call.started <= asked && call.ended.is_none_or(|ended| ended >= asked);
        let mut all = self.calls.iter().rev().filter(own).filter(there);
        let holder = after
            .and_then(Record::holder)
            .or(before.and_then(Record::holder));
        let owner = holder.and_then(|holder| self.owner(holder)).filter(own);
        let freed = after.and_then(Record::holder).is_none();
        match owner {
            // `release` in the same name, also of what a `hold` has.
            Some(owner) if freed => {
                let in_its_name =
                    |call: &&Call| frees(call) && (call.holder == owner.holder || !there(&owner));
                all.find(in_its_name).or(Some(owner))
            }
            Some(owner) => Some(owner),
            None => {
                let there: Vec<&Call> = all.collect();
                let freeing = there.iter().find(|call| frees(call));
                freeing.or(there.first()).copied()
            }
        }
    }
}

/// Whether a call gives back, and is granted nothing.
pub fn frees(call: &Call) -> bool {
    matches!(call.role, Role::Release | Role::ReleaseForce)
}

/// Whether a call was to free what this holder has: its own, what it was told whose it is, or by force whosever it is.
pub fn may_free(call: &Call, holder: &str) -> bool {
    let mut words = call.words.iter();
    let named = words.find_map(|word| word.strip_prefix("--holder="));
    match call.role {
        Role::Release => call.holder.as_deref() == Some(holder),
        Role::ReleaseForce => named.is_none_or(|named| named == holder),
        _ => false,
    }
}

/// Whether it could have been told from what was there before by what it says: only then do requests tell whose it is.
fn says_something_new(commit: &Commit) -> bool {
    let says = |object: &Option<serde_json::Value>| {
        object.as_ref().map(|object| Record(object).fingerprint())
    };
    says(&commit.before) != says(&commit.after)
}
