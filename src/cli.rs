//! Arguments and help text only; no I/O.

mod again;
mod can_i;
mod connection;
mod events;
mod failover;
mod format;
mod help;
mod hold;
mod prune;
mod queue;
mod release;
mod selection;
mod shell;
mod signal;
mod status;
mod steal;
mod template;
mod wait;
mod write;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::lease::values::{self, HolderIdentity, LeaseDuration, LeaseName, SlotCount};
use crate::output::format::ValueFormat;

pub use again::{Again, TypedFlag};
pub use can_i::CanIArgs;
pub use connection::ConnectionArgs;
pub use events::EventArgs;
pub use failover::FailoverArgs;
pub use format::{GrantOutput, ObjectOutput};
pub use hold::{AroundArgs, PodName, TakeoverArgs};
pub use prune::PruneArgs;
pub use queue::QueueArgs;
pub use release::ReleaseArgs;
pub use selection::{SELECTING, SelectionArgs};
pub use shell::{CompletionArgs, ExplainArgs, ManArgs, Shell, Topic};
pub use status::{ClassArg, SortBy, StateArg, StatusArgs};
pub use steal::StealArgs;
pub use template::truth;
pub use wait::WaitArgs;
pub use write::{DryRun, WriteArgs};

/// What the program's own help ends with.
fn after_help() -> String {
    let row = |[(code, meaning), (other, its)]: [(String, String); 2]| {
        format!("  {code:<3}  {meaning:<30}  {other:<3}  {its}\n")
    };
    format!(
        "Exit status:
{}  otherwise hold returns the command's own status, 128+n for a signal.

Durations are written 90s, 10m, 1h30m or in plain seconds.",
        crate::exit::columns().map(row).collect::<String>()
    )
}

/// Inspect and manipulate Kubernetes Leases: who holds what, one at a time, take over safely.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-lease",
    bin_name = "kubectl lease",
    override_usage = "kubectl lease [OPTIONS] <COMMAND>",
    version,
    disable_version_flag = true,
    disable_help_subcommand = false,
    max_term_width = 80,
    // As in pflag, the last one counts: an alias that gives -n can be told another.
    args_override_self = true,
    after_help = after_help(),
    arg_required_else_help = true
)]
pub struct Cli {
    /// Kubernetes connection.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// Trace each request, decision and time on stderr
    #[arg(short, long, global = true, help_heading = "Options")]
    pub verbose: bool,
    /// Say nothing but errors and questions, and print nothing but what -o asks for
    #[arg(short, long, global = true, help_heading = "Options")]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What was typed of it, to be typed again.
    #[arg(skip)]
    pub again: Again,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a lease that nobody holds yet
    #[command(after_long_help = help::CREATE)]
    Create(CreateArgs),
    /// Acquire a lease, waiting until it is free or its holder's lease has expired
    #[command(after_long_help = help::ACQUIRE)]
    Acquire(AcquireArgs),
    /// Acquire a lease, run a command while holding it, release it when that is gone
    #[command(after_long_help = help::HOLD)]
    Hold(HoldArgs),
    /// Renew a lease that you hold
    #[command(after_long_help = help::RENEW)]
    Renew(RenewArgs),
    /// Tell by the exit status whether you hold a lease: 0 if so, 122 if not
    #[command(after_long_help = help::CHECK)]
    Check(CheckArgs),
    /// Release a lease that you hold
    #[command(after_long_help = help::RELEASE)]
    Release(ReleaseArgs),
    /// Take a lease over from its holder
    #[command(after_long_help = help::STEAL)]
    Steal(StealArgs),
    /// Make a lease's holder step down, so that the next candidate takes over
    #[command(after_long_help = help::FAILOVER)]
    Failover(FailoverArgs),
    /// Tell what your permissions allow, and print the Role that is missing
    #[command(after_long_help = help::CAN_I)]
    CanI(CanIArgs),
    /// Show who holds what, whether it is alive and when it runs out
    #[command(after_long_help = help::STATUS)]
    Status(StatusArgs),
    /// Wait until leases are free, held, expired, deleted or another's; take nothing
    #[command(after_long_help = help::WAIT)]
    Wait(WaitArgs),
    /// List the leases that expired long ago, and with --yes delete them
    #[command(after_long_help = help::PRUNE)]
    Prune(PruneArgs),
    /// List the flags that every subcommand has: cluster, namespace, user
    #[command(after_long_help = help::OPTIONS)]
    Options(OptionsArgs),
    /// Print the version
    #[command(after_long_help = help::VERSION)]
    Version(VersionArgs),
    /// Complete `kubectl lease` through kubectl, or print a shell's completion script
    #[command(after_long_help = help::COMPLETION)]
    Completion(CompletionArgs),
    /// Explain a concept: lease, holder, grant, proof, token, loss or queue
    #[command(after_long_help = help::EXPLAIN)]
    Explain(ExplainArgs),
    /// Write the man pages into a folder
    #[command(hide = true)]
    Man(ManArgs),
}

