//! `kubectl lease release` of what a selection has, and of several by force: one list, one question, each written for itself.

use super::{force, nothing_done, nothing_to_release, patient};
use crate::cli::ReleaseArgs;
use crate::clock::{Clock, SystemClock};
use crate::commands::batch::{Batch, Became};
use crate::commands::chosen::{Choice, Chosen, some, these};
use crate::commands::dry_run;
use crate::commands::events::Recorder;
use crate::commands::exported::{self, is_kept_by_hold, ours};
use crate::commands::saying::{listen, outcome_text, say_done};
use crate::commands::several::Errors;
use crate::commands::{Session, say};
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::hint::freed;
use crate::lease::decide::{
    FreeStep, Ours, OursStep, Refusal, Seen, free, release as decide_release, release_ours,
};
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::operate::{End, Interrupt, Limits, Released};
use crate::lease::record::Record;
use crate::lease::report::State;
use crate::lease::values::{HolderIdentity, LeaseName};
use crate::output::format::ObjectFormat;
use crate::output::outcome::{self, Action, Outcome};
use crate::output::terminal;

/// One call.
struct Bulk<'a> {
    args: &'a ReleaseArgs,
    session: &'a Session,
    holder: &'a HolderIdentity,
    limits: Limits,
    recorder: Recorder,
}

pub async fn run(
    args: &ReleaseArgs,
    session: &Session,
    names: &[&LeaseName],
    holder: &HolderIdentity,
) -> Result<Exit, Error> {
    let mut errors = Errors::default();
    let mut choice = match names.is_empty() {
        true => Choice::selected(session, &args.selection, args.force).await?,
        false => {
            let subject = |name: &LeaseName| force::subject(args, session, name, holder);
            let ignores = |error: &Error| said_to_be_ignored(args, error);
            Choice::named(session, names, &mut errors, subject, ignores).await
        }
    };
    // Until here a signal ends the process, which has written nothing.
    let interrupt = match args.write.dry_run.asked() {
        Some(_) => Interrupt::never(),
        None => listen()?,
    };
    let mut bulk = Bulk {
        args,
        session,
        holder,
        limits: patient(args, interrupt),
        recorder: Recorder::new(
            session,
            args.events,
            holder.as_str(),
            args.reason.as_deref(),
        ),
    };
    bulk.sift(&mut choice, &mut errors).await;
    let whose = args.if_holder.as_ref().unwrap_or(holder);
    choice.left.say(choice.count(), whose.as_str());
    if choice.all.is_empty() {
        if choice.left.is_held_by_others() && !args.force {
            terminal::say("Nothing was written. To free what others hold: --force");
        }
        if errors.exit().is_none() {
            nothing_done(args)?;
        }
        return Ok(errors.exit().unwrap_or(Exit::DONE));
    }
    if args.force && args.write.dry_run.asked().is_some() {
        choice.show(&warnings(&choice));
    } else if args.force
        && let Some(interrupted) = bulk.ask(&choice).await?
    {
        return Ok(interrupted);
    }
    let interrupt = bulk.limits.interrupt.clone();
    let writing = bulk.write(&choice, &mut errors);
    let interrupted = bulk.recorder.beside(writing, &interrupt).await;
    let exit = interrupted.or(errors.exit());
    Ok(exit.unwrap_or(Exit::DONE))
}

/// Whether it is no error where it is asked for; then it is said.
fn said_to_be_ignored(args: &ReleaseArgs, error: &Error) -> bool {
    let line = nothing_to_release(error).filter(|_| args.ignore_not_held);
    if let Some(line) = &line {
        terminal::say(line);
    }
    line.is_some()
}

