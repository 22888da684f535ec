//! One watch of several Leases of a namespace, told apart by their names.

use std::future::ready;

use futures::stream::{self, LocalBoxStream};
use futures::{FutureExt, StreamExt};

use super::lease::told;
use super::{Client, Selection};
use crate::lease::api::{Changes, LeaseEvent, WATCH_OPENING};

/// From here on a watch begins with what is there, as the API server has it in memory: nothing that is changed later is
/// missed, and etcd is not asked.
const WHAT_IS_THERE: &str = "0";

/// Some Leases of a namespace.
#[derive(Clone)]
pub struct ChangesClient {
    store: Client,
    namespace: String,
    names: Vec<String>,
}

impl Client {
    /// The Leases of these names, to be watched together.
    pub fn changes(&self, namespace: &str, names: Vec<String>) -> ChangesClient {
        ChangesClient {
            store: self.clone(),
            namespace: namespace.to_owned(),
            names,
        }
    }
}

impl ChangesClient {
    fn is_one(&self, lease: &crate::lease::record::Lease) -> bool {
        let known = self.names.iter().any(|name| name == lease.name());
        known && lease.namespace() == self.namespace
    }
}

impl Changes for ChangesClient {
    fn watch_all(&self, label: Option<(&str, &str)>) -> LocalBoxStream<'static, LeaseEvent> {
        let leases = self.clone();
        let selection = Selection {
            namespace: Some(self.namespace.clone()),
            field_selector: None,
            label_selector: label.map(|(key, value)| format!("{key}={value}")),
        };
        let events = async move {
            let opening = leases.store.watch(&selection, WHAT_IS_THERE, WATCH_OPENING);
            let (first, lines) = match opening.await {
                Ok(lines) => (LeaseEvent::Open, lines),
                Err(fault) => (LeaseEvent::Broken(fault), stream::empty().boxed_local()),
            };
            let events = lines.filter_map(move |line| {
                let is_one = |lease: &_| leases.is_one(lease);
                let event = line.and_then(|line| told(&leases.store, &line, is_one));
                // Another Lease: the watch is alive, and that is all.
                let event = event.map(|event| event.unwrap_or(LeaseEvent::Bookmark));
                ready(Some(event.unwrap_or_else(LeaseEvent::Broken)))
            });
            stream::iter([first]).chain(events)
        };
        events.flatten_stream().boxed_local()
    }
}
