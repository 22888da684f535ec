//! The history in the order in which a judge asks for it: each write with its author, its request and the times between which it happened.

use std::collections::{BTreeMap, HashMap};

use super::author::{Author, Authors};
use super::grants::{self, Grant};
use super::matched::{Dates, Matched, left_at};
use super::record::Record;
use super::slice::{self, Moment};
use super::spans::Spans;
use super::trees::{self, Tree};
use super::{Violation, faults, seconds};
use crate::history::{Call, Commit, History, Sent};
use crate::time::At;

/// One write that was stored, and what is known of it.
pub struct Write<'h> {
    pub commit: &'h Commit,
    pub author: Author,
    /// The call that made it, as far as its holder or its time tell.
    pub call: Option<&'h Call>,
    pub sent: Option<&'h Sent>,
    /// It was stored no sooner.
    pub earliest: At,
    /// And no later.
    pub latest: At,
    /// When it left its process at the latest.
    pub left: At,
}

impl<'h> Write<'h> {
    pub fn before(&self) -> Option<Record<'h>> {
        self.commit.before.as_ref().map(Record)
    }

    pub fn after(&self) -> Option<Record<'h>> {
        self.commit.after.as_ref().map(Record)
    }

    /// Whether it begins a grant.
    pub fn grants(&self) -> bool {
        let key = self.after().and_then(Record::key);
        key.is_some() && key != self.before().and_then(Record::key)
    }

    /// Whether its holder's time begins anew with it.
    pub fn renews(&self) -> bool {
        self.before().map(Record::renewed) != self.after().map(Record::renewed)
    }

    fn dates(&self) -> Dates {
        match (self.grants(), self.renews()) {
            (true, _) => Dates::Grant,
            (false, true) => Dates::Renewal,
            (false, false) => Dates::Nothing,
        }
    }

    /// Whether others who watch began to count anew.
    pub fn changes_observed(&self) -> bool {
        self.before().map(Record::observed) != self.after().map(Record::observed)
    }
}

/// A history, arranged.
pub struct Story<'h> {
    pub history: &'h History,
    pub writes: Vec<Write<'h>>,
    /// The writes of each lease.
    pub of_lease: BTreeMap<&'h str, Vec<usize>>,
    pub grants: Vec<Grant<'h>>,
    pub trees: Vec<Tree<'h>>,
    /// While the machine was slow, as each contender met it.
    slow: HashMap<u32, Spans>,
    slow_to_all: Spans,
    /// The requests of each contender, by arrival.
    requests: HashMap<u32, Vec<&'h Sent>>,
    /// The grant that stood after a write.
    by_revision: HashMap<(&'h str, u64), usize>,
    /// What worked, by the grant's token.
    trees_by_token: HashMap<(&'h str, u64), usize>,
    authors: Authors<'h>,
}

impl<'h> Story<'h> {
    pub fn of(history: &'h History) -> Self {
        let authors = Authors::of_calls(history);
        let writes = writes(history, &authors);
        let mut of_lease: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, write) in writes.iter().enumerate() {
            let lease = write.commit.lease.as_str();
            of_lease.entry(lease).or_default().push(index);
        }
        let grants = grants::all(&writes, &of_lease, &authors);
        let mut by_revision = HashMap::new();
        for (index, grant) in grants.iter().enumerate() {
            for write in &grant.writes {
                by_revision.insert((grant.lease, writes[*write].commit.revision), index);
            }
        }
        let trees = trees::all(history);
        let mut trees_by_token = HashMap::new();
        for (index, tree) in trees.iter().enumerate() {
            let standing = by_revision.get(&(tree.lease, tree.token));
            let grant = standing.map(|index: &usize| &grants[*index]);
            if let Some(grant) = grant.filter(|grant| grant.key.holder == tree.holder) {
                trees_by_token
                    .entry((grant.lease, grant.token))
                    .or_insert(index);
            }
        }
        let mut requests: HashMap<u32, Vec<&Sent>> = HashMap::new();
        for sent in &history.requests {
            requests.entry(sent.contender).or_default().push(sent);
        }
        for all in requests.values_mut() {
            all.sort_by_key(|sent| sent.at);
        }
        let slow = faults::slow(history);
        Self {
            by_revision,
            trees_by_token,
            trees,
            slow_to_all: faults::slow_to_all(&slow),
            slow,
            requests,
            grants,
            of_lease,
            writes,
            authors,
            history,
        }
    }

    /// The call that asked for grants as this holder.
    pub fn owner(&self, holder: &str) -> Option<&'h Call> {
        self.authors.owner(holder)
    }

    /// The call whose grant has stopped, by an acknowledgement.
    pub fn victim(&self, stopped: (i64, &str, &str)) -> Option<&'h Call> {
        self.authors.victim(stopped)
    }

    /// What a contender sent, by arrival.
    pub fn requests_of(&self, contender: u32) -> impl Iterator<Item = &'h Sent> {
        self.requests.get(&contender).into_iter().flatten().copied()
    }

    /// While the machine was slow to a contender.
    pub fn slow(&self, contender: u32) -> impl Iterator<Item = (At, At)> {
        let own = self.slow.get(&contender).into_iter();
        own.flat_map(Spans::iter).chain(self.slow_to_all.iter())
    }

    pub fn writes_of<'s>(&'s self, lease: &str) -> impl Iterator<Item = &'s Write<'h>> {
        let indices = self.of_lease.get(lease).into_iter().flatten();
        indices.map(|index| &self.writes[*index])
    }

    /// The grant with this token; or the one that stood, where the reply with its token was lost and a later version of it
    /// was read instead.
    pub fn grant(&self, lease: &str, token: u64) -> Option<&Grant<'h>> {
        let standing = self.standing(lease, token)?;
        Some(standing).filter(|grant| grant.token == token || grant.unheard)
    }

    /// The grant that stood at this version of the lease.
    pub fn standing(&self, lease: &str, revision: u64) -> Option<&Grant<'h>> {
        let index = self.by_revision.get(&(lease, revision))?;
        Some(&self.grants[*index])
    }

    /// The write of the same lease before this one.
    pub fn before(&self, write: &Write<'_>) -> Option<&Write<'h>> {
        let all = self.of_lease.get(write.commit.lease.as_str())?;
        let revision = |index: &usize| self.writes[*index].commit.revision;
        let place = all.partition_point(|index| revision(index) < write.commit.revision);
        Some(&self.writes[all[place.checked_sub(1)?]])
    }

    /// The write of the same lease after this one.
    pub fn after(&self, write: &Write<'_>) -> Option<&Write<'h>> {
        let all = self.of_lease.get(write.commit.lease.as_str())?;
        let revision = |index: &usize| self.writes[*index].commit.revision;
        let place = all.partition_point(|index| revision(index) <= write.commit.revision);
        Some(&self.writes[*all.get(place)?])
    }

    pub fn grants_of(&self, call: &Call) -> impl Iterator<Item = &Grant<'h>> {
        let id = call.id;
        let all = self.grants.iter();
        all.filter(move |grant| grant.call.is_some_and(|of| of.id == id))
    }

    pub fn trees_of(&self, call: &Call) -> impl Iterator<Item = &Tree<'h>> {
        let holder = call.holder.as_deref();
        self.trees
            .iter()
            .filter(move |tree| Some(tree.holder) == holder)
    }

    /// What worked under a grant.
    pub fn tree(&self, grant: &Grant<'_>) -> Option<&Tree<'h>> {
        let index = self.trees_by_token.get(&(grant.lease, grant.token))?;
        Some(&self.trees[*index])
    }

    /// The events of a lease and of calls between two instants.
    pub fn slice(&self, lease: Option<&str>, calls: &[u32], from: At, to: At) -> Vec<Moment> {
        slice::between(self, lease, calls, from, to)
    }

    /// A violation, with what happened around it.
    pub fn violation(&self, rule: &'static str, about: About<'_>, what: String) -> Violation {
        let About {
            lease,
            calls,
            from,
            at,
        } = about;
        let after = std::time::Duration::from_millis(300);
        Violation {
            rule,
            lease: lease.map(str::to_owned),
            calls: calls.to_vec(),
            at,
            what,
            history: self.slice(lease, calls, from, at + after),
            out_of: None,
        }
    }
}

