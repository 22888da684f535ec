//! What the server remembers: Leases, namespaces, and the history that watches and paged lists read.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use serde_json::Value;

use crate::kind::Storage;

/// Namespace and name.
pub(crate) type Key = (String, String);

/// etcd's key of a Lease, whose bytes are the order of lists: `a-b/x` comes before `a/x`.
fn path((namespace, name): &Key) -> String {
    format!("{namespace}/{name}")
}

pub(crate) fn other_path(namespace: Option<&str>, name: &str) -> String {
    namespace.map_or_else(
        || name.to_owned(),
        |namespace| format!("{namespace}/{name}"),
    )
}

/// The oldest events are forgotten beyond this many, as if compacted.
const HISTORY: usize = 200_000;

/// Everything stored, under one growing resourceVersion.
#[derive(Debug)]
pub(crate) struct Store {
    leases: BTreeMap<String, Arc<Value>>,
    /// Everything else, by what it is and etcd's key. It has no history.
    others: BTreeMap<(Storage, String), Arc<Value>>,
    /// Name to the resourceVersion and creation time, in whole seconds, of the namespace.
    pub namespaces: BTreeMap<String, Namespace>,
    revision: u64,
    history: VecDeque<Event>,
    compacted: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub uid: String,
    pub revision: u64,
    pub created: String,
}

/// One write, as watches tell it.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub revision: u64,
    pub key: Key,
    /// The object before the write, if there was one.
    pub before: Option<Arc<Value>>,
    /// The object after the write; for a deletion, `None`.
    pub after: Option<Arc<Value>>,
}

impl Store {
    pub fn new() -> Self {
        // Not from zero: on a real server the first Lease is never the first write.
        let revision = 200;
        Self {
            leases: BTreeMap::new(),
            others: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            revision,
            history: VecDeque::new(),
            compacted: revision,
        }
    }

    /// The resourceVersion of the latest write.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Reads at or before this resourceVersion are too old.
    pub fn compacted(&self) -> u64 {
        self.compacted
    }

    pub fn advance(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// Takes a resourceVersion that was chosen outside, if it is still ahead.
    pub fn advance_to(&mut self, revision: u64) -> Option<u64> {
        (revision > self.revision).then(|| {
            self.revision = revision;
            revision
        })
    }

    pub fn compact(&mut self) {
        self.history.clear();
        self.compacted = self.revision;
    }

    pub fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.leases.get(&path(key))
    }

    /// Stores the object, whose resourceVersion must be the latest.
    pub fn put(&mut self, key: Key, object: Arc<Value>) {
        let before = self.leases.insert(path(&key), object.clone());
        self.remember(Event {
            revision: self.revision,
            key,
            before,
            after: Some(object),
        });
    }

    /// Removes the object, which takes a resourceVersion of its own.
    pub fn remove(&mut self, key: &Key) {
        if let Some(before) = self.leases.remove(&path(key)) {
            let revision = self.advance();
            self.remember(Event {
                revision,
                key: key.clone(),
                before: Some(before),
                after: None,
            });
        }
    }

    /// An object that is no Lease.
    pub fn object(
        &self,
        storage: Storage,
        namespace: Option<&str>,
        name: &str,
    ) -> Option<&Arc<Value>> {
        self.others.get(&(storage, other_path(namespace, name)))
    }

    /// The objects that are no Leases, of a namespace or of all.
    pub fn objects(
        &self,
        storage: Storage,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &Arc<Value>> {
        let prefix = namespace
            .map(|namespace| format!("{namespace}/"))
            .unwrap_or_default();
        self.others
            .range((storage, prefix.clone())..)
            .take_while(move |((kind, key), _)| *kind == storage && key.starts_with(&prefix))
            .map(|(_, object)| object)
    }

    /// Stores an object whose resourceVersion must be the latest.
    pub fn put_object(
        &mut self,
        storage: Storage,
        namespace: Option<&str>,
        name: &str,
        object: Arc<Value>,
    ) {
        self.others
            .insert((storage, other_path(namespace, name)), object);
    }

    /// Removes an object, which takes a resourceVersion of its own.
    pub fn remove_object(&mut self, storage: Storage, namespace: Option<&str>, name: &str) {
        if self
            .others
            .remove(&(storage, other_path(namespace, name)))
            .is_some()
        {
            self.advance();
        }
    }

    fn remember(&mut self, event: Event) {
        self.history.push_back(event);
        if self.history.len() > HISTORY
            && let Some(forgotten) = self.history.pop_front()
        {
            self.compacted = forgotten.revision;
        }
    }

    /// The events after this resourceVersion, oldest first.
    pub fn events_after(&self, revision: u64) -> impl Iterator<Item = &Event> {
        let start = self
            .history
            .partition_point(|event| event.revision <= revision);
        self.history.range(start..)
    }

    /// The Leases of a namespace, or of all, in order, after this key, as they were at a resourceVersion.
    pub fn snapshot(
        &self,
        namespace: Option<&str>,
        after: Option<&Key>,
        revision: u64,
    ) -> Vec<Arc<Value>> {
        let mut then: BTreeMap<String, Option<&Arc<Value>>> = BTreeMap::new();
        for event in self.events_after(revision) {
            then.entry(path(&event.key))
                .or_insert(event.before.as_ref());
        }
        let prefix = namespace.map(|namespace| format!("{namespace}/"));
        let start = match (after, &prefix) {
            (Some(key), _) => Bound::Excluded(path(key)),
            (None, Some(prefix)) => Bound::Included(prefix.clone()),
            (None, None) => Bound::Unbounded,
        };
        let inside = |key: &String| prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix));
        let mut found: Vec<(&String, &Arc<Value>)> = self
            .leases
            .range((start.clone(), Bound::Unbounded))
            .take_while(|(key, _)| inside(key))
            .filter(|(key, _)| !then.contains_key(*key))
            .collect();
        let changed = then
            .range((start, Bound::Unbounded))
            .filter(|(key, _)| inside(key));
        let unchanged = found.len();
        found.extend(changed.filter_map(|(key, lease)| Some((key, (*lease)?))));
        if found.len() > unchanged {
            found.sort_by_key(|(key, _)| *key);
        }
        found.into_iter().map(|(_, lease)| lease.clone()).collect()
    }
}
