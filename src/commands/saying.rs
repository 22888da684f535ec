//! Saying the result of what was done to a lease, while that is still so.

use std::time::Duration;

use super::{Session, exported};
use crate::cli::{GrantOutput, ObjectOutput};
use crate::clock::{Clock, Instant, SystemClock};
use crate::error::{Error, Subject, Unsaid};
use crate::hint;
use crate::lease::operate::{Ended, Grant, Interrupt};
use crate::lease::record::Lease;
use crate::output::format::{GrantFormat, ObjectFormat, ValueFormat};
use crate::output::outcome::{self, Outcome};
use crate::output::{Failure, document, terminal};
use crate::signals;
use crate::words::quoting;

/// How long a signal leaves for saying what was done before it came.
const PATIENCE: Duration = Duration::from_millis(300);

/// Listens to the signals that ask the process to end. From then on it does not die of them, so no print may block it:
/// the threads that print are started first.
///
/// # Errors
/// When there is no thread or no handler to be had.
pub fn listen() -> Result<Interrupt, Error> {
    start()?;
    Ok(Interrupt::new(signals::listen().map_err(deaf)?))
}

/// There is no handler for signals to be had.
pub fn deaf(error: std::io::Error) -> Error {
    Error::Local(format!("cannot handle signals: {error}"))
}

/// Starts the threads that print.
///
/// # Errors
/// When there is none to be had.
pub fn start() -> Result<(), Error> {
    terminal::start().map_err(|error| {
        #[cfg(unix)]
        let why = crate::limits::words_of_thread(&error);
        #[cfg(not(unix))]
        let why = error;
        Error::Local(format!("cannot start a thread: {why}"))
    })
}

/// Says a result on stdout that is worth something until `good_until`, and nothing once a signal has come.
///
/// # Errors
/// With why nobody can count on it: it was not said, or only afterwards.
pub async fn say_by(
    text: String,
    good_until: Instant,
    interrupt: &Interrupt,
) -> Result<(), Unsaid> {
    if let Some(signal) = interrupt.received() {
        return Err(Unsaid::Interrupted(signal));
    }
    say_unless(text, Some(good_until), interrupt.arrived()).await
}

/// Says a result on stdout unless `good_until` or a signal comes first.
async fn say_unless(
    text: String,
    good_until: Option<Instant>,
    signal: impl Future<Output = i32>,
) -> Result<(), Unsaid> {
    let delivery = terminal::deliver(text)?;
    tokio::select! {
        biased;
        signal = signal => return Err(Unsaid::Interrupted(signal)),
        written = delivery => written?,
        () = SystemClock.reached(good_until) => return Err(Unsaid::TooLate),
    }
    // This process, or the whole machine, may have stood still.
    match good_until {
        Some(instant) if SystemClock.now() >= instant => Err(Unsaid::TooLate),
        Some(_) | None => Ok(()),
    }
}

/// What to print after something was done to a Lease.
///
/// # Errors
/// When it cannot be written down.
pub fn object_text(lease: &Lease, verb: &str, output: &ObjectOutput) -> Result<String, Failure> {
    if is_unasked(&output.format) {
        return Ok(String::new());
    }
    document::done(
        lease,
        verb,
        output.format.as_ref(),
        output.show_managed_fields,
    )
}

/// Whether nothing is to be printed.
pub fn is_unasked<T>(format: &Option<T>) -> bool {
    format.is_none() && terminal::is_quiet()
}

/// The same of what was done by anything but `create`.
///
/// # Errors
/// When it cannot be written down.
pub fn outcome_text(
    outcome: &Outcome,
    format: Option<&ObjectFormat>,
    managed_fields: bool,
) -> Result<String, Failure> {
    if is_unasked(&format) {
        return Ok(String::new());
    }
    outcome.text(format, managed_fields)
}

