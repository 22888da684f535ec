//! Arguments of `completion`, `explain` and `man`: what needs no cluster.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Arguments of `completion`.
#[derive(Args, Debug)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum, required = true)]
    pub shell: Option<Shell>,
    /// What else to do.
    #[command(subcommand)]
    pub action: Option<CompletionAction>,
}

/// What `completion` does besides printing a script.
#[derive(Debug, Subcommand)]
pub enum CompletionAction {
    /// Put the link beside the plugin by which kubectl itself completes `kubectl lease`
    Install,
}

/// Shells with completion scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
    /// PowerShell
    #[value(name = "powershell")]
    Power,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The concept [default: all of them, a line each]
    #[arg(value_enum)]
    pub topic: Option<Topic>,
}

/// Concepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Topic {
    /// The object, and what its fields mean
    Lease,
    /// Who holds: the identity
    Holder,
    /// What acquire, hold and steal give
    Grant,
    /// When another's lease counts as expired
    Proof,
    /// The number that only grows
    Token,
    /// What hold does when it cannot renew
    Loss,
    /// Who is served first of those that wait
    Queue,
}

/// Arguments of `man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// The folder to write them to
    #[arg(default_value = ".")]
    pub dir: PathBuf,
}
