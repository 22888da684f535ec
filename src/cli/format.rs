//! How `-o` and its company are given.

use clap::Args;

use super::template::TemplateArgs;
use crate::output::format::{GrantFormat, ObjectFormat};

/// How a Lease is printed.
#[derive(Args, Debug)]
pub struct ObjectOutput {
    /// Output format: name, json, yaml, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE or jsonpath-file=FILE
    #[arg(id = "output", short, long, value_name = "FORMAT")]
    pub format: Option<ObjectFormat>,
    /// Keep metadata.managedFields in JSON and YAML
    #[arg(long)]
    pub show_managed_fields: bool,
    #[command(flatten)]
    pub template: TemplateArgs,
}

/// How a grant is printed.
#[derive(Args, Debug)]
pub struct GrantOutput {
    /// Output format: env, env=SHELL, name, json, yaml, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE or jsonpath-file=FILE
    #[arg(id = "output", short, long, value_name = "FORMAT")]
    pub format: Option<GrantFormat>,
    /// Keep metadata.managedFields in JSON and YAML
    #[arg(long)]
    pub show_managed_fields: bool,
    #[command(flatten)]
    pub template: TemplateArgs,
}
