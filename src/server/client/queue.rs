//! The queue of a Lease over HTTP: its tickets, which a label tells.

use std::future::ready;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::{self, LocalBoxStream};
use futures::{FutureExt, StreamExt};

use super::lease::told;
use super::{Client, LeaseClient, Most, Selection};
use crate::lease::api::{Fault, LeaseEvent, Queue, Tickets, WATCH_OPENING};
use crate::lease::record::{Lease, QUEUE_OF_LABEL, Record};
use crate::lease::values::QueueName;

/// So many are asked for at a time.
const PAGE: u32 = 500;

/// The tickets of a queue.
#[derive(Clone)]
pub struct QueueClient {
    store: Client,
    namespace: String,
    label: String,
}

impl Client {
    /// The queue of this name.
    pub fn queue(&self, namespace: &str, name: &QueueName) -> QueueClient {
        QueueClient {
            store: self.clone(),
            namespace: namespace.to_owned(),
            label: name.label().to_owned(),
        }
    }
}

impl QueueClient {
    /// The tickets alone.
    pub fn selection(&self) -> Selection {
        Selection {
            namespace: Some(self.namespace.clone()),
            field_selector: None,
            label_selector: Some(format!("{QUEUE_OF_LABEL}={}", self.label)),
        }
    }

    async fn pages(&self, limit: Duration) -> Result<Tickets, Fault> {
        let mut tickets = Tickets {
            all: Vec::new(),
            resource_version: String::new(),
        };
        let mut from: Option<String> = None;
        loop {
            let mut query = self.selection().query();
            query.page(PAGE, from.as_deref());
            let page = self.store.get(query.text(), Most::PAGE, limit).await?;
            let mut list = self.store.parse(&page.body, "a list of Leases")?;
            let foreign = || self.store.foreign(&page.body, "a list of Leases");
            if list["kind"] != "LeaseList" {
                return Err(foreign());
            }
            // An empty list may be written as null.
            let items = list["items"].as_array_mut().map(std::mem::take);
            let items = items.unwrap_or_default();
            for item in items {
                let ticket = Record::listed(item).map_err(|_| foreign())?;
                if self.is_one(&ticket) {
                    tickets.all.push(ticket);
                }
            }
            let version = list["metadata"]["resourceVersion"].as_str();
            tickets.resource_version = version.unwrap_or_default().to_owned();
            match list["metadata"]["continue"].as_str() {
                Some(next) if !next.is_empty() && from.as_deref() != Some(next) => {
                    from = Some(next.to_owned());
                }
                _ => return Ok(tickets),
            }
        }
    }

    fn is_one(&self, lease: &Lease) -> bool {
        lease.namespace() == self.namespace && lease.queue_of() == Some(&self.label)
    }
}

impl Queue<LeaseClient> for QueueClient {
    fn ticket(&self, name: &str) -> LeaseClient {
        self.store.lease(&self.namespace, name)
    }

    fn list(&self, limit: Duration) -> LocalBoxFuture<'_, Result<Tickets, Fault>> {
        self.pages(limit).boxed_local()
    }

    fn watch(&self, resource_version: &str) -> LocalBoxStream<'static, LeaseEvent> {
        let (queue, from) = (self.clone(), resource_version.to_owned());
        let events = async move {
            let selection = queue.selection();
            let opening = queue.store.watch(&selection, &from, WATCH_OPENING);
            let lines = match opening.await {
                Ok(lines) => lines,
                Err(fault) => return stream::iter([LeaseEvent::Broken(fault)]).boxed_local(),
            };
            let events = lines.filter_map(move |line| {
                let is_one = |lease: &_| queue.is_one(lease);
                let event = line.and_then(|line| told(&queue.store, &line, is_one));
                let event = event.map(|event| event.unwrap_or(LeaseEvent::Bookmark));
                ready(Some(event.unwrap_or_else(LeaseEvent::Broken)))
            });
            stream::iter([LeaseEvent::Open]).chain(events).boxed_local()
        };
        events.flatten_stream().boxed_local()
    }
}