impl Bulk<'_> {
    /// Keeps what is to be released. Of what is not, each that was named is an error; what a selection has is counted.
    async fn sift(&self, choice: &mut Choice, errors: &mut Errors) {
        for chosen in std::mem::take(&mut choice.all) {
            let Some(refusal) = self.refusal(choice, &chosen) else {
                choice.all.push(chosen);
                continue;
            };
            if !choice.by_name && choice.left.counts(&refusal) {
                continue;
            }
            let session = choice.session(self.session, &chosen);
            let error = session.error(self.subject(&session, &chosen), End::Refused(refusal));
            let error = error.await;
            if !said_to_be_ignored(self.args, &error) {
                let _ = errors.say_of(chosen.place, &error);
            }
        }
    }

    /// Why it is not to be released, by what is known of it.
    fn refusal(&self, choice: &Choice, chosen: &Chosen) -> Option<Refusal> {
        let (seen, wall) = (chosen.seen(), SystemClock.wall());
        if self.args.force {
            return match free(
                &force::terms(self.args, self.holder, false),
                &seen,
                None,
                wall,
            ) {
                FreeStep::Refuse(refusal) => Some(refusal),
                FreeStep::Ask | FreeStep::Replace(_) => None,
            };
        }
        let session = choice.session(self.session, chosen);
        let ours = ours(&session, &chosen.name, self.holder.clone());
        match self.decide()(&ours, &seen, wall) {
            OursStep::Refuse(refusal) => Some(refusal),
            OursStep::Replace(_) if is_kept_by_hold(&ours) => Some(Refusal::KeptByHold),
            OursStep::Replace(_) => None,
        }
    }

    fn subject(&self, session: &Session, chosen: &Chosen) -> Subject {
        match self.args.force {
            true => force::subject(self.args, session, &chosen.name, self.holder),
            false => session.subject(&chosen.name, Some(self.holder)),
        }
    }

    /// Asks whether they are to be freed. With how the process ends where a signal has ended the question.
    async fn ask(&mut self, choice: &Choice) -> Result<Option<Exit>, Error> {
        let (args, interrupt) = (self.args, &self.limits.interrupt);
        let asked_at = SystemClock.now();
        let question = format!("Free {}?", these(choice.all.len()));
        match choice
            .agreed(&warnings(choice), &question, args.yes, interrupt)
            .await
        {
            Ok(()) => {}
            Err(End::Interrupted(signal)) => {
                terminal::say("interrupted: nothing was written");
                return Ok(Some(Exit::signal(signal)));
            }
            Err(end) => {
                let first = &choice.all[0];
                let session = choice.session(self.session, first);
                return Err(Error::lease(self.subject(&session, first), end));
            }
        }
        let thought = SystemClock.now().since(asked_at);
        let deadline = &mut self.limits.deadline;
        *deadline = deadline.map(|deadline| deadline + thought);
        Ok(None)
    }

    /// Writes each, and says what became of it in their order. With how the process ends where a signal has ended that.
    async fn write(&self, choice: &Choice, errors: &mut Errors) -> Option<Exit> {
        let (args, limits) = (self.args, &self.limits);
        let work = async |chosen: &Chosen| {
            let session = choice.session(self.session, chosen);
            let subject = self.subject(&session, chosen);
            let freed = self.one(choice, &session, &subject, chosen).await;
            Became::from(freed.map(Box::new))
        };
        let document = match &args.output.format {
            Some(ObjectFormat::Value(format)) => Some(format),
            Some(ObjectFormat::Name) | None => None,
        };
        let (mut listed, mut not_tried) = (Vec::new(), Vec::new());
        let tell = async |chosen: &Chosen, became: Became<Box<Outcome>>| {
            let failed = match became {
                Became::NotTried => {
                    not_tried.push(choice.label(chosen));
                    None
                }
                Became::Failed(error, _) => Some(error),
                Became::Done(freed) if document.is_some() => {
                    listed.push(*freed);
                    None
                }
                Became::Done(freed) => {
                    let words = choice.verb("released", freed.lease());
                    let freed = freed.said(words);
                    let format = args.output.format.as_ref();
                    let text = outcome_text(&freed, format, args.output.show_managed_fields);
                    let subject = self.subject(self.session, chosen);
                    let said = say_done(text, None, &limits.interrupt, &subject, "released");
                    said.await.err()
                }
            };
            if let Some(error) = failed.filter(|error| !said_to_be_ignored(args, error)) {
                let _ = errors.say_of(chosen.place, &error);
            }
        };
        let batch = Batch::new(&limits.interrupt);
        batch.each(&choice.all, work, tell).await;
        let interrupted = (limits.interrupt.received()).filter(|_| !not_tried.is_empty());
        if !not_tried.is_empty() {
            let why = match interrupted {
                Some(_) => "interrupted: not tried any more",
                None => "error: not tried after that",
            };
            terminal::say_always(&format!("{why}: {}", some(&not_tried)));
        }
        let interrupted = interrupted.map(Exit::signal);
        let Some(format) = document else {
            return interrupted;
        };
        if listed.is_empty() {
            if interrupted.is_none()
                && errors.exit().is_none()
                && let Err(error) = nothing_done(args)
            {
                let _ = errors.say(&error);
            }
            return interrupted;
        }
        let mut subject = self.subject(self.session, &choice.all[0]);
        let names: Vec<String> = (listed.iter())
            .map(|one| one.lease().name().to_owned())
            .collect();
        subject.name = some(&names);
        let text = outcome::list(&listed, format, args.output.show_managed_fields);
        if let Err(error) = say_done(text, None, &limits.interrupt, &subject, "released").await {
            let _ = errors.say(&error);
        }
        interrupted
    }

    async fn one(
        &self,
        choice: &Choice,
        session: &Session,
        subject: &Subject,
        chosen: &Chosen,
    ) -> Result<Outcome, Error> {
        let operations = session.lease(&chosen.name).knowing(choice.stamps);
        let report = |progress| say(subject, &progress);
        let terms = force::terms(self.args, self.holder, false);
        let ours = Ours::Grant(chosen.record().clone());
        if let Some(dry_run) = self.args.write.dry_run.asked() {
            let limits = dry_run::patience(Some(self.args.timeout));
            let tried = if self.args.force {
                let agreed = Some(chosen.agreement());
                let shown = async |_: &Observation, _: &Expiry| ();
                let tried = operations.try_free(agreed, &terms, dry_run, &limits, &report, shown);
                tried.await
            } else {
                let tried = operations.try_if_ours(&ours, self.decide(), dry_run, &limits, &report);
                tried.await
            };
            let (subject, action) = (subject.clone(), Action::Released);
            return dry_run::outcome(session, subject, action, dry_run, tried).await;
        }
        let failed = async |end| session.error(subject.clone(), end).await;
        if !self.args.force {
            let released = operations.release(&ours, self.args.now, &self.limits, &report);
            return match released.await {
                Ok(Released { record, before }) => {
                    Ok(Outcome::new(Action::Released, before, &record))
                }
                Err(end) => Err(failed(end).await),
            };
        }
        let shown = Some((chosen.seen(), chosen.agreement()));
        // Only another grant of the holder that was named comes to be asked about.
        let agree = async |_: &Observation, _: &Expiry| Ok(());
        let freed = operations.free_from_another(shown, &terms, &self.limits, &report, agree);
        match freed.await {
            Ok(freed) => {
                log::debug!(
                    "{} freed: {:?} held it",
                    choice.label(chosen),
                    freed.holder()
                );
                force::record(&self.recorder, &freed);
                Ok(force::outcome(&freed))
            }
            Err(end) => Err(failed(end).await),
        }
    }

    fn decide(&self) -> fn(&Ours, &Seen, jiff::Timestamp) -> OursStep {
        if self.args.now {
            decide_release
        } else {
            release_ours
        }
    }
}

/// What freeing them means, a line for each kind.
fn warnings(choice: &Choice) -> Vec<String> {
    let is_alive = |chosen: &&Chosen| chosen.row.condition.state != State::Expired;
    let records: Vec<&Record> = (choice.all.iter().filter(is_alive))
        .map(Chosen::record)
        .collect();
    let mut lines = freed::warnings_of(&records, some);
    let around = exported::held();
    for chosen in &choice.all {
        if around.iter().any(|grant| grant.is_granted(chosen.record())) {
            lines.push(format!(
                "warning: this process runs under {}: a hold around it will stop it",
                choice.label(chosen)
            ));
        }
    }
    lines
}
