//! The arguments of `failover`.

use std::time::Duration;

use clap::Args;

use super::{EventArgs, NewHolderArgs, ObjectOutput, ProofArgs, WriteArgs};
use crate::lease::values::{self, HolderIdentity, LeaseName};

/// Arguments of `failover`.
#[derive(Args, Debug)]
pub struct FailoverArgs {
    /// Name of the lease
    pub name: LeaseName,
    #[command(flatten)]
    pub holder: NewHolderArgs,
    /// Do not ask: have the holder that is shown step down
    #[arg(short, long)]
    pub yes: bool,
    /// Only if this one holds it
    #[arg(long, value_name = "IDENTITY", value_parser = HolderIdentity::stored)]
    pub if_holder: Option<HolderIdentity>,
    /// Who is to take over
    // rustdoc would read a tag.
    #[arg(help = "Who is to take over, by its identity or by the name before its _<uuid>: fail if another does", long, value_name = "IDENTITY", value_parser = HolderIdentity::stored)]
    pub to: Option<HolderIdentity>,
    /// The longest to wait for who takes over, once the lease is free; 0 does not wait
    /// [default: twice the lease duration and 30s]
    #[arg(long, value_name = "DURATION", value_parser = values::parse_duration)]
    pub timeout: Option<Duration>,
    /// Do it even if the lease is a node's heartbeat or the like, or is being taken over already
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub proof: ProofArgs,
    /// Why, for whoever looks at the lease meanwhile
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub write: WriteArgs,
    #[command(flatten)]
    pub events: EventArgs,
    #[command(flatten)]
    pub output: ObjectOutput,
}
