//! How Leases are shown: as they are, as metadata only, or as the table that `kubectl get` prints.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::status::Status;

/// What the client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Object,
    Metadata,
    Table,
}

impl Form {
    /// The first form of an Accept header that this server has.
    pub fn accepted(header: &str) -> Result<Self, Status> {
        let mut forms = header.split(',').map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let parameters: Vec<&str> = parts.collect();
            let has = |parameter: &str| parameters.contains(&parameter);
            let json = matches!(media, "" | "*/*" | "application/*" | "application/json");
            match parameters
                .iter()
                .find_map(|parameter| parameter.strip_prefix("as="))
            {
                _ if !json => None,
                None => Some(Self::Object),
                Some("Table") if has("v=v1") && has("g=meta.k8s.io") => Some(Self::Table),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") if has("v=v1") => {
                    Some(Self::Metadata)
                }
                Some(_) => None,
            }
        });
        forms
            .find_map(|form| form)
            .ok_or_else(|| Status::new(406, "NotAcceptable", "406: Not Acceptable"))
    }
}

/// One Lease in a form, as JSON text.
pub(crate) fn object(lease: &Value, form: Form, now: Timestamp) -> String {
    match form {
        Form::Object => lease.to_string(),
        Form::Metadata => metadata_only(lease).to_string(),
        Form::Table => {
            let version = json!({"resourceVersion": lease["metadata"]["resourceVersion"]});
            table(&version, [lease].into_iter(), now)
        }
    }
}

/// A list of Leases in a form, as JSON text: built in one pass, for lists are long.
pub(crate) fn list<'a>(
    list: &Value,
    leases: impl Iterator<Item = &'a Value>,
    form: Form,
    now: Timestamp,
) -> String {
    match form {
        Form::Object => {
            let items = leases.map(|lease| {
                format!(
                    "{{\"metadata\":{},\"spec\":{}}}",
                    lease["metadata"], lease["spec"]
                )
            });
            items_of("LeaseList", "coordination.k8s.io/v1", list, items)
        }
        Form::Metadata => {
            let items = leases.map(|lease| metadata_only(lease).to_string());
            items_of("PartialObjectMetadataList", "meta.k8s.io/v1", list, items)
        }
        Form::Table => table(list, leases, now),
    }
}

fn items_of(
    kind: &str,
    version: &str,
    list: &Value,
    items: impl Iterator<Item = String>,
) -> String {
    let mut text = format!(
        "{{\"kind\":\"{kind}\",\"apiVersion\":\"{version}\",\"metadata\":{list},\"items\":["
    );
    join(&mut text, items);
    text.push_str("]}");
    text
}

fn join(text: &mut String, items: impl Iterator<Item = String>) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&item);
    }
}

fn metadata_only(lease: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": lease["metadata"]})
}

fn table<'a>(list: &Value, leases: impl Iterator<Item = &'a Value>, now: Timestamp) -> String {
    let column = |name: &str, format: &str, description: &str| json!({"name": name, "type": "string", "format": format, "description": description, "priority": 0});
    let columns = json!([
        column("Name", "name", "Name must be unique within a namespace."),
        column(
            "Holder",
            "",
            "holderIdentity contains the identity of the holder of a current lease."
        ),
        column(
            "Age",
            "",
            "CreationTimestamp is the server time when this object was created."
        ),
    ]);
    let mut text = format!(
        "{{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{list},\"columnDefinitions\":{columns},\"rows\":["
    );
    join(
        &mut text,
        leases.map(|lease| {
            let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
            let cells = json!([lease["metadata"]["name"], holder, age(lease, now)]);
            json!({"cells": cells, "object": metadata_only(lease)}).to_string()
        }),
    );
    text.push_str("]}");
    text
}

/// The age as kubectl writes durations: two units while the first is small.
fn age(lease: &Value, now: Timestamp) -> String {
    let created = lease["metadata"]["creationTimestamp"]
        .as_str()
        .and_then(|time| time.parse::<Timestamp>().ok());
    let Some(created) = created else {
        return "<unknown>".into();
    };
    let seconds = now.duration_since(created).as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |first: i64, unit: &str, second: i64, small: &str| match second {
        0 => format!("{first}{unit}"),
        _ => format!("{first}{unit}{second}{small}"),
    };
    match seconds {
        ..-1 => "<invalid>".into(),
        -1..0 => "0s".into(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}