/// The same of what was done to several; `several` says whether one document was asked for, of whatever number.
///
/// # Errors
/// When it cannot be written down.
pub fn outcomes_text(
    outcomes: &[Outcome],
    several: bool,
    format: Option<&ObjectFormat>,
    managed_fields: bool,
) -> Result<String, Failure> {
    match format {
        Some(ObjectFormat::Value(format)) if several => {
            outcome::list(outcomes, format, managed_fields)
        }
        _ => (outcomes.iter())
            .map(|outcome| outcome_text(outcome, format, managed_fields))
            .collect(),
    }
}

/// Prints what was done where that is nothing: a document too, which has no items, for who reads it expects one. A template has
/// nothing to say of it.
///
/// # Errors
/// When it cannot be printed.
pub fn outcomes_of_nothing(format: &ValueFormat) -> Result<(), Failure> {
    match format {
        ValueFormat::Document(_) => Ok(terminal::print(&outcome::list(&[], format, false)?)?),
        _ => Ok(()),
    }
}

/// Says a grant in the format asked for. Whoever acts on it begins with a good part of its time.
///
/// # Errors
/// When nobody can count on it.
pub async fn say_grant(
    grant: &Grant,
    outcome: &Outcome,
    output: &GrantOutput,
    interrupt: &Interrupt,
) -> Result<(), Error> {
    let (grants, outcomes) = (std::slice::from_ref(grant), std::slice::from_ref(outcome));
    say_grants(grants, outcomes, false, output, interrupt).await
}

/// The same of grants that were made together; where `several` were asked for a document of them is a list.
///
/// # Errors
/// When nobody can count on them.
pub async fn say_grants(
    grants: &[Grant],
    outcomes: &[Outcome],
    several: bool,
    output: &GrantOutput,
    interrupt: &Interrupt,
) -> Result<(), Error> {
    let fields = output.show_managed_fields;
    let text = match &output.format {
        Some(GrantFormat::Env(shell)) => {
            let shell = shell.unwrap_or_else(quoting::shell);
            let all = exported::environment(grants, exported::KeptBy::Caller);
            let lines = all.iter().map(|(name, value)| shell.export(name, value));
            lines.collect()
        }
        Some(GrantFormat::Object(format)) => {
            outcomes_text(outcomes, several, Some(format), fields)?
        }
        None => outcomes_text(outcomes, several, None, fields)?,
    };
    let good_until = grants.iter().map(good_until).min();
    say_by(text, good_until.unwrap_or_default(), interrupt)
        .await
        .map_err(Error::Unsaid)?;
    if output.format.is_none() {
        for grant in grants {
            let record = &grant.record;
            let holder = record.holder().unwrap_or_default();
            let renew = hint::lease_of_grant("renew", record.name(), record.namespace(), holder);
            let which = match grants {
                [_] => String::new(),
                _ => format!("lease {:?} is ", record.name()),
            };
            terminal::hint(&format!(
                "{which}yours for {}s unless renewed: {renew}   (hold renews by itself)",
                whole_seconds(grant.expires_at().since(SystemClock.now()))
            ));
        }
    }
    Ok(())
}

/// Until when a new grant is worth being told: half of its time, and a quarter more where the answer was slow.
pub fn good_until(grant: &Grant) -> Instant {
    let span = grant.duration().as_duration();
    (grant.sent_at + span / 2).max((SystemClock.now() + span / 4).min(grant.expires_at()))
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
    text: Result<String, Failure>,
    good_until: Option<Instant>,
    interrupt: &Interrupt,
    subject: &Subject,
    done: &str,
) -> Result<(), Error> {
    let said = match text {
        Ok(text) => {
            // A signal that came while it was done does not undo it: it is said where that takes no time.
            let signal = async {
                let signal = interrupt.arrived().await;
                SystemClock.sleep_until(SystemClock.now() + PATIENCE).await;
                signal
            };
            say_unless(text, good_until, signal)
                .await
                .map_err(Error::Unsaid)
        }
        Err(error) => Err(error.into()),
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
