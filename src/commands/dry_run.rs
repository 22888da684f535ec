//! What the subcommands do alike with `--dry-run`: it tries once, waits for nobody, and says what would be done.

use std::time::Duration;

use super::{SHORT_PATIENCE, Session, limits};
use crate::cli::GrantOutput;
use crate::clock::SystemClock;
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::hint;
use crate::lease::operate::{DryRun, End, Interrupt, Limits, Tried};
use crate::output::format::{GrantFormat, ObjectFormat};
use crate::output::outcome::{Action, Outcome};
use crate::output::{Failure, terminal};

/// How long it goes on over faults that pass: there is no grant that a signal could leave behind, and nobody to be waited for.
pub fn patience(timeout: Option<Duration>) -> Limits {
    let most = timeout.map_or(SHORT_PATIENCE, |timeout| timeout.min(SHORT_PATIENCE));
    limits(&SystemClock, Some(most), Interrupt::never())
}

/// The format of a grant that is not made: there is nothing to hand on.
///
/// # Errors
/// Where it is to be.
pub fn format(output: &GrantOutput) -> Result<Option<&ObjectFormat>, Error> {
    match &output.format {
        Some(GrantFormat::Env(_)) => {
            let why = "-o env hands a grant on, and a dry run makes none";
            Err(Error::Usage(why.to_owned()))
        }
        Some(GrantFormat::Object(format)) => Ok(Some(format)),
        None => Ok(None),
    }
}

/// What would be done.
///
/// # Errors
/// With why nothing would.
pub async fn outcome(
    session: &Session,
    subject: Subject,
    action: Action,
    dry_run: DryRun,
    tried: Result<Tried, End>,
) -> Result<Outcome, Error> {
    match tried {
        Ok(Tried { before, after }) => Ok(Outcome::new(action, before, &after).tried(dry_run)),
        Err(End::Altered { what, .. }) => Err(Error::NotAsAsked {
            what: format!(
                "lease {:?} would not be {}: in a dry run {what}",
                subject.name,
                action.word()
            ),
            next: format!(
                "List the webhooks: {}",
                hint::kubectl("get mutatingwebhookconfigurations")
            ),
        }),
        Err(end) => Err(session.error(subject, end).await),
    }
}

/// Prints what would be done: nothing was, whether or not it is read.
///
/// # Errors
/// When it cannot be printed.
pub fn print(text: Result<String, Failure>) -> Result<(), Error> {
    Ok(terminal::print(&text?)?)
}

/// Says what would be done.
///
/// # Errors
/// With why nothing would.
pub async fn tell(
    session: &Session,
    subject: Subject,
    action: Action,
    dry_run: DryRun,
    tried: Result<Tried, End>,
    text: impl FnOnce(&Outcome) -> Result<String, Failure>,
) -> Result<Exit, Error> {
    let outcome = outcome(session, subject, action, dry_run, tried).await?;
    print(text(&outcome))?;
    Ok(Exit::DONE)
}
