//! Arguments of `prune`.

use std::time::Duration;

use clap::Args;

use super::{ClassArg, DryRun, ObjectOutput, ProofArgs};
use crate::lease::values::{self, LeaseName};

/// Arguments of `prune`.
#[derive(Args, Debug)]
pub struct PruneArgs {
    /// Only leases of these names
    #[arg(id = "name", value_name = "NAME", conflicts_with_all = ["all_namespaces", "selector", "field_selector", "class"])]
    pub names: Vec<LeaseName>,
    /// Of all namespaces but kube-system and kube-node-lease
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Label selector
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Field selector (metadata.name, metadata.namespace)
    #[arg(long, value_name = "SELECTOR")]
    pub field_selector: Option<String>,
    /// Only leases of these classes
    #[arg(
        long,
        value_enum,
        value_name = "CLASS",
        value_delimiter = ',',
        ignore_case = true
    )]
    pub class: Vec<ClassArg>,
    /// How long ago they must have expired
    #[arg(long, default_value = "24h", value_name = "DURATION", value_parser = values::parse_duration)]
    pub older_than: Duration,
    /// Delete them; without it they are listed
    #[arg(short, long)]
    pub yes: bool,
    /// Delete nothing: list them (client), or let the server check it too (server)
    #[arg(long, value_enum, default_value_t = DryRun::None, default_missing_value = "client", num_args = 0..=1, require_equals = true, value_name = "WHERE")]
    pub dry_run: DryRun,
    /// The longest to watch for renewals, where only watching proves an expiry
    #[arg(long, default_value = "2m", value_name = "DURATION", value_parser = values::parse_duration)]
    pub timeout: Duration,
    #[command(flatten)]
    pub proof: ProofArgs,
    #[command(flatten)]
    pub output: ObjectOutput,
}
