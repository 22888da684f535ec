//! Several leases in one call, all or none: which, in the order in which everybody takes them, and what is said of it.

use std::time::Duration;

use super::line::in_turn;
use super::several::distinct;
use super::waiting::Waiting;
use super::{Session, dry_run, say};
use crate::cli::GrantArgs;
use crate::clock::SystemClock;
use crate::error::{Error, Subject};
use crate::lease::decide::AcquireTerms;
use crate::lease::operate::together::{NotAll, Part, acquire_all};
use crate::lease::operate::{DryRun, End, Held, Limits, Line, Operations, Progress};
use crate::lease::values::{LeaseName, QueueName};
use crate::output::outcome::{Action, Outcome};
use crate::server::LeaseClient;

/// The operations on one lease.
pub type Lease = Operations<LeaseClient, SystemClock>;

/// One of the leases that a call wants.
pub struct Wanted {
    /// Which, and who asks.
    pub subject: Subject,
    /// The operations on it.
    pub operations: Lease,
    /// What is wanted of it.
    pub terms: AcquireTerms,
    /// In which line it is waited for, if in one.
    pub line: Option<Line<LeaseClient, SystemClock>>,
}

/// Each once, sorted by name: where all have one order, no two wait for each other.
pub fn in_order(names: &[LeaseName]) -> Vec<&LeaseName> {
    let mut all = distinct(names);
    all.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    all
}

/// What is wanted of each: as this subject, on these terms.
pub fn wanted(
    session: &Session,
    names: &[LeaseName],
    args: &GrantArgs,
    subject: impl Fn(&LeaseName) -> Subject,
    terms: impl Fn(&Subject) -> AcquireTerms,
) -> Vec<Wanted> {
    let observed_only = args.proof.observed_only();
    let each = |name: &LeaseName| {
        let subject = subject(name);
        let terms = terms(&subject);
        Wanted {
            line: session.line(QueueName::of(name), args, &terms),
            terms,
            operations: session.lease(name).observed_only(observed_only),
            subject,
        }
    };
    in_order(names).into_iter().map(each).collect()
}

/// Acquires all of them, and hands the grants to `then`.
///
/// # Errors
/// Nothing is left held, or the error says so.
pub async fn acquire<'a, T>(
    wanted: &'a [Wanted],
    limits: &Limits,
    waiting: &Waiting<'a>,
    then: impl AsyncFnOnce(Held<'_>) -> Result<T, Error>,
) -> Result<T, NotAll<Error>> {
    let report =
        |one: &'a Wanted| move |progress: Progress| waiting.report(&one.subject, &progress);
    let reports: Vec<_> = wanted.iter().map(report).collect();
    let part = |(one, report): (&'a Wanted, _)| Part {
        operations: &one.operations,
        terms: &one.terms,
        line: one.line.as_ref(),
        report,
    };
    let reports = reports.iter().map(|report| report as &dyn Fn(Progress));
    let parts: Vec<_> = wanted.iter().zip(reports).map(part).collect();
    waiting
        .reminding(Box::pin(acquire_all(&parts, limits, then)))
        .await
}

/// Tries each of them, in their order.
///
/// # Errors
/// With why one would not be acquired.
pub async fn try_each(
    session: &Session,
    wanted: &[Wanted],
    dry_run: DryRun,
    timeout: Option<Duration>,
    refused: impl Fn(&End) -> Option<Error>,
) -> Result<Vec<Outcome>, Error> {
    let limits = dry_run::patience(timeout);
    let mut outcomes = Vec::new();
    for one in wanted {
        let report = |progress| say(&one.subject, &progress);
        let operations = &one.operations;
        let trying = operations.try_acquire(&one.terms, dry_run, &limits, &report);
        let subject = one.subject.clone();
        let tried = match trying.await {
            Ok(tried) => in_turn(one.line.as_ref()).await.map(|()| tried),
            Err(end) => Err(end),
        };
        if let Some(error) = tried.as_ref().err().and_then(&refused) {
            return Err(error);
        }
        let outcome = dry_run::outcome(session, subject, Action::Acquired, dry_run, tried);
        outcomes.push(outcome.await?);
    }
    Ok(outcomes)
}

/// `lease "a"`, or `leases "a", "b"`.
pub fn leases(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let kind = if names.len() == 1 { "lease" } else { "leases" };
    format!("{kind} {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_the_names_are_given_they_are_taken_in_one_order_each_once() {
        let order = |names: &str| {
            let names = names.split(' ').map(|name| name.parse());
            let names: Vec<LeaseName> = names.collect::<Result<_, _>>().expect("names");
            let order: Vec<String> = in_order(&names)
                .into_iter()
                .map(ToString::to_string)
                .collect();
            order.join(" ")
        };
        for names in [
            "a a-b a.b a0 b",
            "b a a0 a.b a-b a",
            "lease/b a a-b leases/a a.b b a0",
        ] {
            assert_eq!(order(names), "a a-b a.b a0 b");
        }
    }
}
