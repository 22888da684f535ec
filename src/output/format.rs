//! What `-o` takes: kubectl's formats of one object, and this tool's own. A template in a file is read where it is parsed.

use std::str::FromStr;

use super::columns::Columns;
use crate::jsonpath::Template;
use crate::words::quoting::{self, Shell};

/// Formats in which any document can be printed whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentFormat {
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// Formats of any document.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueFormat {
    /// The whole of it.
    Document(DocumentFormat),
    /// What a template makes of it.
    JsonPath(Template),
    /// What a template finds in it, as JSON.
    JsonPathAsJson(Template),
}

/// Formats of one Lease.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectFormat {
    /// Just `lease.coordination.k8s.io/NAME`
    Name,
    /// As any document.
    Value(ValueFormat),
}

/// Formats of a grant.
#[derive(Clone, Debug, PartialEq)]
pub enum GrantFormat {
    /// As a Lease.
    Object(ObjectFormat),
    /// `export KUBECTL_LEASE_HOLDER=…` and the fencing token, for eval in a shell: in the one around us, or this one.
    Env(Option<Shell>),
}

/// Formats of a status.
#[derive(Clone, Debug, PartialEq)]
pub enum StatusFormat {
    /// The table with more columns.
    Wide,
    /// Just `lease.coordination.k8s.io/NAME`.
    Name,
    /// The document, or what a template makes of it.
    Value(ValueFormat),
    /// A table of one's own.
    CustomColumns(Columns),
    /// Samples for a textfile collector.
    Prometheus,
}

const TEMPLATES: &str = "jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE, jsonpath-file=FILE";

impl ValueFormat {
    /// The same, where what a template names must be there.
    pub fn strict(self) -> Self {
        match self {
            Self::Document(format) => Self::Document(format),
            Self::JsonPath(template) => Self::JsonPath(template.strict()),
            Self::JsonPathAsJson(template) => Self::JsonPathAsJson(template.strict()),
        }
    }
}

impl ObjectFormat {
    /// As [`ValueFormat::strict`].
    pub fn strict(self) -> Self {
        match self {
            Self::Name => Self::Name,
            Self::Value(format) => Self::Value(format.strict()),
        }
    }
}

impl GrantFormat {
    /// As [`ValueFormat::strict`].
    pub fn strict(self) -> Self {
        match self {
            Self::Env(shell) => Self::Env(shell),
            Self::Object(format) => Self::Object(format.strict()),
        }
    }
}

impl StatusFormat {
    /// As [`ValueFormat::strict`]. As in kubectl, a column of what is not there is `<none>`.
    pub fn strict(self) -> Self {
        match self {
            Self::Value(format) => Self::Value(format.strict()),
            Self::Wide | Self::Name | Self::CustomColumns(_) | Self::Prometheus => self,
        }
    }
}

impl FromStr for ValueFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let parsed = |template: &str| {
            Template::parse(template)
                .map_err(|why| format!("{template:?} is not a JSONPath template: {why}"))
        };
        let given = || {
            let value = value.filter(|value| !value.is_empty());
            value.ok_or_else(|| format!("a template is missing: {name}='{{.metadata.name}}'"))
        };
        match (name, value) {
            (name, None) if is("json", name) => Ok(Self::Document(DocumentFormat::Json)),
            (name, None) if is("yaml", name) => Ok(Self::Document(DocumentFormat::Yaml)),
            ("jsonpath", _) => parsed(given()?).map(Self::JsonPath),
            ("jsonpath-as-json", _) => parsed(given()?).map(Self::JsonPathAsJson),
            ("jsonpath-file", _) => parsed(&file(name, value)?).map(Self::JsonPath),
            ("go-template" | "go-template-file" | "template" | "templatefile", _) => {
                Err(no_go_templates(&format!("-o {name}")))
            }
            _ => Err(format!("allowed: json, yaml, {TEMPLATES}")),
        }
    }
}

/// kubectl takes the formats without a value in any case.
fn is(format: &str, text: &str) -> bool {
    format.eq_ignore_ascii_case(text)
}

fn file(format: &str, path: Option<&str>) -> Result<String, String> {
    let path = path.filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| format!("a file is missing: {format}=FILE"))?;
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    match text.is_empty() {
        true => Err(format!("{path} is empty")),
        false => Ok(text),
    }
}

