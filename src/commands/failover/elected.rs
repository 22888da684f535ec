//! `failover` of a coordinated election: the control plane is told who is to hold the Lease next.

use std::sync::Arc;

use super::followed::Followed;
use super::{Call, Manner, columns, confirmed, shown};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, NotFailedOver};
use crate::exit::Exit;
use crate::lease::decide::{Choice, Refusal, candidate};
use crate::lease::evidence::Observation;
use crate::lease::keeper::Other;
use crate::lease::operate::{End, candidates};
use crate::lease::record::Record;
use crate::output::outcome::{Action, Outcome};
use crate::output::terminal;
use crate::words;

impl Call<'_> {
    /// Has the holder that the control plane has elected step down.
    pub(super) async fn elected(&self, record: &Record) -> Result<Exit, Error> {
        let (session, subject, operations) = (self.session, &self.subject, &self.operations);
        let failed = async |end| Err(session.error(subject.clone(), end).await);
        let holder = record.holder();
        if let Some(wanted) = &self.args.if_holder
            && holder != Some(wanted.as_str())
        {
            return failed(End::Refused(Refusal::HolderIs(Other::of(record)))).await;
        }
        let found = candidates::candidates(
            &session.store,
            &session.namespace,
            &subject.name,
            session.request_limit,
        );
        let all = match found.await {
            Ok(Some(all)) => all,
            Ok(None) => return Err(self.not(NotFailedOver::NoCandidates)),
            Err(fault) => {
                let namespace = Some(session.namespace.clone());
                return Err(Error::Api { namespace, fault });
            }
        };
        let to = self.args.to.as_ref().map(|to| to.as_str());
        let next = match candidate(&all, holder, to) {
            Choice::Candidate(next) => next,
            Choice::Already(_) => return self.already(record),
            Choice::NoOther => return Err(self.not(NotFailedOver::NoCandidate)),
            Choice::Several(all) => return Err(self.not(NotFailedOver::Several(all))),
            Choice::NoSuch(candidates) => {
                let named = to.unwrap_or_default().to_owned();
                return Err(self.not(NotFailedOver::NoSuchCandidate { named, candidates }));
            }
        };
        let (now, me) = (SystemClock.now(), subject.holder.as_deref());
        let seen = Observation::first(record.clone(), now, None);
        let expiry = seen.expiry(now, operations.stamps());
        let (me, columns) = (me.unwrap_or_default(), columns(self.args.yes));
        if holder.is_some() {
            let how = Manner::StepsDown;
            shown::show(session, operations, me, &seen, &expiry, how, columns).await;
        }
        if let Some(dry_run) = self.args.write.dry_run.asked() {
            return self.preferred(record, &next, dry_run).await;
        }
        let question = format!("Make it step down for {next:?}?");
        if let Err(end) = confirmed(self.args.yes, &question, &self.interrupt).await {
            return failed(end).await;
        }
        let short = self.limits(super::super::SHORT_PATIENCE);
        let report = |progress| self.report(&progress);
        let asked = SystemClock.now();
        let written = match operations.prefer(record, &next, &short, &report).await {
            Ok(written) => written,
            Err(end) => return failed(end).await,
        };
        terminal::say(&format!(
            "{next:?} is the preferred holder of lease {:?} now; waiting until it holds it",
            subject.name
        ));
        let patience = self.patience(record.duration());
        let before = Arc::new((**record).clone());
        let preferred = written.clone();
        let limits = self.limits(patience);
        let changed = |record: &Record| record.holder().is_some() && record.holder() != holder;
        let done = || Outcome::new(Action::FailedOver, Some(before.clone()), &preferred);
        match operations
            .await_record(written, &limits, &report, changed)
            .await
        {
            Ok(record) => {
                let waited = SystemClock.now().since(asked);
                let victim = holder.unwrap_or_default();
                if !victim.is_empty() {
                    self.record(victim, &record, record.holder());
                }
                let followed = Followed {
                    victim,
                    record: &record,
                    before: Some(before.clone()),
                    waited,
                    vacant: None,
                    times: format!("taken after {}", words::duration(waited)),
                };
                if record.holder() != Some(next.as_str()) {
                    self.tell_unfinished(done().after_waiting(waited)).await;
                    return Err(self.not(NotFailedOver::Another {
                        from: victim.to_owned(),
                        wanted: next,
                        holder: record.holder().unwrap_or_default().to_owned(),
                    }));
                }
                self.as_wanted(victim, &record)?;
                self.tell(followed).await
            }
            Err(End::TimedOut { fault: None, .. }) => {
                self.tell_unfinished(done()).await;
                Err(self.not(NotFailedOver::NotPreferred {
                    candidate: next,
                    waited: patience,
                }))
            }
            Err(End::Interrupted(signal)) => {
                self.tell_unfinished(done()).await;
                terminal::say(&format!(
                    "interrupted: {next:?} stays the preferred holder of lease {:?}",
                    subject.name
                ));
                Ok(Exit::signal(signal))
            }
            Err(end) => {
                self.tell_unfinished(done()).await;
                failed(end).await
            }
        }
    }
}
