//! Arguments of `can-i`.

use clap::Args;

use crate::lease::values::{LeaseName, SlotCount};
use crate::output::format::ValueFormat;
use crate::permissions::WAYS;

/// Arguments of `can-i`.
#[derive(Args, Debug)]
pub struct CanIArgs {
    /// Name of the lease, to ask about it alone
    pub name: Option<LeaseName>,
    /// Ask about all namespaces
    #[arg(short = 'A', long, conflicts_with = "name")]
    pub all_namespaces: bool,
    /// Ask about these calls only, such as hold,'acquire --create','hold --queue' or 'hold --slots 3' [default: all]
    #[arg(long = "for", value_name = "SUBCOMMAND,…", value_delimiter = ',', value_parser = call)]
    pub calls: Vec<AskedCall>,
    /// Print the Role and its binding alone: json, yaml, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE or
    /// jsonpath-file=FILE
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<ValueFormat>,
}

/// A call that is asked about.
#[derive(Clone, Debug)]
pub struct AskedCall {
    /// As the table has it.
    pub call: &'static str,
    /// How many slots there are, of a call with `--slots N`.
    pub slots: Option<SlotCount>,
}

/// One of the calls in the table, however it is spaced.
fn call(text: &str) -> Result<AskedCall, String> {
    let mut words: Vec<&str> = text
        .split_whitespace()
        .flat_map(|word| word.splitn(2, '='))
        .collect();
    let at = words.iter().position(|word| *word == "--slots");
    let slots = match at.and_then(|at| words.get(at + 1)) {
        Some(count) if !count.starts_with('-') => Some(count.parse::<SlotCount>()?),
        Some(_) | None => None,
    };
    if let (Some(at), Some(_)) = (at, slots) {
        words.remove(at + 1);
    }
    // Who stands in line creates a Lease in any case; the flags come in any order.
    if let Some(at) = words.iter().position(|word| *word == "--queue") {
        words.remove(at);
        words.retain(|word| *word != "--create");
        words.push("--queue");
    }
    let words = words.join(" ");
    let mut calls: Vec<&'static str> = WAYS.iter().map(|way| way.asked_as()).collect();
    calls.dedup();
    let found = calls.iter().find(|call| call.replace('=', " ") == words);
    found
        .map(|call| AskedCall { call, slots })
        .ok_or_else(|| format!("allowed: {}", calls.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_one_of_the_table_however_it_is_written() {
        for (text, called, slots) in [
            ("hold", "hold", None),
            ("hold  --slots=3", "hold --slots", Some(3)),
            ("hold --queue --create", "hold --queue", None),
            ("acquire --create --queue", "acquire --queue", None),
            ("hold --queue --slots 3", "hold --slots --queue", Some(3)),
            ("hold --slots 3 --queue", "hold --slots --queue", Some(3)),
        ] {
            let asked = call(text).expect(text);
            let count = asked.slots.map(|slots| slots.get());
            assert_eq!((asked.call, count), (called, slots), "{text}");
        }
        assert!(call("hold --slots x").is_err());
        assert!(call("renew --queue").is_err());
    }
}
