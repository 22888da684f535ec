//! `kubectl lease steal` of several: one list, one question, and each is taken for itself.

mod fate;
mod taken;
mod text;
mod told;
mod tried;
mod wait;
mod wave;

use std::time::Duration;

use super::terms;
use crate::cli::{ConnectionArgs, StealArgs};
use crate::clock::{Clock, SystemClock};
use crate::commands::chosen::{Choice, Chosen, these};
use crate::commands::events::Recorder;
use crate::commands::exported;
use crate::commands::saying::{listen, outcomes_of_nothing};
use crate::commands::several::Errors;
use crate::commands::{Session, identity};
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::hint::{self, advised};
use crate::lease::decide::{Now, Refusal, StealStep, StealTerms, steal};
use crate::lease::keeper::Keeper;
use crate::lease::operate::{End, Interrupt};
use crate::lease::report::State;
use crate::lease::values::{HolderIdentity, LeaseDuration, LeaseName};
use crate::output::format::{GrantFormat, ObjectFormat};
use crate::output::terminal;
use crate::words;
use taken::Taking;

/// For so many leases it is told what taking them means.
const WARNED: usize = 10;

/// One call.
struct Bulk<'a> {
    args: &'a StealArgs,
    terms: StealTerms,
    session: Session,
    interrupt: Interrupt,
    recorder: Recorder,
}

pub async fn run(
    args: &StealArgs,
    names: &[&LeaseName],
    connection: &ConnectionArgs,
) -> Result<Exit, Error> {
    if matches!(args.output.format, Some(GrantFormat::Env(_))) {
        return Err(Error::Usage(
            "-o env hands one grant on, and this is about several leases".to_owned(),
        ));
    }
    let holder = identity(&args.holder.holder)?;
    let terms = StealTerms {
        // The list is asked about once: nobody is asked again.
        asks: false,
        ..terms(args, holder)
    };
    let session = Session::open(connection).await?.writing(&args.write);
    let mut errors = Errors::default();
    let mut choice = match names.is_empty() {
        true => Choice::selected(&session, &args.selection, true).await?,
        false => {
            let subject = |name: &LeaseName| subject(&terms, &session, name);
            Choice::named(&session, names, &mut errors, subject, |_| false).await
        }
    };
    // Until here a signal ends the process, which has written nothing.
    let by = terms.grant.holder.as_str();
    let recorder = Recorder::new(&session, args.events, by, args.reason.as_deref());
    let bulk = Bulk {
        args,
        terms,
        session,
        interrupt: match args.write.dry_run.asked() {
            Some(_) => Interrupt::never(),
            None => listen()?,
        },
        recorder,
    };
    bulk.sift(&mut choice, &mut errors).await;
    let whose = args.if_holder.as_ref().map(HolderIdentity::as_str);
    if !choice.by_name {
        choice.left.say(choice.count(), whose.unwrap_or_default());
    }
    if choice.all.is_empty() {
        if errors.exit().is_none() {
            nothing_done(args)?;
        }
        return Ok(errors.exit().unwrap_or(Exit::DONE));
    }
    if let Some(dry_run) = args.write.dry_run.asked() {
        choice.show(&warnings(&choice));
        return bulk.tried(&choice, dry_run, &mut errors).await;
    }
    if let Some(interrupted) = bulk.ask(&choice).await? {
        return Ok(interrupted);
    }
    let taking = Taking::new(&bulk, &choice);
    let exit = bulk
        .recorder
        .beside(taking.run(&mut errors), &bulk.interrupt);
    Ok(exit.await)
}

/// Of nothing that was taken there is a document too, which has no items.
fn nothing_done(args: &StealArgs) -> Result<(), Error> {
    match &args.output.format {
        Some(GrantFormat::Object(ObjectFormat::Value(format))) => Ok(outcomes_of_nothing(format)?),
        Some(GrantFormat::Object(ObjectFormat::Name) | GrantFormat::Env(_)) | None => Ok(()),
    }
}

