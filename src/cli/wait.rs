//! Arguments of `wait`.

use std::time::Duration;

use clap::Args;

use super::{ObjectOutput, ProofArgs};
use crate::lease::decide::Awaited;
use crate::lease::values::{self, HolderIdentity, LeaseName};

/// What a negative time means, as in `kubectl wait`.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Arguments of `wait`.
#[derive(Args, Debug)]
pub struct WaitArgs {
    /// Names of the leases
    #[arg(id = "name", value_name = "NAME", required = true)]
    pub names: Vec<LeaseName>,
    /// What each of them is to be, once: free, held, expired, deleted, holder=IDENTITY or not-holder=IDENTITY
    #[arg(long = "for", value_name = "CONDITION", value_parser = awaited)]
    pub awaited: Awaited,
    /// The longest to wait; 0 looks once, less than 0 is a week
    #[arg(long, default_value = "30s", value_name = "DURATION", value_parser = patience)]
    pub timeout: Duration,
    #[command(flatten)]
    pub proof: ProofArgs,
    /// Exit status when it is not so in time
    #[arg(short = 'E', long, value_name = "CODE", default_value_t = 124)]
    pub conflict_exit_code: u8,
    #[command(flatten)]
    pub output: ObjectOutput,
}

/// Reads a condition. Words are taken in capitals too, as `kubectl wait` takes its own.
fn awaited(text: &str) -> Result<Awaited, String> {
    const ALLOWED: &str =
        "allowed: free, held, expired, deleted, holder=IDENTITY, not-holder=IDENTITY";
    let (word, identity) = match text.split_once('=') {
        Some((word, identity)) => (word, Some(identity)),
        None => (text, None),
    };
    let holder = |identity: &str| match identity.is_empty() {
        true => Err("an identity is missing; a lease without a holder is free".to_owned()),
        false => HolderIdentity::stored(identity),
    };
    match (word.to_ascii_lowercase().as_str(), identity) {
        ("free", None) => Ok(Awaited::Free),
        ("held", None) => Ok(Awaited::Held),
        ("expired", None) => Ok(Awaited::Expired),
        ("deleted" | "delete", None) => Ok(Awaited::Deleted),
        ("holder", identity) => holder(identity.unwrap_or_default()).map(Awaited::Holder),
        ("not-holder", identity) => holder(identity.unwrap_or_default()).map(Awaited::NotHolder),
        _ => Err(ALLOWED.to_owned()),
    }
}

/// A duration of which less than nothing is a week.
fn patience(text: &str) -> Result<Duration, String> {
    match text.strip_prefix('-') {
        Some(positive) => {
            values::parse_duration(positive).map(|span| if span.is_zero() { span } else { WEEK })
        }
        None => values::parse_duration(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_a_word_or_names_a_holder_as_it_is_written() {
        let who = |text: &str| text.parse().expect("a holder");
        for (text, expected) in [
            ("free", Awaited::Free),
            ("Held", Awaited::Held),
            ("EXPIRED", Awaited::Expired),
            ("delete", Awaited::Deleted),
            ("holder=A b=c", Awaited::Holder(who("A b=c"))),
            ("not-holder=Ada", Awaited::NotHolder(who("Ada"))),
        ] {
            assert_eq!(awaited(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "holder",
            "holder=",
            "not-holder=",
            "free=x",
            "condition=Ready",
            "jsonpath={.a}=b",
        ] {
            assert!(awaited(text).is_err(), "{text}");
        }
    }

    #[test]
    fn less_than_nothing_is_a_week() {
        for (text, expected) in [
            ("-1", WEEK),
            ("-1s", WEEK),
            ("-0", Duration::ZERO),
            ("0", Duration::ZERO),
            ("2m", Duration::from_secs(120)),
        ] {
            assert_eq!(patience(text), Ok(expected), "{text}");
        }
        assert!(patience("--1").is_err() && patience("-x").is_err() && patience("-").is_err());
    }
}
