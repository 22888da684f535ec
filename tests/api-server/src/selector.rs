//! Label and field selectors: parsed from their query parameters, matched against objects.

use serde_json::Value;

use crate::status::Status;

/// Which objects a list or watch is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<LabelRequirement>,
    fields: Vec<FieldRequirement>,
}

#[derive(Clone, Debug)]
struct FieldRequirement {
    /// The JSON pointer of the field.
    pointer: &'static str,
    equal: bool,
    value: String,
}

#[derive(Clone, Debug)]
struct LabelRequirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    /// Also true where the label is absent, as the API defines it.
    NotIn(Vec<String>),
}

/// The fields by which Leases are selected.
const LEASE_FIELDS: [(&str, &str); 2] = [
    ("metadata.name", NAME),
    ("metadata.namespace", "/metadata/namespace"),
];

const NAME: &str = "/metadata/name";

impl Selector {
    /// A selector of Leases.
    pub fn parse(labels: &str, fields: &str) -> Result<Self, Status> {
        Self::with(labels, fields, &LEASE_FIELDS, |other| {
            format!(
                "\"{other}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
            )
        })
    }

    /// A selector of objects that are selected by these fields.
    pub fn among(
        labels: &str,
        fields: &str,
        known: &[(&str, &'static str)],
    ) -> Result<Self, Status> {
        Self::with(labels, fields, known, |other| {
            format!("field label not supported: {other}")
        })
    }

    fn with(
        labels: &str,
        fields: &str,
        known: &[(&str, &'static str)],
        unknown: fn(&str) -> String,
    ) -> Result<Self, Status> {
        Ok(Self {
            labels: split(labels)
                .map(LabelRequirement::parse)
                .collect::<Result<_, _>>()?,
            fields: split(fields)
                .map(|text| FieldRequirement::parse(text, known, unknown))
                .collect::<Result<_, _>>()?,
        })
    }

    pub fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The one name that can match, if the selector asks for one. Authorization takes it as the object's name.
    pub fn name(&self) -> Option<&str> {
        let asks = |field: &&FieldRequirement| field.equal && field.pointer == NAME;
        self.fields
            .iter()
            .find(asks)
            .map(|field| field.value.as_str())
    }

    pub fn matches(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let text = |pointer| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        self.fields
            .iter()
            .all(|field| (text(field.pointer) == field.value) == field.equal)
            && self.labels.iter().all(|label| {
                label
                    .test
                    .matches(metadata["labels"][label.key.as_str()].as_str())
            })
    }
}

impl FieldRequirement {
    fn parse(
        text: &str,
        known: &[(&str, &'static str)],
        unknown: fn(&str) -> String,
    ) -> Result<Self, Status> {
        let (key, equal, value) = operator(text).ok_or_else(|| {
            Status::bad_request(format!(
                "invalid selector: '{text}'; can't understand '{text}'"
            ))
        })?;
        let pointer = known.iter().find(|(name, _)| *name == key);
        let (_, pointer) = pointer.ok_or_else(|| Status::bad_request(unknown(key)))?;
        Ok(Self {
            pointer,
            equal,
            value: value.to_owned(),
        })
    }
}

impl LabelRequirement {
    fn parse(text: &str) -> Result<Self, Status> {
        if let Some(key) = text.strip_prefix('!') {
            return Self::new(key, Test::Absent);
        }
        if let Some((key, equal, value)) = operator(text) {
            let values = vec![value.to_owned()];
            return Self::new(
                key,
                if equal {
                    Test::In(values)
                } else {
                    Test::NotIn(values)
                },
            );
        }
        let Some((key, rest)) = text.split_once(char::is_whitespace) else {
            return Self::new(text, Test::Exists);
        };
        let (word, set) = rest
            .trim()
            .split_at(rest.trim().find(['(', ' ']).unwrap_or(rest.trim().len()));
        let set = set.trim();
        let Some(values) = set.strip_prefix('(').and_then(|set| set.strip_suffix(')')) else {
            return Err(Status::bad_request(format!(
                "unable to parse requirement: found '{set}' expected: '('"
            )));
        };
        let values = values
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        match word {
            "in" => Self::new(key, Test::In(values)),
            "notin" => Self::new(key, Test::NotIn(values)),
            other => Err(Status::bad_request(format!(
                "unable to parse requirement: found '{other}', expected: in, notin, =, ==, !="
            ))),
        }
    }

    fn new(key: &str, test: Test) -> Result<Self, Status> {
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) {
            let message = format!(
                "unable to parse requirement: found '{key}', expected: !, identifier, or 'end of string'"
            );
            return Err(Status::bad_request(message));
        }
        Ok(Self {
            key: key.to_owned(),
            test,
        })
    }
}

impl Test {
    fn matches(&self, label: Option<&str>) -> bool {
        match self {
            Self::Exists => label.is_some(),
            Self::Absent => label.is_none(),
            Self::In(values) => {
                label.is_some_and(|label| values.iter().any(|value| value == label))
            }
            Self::NotIn(values) => {
                !label.is_some_and(|label| values.iter().any(|value| value == label))
            }
        }
    }
}

/// `key != value`, `key == value`, `key = value`: the key, whether it asks for equality, and the value.
fn operator(text: &str) -> Option<(&str, bool, &str)> {
    let at = text.find(['=', '!'])?;
    let (key, rest) = text.split_at(at);
    let (equal, value) = match rest.strip_prefix("!=") {
        Some(value) => (false, value),
        None => (
            true,
            rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?,
        ),
    };
    Some((key.trim(), equal, value.trim()))
}

/// The requirements between commas, leaving alone the commas in parentheses.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    text.split(move |letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|requirement| !requirement.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Selector;
    use serde_json::json;

    fn matches(labels: &str, fields: &str) -> bool {
        let lease = json!({"metadata": {"name": "a", "namespace": "n", "labels": {"app": "x", "size": "5"}}});
        Selector::parse(labels, fields)
            .expect("a selector")
            .matches(&lease)
    }

    #[test]
    fn label_selectors_match_as_the_api_defines_them() {
        for yes in [
            "",
            "app",
            "app=x",
            "app==x",
            "app!=y",
            "other!=x",
            "!other",
            "app in (x, y)",
            "app in (x),size",
            "app notin (y)",
            "other notin (x)",
            "app=x,size=5",
        ] {
            assert!(matches(yes, ""), "{yes}");
        }
        for no in [
            "other",
            "app=y",
            "app!=x",
            "!app",
            "app in (y,z)",
            "app notin (x)",
            "app=x,size=6",
        ] {
            assert!(!matches(no, ""), "{no}");
        }
    }

    #[test]
    fn field_selectors_know_name_and_namespace_only_and_errors_are_the_real_servers() {
        assert!(matches("", "metadata.name=a,metadata.namespace!=other"));
        assert!(!matches("", "metadata.name!=a"));
        assert_eq!(
            Selector::parse("", "metadata.name=a")
                .expect("a selector")
                .name(),
            Some("a")
        );
        for (labels, fields, told) in [
            (
                "",
                "spec.x=1",
                "\"spec.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
            ),
            (
                "a in",
                "",
                "unable to parse requirement: found '' expected: '('",
            ),
        ] {
            let error = Selector::parse(labels, fields).expect_err("malformed");
            assert_eq!(error.message, told);
        }
    }
}
