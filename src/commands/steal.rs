//! `kubectl lease steal`

mod shown;

use super::events::Recorder;
use super::saying::{listen, say_grant};
use super::{Session, identity, limits, mark, say};
use crate::cli::{ConnectionArgs, StealArgs};
use crate::clock::SystemClock;
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::lease::decide::{Refusal, StealTerms};
use crate::lease::events::EventReason;
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::keeper::Keeper;
use crate::lease::operate::{End, Failure, Fate, Grant, Interrupt, Limits};
use crate::lease::record::GrantTerms;
use crate::lease::values::LeaseDuration;
use crate::output::prompt::{self, NoAnswer};
use crate::output::terminal;

/// Recorded when none is asked for and the Lease has none, seconds.
const DEFAULT_DURATION: u32 = 60;

pub async fn run(args: StealArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let holder = identity(&args.holder.holder)?;
    let session = Session::open(connection).await?;
    let mut subject = session.subject(&args.name, Some(&holder));
    subject.if_holder = args.if_holder.as_ref().map(ToString::to_string);
    let terms = StealTerms {
        grant: GrantTerms {
            holder,
            duration: args.duration,
            default_duration: LeaseDuration::constant(DEFAULT_DURATION),
            reason: args.reason.clone(),
            mark: mark(),
        },
        if_holder: subject.if_holder.clone(),
        asks: !args.yes,
        waits: !args.now,
    };
    let interrupt = listen()?;
    let by = terms.grant.holder.as_str();
    let recorder = Recorder::new(&session, args.events, by, args.reason.as_deref());
    let taking = take(&session, &args, subject, &terms, &recorder, &interrupt);
    recorder.beside(taking, &interrupt).await
}

async fn take(
    session: &Session,
    args: &StealArgs,
    subject: Subject,
    terms: &StealTerms,
    recorder: &Recorder,
    interrupt: &Interrupt,
) -> Result<Exit, Error> {
    let operations = session
        .lease(&args.name)
        .observed_only(args.proof.observed_only());
    let short = limits(&SystemClock, Some(super::SHORT_PATIENCE), interrupt.clone());
    let agree = async |seen: &Observation, expiry: &Expiry| {
        let keeper = Keeper::of(seen.record());
        if let Some(keeper) = keeper.filter(|_| !args.force) {
            return Err(End::Refused(Refusal::NoLock(keeper)));
        }
        let (me, columns) = (terms.grant.holder.as_str(), columns(args));
        shown::show(session, &operations, me, seen, expiry, !args.now, columns).await;
        confirmed(args, interrupt).await
    };
    let report = |progress| say(&subject, &progress);
    let stolen = match operations.steal(terms, &short, &report, agree).await {
        Ok(stolen) => stolen,
        Err(end) => return Err(session.error(subject, end).await),
    };
    let record = &stolen.grant.record;
    recorder.hurry(record);
    recorder.record(
        match &stolen.victim {
            Some(victim) => EventReason::Stolen {
                from: victim.clone(),
            },
            // It was free.
            None => EventReason::Acquired,
        },
        record,
    );
    let grant: Grant = if args.now {
        stolen.grant
    } else {
        if let (Some(victim), Err(_)) = (&stolen.victim, stolen.victim_stops) {
            terminal::say(&format!(
                "the lease of {victim:?} had no duration, so its holder may still run: make sure that it has stopped"
            ));
        }
        let interrupt = interrupt.clone();
        let patient = Limits {
            deadline: None,
            once: false,
            insist: false,
            interrupt,
        };
        let victim = stolen.victim.clone();
        match operations
            .outlast(stolen, args.duration, &patient, &report)
            .await
        {
            Ok(grant) => grant,
            Err(End::Interrupted(signal)) => {
                terminal::say(&format!(
                    "interrupted: the lease stays yours until it expires; {:?} may still be running",
                    victim.unwrap_or_default()
                ));
                return Ok(Exit::signal(signal));
            }
            Err(end) => return Err(session.error(subject, end).await),
        }
    };
    match say_grant(&grant, "stolen", &args.output, interrupt).await {
        Ok(()) => Ok(Exit::DONE),
        // Not given back: that would let somebody in beside a victim that may still run.
        Err(why) => Err(Error::given_up(
            &subject,
            Failure::Failed(why),
            &Fate::Kept,
            Error::Local,
        )),
    }
}

/// The columns of the terminal that a question is asked on. What nobody is asked about is shown whole.
fn columns(args: &StealArgs) -> Option<usize> {
    let asks = !args.yes && terminal::can_ask();
    asks.then(|| usize::from(terminal::width_of_questions()))
}

/// Whether it may be taken, as it was shown.
async fn confirmed(args: &StealArgs, interrupt: &Interrupt) -> Result<(), End> {
    if args.yes {
        return Ok(());
    }
    if !terminal::can_ask() {
        let why = "not confirmed: there is no terminal to ask on; give --yes";
        return Err(End::Declined(why.to_owned()));
    }
    match prompt::ask("Take it over?", interrupt.arrived(1)).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(End::Declined("declined".to_owned())),
        Err(NoAnswer::Failed(why)) => Err(End::Declined(format!("not confirmed: {why}"))),
        Err(NoAnswer::Interrupted(signal)) => Err(End::Interrupted(signal)),
    }
}
