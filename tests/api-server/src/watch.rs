//! Watches: one JSON line for each event, from a resourceVersion on, until the time is up or the server ends them.

use std::{sync::Arc, time::Duration};

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    differences::Difference,
    event,
    kind::Kind,
    query::Query,
    selector::Selector,
    state::{Inner, State},
    status::Status,
    store::Event,
};

/// How long a watch lasts that names no end.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1800);
/// Lines that wait for a slow reader.
const BUFFER: usize = 64;

/// What a watch is about, and how far it has got.
struct Watch {
    /// `None`: Leases.
    kind: Option<&'static Kind>,
    namespace: Option<String>,
    selector: Selector,
    /// Events up to here were told.
    seen: u64,
    /// The history that it asks for is gone: it says so, and ends.
    over: bool,
    bookmarks: bool,
    /// Whether a bookmark has a time of creation, of nothing.
    null_times: bool,
}

/// Starts a watch, of Leases where no other kind is named. Its lines come through the receiver, which ends with it.
pub(crate) fn start(
    state: &Arc<State>,
    kind: Option<&'static Kind>,
    namespace: Option<String>,
    query: &Query,
    selector: Selector,
) -> Result<mpsc::Receiver<Bytes>, Status> {
    let since = query.resource_version()?;
    let timeout = query
        .number("timeoutSeconds")?
        .filter(|seconds| *seconds > 0);
    let timeout = timeout.map_or(DEFAULT_TIMEOUT, Duration::from_secs);

    // Subscribed before the state is read: no write falls between the two.
    let mut changes = state.changes.subscribe();
    let mut first = Vec::new();
    let mut watch = {
        let inner = state.lock();
        let bookmarks = query.flag("allowWatchBookmarks");
        let mut watch = Watch {
            kind,
            namespace,
            selector,
            seen: since.unwrap_or(0),
            over: false,
            bookmarks,
            null_times: state.does(Difference::NullCreationTimestamp),
        };
        if watch.seen == 0 {
            watch.seen = inner.store.revision();
            first = watch.existing(&inner);
        } else if watch.seen < inner.store.compacted() {
            let message = format!(
                "too old resource version: {} ({})",
                watch.seen,
                inner.store.compacted()
            );
            first = vec![line(
                "ERROR",
                &Status::expired(message).to_json().to_string(),
            )];
            watch.over = true;
        }
        watch
    };

    let (sender, receiver) = mpsc::channel(BUFFER);
    let state = Arc::clone(state);
    tokio::spawn(async move {
        let deadline = tokio::time::sleep(timeout);
        tokio::pin!(deadline);
        let mut lines = first;
        loop {
            for line in lines.drain(..) {
                if sender.send(line).await.is_err() {
                    return;
                }
            }
            let told = watch.next(&state.lock());
            match told {
                None => return,
                Some(more) if !more.is_empty() => lines = more,
                Some(_) => tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    () = sender.closed() => return,
                    () = &mut deadline => {
                        let bookmark = watch.bookmark();
                        if let Some(line) = bookmark {
                            // The reader may be gone, and the watch is over anyway.
                            let _gone = sender.send(line).await;
                        }
                        return;
                    }
                },
            }
        }
    });
    Ok(receiver)
}

impl Watch {
    /// The objects there are, as if they had just been added.
    fn existing(&self, inner: &Inner) -> Vec<Bytes> {
        let namespace = self.namespace.as_deref();
        let all: Vec<Arc<Value>> = match self.kind {
            None => inner.store.snapshot(namespace, None, self.seen),
            Some(kind) => inner
                .store
                .objects(kind.storage, namespace)
                .cloned()
                .collect(),
        };
        let matching = all.iter().filter(|object| self.selector.matches(object));
        matching.map(|object| self.line("ADDED", object)).collect()
    }

    fn line(&self, told: &str, object: &Value) -> Bytes {
        match self.kind {
            None => line(told, &object.to_string()),
            Some(kind) => line(told, &event::whole(object.clone(), kind).to_string()),
        }
    }

    /// The lines since the last call; `None` when the watch is over.
    fn next(&mut self, inner: &Inner) -> Option<Vec<Bytes>> {
        if self.over {
            return None;
        }
        let lines = inner
            .store
            .events_after(self.seen)
            .filter_map(|event| self.tell(event))
            .collect();
        self.seen = self.seen.max(inner.store.revision());
        Some(lines)
    }

    /// An event as this watch sees it: what begins or ceases to match the selector is added or deleted.
    fn tell(&self, event: &Event) -> Option<Bytes> {
        let elsewhere = |namespace: &String| *namespace != event.key.0;
        if event.storage != self.kind.map(|kind| kind.storage)
            || self.namespace.as_ref().is_some_and(elsewhere)
        {
            return None;
        }
        let matching = |object: &Option<Arc<Value>>| {
            object
                .clone()
                .filter(|object| self.selector.matches(object))
        };
        match (matching(&event.before), matching(&event.after)) {
            (None, None) => None,
            (None, Some(now)) => Some(self.line("ADDED", &now)),
            (Some(_), Some(now)) => Some(self.line("MODIFIED", &now)),
            (Some(last), None) => {
                let mut last = (*last).clone();
                last["metadata"]["resourceVersion"] = event.revision.to_string().into();
                Some(self.line("DELETED", &last))
            }
        }
    }

    /// How far the watch has got, for a client that wants to know.
    fn bookmark(&self) -> Option<Bytes> {
        if !self.bookmarks {
            return None;
        }
        let mut metadata = json!({"resourceVersion": self.seen.to_string()});
        if self.null_times {
            metadata["creationTimestamp"] = Value::Null;
        }
        let object = match self.kind {
            None => {
                json!({"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": metadata, "spec": {}})
            }
            Some(_) => json!({ "metadata": metadata }),
        };
        Some(self.line("BOOKMARK", &object))
    }
}

fn line(kind: &str, object: &str) -> Bytes {
    Bytes::from(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"))
}
