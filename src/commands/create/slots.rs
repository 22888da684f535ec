//! `kubectl lease create NAME --slots N`: all that are missing, the first of them first.

use std::rc::Rc;

use super::lease;
use crate::cli::{ConnectionArgs, CreateArgs, DryRun};
use crate::clock::SystemClock;
use crate::commands::saying::{listen, object_text, say_done};
use crate::commands::{SHORT_PATIENCE, Session, limits, say};
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::decide::{Refusal, SlotsRefusal};
use crate::lease::operate::{Created, End, Held, Interrupt, Limits};
use crate::lease::record::{Keep, Lease};
use crate::lease::values::{LeaseName, SlotCount, Slots};
use crate::output::format::{ObjectFormat, ValueFormat};
use crate::output::{document, terminal};
use crate::server::namespace_alone;

/// They are made in order, and the first says how many there are: of two callers that disagree, the second is refused there.
pub async fn run(
    args: &CreateArgs,
    count: SlotCount,
    connection: &ConnectionArgs,
) -> Result<Exit, Error> {
    let slots = Slots::new(&args.name, count).map_err(Error::Usage)?;
    let mut said = Said::new(args);
    if args.write.dry_run == DryRun::Client {
        let namespace = namespace_alone(&connection.into())?;
        for name in slots.each() {
            let lease = lease(args, name, &namespace)?.as_slot(&slots);
            said.now(lease, "created (dry run)")?;
        }
        said.end()?;
        return Ok(Exit::DONE);
    }
    let session = Session::open(connection).await?.writing(&args.write);
    let limits = limits(&SystemClock, Some(SHORT_PATIENCE), listen()?);
    for name in slots.each() {
        let done = one(&session, args, name, &slots, &limits).await;
        match done {
            Ok((lease, verb)) => said.done(&session, lease, verb, &limits.interrupt).await?,
            Err(error) => {
                // What was made so far is.
                said.end()?;
                return Err(error);
            }
        }
    }
    said.end()?;
    Ok(Exit::DONE)
}

/// Makes one that is not there, and says what became of it.
async fn one(
    session: &Session,
    args: &CreateArgs,
    name: &LeaseName,
    slots: &Slots,
    limits: &Limits,
) -> Result<(Lease, &'static str), Error> {
    let subject = session.subject(name, None);
    let failed = async |end| Err(session.error(subject.clone(), end).await);
    if let Some(signal) = limits.interrupt.received() {
        return failed(End::Interrupted(signal)).await;
    }
    let lease = lease(args, name, &session.namespace)?.as_slot(slots);
    let operations = session.lease(name);
    let report = |progress| say(&subject, &progress);
    let created = match args.write.dry_run {
        DryRun::Server => match operations.try_create(&lease, limits, &report).await {
            Ok(created) => created,
            Err(end) => return failed(end).await,
        },
        DryRun::None | DryRun::Client => {
            let kept = async |held: Held<'_>| Ok((*held.grant().record).clone());
            let created = operations.create(&lease, limits, &report, kept);
            match created.await {
                Ok(created) => created,
                Err(ended) => return Err(session.ended(subject, ended, Error::Local).await),
            }
        }
    };
    match created {
        Created::New(stored) if args.write.dry_run == DryRun::Server => {
            Ok((stored, "created (server dry run)"))
        }
        Created::New(stored) => Ok((stored, "created")),
        Created::Exists if args.ignore_existing => {
            let look = session.look(name, Keep::Facts).await?;
            let asked = slots.count().get();
            match look.record.slots() {
                Some(says) if says != asked.to_string() => {
                    let refusal = SlotsRefusal::Differ {
                        asked,
                        lease: name.to_string(),
                        says: says.to_owned(),
                        another: None,
                    };
                    let subject = session.subject(slots.name(), None);
                    let end = End::Refused(Refusal::Slots(refusal));
                    Err(session.error(subject, end).await)
                }
                Some(_) | None => Ok(((*look.record).clone(), "unchanged")),
            }
        }
        Created::Exists => Err(Error::AlreadyExists {
            name: name.to_string(),
            namespace: session.namespace.clone(),
        }),
    }
}

/// What is printed: a line each, or at the end one document with all of them.
struct Said<'a> {
    args: &'a CreateArgs,
    document: Option<&'a ValueFormat>,
    listed: Vec<Rc<Lease>>,
}

impl<'a> Said<'a> {
    fn new(args: &'a CreateArgs) -> Self {
        Self {
            args,
            document: match &args.output.format {
                Some(ObjectFormat::Value(format)) => Some(format),
                Some(ObjectFormat::Name) | None => None,
            },
            listed: Vec::new(),
        }
    }

    fn now(&mut self, lease: Lease, verb: &str) -> Result<(), Error> {
        match self.document {
            Some(_) => self.listed.push(Rc::new(lease)),
            None => terminal::print(&object_text(&lease, verb, &self.args.output)?)?,
        }
        Ok(())
    }

    async fn done(
        &mut self,
        session: &Session,
        lease: Lease,
        verb: &str,
        interrupt: &Interrupt,
    ) -> Result<(), Error> {
        if self.document.is_some() {
            self.listed.push(Rc::new(lease));
            return Ok(());
        }
        let mut subject = session.subject(&self.args.name, None);
        subject.name = lease.name().to_owned();
        let text = object_text(&lease, verb, &self.args.output);
        say_done(text, None, interrupt, &subject, verb).await
    }

    fn end(&mut self) -> Result<(), Error> {
        if let Some(format) = self.document.filter(|_| !self.listed.is_empty()) {
            let managed = self.args.output.show_managed_fields;
            terminal::print(&document::list(&self.listed, format, managed)?)?;
        }
        Ok(())
    }
}
