//! `steal --dry-run` of several: each is tried as it was listed, and nothing is taken.

use super::{Bulk, text};
use crate::commands::batch::{Batch, Became};
use crate::commands::chosen::{Choice, Chosen, some};
use crate::commands::several::Errors;
use crate::commands::{dry_run, say};
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::decide::Refusal;
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::keeper::{Keeper, Other};
use crate::lease::operate::{DryRun, End};
use crate::output::outcome::{Action, Outcome};
use crate::output::terminal;

impl Bulk<'_> {
    /// Says which would be taken.
    ///
    /// # Errors
    /// When that cannot be said.
    pub(super) async fn tried(
        &self,
        choice: &Choice,
        dry_run: DryRun,
        errors: &mut Errors,
    ) -> Result<Exit, Error> {
        let (mut outcomes, mut not_tried) = (Vec::new(), Vec::new());
        let work = async |chosen| self.try_one(choice, chosen, dry_run).await.into();
        let tell = async |chosen: &Chosen, became| match became {
            Became::Done(outcome) => outcomes.push(outcome),
            Became::Failed(error, _) => {
                let _ = errors.say_of(chosen.place, &error);
            }
            Became::NotTried => not_tried.push(choice.label(chosen)),
        };
        let batch = Batch::new(&self.interrupt);
        batch.each(&choice.all, work, tell).await;
        if !not_tried.is_empty() {
            terminal::say_always(&format!(
                "error: not tried after that: {}",
                some(&not_tried)
            ));
        }
        if !outcomes.is_empty() {
            dry_run::print(text::text(&outcomes, choice, &self.args.output, true))?;
        }
        Ok(errors.exit().unwrap_or(Exit::DONE))
    }

    async fn try_one(
        &self,
        choice: &Choice,
        chosen: &Chosen,
        dry_run: DryRun,
    ) -> Result<Outcome, Error> {
        let agreement = chosen.agreement();
        let is_as_listed = async |seen: &Observation, _: &Expiry| {
            let record = seen.record();
            let is_agreed = self.terms.if_holder.is_some() || agreement.covers(record);
            let keeper = Keeper::of(record).filter(|_| !self.args.force);
            match (keeper, Other::of(record)) {
                (Some(keeper), _) => Err(End::Refused(Refusal::NoLock(keeper))),
                (None, Some(now)) if !is_agreed => {
                    Err(End::Refused(agreement.broken_by(record, now)))
                }
                (None, Some(_) | None) => Ok(()),
            }
        };
        let subject = self.subject(choice, chosen);
        let session = choice.session(&self.session, chosen);
        let report = |progress| say(&subject, &progress);
        let operations = session.lease(&chosen.name).knowing(choice.stamps);
        let limits = dry_run::patience(None);
        let tried = operations
            .try_steal(&self.terms, dry_run, &limits, &report, is_as_listed)
            .await;
        let action = Action::Stolen;
        dry_run::outcome(&session, subject.clone(), action, dry_run, tried).await
    }
}