/// Who holds already, and may have been named so by another client.
#[derive(Args, Debug)]
pub struct HolderArgs {
    /// Holder identity
    #[arg(
        long,
        value_name = "IDENTITY",
        value_parser = HolderIdentity::stored,
        // rustdoc would read a link with a disambiguator.
        help = "Holder identity [default: $KUBECTL_LEASE_HOLDER, else $POD_NAME, else user@host]"
    )]
    pub holder: Option<HolderIdentity>,
}

/// Who is to hold.
#[derive(Args, Debug)]
pub struct NewHolderArgs {
    /// Holder identity
    #[arg(
        long,
        value_name = "IDENTITY",
        // rustdoc would read a link with a disambiguator.
        help = "Holder identity [default: $KUBECTL_LEASE_HOLDER, else $POD_NAME, else user@host]"
    )]
    pub holder: Option<HolderIdentity>,
}

/// Arguments of `create`.
#[derive(Args, Debug)]
pub struct CreateArgs {
    /// Name of the lease
    pub name: LeaseName,
    /// Lease duration to record
    #[arg(long, default_value = "60s", value_name = "DURATION")]
    pub duration: LeaseDuration,
    /// Create it held by this identity instead of free
    #[arg(long, value_name = "IDENTITY")]
    pub holder: Option<HolderIdentity>,
    /// Labels, KEY=VALUE,…
    #[arg(short, long, value_name = "KEY=VALUE,…", value_parser = values::parse_labels)]
    pub labels: Vec<Vec<(String, String)>>,
    /// Annotations, KEY=VALUE,…; a comma in a value is kept in JSON and unless KEY=VALUE follows
    #[arg(long, value_name = "KEY=VALUE,…", value_parser = values::parse_annotations)]
    pub annotations: Vec<Vec<(String, String)>>,
    /// Why, for whoever looks at the lease
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub write: WriteArgs,
    /// Create so many leases
    // rustdoc would read a tag.
    #[arg(help = "Create so many leases, NAME-0 to NAME-<N-1>, for N holders at a time", long, value_name = "N", conflicts_with_all = ["holder", "strategy"])]
    pub slots: Option<SlotCount>,
    #[command(flatten)]
    pub output: ObjectOutput,
    /// Succeed if the lease exists already, and leave it as it is
    #[arg(long)]
    pub ignore_existing: bool,
    /// Strategy of a coordinated election (Kubernetes 1.31 and newer)
    #[arg(long, value_name = "STRATEGY")]
    pub strategy: Option<String>,
    /// Preferred holder of a coordinated election
    #[arg(long, value_name = "IDENTITY", requires = "strategy")]
    pub preferred_holder: Option<String>,
}

/// What proves that another's lease has expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Proof {
    /// Our own watching, or the API servers' stamps: their clocks must be within 30 s
    #[default]
    Any,
    /// Nothing but our own watching, for the whole lease duration
    Observed,
}

/// Which proof counts.
#[derive(Args, Debug)]
pub struct ProofArgs {
    /// What proves that another's lease has expired
    #[arg(long, value_enum, default_value_t = Proof::Any, value_name = "PROOF")]
    pub proof: Proof,
}

impl ProofArgs {
    /// Whether the server's stamps do not count.
    pub fn observed_only(&self) -> bool {
        match self.proof {
            Proof::Any => false,
            Proof::Observed => true,
        }
    }
}

