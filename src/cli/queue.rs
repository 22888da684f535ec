//! Arguments of whoever waits in line.

use clap::Args;

/// Whether, and how.
#[derive(Args, Debug)]
pub struct QueueArgs {
    /// Wait in line: of all that give --queue, who came first is first
    #[arg(long)]
    pub queue: bool,
    /// With --queue: go before all of a lower priority
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true,
        requires = "queue"
    )]
    pub priority: i32,
    /// With --queue: do not wait if so many wait in line already
    #[arg(long, value_name = "N", requires = "queue", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_waiters: Option<u32>,
}
