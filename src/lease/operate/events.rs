//! Records Events, as far as that goes, and reads those that there are.

use std::time::Duration;

use serde_json::Value;

use super::super::api::{Fault, Objects};
use super::super::events::{self, Recorded};
use crate::clock::Clock;

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// How often it is tried, and the first of the pauses in between.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// So many are asked for at a time, as kubectl does, and so many pages at most: a Lease that changes hands every second has
/// 3600 of them in the hour that a server keeps them.
const PAGE: u32 = 500;
const PAGES: usize = 10;

/// Records an Event. Over what may pass it is tried again; the name is the same then, so that it is never recorded twice.
///
/// # Errors
/// As every request.
pub async fn record(api: &impl Objects, clock: &impl Clock, event: &Value) -> Result<(), Fault> {
    let namespace = event["metadata"]["namespace"].as_str().unwrap_or_default();
    let path = events::path(namespace);
    let mut tries = 1;
    loop {
        let fault = match api.post(&path, event, ATTEMPT).await {
            Ok(_) => return Ok(()),
            // An attempt whose answer did not come.
            Err(Fault::Rejected(no)) if no.reason == "AlreadyExists" => return Ok(()),
            Err(fault) => fault,
        };
        if !fault.is_transient() || tries == TRIES {
            return Err(fault);
        }
        let pause = fault.retry_after().unwrap_or_default();
        let pause = pause.max(PAUSE * tries);
        tries += 1;
        clock.sleep_until(clock.now() + pause).await;
    }
}

/// All Events about Leases of this name; `None` if they are too many to read. A server lists them by their names, and so
/// the newest last.
///
/// # Errors
/// As every request.
pub async fn about(
    api: &impl Objects,
    namespace: &str,
    lease: &str,
    limit: Duration,
) -> Result<Option<Vec<Recorded>>, Fault> {
    let path = events::path_of(namespace, lease);
    let mut all = Vec::new();
    let mut from: Option<String> = None;
    for _ in 0..PAGES {
        let page = api.objects(&path, PAGE, from.as_deref(), limit).await?;
        let items = page["items"].as_array().into_iter().flatten();
        all.extend(items.map(events::read));
        match page["metadata"]["continue"].as_str() {
            Some(next) if !next.is_empty() && from.as_deref() != Some(next) => {
                from = Some(next.to_owned());
            }
            _ => return Ok(Some(all)),
        }
    }
    Ok(None)
}
