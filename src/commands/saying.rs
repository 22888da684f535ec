//! Saying the result of what was done to a lease, while that is still so.

use std::time::Duration;

use super::{Session, exported};
use crate::cli::GrantFormat;
use crate::clock::{Clock, Instant, SystemClock};
use crate::error::{Error, Subject, Unsaid};
use crate::lease::operate::{Ended, Grant, Interrupt};
use crate::output::words::shell;
use crate::output::{document, terminal};
use crate::signals;

/// Listens to the signals that ask the process to end. From then on it does not die of them, so no print may block it:
/// the threads that print are started first.
///
/// # Errors
/// When there is no thread or no handler to be had.
pub fn listen() -> Result<Interrupt, Error> {
    start()?;
    Ok(Interrupt::new(signals::listen()?))
}

/// Starts the threads that print.
///
/// # Errors
/// When there is none to be had.
pub fn start() -> Result<(), Error> {
    terminal::start().map_err(|error| Error::Local(format!("cannot start a thread: {error}")))
}

/// Says a result on stdout that is worth something until `good_until`, and nothing once a signal has come.
///
/// # Errors
/// With why nobody can count on it: it was not said, or only afterwards.
pub async fn say_by(
    text: String,
    good_until: Option<Instant>,
    interrupt: &Interrupt,
) -> Result<(), Unsaid> {
    if let Some(signal) = interrupt.received() {
        return Err(Unsaid::Interrupted(signal));
    }
    let too_late = async {
        match good_until {
            Some(instant) => SystemClock.sleep_until(instant).await,
            None => std::future::pending().await,
        }
    };
    let delivery = terminal::deliver(text)?;
    tokio::select! {
        biased;
        signal = interrupt.arrived(1) => return Err(Unsaid::Interrupted(signal)),
        written = delivery => written?,
        () = too_late => return Err(Unsaid::TooLate),
    }
    // This process, or the whole machine, may have stood still.
    match good_until {
        Some(instant) if SystemClock.now() >= instant => Err(Unsaid::TooLate),
        Some(_) | None => Ok(()),
    }
}

/// Says a grant in the format asked for. Whoever acts on it begins with half of its time at least, as one whose
/// answer came late does.
///
/// # Errors
/// When nobody can count on it.
pub async fn say_grant(
    grant: &Grant,
    verb: &str,
    format: Option<GrantFormat>,
    interrupt: &Interrupt,
) -> Result<(), Error> {
    let text = match format {
        Some(GrantFormat::Env) => exported::environment(grant)
            .iter()
            .map(|(name, value)| format!("export {name}={}\n", shell(value)))
            .collect(),
        Some(format) => document::done(&grant.record, verb, format.into())?,
        None => document::done(&grant.record, verb, None)?,
    };
    let span = grant.duration().as_duration();
    say_by(text, Some(grant.sent_at + span / 2), interrupt)
        .await
        .map_err(Error::Unsaid)?;
    if format.is_none() {
        let (name, namespace) = (grant.record.name(), grant.record.namespace());
        terminal::hint(&format!(
            "yours for {}s unless renewed: kubectl lease renew {name} -n {namespace}   (hold renews by itself)",
            whole_seconds(grant.expires_at().since(SystemClock.now()))
        ));
    }
    Ok(())
}

/// A promise, so it is rounded down, but for the moment that any answer takes.
fn whole_seconds(left: Duration) -> u64 {
    (left + Duration::from_millis(100)).as_secs()
}

/// Says what was done where nothing is to be undone if that fails: but whoever asked must know that it was done.
///
/// # Errors
/// When it could not be said; a reader that went away ends the process quietly.
pub async fn say_done(
    text: Result<String, Error>,
    good_until: Option<Instant>,
    interrupt: &Interrupt,
    subject: &Subject,
    done: &str,
) -> Result<(), Error> {
    let said = match text {
        Ok(text) => say_by(text, good_until, interrupt)
            .await
            .map_err(Error::Unsaid),
        Err(error) => Err(error),
    };
    match said {
        Err(Error::Unsaid(Unsaid::NobodyReads)) => Err(Error::BrokenPipe),
        Err(why) => Err(Error::done_all_the_same(subject, why, done)),
        Ok(()) => Ok(()),
    }
}

impl Session {
    /// The error for how it ended with a grant.
    pub(super) async fn ended(
        &self,
        subject: Subject,
        ended: Ended<Error>,
        bug: fn(String) -> Error,
    ) -> Error {
        match ended {
            Ended::Ungranted(end) => self.error(subject, end).await,
            Ended::GivenUp { why, fate } => Error::given_up(&subject, why, &fate, bug),
        }
    }
}
