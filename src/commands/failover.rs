//! `kubectl lease failover`

mod elected;
mod followed;
mod tried;
mod unfinished;

use std::cell::RefCell;
use std::time::Duration;

use super::confirm::{columns, confirmed};
use super::events::Recorder;
use super::saying::{listen, outcomes_of_nothing};
use super::steal::shown::{self, Manner};
use super::{Session, dry_run, exported, identity, limits, mark, say};
use crate::cli::{ConnectionArgs, FailoverArgs};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, NotFailedOver, Subject, TakesBy};
use crate::exit::Exit;
use crate::hint::advised;
use crate::lease::decide::{Refusal, StealTerms, is_named};
use crate::lease::events::EventReason;
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::keeper::{Keeper, Other};
use crate::lease::operate::{End, Failure, Fate, Interrupt, Limits, Look, Operations, Progress};
use crate::lease::record::{GrantTerms, Keep, Record, Taken};
use crate::lease::report::State;
use crate::lease::values::LeaseDuration;
use crate::output::format::ObjectFormat;
use crate::output::outcome::{Action, Outcome};
use crate::output::terminal;
use crate::server::LeaseClient;
use crate::words;

/// Recorded while a Lease without a duration is held, seconds.
const DEFAULT_DURATION: u32 = 15;

/// How long more than twice its duration the next one may take, unless told otherwise.
const NEXT: Duration = Duration::from_secs(30);

type LeaseOperations = Operations<LeaseClient, SystemClock>;

/// One failover.
struct Call<'a> {
    args: &'a FailoverArgs,
    session: &'a Session,
    subject: Subject,
    operations: LeaseOperations,
    interrupt: Interrupt,
    recorder: Recorder,
}

pub async fn run(args: FailoverArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    if let (Some(from), Some(to)) = (&args.if_holder, &args.to)
        && from == to
    {
        return Err(Error::Usage(format!(
            "--if-holder and --to are both {:?}: who is to step down cannot be who takes over",
            from.as_str()
        )));
    }
    let identity = identity(&args.holder.holder)?;
    // Two failovers are never taken for one.
    let holder = match args.holder.holder {
        Some(_) => identity,
        None => identity.unique(),
    };
    let session = Session::open(connection).await?.writing(&args.write);
    let mut subject = session.subject(&args.name, Some(&holder));
    subject.takes_by = TakesBy::Failover;
    subject.if_holder = args.if_holder.as_ref().map(ToString::to_string);
    subject.beside = true;
    let terms = StealTerms {
        grant: GrantTerms {
            holder,
            duration: None,
            default_duration: LeaseDuration::constant(DEFAULT_DURATION),
            reason: args.reason.clone(),
            mark: mark(),
            manager: args.write.field_manager.clone(),
        },
        if_holder: subject.if_holder.clone(),
        asks: !args.yes,
        waits: true,
        ancestors: exported::held(),
        taken: Taken::FailedOver,
    };
    let by = terms.grant.holder.as_str();
    let recorder = Recorder::new(&session, args.events, by, args.reason.as_deref());
    let call = Call {
        args: &args,
        session: &session,
        subject,
        operations: session
            .lease(&args.name)
            .observed_only(args.proof.observed_only()),
        interrupt: match args.write.dry_run.asked() {
            // Nothing is left behind.
            Some(_) => Interrupt::never(),
            None => listen()?,
        },
        recorder,
    };
    let found = session
        .look_by(&call.operations, &args.name, Keep::Facts)
        .await?;
    let record = found.record.clone();
    let failing_over = async {
        match args.write.dry_run.asked() {
            _ if record.strategy().is_some() => call.elected(&record).await,
            _ if record.holder().is_none() => Err(call.not(NotFailedOver::Free)),
            _ if call.is_led_as_wanted(&found) => call.already(&record),
            Some(dry_run) => call.tried(&terms, dry_run).await,
            None => call.deposed(&terms, found).await,
        }
    };
    call.recorder.beside(failing_over, &call.interrupt).await
}

