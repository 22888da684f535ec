//! Reads other objects that say something about a Lease: Pods, Nodes, namespaces.

use std::time::Duration;

use serde_json::Value;

use super::super::api::{Fault, Objects, RejectionKind};

/// The object of a path; `None` if it is not there.
///
/// # Errors
/// As every request.
pub async fn object(
    api: &impl Objects,
    path: &str,
    limit: Duration,
) -> Result<Option<Value>, Fault> {
    found(api.object(path, limit).await)
}

/// The names of all objects of a collection, asked for so many at a time.
///
/// # Errors
/// As every request.
pub async fn names(
    api: &impl Objects,
    path: &str,
    size: u32,
    limit: Duration,
) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    let mut from: Option<String> = None;
    loop {
        let page = api.objects(path, size, from.as_deref(), limit).await;
        let Some(page) = found(page)? else {
            return Ok(names);
        };
        let items = page["items"].as_array().into_iter().flatten();
        names.extend(items.filter_map(|item| Some(item["metadata"]["name"].as_str()?.to_owned())));
        match page["metadata"]["continue"].as_str() {
            // A page that is to be followed by itself is the last.
            Some(token) if !token.is_empty() && from.as_deref() != Some(token) => {
                from = Some(token.to_owned());
            }
            _ => return Ok(names),
        }
    }
}

/// Whether a namespace is known not to be there: to be told it takes a permission of its own.
pub async fn namespace_is_missing(api: &impl Objects, namespace: &str, limit: Duration) -> bool {
    let path = format!("/api/v1/namespaces/{namespace}");
    let found = api.object(&path, limit).await;
    found.is_err_and(|fault| fault.rejected() == Some(RejectionKind::NamespaceMissing))
}

fn found(answer: Result<Value, Fault>) -> Result<Option<Value>, Fault> {
    use RejectionKind::{LeaseMissing, NamespaceMissing, NotServed};
    match answer.as_ref().err().and_then(Fault::rejected) {
        Some(NamespaceMissing | LeaseMissing | NotServed) => Ok(None),
        _ => answer.map(Some),
    }
}
