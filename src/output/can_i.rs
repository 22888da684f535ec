//! What `can-i` prints: the calls in a table, and in YAML below it what is missing; then the table is in comments, so that all
//! of it can be applied as it is.

use serde_json::Value;

use super::format::DocumentFormat;
use super::{Failure, document, terminal};
use crate::words::shown::spoken;

/// A call, and what it lacks.
#[derive(Debug)]
pub struct Call {
    /// Its words.
    pub words: &'static str,
    /// What it does not work without.
    pub missing: Vec<String>,
    /// What it works without.
    pub better: Vec<String>,
}

/// What is missing for all of them.
#[derive(Debug)]
pub struct Missing {
    /// To be applied.
    pub objects: Vec<Value>,
    /// The command that does it.
    pub how_to_apply: String,
    /// The command that binds it, where it is not known to whom.
    pub how_to_bind: Option<String>,
}

/// All of it; `subject` says what the calls are about, and `uncounted` which of them lack something that is not asked for.
///
/// # Errors
/// When it cannot be written down.
pub fn text(
    subject: &str,
    calls: &[Call],
    uncounted: &[&str],
    missing: Option<&Missing>,
) -> Result<String, Failure> {
    let mut lines = vec![format!("For {subject}:"), String::new()];
    lines.extend(table(calls));
    if !uncounted.is_empty() {
        lines.push(String::new());
        lines.push(format!(
            "Counts only where --for names it: {}",
            uncounted.join(", ")
        ));
    }
    let Some(missing) = missing else {
        return Ok(lines.into_iter().map(|line| format!("{line}\n")).collect());
    };
    lines.push(String::new());
    let how = &missing.how_to_apply;
    lines.push(format!(
        "What is missing, for a cluster admin to apply: {how}"
    ));
    if let Some(how) = &missing.how_to_bind {
        lines.push(format!(
            "The server does not tell who you are, so that it is to be bound too: {how}"
        ));
    }
    let comments = lines.iter().map(|line| {
        let line = terminal::in_locale(format!("# {}", spoken(line)));
        format!("{}\n", line.trim_end())
    });
    let mut out: String = comments.collect();
    for (at, object) in missing.objects.iter().enumerate() {
        if at > 0 {
            out.push_str("---\n");
        }
        out.push_str(&document::text(object, DocumentFormat::Yaml)?);
    }
    Ok(out)
}

fn table(calls: &[Call]) -> Vec<String> {
    let head = ["CALL", "ALLOWED", "MISSING", "BETTER WITH"].map(str::to_owned);
    let rows = calls.iter().map(|call| {
        let allowed = if call.missing.is_empty() { "yes" } else { "no" };
        [
            call.words.to_owned(),
            allowed.to_owned(),
            call.missing.join(", "),
            call.better.join(", "),
        ]
    });
    let rows: Vec<[String; 4]> = [head].into_iter().chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max();
    let widths: Vec<usize> = (0..4).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; 4]| {
        let cells = row.iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("{cell:width$}   "));
        cells.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn calls(missing: &[&str]) -> Vec<Call> {
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
        vec![
            Call {
                words: "acquire --create",
                missing: words(missing),
                better: words(&["watch"]),
            },
            Call {
                words: "status",
                missing: Vec::new(),
                better: Vec::new(),
            },
        ]
    }

    #[test]
    fn what_is_missing_can_be_applied_with_the_table_above_it() {
        let missing = Missing {
            objects: vec![json!({ "kind": "Role" }), json!({ "kind": "RoleBinding" })],
            how_to_apply: "kubectl apply -f -".to_owned(),
            how_to_bind: Some("kubectl create rolebinding x --user=…".to_owned()),
        };
        let text = text(
            "leases",
            &calls(&["get", "create"]),
            &["hold --cleanup", "prune"],
            Some(&missing),
        )
        .expect("text");
        insta::assert_snapshot!(text, @r"
        # For leases:
        #
        # CALL               ALLOWED   MISSING       BETTER WITH
        # acquire --create   no        get, create   watch
        # status             yes
        #
        # Counts only where --for names it: hold --cleanup, prune
        #
        # What is missing, for a cluster admin to apply: kubectl apply -f -
        # The server does not tell who you are, so that it is to be bound too: kubectl create rolebinding x --user=…
        kind: Role
        ---
        kind: RoleBinding
        ");
    }

    #[test]
    fn where_nothing_is_missing_the_table_is_all() {
        let text = text("leases", &calls(&[]), &[], None).expect("text");
        insta::assert_snapshot!(text, @r"
        For leases:

        CALL               ALLOWED   MISSING   BETTER WITH
        acquire --create   yes                 watch
        status             yes
        ");
    }
}
