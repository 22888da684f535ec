//! Arguments of `steal`.

use clap::Args;

use super::{
    EventArgs, GrantOutput, NewHolderArgs, ProofArgs, SELECTING, SelectionArgs, WriteArgs,
};
use crate::lease::values::{HolderIdentity, LeaseDuration, LeaseName};

/// Arguments of `steal`.
#[derive(Args, Debug)]
pub struct StealArgs {
    /// Names of the leases
    #[arg(id = "name", value_name = "NAME", required_unless_present_any = SELECTING, conflicts_with_all = SELECTING)]
    pub names: Vec<LeaseName>,
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub holder: NewHolderArgs,
    /// Do not ask: take it as it is shown
    #[arg(short, long)]
    pub yes: bool,
    /// Steal only from this holder
    #[arg(long, value_name = "IDENTITY", value_parser = HolderIdentity::stored)]
    pub if_holder: Option<HolderIdentity>,
    /// Do not wait until the present holder must have stopped: it may still be running
    #[arg(long)]
    pub now: bool,
    /// Steal it even if it is not a lock but a node's heartbeat or the like
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub proof: ProofArgs,
    /// Why, for whoever looks at the lease; cleared on release
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Lease duration to record [default: what the lease has]
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<LeaseDuration>,
    #[command(flatten)]
    pub write: WriteArgs,
    #[command(flatten)]
    pub events: EventArgs,
    #[command(flatten)]
    pub output: GrantOutput,
}
