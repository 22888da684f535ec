//! What is said of each Lease: that it is pruned, or why it is left.

use std::time::Duration;

use crate::cli::PruneArgs;
use crate::commands::Session;
use crate::commands::saying::outcome_text;
use crate::error::{Error, Subject, TakesBy};
use crate::exit::Exit;
use crate::hint;
use crate::lease::operate::{End, Pruned};
use crate::lease::record::Record;
use crate::lease::report::State;
use crate::output::outcome::Outcome;
use crate::output::{Failure, terminal};
use crate::words;

/// The Lease that something is said of.
pub fn subject(record: &Record) -> Subject {
    Subject {
        namespace: record.namespace().to_owned(),
        name: record.name().to_owned(),
        holder: None,
        only_asks: false,
        conflict: None,
        reenters: false,
        if_holder: None,
        takes_by: TakesBy::default(),
        frees: false,
        beside: false,
        steals: false,
        of_slots: false,
    }
}

/// Why one that was named is none to be pruned.
pub fn passed(state: State, older_than: Duration) -> String {
    match state {
        State::Free => "nobody holds it, and free leases are not pruned".to_owned(),
        State::HeldWithoutExpiry => "it is held without an expiry".to_owned(),
        State::Terminating | State::Deleted => "it is being deleted already".to_owned(),
        State::Held => "it has not expired".to_owned(),
        State::Expired => format!(
            "it has not expired more than {} ago",
            words::duration(older_than)
        ),
    }
}

/// Says why one is left; what is no good end is an error.
pub fn left(record: &Record, why: Pruned) -> Option<Error> {
    let (name, namespace) = (record.name(), record.namespace());
    let said = match why {
        Pruned::Done => return None,
        Pruned::Absent => format!("lease {name:?} was gone already"),
        Pruned::Renewed => format!("lease {name:?} is left: it has changed since it was listed"),
        Pruned::Unproven(span) => {
            let span = words::exact(span);
            let lines = vec![
                format!(
                    "error: lease {name:?} is left: only watching it for {span} proves that nobody renews it"
                ),
                format!(
                    "Give it the time with --timeout {span}. What is known of it: {}",
                    hint::lease("status", name, namespace)
                ),
            ];
            let exit = Exit::NOT_ACQUIRED;
            return Some(Error::NotMet { lines, exit });
        }
    };
    terminal::say(&said);
    None
}

/// Why one could not be deleted.
pub async fn failed(session: &Session, record: &Record, end: End) -> Error {
    let subject = subject(record);
    if let End::Unsettled { fault, .. } = &end {
        let (name, namespace) = (record.name(), record.namespace());
        let why = fault
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| end.why());
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        let lines = vec![
            format!("error: it is not known whether lease {name:?} was deleted{why}"),
            format!("Look: {}", hint::lease("status", name, namespace)),
        ];
        let exit = Exit::API;
        return Error::NotMet { lines, exit };
    }
    session.error(subject, end).await
}

/// What is said of one that is deleted.
///
/// # Errors
/// When it cannot be written down.
pub fn text(outcome: &Outcome, args: &PruneArgs) -> Result<String, Failure> {
    let format = args.output.format.as_ref();
    let whole = args.output.show_managed_fields;
    let lease = outcome.lease();
    let place = lease
        .in_line_for()
        .map(|of| format!(", a place in line for {of:?}"));
    let words = match (args.all_namespaces, place) {
        (false, None) => return outcome_text(outcome, format, whole),
        (false, Some(place)) => format!("pruned{place}"),
        (true, place) => format!(
            "pruned from {} namespace{}",
            lease.namespace(),
            place.unwrap_or_default()
        ),
    };
    outcome_text(&outcome.clone().said(words), format, whole)
}
