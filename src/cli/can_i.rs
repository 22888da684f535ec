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
    /// Ask about these calls only, such as hold,'acquire --create' or 'hold --slots 3' [default: all]
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
    let slots = match words[..] {
        [.., "--slots", count] => Some(count.parse::<SlotCount>()?),
        _ => None,
    };
    if slots.is_some() {
        words.pop();
    }
    let words = words.join(" ");
    let mut calls: Vec<&'static str> = WAYS.iter().map(|way| way.asked_as()).collect();
    calls.dedup();
    let found = calls.iter().find(|call| call.replace('=', " ") == words);
    found
        .map(|call| AskedCall { call, slots })
        .ok_or_else(|| format!("allowed: {}", calls.join(", ")))
}
