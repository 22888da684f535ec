//! Reads other objects that say something about a Lease: Pods, Nodes, namespaces.

use std::collections::HashSet;
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

/// Which object of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Named {
    /// Where it is; empty for what is in no namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Which objects a collection has, asked for so many at a time. That there is no such collection says nothing of them, and is a
/// fault.
///
/// # Errors
/// As every request.
pub async fn all(
    api: &impl Objects,
    path: &str,
    size: u32,
    limit: Duration,
) -> Result<HashSet<Named>, Fault> {
    let mut found = HashSet::new();
    let mut from: Option<String> = None;
    let mut forgotten = false;
    loop {
        let page = match api.objects(path, size, from.as_deref(), limit).await {
            // It takes so long that the server has forgotten it: once more from the start.
            Err(fault) if fault.rejected() == Some(RejectionKind::Gone) && !forgotten => {
                (forgotten, from) = (true, None);
                found.clear();
                continue;
            }
            page => page?,
        };
        let Some(items) = page["items"].as_array() else {
            return Err(Fault::Unknown("the answer is no list".to_owned()));
        };
        found.extend(items.iter().filter_map(|item| {
            let text = |field: &str| item["metadata"][field].as_str().map(str::to_owned);
            Some(Named {
                namespace: text("namespace").unwrap_or_default(),
                name: text("name")?,
            })
        }));
        match page["metadata"]["continue"].as_str() {
            Some(token) if !token.is_empty() && from.as_deref() != Some(token) => {
                from = Some(token.to_owned());
            }
            Some(token) if !token.is_empty() => {
                return Err(Fault::Unknown("the list goes round".to_owned()));
            }
            _ => return Ok(found),
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
