//! `failover --dry-run`: what would be done and for how long, and nothing of it.

use std::cell::RefCell;

use super::{Call, Manner, dry_run, shown};
use crate::commands::saying::outcome_text;
use crate::error::{Error, NotFailedOver};
use crate::exit::Exit;
use crate::lease::decide::StealTerms;
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::operate::{DryRun, End, Tried};
use crate::lease::record::Record;
use crate::output::outcome::{Action, Outcome};
use crate::output::terminal;
use crate::words::printable;

impl Call<'_> {
    /// Tries the takeover of an ordinary Lease, and says what would follow.
    pub(super) async fn tried(&self, terms: &StealTerms, dry_run: DryRun) -> Result<Exit, Error> {
        let refused = RefCell::new(None);
        let told = RefCell::new(None);
        let show = async |seen: &Observation, expiry: &Expiry| {
            if let Some(end) = self.obstacle(seen.record(), &refused) {
                return Err(end);
            }
            let me = terms.grant.holder.as_str();
            let (session, how) = (self.session, Manner::StepsDown);
            shown::show(session, &self.operations, me, seen, expiry, how, None).await;
            told.replace(Some(would_be(seen.record(), expiry)));
            Ok(())
        };
        let report = |progress| self.report(&progress);
        let limits = dry_run::patience(None);
        let operations = &self.operations;
        let tried = operations
            .try_steal(terms, dry_run, &limits, &report, show)
            .await;
        if let Some(why) = refused.take() {
            return Err(self.not(why));
        }
        let Some((victim, line)) = told.take().filter(|_| tried.is_ok()) else {
            return match tried {
                Ok(_) => Err(self.not(NotFailedOver::Free)),
                Err(end) => Err(self.session.error(self.subject.clone(), end).await),
            };
        };
        terminal::say(&line);
        let said = format!("{} from {victim:?}", Action::FailedOver.word());
        self.told(dry_run, tried, &said).await
    }

    /// Tries to name the candidate of a coordinated election.
    pub(super) async fn preferred(
        &self,
        record: &Record,
        next: &str,
        dry_run: DryRun,
    ) -> Result<Exit, Error> {
        let report = |progress| self.report(&progress);
        let limits = dry_run::patience(None);
        let operations = &self.operations;
        let tried = operations
            .try_prefer(record, next, dry_run, &limits, &report)
            .await;
        if tried.is_ok() {
            terminal::say(&format!(
                "{next:?} would be made the preferred holder of lease {:?}; the control plane decides when it holds it",
                self.subject.name
            ));
        }
        let done = Action::FailedOver.word();
        let said = match record.holder() {
            Some(victim) => format!("{done} from {victim:?} to {next:?}"),
            None => format!("{done} to {next:?}"),
        };
        self.told(dry_run, tried, &said).await
    }

    async fn told(
        &self,
        dry_run: DryRun,
        tried: Result<Tried, End>,
        said: &str,
    ) -> Result<Exit, Error> {
        let output = &self.args.output;
        let text = |outcome: &Outcome| {
            let outcome = outcome.clone().said(printable(said).into_owned());
            outcome_text(&outcome, output.format.as_ref(), output.show_managed_fields)
        };
        let (session, subject) = (self.session, self.subject.clone());
        let action = Action::FailedOver;
        dry_run::tell(session, subject, action, dry_run, tried, text).await
    }
}

/// Who would step down, and how long that would take.
fn would_be(record: &Record, expiry: &Expiry) -> (String, String) {
    let victim = record.holder().unwrap_or_default().to_owned();
    let until = match (expiry, record.duration()) {
        (Expiry::Unproven { .. }, Some(duration)) => format!(
            "would be held for up to {duration}, until {victim:?} must have stopped or says that it has,"
        ),
        _ => "would be held for a moment, as its holder has stopped,".to_owned(),
    };
    let name = record.name();
    let line = format!("lease {name:?} {until} and then freed for the next candidate");
    (victim, line)
}
