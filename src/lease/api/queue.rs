//! What the operations ask of an API server for those that wait for a Lease in line.

use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::LocalBoxStream;

use super::super::record::Record;
use super::{Fault, LeaseEvent};

/// The queue of a Lease: the tickets of those that wait for it in line, Leases of the same namespace that a label tells.
pub trait Queue<A> {
    /// The ticket of this name.
    fn ticket(&self, name: &str) -> A;
    /// All of them: a consistent read.
    fn list(&self, limit: Duration) -> LocalBoxFuture<'_, Result<Tickets, Fault>>;
    /// The changes after `resource_version`, that of a list. It ends when the server ends it.
    fn watch(&self, resource_version: &str) -> LocalBoxStream<'static, LeaseEvent>;
}

/// The tickets of a queue.
#[derive(Clone, Debug)]
pub struct Tickets {
    /// In no order.
    pub all: Vec<Record>,
    /// The resourceVersion of the list.
    pub resource_version: String,
}

impl Tickets {
    /// How many stand in line.
    pub fn waiters(&self) -> usize {
        let all = self.all.iter();
        all.filter(|ticket| ticket.stands_in_line()).count()
    }
}