impl Call<'_> {
    fn not(&self, why: NotFailedOver) -> Error {
        Error::Failover(Box::new((self.subject.clone(), why)))
    }

    /// Whether the holder is who is to have it, and nobody has asked for another's end.
    fn is_led_as_wanted(&self, found: &Look) -> bool {
        let (from, to) = (&self.args.if_holder, &self.args.to);
        let is_alive = found.row.condition.state != State::Expired;
        let holder = found.record.holder().filter(|_| is_alive && from.is_none());
        holder.is_some_and(|holder| to.as_ref().is_some_and(|to| is_named(holder, to.as_str())))
    }

    /// Says that there is nothing to be done, of which there is a document too.
    fn already(&self, record: &Record) -> Result<Exit, Error> {
        terminal::say(&format!(
            "{:?} holds lease {:?} already; nothing was written",
            record.holder().unwrap_or_default(),
            self.subject.name
        ));
        if let Some(ObjectFormat::Value(format)) = &self.args.output.format {
            outcomes_of_nothing(format)?;
        }
        Ok(Exit::DONE)
    }

    /// Says what goes on.
    fn report(&self, progress: &Progress) {
        match progress {
            Progress::Outlasting { victim, wait } => terminal::say(&format!(
                "waiting {} until {victim:?} must have stopped; the lease is kept from everybody until then",
                words::duration(*wait)
            )),
            other => say(&self.subject, other),
        }
    }

    /// So long, and until a signal comes.
    fn limits(&self, patience: Duration) -> Limits {
        limits(&SystemClock, Some(patience), self.interrupt.clone())
    }

    /// How long the next one may take to come.
    fn patience(&self, duration: Option<LeaseDuration>) -> Duration {
        let lease = duration.map_or(Duration::ZERO, LeaseDuration::as_duration);
        self.args.timeout.unwrap_or(lease * 2 + NEXT)
    }

    /// Has the holder of an ordinary Lease step down.
    async fn deposed(&self, terms: &StealTerms, found: Look) -> Result<Exit, Error> {
        let duration = found.record.duration();
        let (operations, subject) = (&self.operations, &self.subject);
        let report = |progress| self.report(&progress);
        let refused = RefCell::new(None);
        let agree = async |seen: &Observation, expiry: &Expiry| {
            if let Some(end) = self.obstacle(seen.record(), &refused) {
                return Err(end);
            }
            let columns = columns(self.args.yes);
            let me = terms.grant.holder.as_str();
            let (session, how) = (self.session, Manner::StepsDown);
            shown::show(session, operations, me, seen, expiry, how, columns).await;
            confirmed(self.args.yes, "Make it step down?", &self.interrupt).await
        };
        let short = self.limits(super::SHORT_PATIENCE);
        let first = Some(found.seen(SystemClock.now()));
        let stolen = operations.steal_as_seen(first, terms, &short, &report, agree);
        let stolen = stolen.await;
        if let Some(why) = refused.take() {
            return Err(self.not(why));
        }
        let stolen = match stolen {
            Ok(stolen) => stolen,
            Err(end @ End::Unsettled { .. }) => return Err(self.held(end).await),
            Err(end) => return Err(self.session.error(subject.clone(), end).await),
        };
        let victim = stolen.victim.clone();
        let (before, taken) = (stolen.grant.before.clone(), stolen.grant.record.clone());
        let down = match operations.step_down(stolen, &short, &report).await {
            Ok(down) => down,
            Err(end) => {
                if let Some(from) = victim {
                    self.recorder.record(EventReason::Stolen { from }, &taken);
                }
                return Err(self.held(end).await);
            }
        };
        let Some(victim) = victim else {
            // Its holder let go just before.
            return Err(self.not(NotFailedOver::Free));
        };
        if let Some(signal) = down.signal {
            self.record(&victim, &down.record, None);
            let done = Outcome::new(Action::FailedOver, before, &down.record);
            let waited = down.freed_at.since(down.taken_at);
            self.tell_unfinished(done.after_waiting(waited)).await;
            return Ok(self.interrupted(signal));
        }
        let patience = self.patience(duration);
        self.followed(&victim, before, down, patience).await
    }

    /// Why its holder cannot be made to step down. What is not about a single write is left in `refused`.
    fn obstacle(&self, record: &Record, refused: &RefCell<Option<NotFailedOver>>) -> Option<End> {
        if let Some(why) = self.refusal(record) {
            refused.replace(Some(why));
            return Some(End::Declined(String::new()));
        }
        let victim = record.victim()?.to_owned();
        let insists = self.args.force || self.args.if_holder.is_some();
        let by = Other::of(record)?;
        (!insists).then_some(End::Refused(Refusal::BeingTakenOver { by, victim }))
    }

    /// Tells others who has it since; `None` if nobody has.
    fn record(&self, victim: &str, lease: &Record, to: Option<&str>) {
        let (from, to) = (victim.to_owned(), to.map(str::to_owned));
        self.recorder
            .record(EventReason::FailedOver { from, to }, lease);
    }

    /// Why this Lease has nobody who could step down.
    fn refusal(&self, record: &Record) -> Option<NotFailedOver> {
        let keeper = Keeper::of(record).filter(|_| !self.args.force);
        if let Some(keeper) = keeper {
            return Some(NotFailedOver::NotElected(advised::keeps(&keeper)));
        }
        let endless = record.duration().is_none();
        let other = Other::of(record).filter(|_| endless);
        other.map(NotFailedOver::Endless)
    }

    /// The error where what was taken, as far as is known, could not be freed, and until when it is held then.
    async fn held(&self, end: End) -> Error {
        let subject = self.subject.clone();
        match end {
            End::Kept(_) | End::Unsettled { .. } => {
                let error = Error::lease(subject, end);
                match self.held_until().await {
                    Some(until) => Error::Despite {
                        why: Box::new(error),
                        then: vec![format!("It expires at {until:.0} by this machine's clock")],
                    },
                    None => error,
                }
            }
            End::Lost(_) => Error::lease(subject, end),
            end => {
                let why = Failure::Failed(Error::lease(subject.clone(), end));
                Error::given_up(&subject, why, &Fate::Open(None), Error::Local)
            }
        }
    }

    /// When it expires: its last renewal is ours, by our own clock.
    async fn held_until(&self) -> Option<jiff::Timestamp> {
        let moment = Duration::from_secs(1);
        let seen = self.operations.read(None, moment).await.ok()?;
        let crate::lease::decide::Seen::Lease(found) = seen else {
            return None;
        };
        let record = found.record();
        let renewed: jiff::Timestamp = record.renew_time()?.parse().ok()?;
        let ours = record.holder() == self.subject.holder.as_deref();
        let duration = record.duration().filter(|_| ours)?.as_duration();
        renewed.checked_add(duration).ok()
    }

    fn interrupted(&self, signal: i32) -> Exit {
        let name = &self.subject.name;
        terminal::say(&format!(
            "interrupted: lease {name:?} was released; who takes it over was not waited for"
        ));
        Exit::signal(signal)
    }
}
