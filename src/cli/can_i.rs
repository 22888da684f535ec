//! Arguments of `can-i`.

use clap::Args;

use crate::lease::values::LeaseName;
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
    /// Ask about these calls only, such as hold,'acquire --create' [default: all]
    #[arg(long = "for", value_name = "SUBCOMMAND,…", value_delimiter = ',', value_parser = call)]
    pub calls: Vec<&'static str>,
    /// Print the Role and its binding alone: json, yaml, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE or
    /// jsonpath-file=FILE
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<ValueFormat>,
}

/// One of the calls in the table, however it is spaced.
fn call(text: &str) -> Result<&'static str, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    let mut calls: Vec<&'static str> = WAYS.iter().map(|way| way.asked_as()).collect();
    calls.dedup();
    let found = calls.iter().find(|call| **call == words);
    found
        .copied()
        .ok_or_else(|| format!("allowed: {}", calls.join(", ")))
}
