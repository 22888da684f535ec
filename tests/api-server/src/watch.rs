//! Watches: one JSON line for each event, from a resourceVersion on, until the time is up or the server ends them.

use std::{sync::Arc, time::Duration};

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
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
    namespace: Option<String>,
    selector: Selector,
    /// Events up to here were told.
    seen: u64,
    /// The history that it asks for is gone: it says so, and ends.
    over: bool,
    bookmarks: bool,
}

/// Starts a watch. Its lines come through the receiver, which ends with the watch.
pub(crate) fn start(
    state: &Arc<State>,
    namespace: Option<String>,
    query: &Query,
) -> Result<mpsc::Receiver<Bytes>, Status> {
    let selector = Selector::parse(query.text("labelSelector"), query.text("fieldSelector"))?;
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
            namespace,
            selector,
            seen: since.unwrap_or(0),
            over: false,
            bookmarks,
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
    /// The Leases there are, as if they had just been added.
    fn existing(&self, inner: &Inner) -> Vec<Bytes> {
        let all = inner
            .store
            .snapshot(self.namespace.as_deref(), None, self.seen);
        let matching = all.iter().filter(|lease| self.selector.matches(lease));
        matching
            .map(|lease| line("ADDED", &lease.to_string()))
            .collect()
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
        if self
            .namespace
            .as_ref()
            .is_some_and(|namespace| *namespace != event.key.0)
        {
            return None;
        }
        let matching =
            |lease: &Option<Arc<Value>>| lease.clone().filter(|lease| self.selector.matches(lease));
        match (matching(&event.before), matching(&event.after)) {
            (None, None) => None,
            (None, Some(now)) => Some(line("ADDED", &now.to_string())),
            (Some(_), Some(now)) => Some(line("MODIFIED", &now.to_string())),
            (Some(last), None) => {
                let mut last = (*last).clone();
                last["metadata"]["resourceVersion"] = event.revision.to_string().into();
                Some(line("DELETED", &last.to_string()))
            }
        }
    }

    /// How far the watch has got, for a client that wants to know.
    fn bookmark(&self) -> Option<Bytes> {
        if !self.bookmarks {
            return None;
        }
        let metadata = json!({"resourceVersion": self.seen.to_string(), "creationTimestamp": null});
        let object = json!({"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": metadata, "spec": {}});
        Some(line("BOOKMARK", &object.to_string()))
    }
}

fn line(kind: &str, object: &str) -> Bytes {
    Bytes::from(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"))
}
