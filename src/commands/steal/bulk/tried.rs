//! `steal --dry-run` of several: each is tried as it was listed, and nothing is taken.

use futures::{StreamExt, stream};

use super::{Bulk, text};
use crate::commands::chosen::{Choice, Chosen};
use crate::commands::several::{AT_ONCE, Errors, Next};
use crate::commands::{dry_run, say};
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::decide::Refusal;
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::keeper::{Keeper, Other};
use crate::lease::operate::{DryRun, End};
use crate::output::outcome::{Action, Outcome};

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
        let trying = stream::iter(&choice.all);
        let trying = trying.map(|chosen| self.try_one(choice, chosen, dry_run));
        let mut trying = std::pin::pin!(trying.buffered(AT_ONCE));
        let mut outcomes = Vec::new();
        while let Some(tried) = trying.next().await {
            match tried {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    if errors.say(&error) == Next::Stop {
                        break;
                    }
                }
            }
        }
        if !outcomes.is_empty() {
            dry_run::print(text::text(&outcomes, choice, &self.args.output))?;
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
                (None, Some(now)) if !is_agreed => Err(End::Refused(agreement.broken_by(now))),
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
