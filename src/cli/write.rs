//! What every subcommand takes that writes.

use clap::{Args, ValueEnum};

use super::Command;
use crate::lease::operate;
use crate::lease::values::Manager;

/// How it is written, and whether it is.
#[derive(Args, Debug)]
pub struct WriteArgs {
    /// Write nothing: tell what would be done (client), or let the server check it (server)
    #[arg(long, value_enum, default_value_t = DryRun::None, default_missing_value = "client", num_args = 0..=1, require_equals = true, value_name = "WHERE")]
    pub dry_run: DryRun,
    /// Name that the writes have in managedFields
    #[arg(long, default_value_t = Manager::default(), value_name = "NAME")]
    pub field_manager: Manager,
}

/// Where a dry run ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Not a dry run
    #[default]
    #[value(aliases = ["false", "False", "FALSE", "f", "F", "0"])]
    None,
    /// Print what would be sent
    #[value(aliases = ["true", "True", "TRUE", "t", "T", "1"])]
    Client,
    /// Let the server check it and store nothing
    Server,
}

impl DryRun {
    /// Where it ends, if it is one.
    pub fn asked(self) -> Option<operate::DryRun> {
        match self {
            Self::None => None,
            Self::Client => Some(operate::DryRun::Client),
            Self::Server => Some(operate::DryRun::Server),
        }
    }
}

impl Command {
    /// Where it ends if it is a dry run; `None` for what writes nothing at all.
    pub fn dry_run(&self) -> Option<DryRun> {
        match self {
            Self::Prune(args) => Some(args.dry_run),
            other => other.write().map(|write| write.dry_run),
        }
    }

    /// How it writes, if it does.
    pub fn write(&self) -> Option<&WriteArgs> {
        match self {
            Self::Create(args) => Some(&args.write),
            Self::Acquire(args) => Some(&args.grant.write),
            Self::Hold(args) => Some(&args.grant.write),
            Self::Renew(args) => Some(&args.write),
            Self::Release(args) => Some(&args.write),
            Self::Steal(args) => Some(&args.write),
            Self::Failover(args) => Some(&args.write),
            Self::Check(_)
            | Self::Prune(_)
            | Self::Wait(_)
            | Self::CanI(_)
            | Self::Status(_)
            | Self::Options(_)
            | Self::Version(_)
            | Self::Completion(_)
            | Self::Explain(_)
            | Self::Man(_) => None,
        }
    }
}
