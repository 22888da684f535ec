//! Paths with query parameters.

use std::fmt::Write as _;

use k8s_openapi::api::coordination::v1::Lease;
use kube::core::Resource;

/// Which Leases to list or watch.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `None` for all namespaces.
    pub namespace: Option<String>,
    /// As kubectl's `-l`.
    pub label_selector: Option<String>,
    /// As kubectl's `--field-selector`.
    pub field_selector: Option<String>,
}

impl Selection {
    /// The path of the collection, narrowed to it.
    pub fn query(&self) -> Query {
        let mut query = Query::new(Lease::url_path(&(), self.namespace.as_deref()));
        if let Some(selector) = &self.label_selector {
            query.add("labelSelector", selector);
        }
        if let Some(selector) = &self.field_selector {
            query.add("fieldSelector", selector);
        }
        query
    }
}

/// A path with query parameters, percent-encoded.
pub struct Query(String);

impl Query {
    /// A path without parameters.
    pub fn new(path: String) -> Self {
        Self(path)
    }

    /// Adds a parameter.
    pub fn add(&mut self, key: &str, value: &str) {
        let separator = if self.0.contains('?') { '&' } else { '?' };
        let value =
            percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
        let _ = write!(self.0, "{separator}{key}={value}");
    }

    /// Asks for a page of at most so many, `from` where the page before it ended.
    pub fn page(&mut self, size: u32, from: Option<&str>) {
        self.add("limit", &size.to_string());
        if let Some(from) = from {
            self.add("continue", from);
        }
    }

    /// As it goes into a request.
    pub fn text(&self) -> &str {
        &self.0
    }
}
