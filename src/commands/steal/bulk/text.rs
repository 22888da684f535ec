//! What is printed of several leases that were taken, or would be.

use crate::cli::GrantOutput;
use crate::commands::chosen::Choice;
use crate::commands::saying::outcome_text;
use crate::output::Failure;
use crate::output::format::{GrantFormat, ObjectFormat};
use crate::output::outcome::{self, Outcome};

/// What to print of several that were taken, or would be.
pub fn text(
    outcomes: &[Outcome],
    choice: &Choice,
    output: &GrantOutput,
) -> Result<String, Failure> {
    let whole = output.show_managed_fields;
    let format = match &output.format {
        Some(GrantFormat::Object(ObjectFormat::Value(format))) => {
            return outcome::list(outcomes, format, whole);
        }
        Some(GrantFormat::Object(format)) => Some(format),
        Some(GrantFormat::Env) | None => None,
    };
    let line = |outcome: &Outcome| {
        let verb = choice.verb("stolen", outcome.lease());
        outcome_text(&outcome.clone().said(verb), format, whole)
    };
    outcomes.iter().map(line).collect()
}