/// What a violation is about.
pub struct About<'a> {
    pub lease: Option<&'a str>,
    pub calls: &'a [u32],
    /// What led to it began here.
    pub from: At,
    /// When it shows.
    pub at: At,
}

/// How a call is named to people.
pub fn named(call: &Call) -> String {
    let holder = call.holder.as_deref().unwrap_or("nobody");
    format!("call {} ({:?}, {holder})", call.id, call.role)
}

/// From one instant to another, however they lie, for people.
pub fn apart(one: At, other: At) -> String {
    seconds(one.since(other).max(other.since(one)))
}

fn writes<'h>(history: &'h History, authors: &Authors<'h>) -> Vec<Write<'h>> {
    let matched = Matched::of(history);
    let mut earliest = At::default();
    let commits = history.commits.iter().zip(latest(history));
    let write = |(commit, latest): (&'h Commit, At)| {
        let sent = matched.sent(commit, latest);
        let author = authors.of(commit, sent);
        let sent = sent.filter(|sent| author == Author::Contender(sent.contender));
        let came = commit.received.or(sent.map(|sent| sent.at));
        let asked = sent.map(|sent| sent.at).or(commit.received);
        let call = authors.call(commit, author, asked.unwrap_or(latest));
        earliest = earliest.max(came.unwrap_or_default());
        let mut write = Write {
            commit,
            author,
            call,
            sent,
            earliest,
            latest,
            left: latest,
        };
        let offset = history.run.wall_offset;
        let left = sent.map(|sent| left_at(sent, call, write.dates(), offset));
        write.left = left
            .into_iter()
            .chain(commit.received)
            .min()
            .unwrap_or(latest);
        write
    };
    commits.map(write).collect()
}

/// By when each was stored: an answer comes after it, and so do the answers of all that were stored later.
fn latest(history: &History) -> Vec<At> {
    // Who had nobody alive for a moment, between `acquire` and its `release`, was taken for over: the run ends with its last write.
    let answers = history.commits.iter().filter_map(|commit| commit.answered);
    let mut latest = answers.fold(history.run.ended, At::max);
    let mut all: Vec<At> = Vec::with_capacity(history.commits.len());
    for commit in history.commits.iter().rev() {
        latest = latest.min(commit.answered.unwrap_or(latest));
        all.push(latest);
    }
    all.reverse();
    all
}

/// Whether a lease is this one, or a slot of this name.
pub fn covers(name: &str, lease: &str) -> bool {
    name == lease
        || lease
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|slot| !slot.is_empty() && slot.bytes().all(|byte| byte.is_ascii_digit()))
}
