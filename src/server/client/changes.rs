//! One watch of several Leases of a namespace, told apart by their names.

use std::future::ready;

use futures::stream::{self, LocalBoxStream};
use futures::{FutureExt, StreamExt};

use super::lease::told;
use super::{Client, Selection};
use crate::lease::api::{Api, Changes, Fault, LeaseEvent, Lines, RejectionKind, WATCH_OPENING};
use crate::lease::record::Lease;

/// From here on a watch begins with what is there, as the API server has it in memory: nothing that is changed later is
/// missed, and etcd is not asked.
const WHAT_IS_THERE: &str = "0";

/// Of more, all are read now and then where they cannot be watched together.
const FEW: usize = 8;

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
    /// What the lines of one watch tell.
    fn events(self, lines: Lines) -> LocalBoxStream<'static, LeaseEvent> {
        let events = lines.filter_map(move |line| {
            let is_one = |lease: &_| self.is_one(lease);
            let event = line.and_then(|line| told(&self.store, &line, is_one));
            // Another Lease: the watch is alive, and that is all.
            let event = event.map(|event| event.unwrap_or(LeaseEvent::Bookmark));
            ready(Some(event.unwrap_or_else(LeaseEvent::Broken)))
        });
        stream::iter([LeaseEvent::Open]).chain(events).boxed_local()
    }

    fn may_watch_each(&self, fault: &Fault) -> bool {
        fault.rejected() == Some(RejectionKind::Forbidden) && self.names.len() <= FEW
    }

    /// A watch of each in place of one of all. Where one ends all of it does.
    fn each(&self) -> LocalBoxStream<'static, LeaseEvent> {
        let each = self.names.iter().map(|name| {
            let one = self.store.lease(&self.namespace, name).watch(WHAT_IS_THERE);
            let end = Fault::Unknown("the watch ended".to_owned());
            one.chain(stream::iter([LeaseEvent::Broken(end)]))
        });
        stream::select_all(each).boxed_local()
    }

    fn is_one(&self, lease: &Lease) -> bool {
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
            match opening.await {
                Ok(lines) => leases.events(lines),
                // A Role that names them allows to watch each for itself.
                Err(fault) if leases.may_watch_each(&fault) => leases.each(),
                Err(fault) => stream::iter([LeaseEvent::Broken(fault)]).boxed_local(),
            }
        };
        events.flatten_stream().boxed_local()
    }
}
