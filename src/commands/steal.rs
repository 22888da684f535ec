//! `kubectl lease steal`

pub mod shown;

use super::saying::{listen, outcome_text, say_grant};
use super::{Session, dry_run, identity, limits, mark, say};
use crate::cli::{ConnectionArgs, StealArgs};
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::decide::{Refusal, StealTerms};
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::keeper::Keeper;
use crate::lease::operate::{End, Failure, Fate, Grant, Interrupt, Limits};
use crate::lease::record::GrantTerms;
use crate::lease::values::LeaseDuration;
use crate::output::outcome::{Action, Outcome};
use crate::output::prompt::{self, NoAnswer};
use crate::output::terminal;
use shown::Takeover;

/// Recorded when none is asked for and the Lease has none, seconds.
const DEFAULT_DURATION: u32 = 60;

pub async fn run(args: StealArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let holder = identity(&args.holder.holder)?;
    let session = Session::open(connection).await?.writing(&args.write);
    let mut subject = session.subject(&args.name, Some(&holder));
    subject.if_holder = args.if_holder.as_ref().map(ToString::to_string);
    let terms = StealTerms {
        grant: GrantTerms {
            holder,
            duration: args.duration,
            default_duration: LeaseDuration::constant(DEFAULT_DURATION),
            reason: args.reason.clone(),
            mark: mark(),
            manager: args.write.field_manager.clone(),
        },
        if_holder: subject.if_holder.clone(),
        asks: !args.yes,
        waits: !args.now,
    };
    let operations = session
        .lease(&args.name)
        .observed_only(args.proof.observed_only());
    if let Some(dry_run) = args.write.dry_run.asked() {
        let format = dry_run::format(&args.output)?;
        let show = async |seen: &Observation, expiry: &Expiry| {
            let keeper = Keeper::of(seen.record());
            if let Some(keeper) = keeper.filter(|_| !args.force) {
                return Err(End::Refused(Refusal::NoLock(keeper)));
            }
            let me = terms.grant.holder.as_str();
            shown::show(
                &session,
                &operations,
                me,
                seen,
                expiry,
                takeover(&args),
                None,
            )
            .await;
            Ok(())
        };
        let report = |progress| say(&subject, &progress);
        let limits = dry_run::patience(None);
        let tried = operations
            .try_steal(&terms, dry_run, &limits, &report, show)
            .await;
        let managed_fields = args.output.show_managed_fields;
        let text = |outcome: &Outcome| outcome_text(outcome, format, managed_fields);
        return dry_run::tell(&session, subject, Action::Stolen, dry_run, tried, text).await;
    }
    let interrupt = listen()?;
    let saying = interrupt.clone();
    let short = limits(&SystemClock, Some(super::SHORT_PATIENCE), interrupt.clone());
    let agree = async |seen: &Observation, expiry: &Expiry| {
        let keeper = Keeper::of(seen.record());
        if let Some(keeper) = keeper.filter(|_| !args.force) {
            return Err(End::Refused(Refusal::NoLock(keeper)));
        }
        let (me, columns) = (terms.grant.holder.as_str(), columns(args.yes));
        shown::show(
            &session,
            &operations,
            me,
            seen,
            expiry,
            takeover(&args),
            columns,
        )
        .await;
        confirmed(args.yes, "Take it over?", &interrupt).await
    };
    let report = |progress| say(&subject, &progress);
    let stolen = match operations.steal(&terms, &short, &report, agree).await {
        Ok(stolen) => stolen,
        Err(end) => return Err(session.error(subject, end).await),
    };
    let taken_at = SystemClock.now();
    let grant: Grant = if args.now {
        stolen.grant
    } else {
        if let (Some(victim), Err(_)) = (&stolen.victim, stolen.victim_stops) {
            terminal::say(&format!(
                "the lease of {victim:?} had no duration, so its holder may still run: make sure that it has stopped"
            ));
        }
        let interrupt = saying.clone();
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
                terminal::say_always(&format!(
                    "interrupted: the lease stays yours until it expires; {:?} may still be running",
                    victim.unwrap_or_default()
                ));
                return Ok(Exit::signal(signal));
            }
            Err(end) => return Err(session.error(subject, end).await),
        }
    };
    let done =
        Outcome::of_grant(Action::Stolen, &grant).after_waiting(SystemClock.now().since(taken_at));
    match say_grant(&grant, &done, &args.output, &saying).await {
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

/// What becomes of the holder.
fn takeover(args: &StealArgs) -> Takeover {
    match args.now {
        true => Takeover::Now,
        false => Takeover::Waits,
    }
}

/// The columns of the terminal that a question is asked on. What nobody is asked about is shown whole.
pub fn columns(yes: bool) -> Option<usize> {
    let asks = !yes && terminal::can_ask();
    asks.then(|| usize::from(terminal::width_of_questions()))
}

/// Whether it may be done, with what was shown.
pub async fn confirmed(yes: bool, question: &str, interrupt: &Interrupt) -> Result<(), End> {
    if yes {
        return Ok(());
    }
    if !terminal::can_ask() {
        let why = "not confirmed: there is no terminal to ask on; give --yes";
        return Err(End::Declined(why.to_owned()));
    }
    match prompt::ask(question, interrupt.arrived(1)).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(End::Declined("declined".to_owned())),
        Err(NoAnswer::Failed(why)) => Err(End::Declined(format!("not confirmed: {why}"))),
        Err(NoAnswer::Interrupted(signal)) => Err(End::Interrupted(signal)),
    }
}
