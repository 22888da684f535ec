//! What is printed of several leases that were taken, or would be.

use crate::cli::GrantOutput;
use crate::commands::chosen::Choice;
use crate::commands::saying::outcome_text;
use crate::output::Failure;
use crate::output::format::{DocumentFormat, GrantFormat, ObjectFormat, ValueFormat};
use crate::output::outcome::{self, Outcome};

/// What to print of several that were taken, or would be. What is not the first document begins with its own mark.
pub fn text(
    outcomes: &[Outcome],
    choice: &Choice,
    output: &GrantOutput,
    is_first: bool,
) -> Result<String, Failure> {
    let whole = output.show_managed_fields;
    let format = match &output.format {
        Some(GrantFormat::Object(ObjectFormat::Value(format))) => {
            let list = outcome::list(outcomes, format, whole)?;
            return Ok(match format {
                ValueFormat::Document(DocumentFormat::Yaml) if !is_first => format!("---\n{list}"),
                ValueFormat::Document(DocumentFormat::Json) => list,
                // A template ends where its author ends it.
                _ if !is_first => format!("\n{list}"),
                _ => list,
            });
        }
        Some(GrantFormat::Object(format)) => Some(format),
        Some(GrantFormat::Env(_)) | None => None,
    };
    let line = |outcome: &Outcome| {
        let verb = choice.verb("stolen", outcome.lease());
        outcome_text(&outcome.clone().said(verb), format, whole)
    };
    outcomes.iter().map(line).collect()
}
