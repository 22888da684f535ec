//! Arguments of `status`.

use clap::{Args, ValueEnum};

use crate::lease::values::LeaseName;
use crate::output::status::template::{Columns, Template};

/// Arguments of `status`.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// Name of one lease, to see everything about it
    #[arg(conflicts_with_all = ["all_namespaces", "selector", "field_selector", "state", "class", "holder", "sort_by"])]
    pub name: Option<LeaseName>,
    /// List the leases of all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Label selector
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Field selector (metadata.name, metadata.namespace)
    #[arg(long, value_name = "SELECTOR")]
    pub field_selector: Option<String>,
    /// Only leases in these states
    #[arg(
        long,
        value_enum,
        value_name = "STATE",
        value_delimiter = ',',
        ignore_case = true
    )]
    pub state: Vec<StateArg>,
    /// Only leases of these classes
    #[arg(
        long,
        value_enum,
        value_name = "CLASS",
        value_delimiter = ',',
        ignore_case = true
    )]
    pub class: Vec<ClassArg>,
    /// Only leases whose holder matches; * and ? as in a shell
    #[arg(long, value_name = "PATTERN")]
    pub holder: Option<String>,
    /// Order of the list
    #[arg(long, value_enum, value_name = "KEY", default_value_t = SortBy::Name)]
    pub sort_by: SortBy,
    /// Leave the line of column names out
    #[arg(long)]
    pub no_headers: bool,
    /// Go on showing changes
    #[arg(short, long)]
    pub watch: bool,
    /// With a name: exit with 0 if it is held, 3 if expired, 4 if free
    #[arg(long, requires = "name", conflicts_with = "watch")]
    pub exit_code: bool,
    /// Output format: wide, json, yaml, name, jsonpath=TEMPLATE or custom-columns=HEADER:PATH,…
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<StatusFormat>,
}

/// Formats of a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusFormat {
    /// The table with more columns.
    Wide,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Just `lease.coordination.k8s.io/NAME`.
    Name,
    /// A template over the JSON document.
    JsonPath(Template),
    /// A table of one's own.
    CustomColumns(Columns),
}

impl std::str::FromStr for StatusFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "wide" => Ok(Self::Wide),
            None if text == "json" => Ok(Self::Json),
            None if text == "yaml" => Ok(Self::Yaml),
            None if text == "name" => Ok(Self::Name),
            Some(("jsonpath", template)) => Template::parse(template).map(Self::JsonPath),
            Some(("custom-columns", columns)) => Columns::parse(columns).map(Self::CustomColumns),
            _ => Err(
                "allowed: wide, json, yaml, name, jsonpath=TEMPLATE, custom-columns=HEADER:PATH,…"
                    .to_owned(),
            ),
        }
    }
}

/// States to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StateArg {
    /// Held, with or without expiry
    Held,
    /// Expired
    Expired,
    /// Free
    Free,
    /// Being deleted
    Terminating,
}

/// Classes to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClassArg {
    /// Node heartbeats
    Node,
    /// API server identities
    #[value(name = "apiserver")]
    ApiServer,
    /// Leader elections
    Election,
    /// Locks
    Lock,
}

/// Orders of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SortBy {
    /// By namespace and name
    Name,
    /// Longest not renewed first
    Renewed,
    /// Next to expire first
    Expires,
    /// Most transitions first
    Transitions,
    /// Oldest first
    Age,
}
