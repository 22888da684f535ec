//! Many Leases over HTTP, and other objects: pages of a list, a watch of them all, reads, writes.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::query::Query;
use super::{Client, Most, Reply, Selection};
use crate::lease::api::{Api, Fault, Found, Leases, Lines, Objects, Page};

/// The Leases of a selection.
#[derive(Clone)]
pub struct LeasesClient {
    pub(super) store: Client,
    pub(super) selection: Selection,
    pub(super) remembered: bool,
}

impl LeasesClient {
    /// The same, whose lists are as an API server has them in memory: it may not know the last moment yet, and does not read all
    /// Leases of the namespace from etcd to find those that a label has.
    #[must_use]
    pub fn remembered(self) -> Self {
        Self {
            remembered: true,
            ..self
        }
    }
}

impl Leases for LeasesClient {
    async fn page(&self, size: u32, from: Option<&str>, limit: Duration) -> Result<Page, Fault> {
        let mut query = self.selection.query();
        query.page(size, from);
        // The pages after the first are of that list.
        if self.remembered && from.is_none() {
            query.add("resourceVersion", "0");
        }
        let page = self.store.get(query.text(), Most::PAGE, limit);
        let Reply { body, date } = page.await?;
        Ok(Page { body, date })
    }

    async fn watch(&self, resource_version: &str, opening: Duration) -> Result<Lines, Fault> {
        let (store, selection) = (&self.store, &self.selection);
        store.watch(selection, resource_version, opening).await
    }

    async fn get(&self, name: &str, limit: Duration) -> Result<Found, Fault> {
        let namespace = self.selection.namespace.as_deref().unwrap_or_default();
        self.store.lease(namespace, name).get(limit).await
    }

    async fn version(&self, limit: Duration) -> Result<Option<(u32, u32)>, Fault> {
        self.store.version(limit).await
    }

    fn foreign(&self, page: &[u8]) -> Fault {
        self.store.foreign(page, "a list of Leases")
    }
}

impl Objects for Client {
    async fn object(&self, path: &str, limit: Duration) -> Result<Value, Fault> {
        let found = self.get(path, Most::OBJECT, limit);
        self.parse(&found.await?.body, "an object")
    }

    async fn objects(
        &self,
        path: &str,
        size: u32,
        from: Option<&str>,
        limit: Duration,
    ) -> Result<Value, Fault> {
        let mut query = Query::new(path.to_owned());
        query.page(size, from);
        self.object(query.text(), limit).await
    }

    async fn post(&self, path: &str, object: &Value, limit: Duration) -> Result<Value, Fault> {
        self.write(Method::POST, path, object, limit).await
    }

    async fn patch(&self, path: &str, patch: &Value, limit: Duration) -> Result<Value, Fault> {
        self.write(Method::PATCH, path, patch, limit).await
    }
}

impl Client {
    async fn write(
        &self,
        method: Method,
        path: &str,
        object: &Value,
        limit: Duration,
    ) -> Result<Value, Fault> {
        let mut query = Query::new(path.to_owned());
        query.add("fieldManager", self.manager.as_str());
        let body = object.to_string().into_bytes();
        let sending = self.send(method, query.text(), body, Most::OBJECT, limit);
        self.parse(&sending.await?.body, "an object")
    }
}
