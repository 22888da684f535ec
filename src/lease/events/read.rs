//! What an Event says that is there already, whoever wrote it, in either form that `events.k8s.io/v1` has for it.

use jiff::Timestamp;
use serde_json::Value;

/// An Event as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// `regarding.uid`: of which of the Leases that had the name one after the other.
    pub lease_uid: String,
    /// When it was last seen: of what was seen once, by the server's clock, else by the reporter's.
    pub last: Option<Timestamp>,
    /// `eventTime`, by the reporter's clock.
    pub time: Option<Timestamp>,
    /// `Normal` or `Warning`.
    pub kind: String,
    /// The reason word.
    pub reason: String,
    /// What the reporter did.
    pub action: String,
    /// What it says.
    pub note: String,
    /// Which program.
    pub controller: String,
    /// Which instance of it.
    pub instance: String,
    /// How often it was seen.
    pub count: i64,
    /// Grows with every write.
    version: u64,
}

/// Reads one; what is missing is empty.
pub fn read(event: &Value) -> Recorded {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    let owned = |pointer: &str| text(pointer).unwrap_or_default().to_owned();
    let time = |pointer: &str| text(pointer).and_then(|text| text.parse::<Timestamp>().ok());
    let number = |pointer: &str| event.pointer(pointer).and_then(Value::as_i64);
    let series = time("/series/lastObservedTime").or_else(|| time("/deprecatedLastTimestamp"));
    let created = time("/metadata/creationTimestamp");
    let count = number("/series/count").or_else(|| number("/deprecatedCount"));
    let count = count.unwrap_or(1).max(1);
    let controller = text("/reportingController").filter(|text| !text.is_empty());
    let controller = controller.or_else(|| text("/deprecatedSource/component"));
    let instance = text("/reportingInstance").filter(|text| !text.is_empty());
    let instance = instance.or_else(|| text("/deprecatedSource/host"));
    let eventful = time("/eventTime").or_else(|| time("/deprecatedFirstTimestamp"));
    Recorded {
        lease_uid: owned("/regarding/uid"),
        last: match count {
            1 => created.or(series).or(eventful),
            _ => series.max(created).or(eventful),
        },
        time: eventful,
        kind: owned("/type"),
        reason: owned("/reason"),
        action: owned("/action"),
        note: owned("/note"),
        controller: controller.unwrap_or_default().to_owned(),
        instance: instance.unwrap_or_default().to_owned(),
        count,
        version: owned("/metadata/resourceVersion").parse().unwrap_or(0),
    }
}

/// Those of the Lease with this uid, the newest first, at most so many.
pub fn newest(mut all: Vec<Recorded>, lease_uid: &str, most: usize) -> Vec<Recorded> {
    all.retain(|event| event.lease_uid == lease_uid);
    // No clock tells which one was first: two reporters have two.
    all.sort_by_key(|event| std::cmp::Reverse(event.version));
    all.truncate(most);
    all
}
