//! What people type for kubectl, as our own parser takes it: levels of `-v`, and flags with `=true` or `=false`.

use std::collections::HashSet;
use std::ffi::OsString;

use clap::{ArgAction, Command};

/// The arguments, with each such word replaced; what comes after `--` is a command's.
pub fn taken(args: &[OsString], command: &Command) -> Vec<OsString> {
    let flags = booleans(command);
    let mut out = Vec::with_capacity(args.len());
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == "--" {
            out.push(arg.clone());
            break;
        }
        let Some(text) = arg.to_str() else {
            out.push(arg.clone());
            continue;
        };
        if matches!(text, "-v" | "--v") {
            // A level, as kubectl's always has one; without it the word stands alone.
            let is_level = |next: &&OsString| next.to_str().is_some_and(is_level);
            let mut ahead = rest.clone();
            if ahead.next().filter(is_level).is_some() {
                rest = ahead;
            }
            out.push("--verbose".into());
        } else if let Some(level) = level_of(text) {
            // Level 0 says no more than without.
            if level.bytes().any(|digit| digit != b'0') {
                out.push("--verbose".into());
            }
        } else if let Some((name, value)) = text
            .strip_prefix("--")
            .and_then(|flag| flag.split_once('='))
            && flags.contains(name)
            && let Some(wanted) = truth(value)
        {
            if wanted {
                out.push(format!("--{name}").into());
            }
        } else {
            out.push(arg.clone());
        }
    }
    out.extend(rest.cloned());
    out
}

/// `-v=8`, `-v8`, `--v=8`.
fn level_of(text: &str) -> Option<&str> {
    let level = (text.strip_prefix("--v=")).or_else(|| {
        let short = text.strip_prefix("-v")?;
        Some(short.strip_prefix('=').unwrap_or(short))
    })?;
    is_level(level).then_some(level)
}

fn is_level(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// As Go reads them (`strconv.ParseBool`).
fn truth(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The long names of the flags that are given or not, of all subcommands.
fn booleans(command: &Command) -> HashSet<&str> {
    let here = command
        .get_arguments()
        .filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue))
        .filter_map(clap::Arg::get_long);
    let below = command.get_subcommands().flat_map(booleans);
    here.chain(below).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[track_caller]
    fn becomes(typed: &str, wanted: &str) {
        let args: Vec<OsString> = typed.split(' ').map(OsString::from).collect();
        let words: Vec<String> = taken(&args, &Cli::command())
            .iter()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect();
        assert_eq!(words.join(" "), wanted, "{typed}");
    }

    #[test]
    fn a_level_is_no_name() {
        for typed in [
            "x status -v 8 job",
            "x status -v=8 job",
            "x status -v8 job",
            "x status --v=8 job",
            "x status --v 8 job",
            "x status -v job",
        ] {
            becomes(typed, "x status --verbose job");
        }
        becomes("x status -v=0 job", "x status job");
        becomes("x hold job -- ls -v 8", "x hold job -- ls -v 8");
        becomes(
            "x -v 4 hold job -- ls -v=8",
            "x --verbose hold job -- ls -v=8",
        );
    }

    #[test]
    fn a_flag_may_say_that_it_is_or_is_not() {
        becomes("x steal job --yes=true --now=false", "x steal job --yes");
        becomes("x status --watch=1 --no-headers=F", "x status --watch");
        becomes(
            "x status --insecure-skip-tls-verify=true",
            "x status --insecure-skip-tls-verify",
        );
        // Not a flag of ours, or no truth.
        becomes(
            "x status --holder=true --watch=yes",
            "x status --holder=true --watch=yes",
        );
        becomes(
            "x hold job -- run --yes=true",
            "x hold job -- run --yes=true",
        );
    }
}
