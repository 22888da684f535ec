//! Arguments of `release`.

use std::time::Duration;

use clap::Args;

use super::{EventArgs, HolderArgs, ObjectOutput, SELECTING, SelectionArgs, WriteArgs};
use crate::lease::values::{self, HolderIdentity, LeaseName};

/// Arguments of `release`.
#[derive(Args, Debug)]
pub struct ReleaseArgs {
    /// Names of the leases
    #[arg(id = "name", value_name = "NAME", required_unless_present_any = SELECTING, conflicts_with_all = SELECTING)]
    pub names: Vec<LeaseName>,
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub holder: HolderArgs,
    /// Free it even beside whom it was stolen from, who may still run
    #[arg(long)]
    pub now: bool,
    /// Succeed where a lease is not yours: another's, free or absent
    #[arg(long)]
    pub ignore_not_held: bool,
    /// Free it whoever holds it, even beside a holder that still runs
    #[arg(long)]
    pub force: bool,
    /// Do not ask: free it as it is shown
    #[arg(short, long, requires = "force")]
    pub yes: bool,
    /// Free it from this holder only
    #[arg(long, value_name = "IDENTITY", value_parser = HolderIdentity::stored, requires = "force")]
    pub if_holder: Option<HolderIdentity>,
    /// Why it is freed by force, for whoever looks
    #[arg(long, value_name = "TEXT", requires = "force")]
    pub reason: Option<String>,
    /// The longest to go on over conflicts and failed requests, for all of them; 0 tries once
    #[arg(long, default_value = "30s", value_name = "DURATION", value_parser = values::parse_duration)]
    pub timeout: Duration,
    #[command(flatten)]
    pub write: WriteArgs,
    #[command(flatten)]
    pub events: EventArgs,
    #[command(flatten)]
    pub output: ObjectOutput,
}
