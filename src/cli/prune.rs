//! Arguments of `prune`.

use std::time::Duration;

use clap::Args;

use super::{ClassArg, DryRun, EventArgs, ObjectOutput, ProofArgs};
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
    #[arg(long, default_value = "24h", value_name = "DURATION", value_parser = age)]
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
    pub events: EventArgs,
    #[command(flatten)]
    pub output: ObjectOutput,
}

impl PruneArgs {
    /// Whether they are deleted, or that is tried: what is printed is what was done then, and not what there is.
    pub fn deletes(&self) -> bool {
        self.yes || self.dry_run == DryRun::Server
    }
}

/// A duration, or one with days in front: `7d`, `1d12h`.
fn age(text: &str) -> Result<Duration, String> {
    let Some((days, rest)) = text.split_once('d') else {
        return values::parse_duration(text);
    };
    let wrong = || "a duration is written like 7d, 24h, 90m or plain seconds".to_owned();
    let days: u32 = days.parse().map_err(|_| wrong())?;
    let rest = match rest {
        "" => Duration::ZERO,
        rest if rest.ends_with(|c: char| c.is_ascii_digit()) => return Err(wrong()),
        rest => values::parse_duration(rest).map_err(|_| wrong())?,
    };
    Ok(Duration::from_secs(u64::from(days) * 86_400).saturating_add(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_may_be_in_days() {
        let hours = |hours: u64| Ok(Duration::from_secs(hours * 3600));
        for (text, expected) in [
            ("24h", hours(24)),
            ("7d", hours(168)),
            ("1d12h", hours(36)),
            ("0", hours(0)),
            ("3600", hours(1)),
        ] {
            assert_eq!(age(text), expected, "{text}");
        }
        for text in ["d", "xd", "1.5d", "-1d", "1d5", "1dd", "1 d", "soon", ""] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
