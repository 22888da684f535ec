//! What is asked of an API server about other objects than Leases.

use std::time::Duration;

use serde_json::Value;

use super::Fault;

/// Other objects, for what is said about a Lease, or done beside it.
pub trait Objects {
    /// The object of this path.
    fn object(&self, path: &str, limit: Duration) -> impl Future<Output = Result<Value, Fault>>;
    /// A page of the collection of this path, of at most so many, `from` where the page before it ended.
    fn objects(
        &self,
        path: &str,
        size: u32,
        from: Option<&str>,
        limit: Duration,
    ) -> impl Future<Output = Result<Value, Fault>>;
    /// POST to the collection of this path: the object as it was stored.
    fn post(
        &self,
        path: &str,
        object: &Value,
        limit: Duration,
    ) -> impl Future<Output = Result<Value, Fault>>;
    /// A JSON merge patch of the object of this path: as it was stored then. What the patch says of uid and resourceVersion
    /// is a condition.
    fn patch(
        &self,
        path: &str,
        patch: &Value,
        limit: Duration,
    ) -> impl Future<Output = Result<Value, Fault>>;
}