/// Says what else is allowed where nothing of a document's formats fits.
fn value(text: &str, also: &str) -> Result<ValueFormat, String> {
    text.parse()
        .map_err(|why: String| match why.strip_prefix("allowed: ") {
            Some(allowed) => format!("allowed: {also}, {allowed}"),
            None => why,
        })
}

/// Why there is no Go template, and what there is; `flag` asks for it.
pub fn no_go_templates(flag: &str) -> String {
    format!(
        "Go templates need Go; use -o jsonpath=TEMPLATE (status has custom-columns=HEADER:PATH,… too), or kubectl get lease NAME {flag}=…, which knows the lease itself"
    )
}

impl FromStr for ObjectFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            text if is("name", text) => Ok(Self::Name),
            text => value(text, "name").map(Self::Value),
        }
    }
}

impl FromStr for GrantFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            // Found out before there is a grant that nobody could read.
            text if is("env", text) && quoting::shell() == Shell::Unknown => Err(
                "nothing tells which shell reads it: give env=posix, env=powershell or env=cmd"
                    .to_owned(),
            ),
            text if is("env", text) => Ok(Self::Env(None)),
            "env=posix" => Ok(Self::Env(Some(Shell::Posix))),
            "env=powershell" => Ok(Self::Env(Some(Shell::PowerShell))),
            "env=cmd" => Ok(Self::Env(Some(Shell::Cmd))),
            text if text.starts_with("env=") => {
                Err("the shells are env=posix, env=powershell and env=cmd".to_owned())
            }
            text if is("name", text) => Ok(Self::Object(ObjectFormat::Name)),
            text => {
                value(text, "env, name").map(|format| Self::Object(ObjectFormat::Value(format)))
            }
        }
    }
}

impl FromStr for StatusFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=').unwrap_or((text, "")) {
            (name, "") if is("wide", name) => Ok(Self::Wide),
            (name, "") if is("name", name) => Ok(Self::Name),
            (name, "") if is("prometheus", name) => Ok(Self::Prometheus),
            ("custom-columns", "") => {
                Err("columns are missing: custom-columns=NAME:.metadata.name,…".to_owned())
            }
            ("custom-columns", columns) => Columns::parse(columns).map(Self::CustomColumns),
            ("custom-columns-file", path) => {
                Columns::parse_file(&file("custom-columns-file", Some(path))?)
                    .map(Self::CustomColumns)
            }
            _ => value(
                text,
                "wide, name, prometheus, custom-columns=HEADER:PATH,…, custom-columns-file=FILE",
            )
            .map(Self::Value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_kubectl_and_what_is_missing_is_named() {
        for good in "name json yaml jsonpath={.a} jsonpath-as-json={.a} jsonpath=a=b JSON Yaml \
            NAME"
            .split(' ')
        {
            assert!(good.parse::<ObjectFormat>().is_ok(), "{good}");
            assert!(good.parse::<GrantFormat>().is_ok(), "{good}");
            assert!(good.parse::<StatusFormat>().is_ok(), "{good}");
        }
        let template = "a template is missing: jsonpath='{.metadata.name}'";
        let allowed = "allowed: name, json, yaml, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE, jsonpath-file=FILE";
        let unclosed = "\"{.a\" is not a JSONPath template: unclosed action";
        let no_file = "a file is missing: jsonpath-file=FILE";
        for (bad, why) in [
            ("jsonpath", template),
            ("jsonpath=", template),
            ("jsonpath-file=", no_file),
            ("jsonpath={.a", unclosed),
            ("json=x", allowed),
            ("wide", allowed),
        ] {
            assert_eq!(bad.parse::<ObjectFormat>(), Err(why.to_owned()), "{bad}");
        }
        let missing = "jsonpath-file=/does/not/exist".parse::<ObjectFormat>();
        assert!(missing.is_err_and(|why| why.starts_with("cannot read /does/not/exist: ")));
        let go = "go-template={{.metadata.name}}".parse::<StatusFormat>();
        assert!(
            go.is_err_and(|why| why.starts_with("Go templates need Go; use -o jsonpath=TEMPLATE"))
        );
    }
}