/// What `acquire` and `hold` share.
#[derive(Args, Debug)]
pub struct GrantArgs {
    #[command(flatten)]
    pub holder: NewHolderArgs,
    /// Lease duration to record [default: what the lease has]
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<LeaseDuration>,
    /// The longest to wait; 0 tries once (explain proof) [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = values::parse_duration)]
    pub timeout: Option<Duration>,
    #[command(flatten)]
    pub proof: ProofArgs,
    /// Create the lease if there is none, with 15s (hold) or 60s (acquire)
    /// unless --duration is given
    #[arg(long)]
    pub create: bool,
    /// One of so many leases
    // rustdoc would read a tag.
    #[arg(
        help = "One of so many leases, NAME-0 to NAME-<N-1>: N holders at a time",
        long,
        value_name = "N"
    )]
    pub slots: Option<SlotCount>,
    #[command(flatten)]
    pub queue: QueueArgs,
    /// Why, for whoever looks at the lease; cleared on release
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Exit status when not acquired in time
    #[arg(short = 'E', long, value_name = "CODE", default_value_t = 124)]
    pub conflict_exit_code: u8,
    #[command(flatten)]
    pub write: WriteArgs,
    #[command(flatten)]
    pub events: EventArgs,
}

/// Arguments of `acquire`.
#[derive(Args, Debug)]
pub struct AcquireArgs {
    /// Names of the leases: of several, all or none
    #[arg(id = "name", value_name = "NAME", required = true)]
    pub names: Vec<LeaseName>,
    #[command(flatten)]
    pub grant: GrantArgs,
    /// Make the identity unique to this grant by a random suffix
    #[arg(long, conflicts_with = "holder")]
    pub unique: bool,
    /// Take it even if the same identity holds it already
    #[arg(long)]
    pub reenter: bool,
    #[command(flatten)]
    pub output: GrantOutput,
}

/// Arguments of `hold`.
#[derive(Args, Debug)]
pub struct HoldArgs {
    /// Names of the leases: of several, all or none
    #[arg(id = "name", value_name = "NAME", required = true)]
    pub names: Vec<LeaseName>,
    #[command(flatten)]
    pub grant: GrantArgs,
    /// Time between asking the command to stop and killing it [default: what fits, 5s at most]
    #[arg(long, value_name = "DURATION", value_parser = values::parse_duration)]
    pub kill_after: Option<Duration>,
    /// Time between renewals [default: a third of the duration]
    #[arg(long, value_name = "DURATION", value_parser = values::parse_duration)]
    pub renew_every: Option<Duration>,
    /// The signal that asks the command to stop when the lease is lost
    #[arg(long, value_name = "SIGNAL", default_value = "TERM", value_parser = signal::number)]
    pub on_lost: i32,
    /// Write what was done there, as JSON or, named so, YAML: when the lease is held, and at the end
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().try_map(file_name))]
    pub outcome_file: Option<PathBuf>,
    #[command(flatten)]
    pub takeover: TakeoverArgs,
    #[command(flatten)]
    pub around: AroundArgs,
    /// The command to run while the lease is held; without one, hold until interrupted
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

/// Arguments of `renew`.
#[derive(Args, Debug)]
pub struct RenewArgs {
    /// Name of the lease
    pub name: LeaseName,
    #[command(flatten)]
    pub holder: HolderArgs,
    /// The longest to go on over conflicts and failed requests; 0 tries once
    #[arg(long, default_value = "30s", value_name = "DURATION", value_parser = values::parse_duration)]
    pub timeout: Duration,
    #[command(flatten)]
    pub write: WriteArgs,
    #[command(flatten)]
    pub output: ObjectOutput,
}

/// Arguments of `check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Name of the lease
    pub name: LeaseName,
    #[command(flatten)]
    pub holder: HolderArgs,
}

/// Arguments of `options`: there are none.
#[derive(Args, Debug)]
pub struct OptionsArgs {}

/// Arguments of `version`.
#[derive(Args, Debug)]
pub struct VersionArgs {
    /// Of kubectl; no server is asked in any case
    #[arg(long, hide = true)]
    pub client: bool,
    /// Output format: json, yaml, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE or jsonpath-file=FILE
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<ValueFormat>,
}

/// A file that has a name.
fn file_name(text: std::ffi::OsString) -> Result<PathBuf, &'static str> {
    match text.is_empty() {
        true => Err("a file has a name"),
        false => Ok(PathBuf::from(text)),
    }
}