impl Bulk<'_> {
    /// Keeps what is to be taken. Of what is not, each that was named is an error; what a selection has is counted.
    async fn sift(&self, choice: &mut Choice, errors: &mut Errors) {
        for chosen in std::mem::take(&mut choice.all) {
            if self.is_ours(&chosen) {
                self.say_left(choice, &chosen);
                choice.left.yours += 1;
                continue;
            }
            let Some(refusal) = self.refusal(&chosen) else {
                choice.all.push(chosen);
                continue;
            };
            if choice.by_name || !choice.left.counts(&refusal) {
                let subject = self.subject(choice, &chosen);
                let error = self.session.error(subject, End::Refused(refusal)).await;
                let _ = errors.say_of(chosen.place, &error);
            }
        }
    }

    /// Whether this identity holds it, alone, and for the duration that is asked for: to take it would be to wait for oneself. Beside
    /// an earlier holder that may still run the wait begins anew. What has expired, or is held for less, is taken like any other.
    fn is_ours(&self, chosen: &Chosen) -> bool {
        let record = chosen.record();
        let asked = self.terms.grant.duration;
        record.holder() == Some(self.terms.grant.holder.as_str())
            && record.victim().is_none()
            && chosen.row.condition.state != State::Expired
            && self.terms.if_holder.is_none()
            && (record.duration().is_none() || asked <= record.duration())
    }

    /// Says that one is left, and what makes it last where less than half of its time is left.
    fn say_left(&self, choice: &Choice, chosen: &Chosen) {
        let (label, record) = (choice.label(chosen), chosen.record());
        let whole = record.duration().map(LeaseDuration::as_duration);
        let left = (chosen.row.condition.expires_in).and_then(|left| Duration::try_from(left).ok());
        match (left, whole) {
            (Some(left), Some(whole)) if left < whole / 2 => terminal::say(&format!(
                "lease {label} is left: it is yours already, for {} more. To have it for longer: {}",
                words::duration(left),
                hint::lease("renew", record.name(), record.namespace())
            )),
            _ if choice.by_name => {
                terminal::say(&format!("lease {label} is left: it is yours already"))
            }
            _ => {}
        }
    }

    /// Why it is not to be taken, by what is known of it.
    fn refusal(&self, chosen: &Chosen) -> Option<Refusal> {
        let now = Now {
            instant: SystemClock.now(),
            wall: SystemClock.wall(),
        };
        match steal(&self.terms, &chosen.seen(), None, now) {
            StealStep::Refuse(refusal) => Some(refusal),
            StealStep::Ask | StealStep::Replace(_) => self.no_lock(chosen),
        }
    }

    fn no_lock(&self, chosen: &Chosen) -> Option<Refusal> {
        let keeper = Keeper::of(chosen.record()).filter(|_| !self.args.force);
        keeper.map(Refusal::NoLock)
    }

    fn subject(&self, choice: &Choice, chosen: &Chosen) -> Subject {
        let session = choice.session(&self.session, chosen);
        subject(&self.terms, &session, &chosen.name)
    }

    /// Asks whether they are to be taken. With how the process ends where a signal has ended the question.
    async fn ask(&self, choice: &Choice) -> Result<Option<Exit>, Error> {
        // Nothing is taken from anybody.
        if choice
            .all
            .iter()
            .all(|chosen| chosen.record().holder().is_none())
        {
            return Ok(None);
        }
        let question = format!("Take {} over?", these(choice.all.len()));
        let warnings = warnings(choice);
        let answer = choice.agreed(&warnings, &question, self.args.yes, &self.interrupt);
        match answer.await {
            Ok(()) => Ok(None),
            Err(End::Interrupted(signal)) => {
                terminal::say("interrupted: nothing was written");
                Ok(Some(Exit::signal(signal)))
            }
            Err(end) => {
                let subject = self.subject(choice, &choice.all[0]);
                Err(Error::lease(subject, end))
            }
        }
    }
}

/// Which lease, for whoever takes it.
fn subject(terms: &StealTerms, session: &Session, name: &LeaseName) -> Subject {
    Subject {
        if_holder: terms.if_holder.clone(),
        beside: true,
        steals: true,
        ..session.subject(name, Some(&terms.grant.holder))
    }
}

/// What taking them means, as far as it is not plain.
fn warnings(choice: &Choice) -> Vec<String> {
    let around = exported::held();
    let mut lines = Vec::new();
    let mut more = 0;
    let mut warned = 0;
    for chosen in &choice.all {
        let record = chosen.record();
        let mut own = advised::warnings(record, chosen.row.condition.state == State::Expired);
        if around.iter().any(|grant| grant.is_granted(record)) {
            own.push(
                "this process already runs under it: a hold around it will stop it".to_owned(),
            );
        }
        if own.is_empty() {
            continue;
        }
        if warned == WARNED {
            more += 1;
            continue;
        }
        warned += 1;
        let label = choice.label(chosen);
        lines.extend(own.into_iter().map(|line| format!("{label}: {line}")));
    }
    if more > 0 {
        lines.push(format!(
            "warning: the like is to be said of {more} more of them"
        ));
    }
    lines
}
