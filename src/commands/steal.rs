//! `kubectl lease steal`

mod bulk;
pub mod shown;
pub mod takeover;

use self::takeover::{Interlocks, Takeover};
use super::chosen;
use super::events::Recorder;
use super::saying::{listen, outcome_text, say_grant};
use super::several::distinct;
use super::{Session, dry_run, exported, identity, limits, mark, say};
use crate::cli::{ConnectionArgs, StealArgs};
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::decide::{Refusal, StealTerms};
use crate::lease::events::EventReason;
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::keeper::Keeper;
use crate::lease::operate::{End, Ended, Held};
use crate::lease::record::{GrantTerms, Taken};
use crate::lease::values::{HolderIdentity, LeaseDuration};
use crate::output::outcome::{Action, Outcome};
use crate::output::terminal;
use shown::Manner;

/// Recorded when none is asked for and the Lease has none, seconds.
const DEFAULT_DURATION: u32 = 60;

pub async fn run(args: StealArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    chosen::check(&args.selection, true)?;
    let names = distinct(&args.names);
    let [name] = names[..] else {
        return bulk::run(&args, &names, connection).await;
    };
    let holder = identity(&args.holder.holder)?;
    let session = Session::open(connection).await?.writing(&args.write);
    let mut subject = session.subject(name, Some(&holder));
    subject.if_holder = args.if_holder.as_ref().map(ToString::to_string);
    subject.beside = true;
    subject.steals = true;
    let terms = terms(&args, holder);
    let operations = session
        .lease(name)
        .observed_only(args.proof.observed_only());
    if let Some(dry_run) = args.write.dry_run.asked() {
        let format = dry_run::format(&args.output)?;
        let show = async |seen: &Observation, expiry: &Expiry| {
            let keeper = Keeper::of(seen.record());
            if let Some(keeper) = keeper.filter(|_| !args.force) {
                return Err(End::Refused(Refusal::NoLock(keeper)));
            }
            let me = terms.grant.holder.as_str();
            shown::show(&session, &operations, me, seen, expiry, manner(&args), None).await;
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
    let by = terms.grant.holder.as_str();
    let recorder = Recorder::new(&session, args.events, by, args.reason.as_deref());
    let takeover = Takeover {
        session: &session,
        operations: &operations,
        terms,
        interlocks: Interlocks {
            yes: args.yes,
            now: args.now,
            force: args.force,
        },
        interrupt,
    };
    let taking = async {
        let agree = async |seen: &Observation, expiry: &Expiry| takeover.agree(seen, expiry).await;
        let report = |progress| say(&subject, &progress);
        let stealing = operations.steal(&takeover.terms, &short, &report, agree);
        let stolen = match stealing.await {
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
        let taken_at = SystemClock.now();
        let victim = stolen.victim.clone();
        let grant = match takeover.outlast(stolen, &report).await {
            Ok(grant) => grant,
            Err(End::Interrupted(signal)) => {
                terminal::say_always(&format!(
                    "interrupted: lease {:?} is not yours any more, and nothing has begun under it",
                    subject.name
                ));
                return Ok(Exit::signal(signal));
            }
            Err(end) => {
                return match (end.kept_by(), victim) {
                    (Some(signal), Some(victim)) => {
                        terminal::say_always(&format!(
                            "interrupted: the lease stays yours until it expires; {victim:?} may still be running"
                        ));
                        terminal::say_always(&subject.ways_out(&victim));
                        Ok(Exit::signal(signal))
                    }
                    (None, _) | (_, None) => Err(session.error(subject, end).await),
                };
            }
        };
        let done = Outcome::of_grant(Action::Stolen, &grant)
            .after_waiting(SystemClock.now().since(taken_at));
        let tell = async |_: Held<'_>| say_grant(&grant, &done, &args.output, &saying).await;
        match operations.hand_out(&grant, &saying, tell).await {
            Ok(()) => Ok(Exit::DONE),
            Err(Ended::GivenUp { why, fate }) => {
                Err(Error::given_up(&subject, why, &fate, Error::Local))
            }
            Err(Ended::Ungranted(end)) => Err(session.error(subject, end).await),
        }
    };
    recorder.beside(taking, &saying).await
}

/// What becomes of the holder.
fn manner(args: &StealArgs) -> Manner {
    match args.now {
        true => Manner::Now,
        false => Manner::Waits,
    }
}

/// What is asked for, of each lease.
fn terms(args: &StealArgs, holder: HolderIdentity) -> StealTerms {
    StealTerms {
        grant: GrantTerms {
            holder,
            duration: args.duration,
            default_duration: LeaseDuration::constant(DEFAULT_DURATION),
            reason: args.reason.clone(),
            mark: mark(),
            manager: args.write.field_manager.clone(),
        },
        if_holder: args.if_holder.as_ref().map(ToString::to_string),
        asks: !args.yes,
        waits: !args.now,
        ancestors: exported::held(),
        taken: Taken::Stolen,
    }
}
