//! Whether Kubernetes Events are recorded of what is done, and asked for where they are shown.

use clap::Args;

/// Whether an Event is recorded.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct EventArgs {
    /// Record no Kubernetes Event of it
    #[arg(long)]
    pub no_events: bool,
}
