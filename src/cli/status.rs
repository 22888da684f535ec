//! Arguments of `status`.

use clap::{Args, ValueEnum};

use super::template::TemplateArgs;
use crate::jsonpath::Template;
use crate::lease::values::LeaseName;
use crate::output::format::{StatusFormat, ValueFormat};

/// Arguments of `status`.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// Name of one lease, to see all of it; of several, to list them
    #[arg(id = "name", value_name = "NAME", conflicts_with_all = ["all_namespaces", "selector", "field_selector", "state", "class", "holder", "holder_gone"])]
    pub names: Vec<LeaseName>,
    /// With a name: list its slots, the leases NAME-0, NAME-1 and so on
    #[arg(long, requires = "name")]
    pub slots: bool,
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
    /// Only leases whose holder's Pod or Node is gone
    #[arg(long)]
    pub holder_gone: bool,
    /// Order of the list: name, renewed, expires, transitions, age, or a path such as .metadata.name
    /// [default: name, or as they were named]
    #[arg(long, value_name = "KEY")]
    pub sort_by: Option<SortBy>,
    /// Show all labels in the last column of the list
    #[arg(long)]
    pub show_labels: bool,
    /// Show these labels in columns of the list
    #[arg(short = 'L', long, value_name = "KEY,…", value_delimiter = ',')]
    pub label_columns: Vec<String>,
    /// Leases to a request, 0 for all [default: what is fastest]
    #[arg(long, value_name = "COUNT")]
    pub chunk_size: Option<u32>,
    /// Say nothing, and succeed, where there is no such lease
    #[arg(long, conflicts_with = "watch")]
    pub ignore_not_found: bool,
    /// Of one lease, do not ask for the Kubernetes Events about it
    #[arg(long)]
    pub no_events: bool,
    /// Keep metadata.managedFields in JSON and YAML
    #[arg(long)]
    pub show_managed_fields: bool,
    #[command(flatten)]
    pub template: TemplateArgs,
    /// Leave the line of column names out
    #[arg(long)]
    pub no_headers: bool,
    /// Go on showing changes
    #[arg(short, long)]
    pub watch: bool,
    /// With a name: exit with 0 if it is held, 3 if expired, 4 if free
    #[arg(long, requires = "name", conflicts_with = "watch")]
    pub exit_code: bool,
    /// Output format: wide, name, json, yaml, prometheus, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE,
    /// jsonpath-file=FILE, custom-columns=HEADER:PATH,… or custom-columns-file=FILE
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<StatusFormat>,
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
    /// Places in line (--queue), which are left out unless they are asked for
    Waiter,
    /// Locks
    Lock,
}

/// Orders of a list.
#[derive(Clone, Debug, PartialEq)]
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
    /// By what is found there, as kubectl orders it
    Path(Template),
}

impl std::str::FromStr for SortBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "name" => Ok(Self::Name),
            "renewed" => Ok(Self::Renewed),
            "expires" => Ok(Self::Expires),
            "transitions" => Ok(Self::Transitions),
            "age" => Ok(Self::Age),
            path if path.contains(['.', '{']) => Template::path(path).map(Self::Path),
            _ => Err(
                "allowed: name, renewed, expires, transitions, age, or a path such as .metadata.name"
                    .to_owned(),
            ),
        }
    }
}

impl StatusArgs {
    /// Whether what is printed needs the objects themselves, and not only the facts that a table has.
    pub fn needs_objects(&self) -> bool {
        let table = matches!(
            self.output,
            None | Some(StatusFormat::Wide | StatusFormat::Name | StatusFormat::Prometheus)
        );
        !table
            || self.show_labels
            || self.holder_gone
            || !self.label_columns.is_empty()
            || matches!(self.sort_by, Some(SortBy::Path(_)))
    }

    /// Whether what is printed of one lease has this field of the document, which is asked for beside the lease: templates have
    /// what they speak of.
    pub fn shows(&self, field: &str) -> bool {
        let speaks = |template: &Template| template.mentions(field);
        match &self.output {
            None | Some(StatusFormat::Wide | StatusFormat::Value(ValueFormat::Document(_))) => true,
            Some(StatusFormat::Name | StatusFormat::Prometheus) => false,
            Some(StatusFormat::Value(
                ValueFormat::JsonPath(template) | ValueFormat::JsonPathAsJson(template),
            )) => speaks(template),
            Some(StatusFormat::CustomColumns(columns)) => columns.templates().any(speaks),
        }
    }

    /// The order of a list where there are no names: those keep theirs, unless another is asked for.
    pub fn order(&self) -> &SortBy {
        self.sort_by.as_ref().unwrap_or(&SortBy::Name)
    }
}
