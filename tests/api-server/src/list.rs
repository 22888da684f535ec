//! Lists: selectors, pages, and the resourceVersion that they are consistent at.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{query::Query, selector::Selector, state::Inner, status::Status, store::Key};

/// Where a paged list goes on: after which Lease, and as of when.
struct Continue {
    /// `None`: from the state as it is now, which the client was told is inconsistent.
    revision: Option<u64>,
    after: Key,
}

/// Answers a list.
pub(crate) fn list(
    inner: &Inner,
    namespace: Option<&str>,
    query: &Query,
) -> Result<String, Status> {
    let selector = Selector::parse(query.text("labelSelector"), query.text("fieldSelector"))?;
    let limit = query.number("limit")?.filter(|limit| *limit > 0);
    let wanted = query.resource_version()?;
    let current = inner.store.revision();
    let from = Continue::parse(query.text("continue"))?;
    if from.is_some() && wanted.is_some_and(|wanted| wanted > 0) {
        return Err(Status::bad_request(
            "specifying resource version is not allowed when using continue",
        ));
    }
    if let Some(wanted) = wanted.filter(|wanted| *wanted > current) {
        return Err(Status::too_large_version(wanted, current));
    }
    let revision = from
        .as_ref()
        .and_then(|from| from.revision)
        .unwrap_or(current);
    if let Some(from) = from.as_ref().filter(|_| revision < inner.store.compacted()) {
        let token = Continue {
            revision: None,
            after: from.after.clone(),
        }
        .token();
        return Err(Status::expired(EXPIRED_CONTINUE).with_continue(token));
    }
    let all = inner
        .store
        .snapshot(namespace, from.as_ref().map(|from| &from.after), revision);
    let mut matching = all.iter().filter(|lease| selector.matches(lease));
    let page: Vec<&Arc<Value>> = match limit {
        Some(limit) => matching
            .by_ref()
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect(),
        None => matching.by_ref().collect(),
    };
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if let (Some(last), remaining @ 1..) = (page.last(), matching.count()) {
        let name = |field: &str| {
            last["metadata"][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let next = Continue {
            revision: Some(revision),
            after: (name("namespace"), name("name")),
        };
        metadata["continue"] = next.token().into();
        if selector.is_everything() {
            metadata["remainingItemCount"] = remaining.into();
        }
    }
    Ok(text(&metadata, page.into_iter().map(Arc::as_ref)))
}

/// A list of Leases as JSON text: built in one pass, for lists are long.
pub(crate) fn text<'a>(metadata: &Value, leases: impl Iterator<Item = &'a Value>) -> String {
    let mut text = format!(
        "{{\"kind\":\"LeaseList\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{metadata},\"items\":["
    );
    for (index, lease) in leases.enumerate() {
        let (metadata, spec) = (&lease["metadata"], &lease["spec"]);
        let comma = if index > 0 { "," } else { "" };
        text += &format!("{comma}{{\"metadata\":{metadata},\"spec\":{spec}}}");
    }
    text + "]}"
}

const EXPIRED_CONTINUE: &str = "The provided continue parameter is too old to display a consistent list result. \
    You can start a new list without the continue parameter, or use the continue token in this response to retrieve \
    the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that \
    were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

impl Continue {
    fn parse(token: &str) -> Result<Option<Self>, Status> {
        if token.is_empty() {
            return Ok(None);
        }
        let wrong = || Status::bad_request("invalid continue token: continue key is not valid");
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        let text = value["start"].as_str().ok_or_else(wrong)?;
        let (namespace, name) = text.split_once('/').ok_or_else(wrong)?;
        Ok(Some(Self {
            revision: value["rv"].as_u64(),
            after: (namespace.to_owned(), name.to_owned()),
        }))
    }

    fn token(&self) -> String {
        let start = format!("{}/{}", self.after.0, self.after.1);
        URL_SAFE_NO_PAD
            .encode(json!({"v": "meta.k8s.io/v1", "rv": self.revision, "start": start}).to_string())
    }
}
