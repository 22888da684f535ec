//! Soaks of one build, one after the other, until the rule that it breaks is found broken; and whether a build is clean.

use std::ffi::OsStr;
use std::fmt::{Display, Formatter};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::patch::Control;
use super::sources::Workshop;
use crate::history::History;
use crate::oracle::{self, Violation};
use crate::saved;
use crate::time::At;

/// How long people are started in one soak: short, so that what is found soon is told soon.
const SECONDS: u32 = 30;

/// So many soaks, each of another seed, before a control counts as not found out.
const SOAKS: u64 = 6;

/// So many contend: a debug build on a small machine carries them.
const CONTENDERS: u32 = 12;

/// Names the folder of a real server's programs.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// The first seed.
const SEED: u64 = 1;

/// How a soak was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    seed: u64,
    faults: String,
    is_real: bool,
}

/// What was found, and when.
pub struct Found {
    /// In which soak.
    pub terms: Terms,
    rules: Vec<&'static str>,
    after: Duration,
    grants: usize,
    what: String,
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let (rules, seconds) = (self.rules.join(" "), self.after.as_secs_f64());
        write!(f, "{rules} after {seconds:.0} s and {} grants", self.grants)?;
        write!(f, " (seed {}: {})", self.terms.seed, self.what)
    }
}

/// Soaks until one of the rules is broken that the control is to break.
///
/// # Errors
/// Where none is, in all that time.
pub fn until_found(
    workshop: &Workshop,
    control: &Control,
    program: &Path,
) -> Result<Found, String> {
    let (mut before, mut grants) = (Duration::ZERO, 0);
    let mut others: Vec<&str> = Vec::new();
    for seed in SEED..SEED + SOAKS {
        let terms = Terms {
            seed,
            faults: control.faults.clone(),
            is_real: control.needs_real,
        };
        let of = format!("{}-{seed}", control.name);
        let history = soak(workshop, &of, &terms, program)?;
        let violations = oracle::judge(&history);
        let expected = |one: &&Violation| control.finds.iter().any(|rule| rule == one.rule);
        let found = violations.iter().filter(expected).min_by_key(|one| one.at);
        if let Some(first) = found {
            return Ok(Found {
                rules: rules(&violations),
                after: before + first.at.since(history.run.started),
                grants: grants + grants_by(&history, first.at),
                what: first.what.clone(),
                terms,
            });
        }
        others.extend(rules(&violations));
        before += history.run.ended.since(history.run.started);
        grants += grants_by(&history, history.run.ended);
    }
    others.sort_unstable();
    others.dedup();
    let others = match others.is_empty() {
        true => String::new(),
        false => format!(", but {}", others.join(" ")),
    };
    let expected = control.finds.join(" or ");
    let seconds = before.as_secs();
    Err(format!(
        "no {expected} in {seconds} s and {grants} grants{others}"
    ))
}

/// Whether a soak finds nothing.
///
/// # Errors
/// With what it finds.
pub fn is_clean(
    workshop: &Workshop,
    control: &Control,
    terms: &Terms,
    program: &Path,
) -> Result<(), String> {
    let of = format!("{}-{}-unbroken", control.name, terms.seed);
    let history = soak(workshop, &of, terms, program)?;
    match oracle::judge(&history).first() {
        None => Ok(()),
        Some(first) => Err(format!("{}: {}", first.rule, first.what)),
    }
}

/// One soak, as a process of its own: its history, which is left in a file of that name.
fn soak(workshop: &Workshop, of: &str, terms: &Terms, program: &Path) -> Result<History, String> {
    let (saved, said) = (
        workshop.run_file(&format!("{of}.jsonl")),
        workshop.run_file(&format!("{of}.txt")),
    );
    // An old one must not be taken for the new.
    let _ = std::fs::remove_file(&saved);
    let file = File::create(&said).map_err(|error| format!("{}: {error}", said.display()))?;
    let copy = file.try_clone().map_err(|error| error.to_string())?;
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(this);
    command
        .args(["--seconds", &SECONDS.to_string()])
        .args(["--contenders", &CONTENDERS.to_string()])
        .args(["--seed", &terms.seed.to_string()])
        .args(["--faults", &terms.faults])
        .args([OsStr::new("--binary"), program.as_os_str()])
        .args([OsStr::new("--save"), saved.as_os_str()])
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(copy);
    if !terms.is_real {
        command.env_remove(ASSETS);
    } else if std::env::var_os(ASSETS).is_none() {
        return Err(format!("it takes a real API server: set {ASSETS}"));
    }
    let status = command.status().map_err(|error| error.to_string())?;
    match status.code() {
        Some(0 | 1) => saved::load(&saved).map_err(|error| format!("{}: {error}", saved.display())),
        _ => Err(format!(
            "the soak ended with {status}: see {}",
            said.display()
        )),
    }
}

fn rules(violations: &[Violation]) -> Vec<&'static str> {
    let mut rules: Vec<&str> = violations.iter().map(|one| one.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// The grants under which somebody had begun to work by then.
fn grants_by(history: &History, at: At) -> usize {
    let begun = history.work.iter().filter(|work| work.first <= at);
    let mut grants: Vec<(&str, u64)> = begun.map(|work| (&*work.lease, work.token)).collect();
    grants.sort_unstable();
    grants.dedup();
    grants.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Work;

    #[test]
    fn grants_are_counted_that_somebody_has_begun_under_by_then() {
        let work = |lease: &str, token: u64, first: u64| Work {
            lease: lease.to_owned(),
            token,
            holder: String::new(),
            pid: 1,
            part: "command".to_owned(),
            first: At(first),
            last: At(first),
            taken: 1,
            refused: 0,
            first_refused: None,
            last_taken: Some(At(first)),
        };
        // A command and its child, another lease of the same token by chance, and one that comes later.
        let all = [("a", 7, 10), ("a", 7, 11), ("b", 7, 12), ("a", 9, 30)];
        let history = History {
            work: all
                .map(|(lease, token, first)| work(lease, token, first))
                .to_vec(),
            ..History::default()
        };
        assert_eq!(grants_by(&history, At(9)), 0);
        assert_eq!(grants_by(&history, At(12)), 2);
        assert_eq!(grants_by(&history, At(30)), 3);
    }
}
