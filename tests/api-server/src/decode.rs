//! A request's body to a Lease with the fields this version knows: types checked, unknown fields dropped.

use serde_json::{Map, Value, json};

use crate::{microtime, status::Status};

/// What decoding depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoding {
    /// Whether the fields of coordinated elections are known.
    pub elections: bool,
    pub unknown: Unknown,
}

/// What becomes of an unknown field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    Dropped,
    /// Dropped, and told in a warning.
    Told,
    Refused,
}

/// A Lease as it is known, and what there is to say of the rest.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub lease: Value,
    pub warnings: Vec<String>,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Int32,
    Int64,
    MicroTime,
    Time,
    Texts,
    Objects,
    Map,
}

const METADATA: [(&str, Kind); 15] = [
    ("name", Kind::Text),
    ("generateName", Kind::Text),
    ("namespace", Kind::Text),
    ("selfLink", Kind::Text),
    ("uid", Kind::Text),
    ("resourceVersion", Kind::Text),
    ("generation", Kind::Int64),
    ("creationTimestamp", Kind::Time),
    ("deletionTimestamp", Kind::Time),
    ("deletionGracePeriodSeconds", Kind::Int64),
    ("labels", Kind::Map),
    ("annotations", Kind::Map),
    ("ownerReferences", Kind::Objects),
    ("finalizers", Kind::Texts),
    ("managedFields", Kind::Objects),
];

const SPEC: [(&str, Kind); 7] = [
    ("holderIdentity", Kind::Text),
    ("leaseDurationSeconds", Kind::Int32),
    ("acquireTime", Kind::MicroTime),
    ("renewTime", Kind::MicroTime),
    ("leaseTransitions", Kind::Int32),
    // For coordinated leader election.
    ("strategy", Kind::Text),
    ("preferredHolder", Kind::Text),
];

/// How many of the fields of `spec`, the last ones, came with coordinated elections.
const OF_ELECTIONS: usize = 2;

/// Reads a body, which is taken for a Lease whatever kind it names.
pub(crate) fn lease(body: &[u8], decoding: Decoding) -> Result<Decoded, Status> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let shown = if body.is_empty() { "<empty>".into() } else { String::from_utf8_lossy(body).into_owned() };
        let error = if error.is_eof() { "unexpected end of JSON input".to_owned() } else { error.to_string() };
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type Lease): couldn't get version/kind; json parse error: {error} ({shown})"
        ))
    })?;
    lease_value(&value, decoding)
}

/// The same, for an object that is parsed already.
pub(crate) fn lease_value(value: &Value, decoding: Decoding) -> Result<Decoded, Status> {
    let Some(object) = value.as_object() else {
        return Err(cannot(
            "json: cannot unmarshal into Go value of type v1.Lease",
        ));
    };
    let mut unknown = Vec::new();
    let known_at_top = ["apiVersion", "kind", "metadata", "spec"];
    unknown.extend(
        object
            .keys()
            .filter(|key| !known_at_top.contains(&key.as_str()))
            .cloned(),
    );
    let metadata = section(object, "metadata", &METADATA, &mut unknown)?;
    let known = if decoding.elections {
        &SPEC[..]
    } else {
        &SPEC[..SPEC.len() - OF_ELECTIONS]
    };
    let spec = section(object, "spec", known, &mut unknown)?;
    let told: Vec<String> = unknown
        .iter()
        .map(|field| format!("unknown field \"{field}\""))
        .collect();
    if decoding.unknown == Unknown::Refused && !told.is_empty() {
        return Err(cannot(&format!(
            "strict decoding error: {}",
            told.join(", ")
        )));
    }
    Ok(Decoded {
        lease: json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec,
        }),
        warnings: match decoding.unknown {
            Unknown::Told => told,
            Unknown::Dropped | Unknown::Refused => Vec::new(),
        },
    })
}

fn section(
    object: &Map<String, Value>,
    name: &str,
    known: &[(&str, Kind)],
    unknown: &mut Vec<String>,
) -> Result<Map<String, Value>, Status> {
    let mut decoded = Map::new();
    let fields = match object.get(name) {
        None | Some(Value::Null) => return Ok(decoded),
        Some(Value::Object(fields)) => fields,
        Some(other) => return Err(wrong_type(other, name, name)),
    };
    unknown.extend(
        fields
            .keys()
            .filter(|key| known.iter().all(|(field, _)| field != key))
            .map(|key| format!("{name}.{key}")),
    );
    for (field, kind) in known {
        let Some(value) = fields.get(*field).filter(|value| !value.is_null()) else {
            continue;
        };
        let value = kind.decode(value, name, field)?;
        // `omitempty`: metadata has no pointers, so its zero values vanish; an empty holder stays.
        let vanishes =
            name == "metadata" && [json!(""), json!([]), json!({}), json!(0)].contains(&value);
        if !vanishes && *field != "selfLink" {
            decoded.insert((*field).to_owned(), value);
        }
    }
    Ok(decoded)
}

impl Kind {
    fn decode(self, value: &Value, section: &str, field: &str) -> Result<Value, Status> {
        let wrong = || Err(wrong_type(value, section, field));
        let texts = |value: &Value| value.is_string() || value.is_null();
        match self {
            Self::Text if value.is_string() => Ok(value.clone()),
            Self::Int32
                if value
                    .as_i64()
                    .is_some_and(|number| i32::try_from(number).is_ok()) =>
            {
                Ok(value.clone())
            }
            Self::Int64 if value.as_i64().is_some() => Ok(value.clone()),
            Self::Texts if value.as_array().is_some_and(|list| list.iter().all(texts)) => {
                Ok(value.clone())
            }
            Self::Objects
                if value
                    .as_array()
                    .is_some_and(|list| list.iter().all(Value::is_object)) =>
            {
                Ok(value.clone())
            }
            Self::Map => match value.as_object() {
                Some(map) if map.values().all(texts) => {
                    let text = |value: &Value| Value::from(value.as_str().unwrap_or_default());
                    Ok(map
                        .iter()
                        .map(|(key, value)| (key.clone(), text(value)))
                        .collect::<Map<_, _>>()
                        .into())
                }
                _ => wrong(),
            },
            Self::MicroTime => match value.as_str() {
                Some(time) => microtime::normalise(time)
                    .map(Value::from)
                    .map_err(|error| cannot(&error)),
                None => wrong(),
            },
            Self::Time => match value.as_str().map(str::parse::<jiff::Timestamp>) {
                Some(Ok(time)) => Ok(crate::clock::seconds(time).into()),
                Some(Err(_)) => Err(cannot(&format!(
                    "parsing time {value} as \"2006-01-02T15:04:05Z07:00\""
                ))),
                None => wrong(),
            },
            Self::Text | Self::Int32 | Self::Int64 | Self::Texts | Self::Objects => wrong(),
        }
    }
}

fn wrong_type(value: &Value, section: &str, field: &str) -> Status {
    cannot(&format!(
        "json: cannot unmarshal {value} into Go struct field {section}.{field}"
    ))
}

fn cannot(why: &str) -> Status {
    Status::bad_request(format!(
        "Lease in version \"v1\" cannot be handled as a Lease: {why}"
    ))
}
