//! `kubectl lease steal`

use std::time::Duration;

use super::saying::{listen, say_grant};
use super::{Session, exported, limits, mark, say};
use crate::cli::{ConnectionArgs, StealArgs};
use crate::clock::SystemClock;
use crate::error::Error;
use crate::exit::Exit;
use crate::identity::Sources;
use crate::lease::decide::StealTerms;
use crate::lease::evidence::{Expiry, Observation, Proof};
use crate::lease::operate::{End, Fate, Grant, Interrupt, Limits, Why};
use crate::lease::record::{GrantTerms, Record};
use crate::lease::values::LeaseDuration;
use crate::output::prompt::{self, NoAnswer};
use crate::output::{terminal, words};

/// Recorded when none is asked for and the Lease has none, seconds.
const DEFAULT_DURATION: u32 = 60;

pub async fn run(args: StealArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let holder = Sources::from_process(args.holder.holder.clone())
        .identity()
        .map_err(Error::Usage)?;
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
    let operations = session
        .lease(&args.name)
        .observed_only(args.proof.observed_only());
    let interrupt = listen()?;
    let saying = interrupt.clone();
    let short = limits(&SystemClock, Some(super::SHORT_PATIENCE), interrupt.clone());
    let agree = async |seen: &Observation, expiry: &Expiry| {
        show(seen, expiry, room(&args));
        confirmed(&args, &interrupt).await
    };
    let report = |progress| say(&subject, &progress);
    let stolen = match operations.steal(&terms, &short, &report, agree).await {
        Ok(stolen) => stolen,
        Err(end) => return Err(session.error(subject, end).await),
    };
    let grant: Grant = if args.now {
        stolen.grant
    } else {
        if let (Some(victim), Err(_)) = (&stolen.victim, stolen.victim_stops) {
            terminal::say(&format!(
                "the lease of {victim:?} had no duration, so nothing tells when it stops: make sure that it has"
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
                terminal::say(&format!(
                    "interrupted: the lease stays yours until it expires; {:?} may still be running",
                    victim.unwrap_or_default()
                ));
                return Ok(Exit::signal(signal));
            }
            Err(end) => return Err(session.error(subject, end).await),
        }
    };
    match say_grant(&grant, "stolen", args.output, &saying).await {
        Ok(()) => Ok(Exit::DONE),
        // Not given back: that would let somebody in beside a victim that may still run.
        Err(why) => Err(Error::given_up(
            &subject,
            Why::Failed(why),
            &Fate::Kept,
            Error::Local,
        )),
    }
}

/// The most characters of each thing that is shown before a question, which stands below: two lines. What nobody is
/// asked about is shown whole.
fn room(args: &StealArgs) -> usize {
    if args.yes || !terminal::can_ask() {
        return usize::MAX;
    }
    2 * usize::from(terminal::width_of_questions())
}

/// Shows what would be taken, each thing in so many characters.
fn show(seen: &Observation, expiry: &Expiry, room: usize) {
    let record = seen.record();
    let say = |line: &str| terminal::say(&words::cut(line, room));
    // The holder is what matters most, so the name does not take its place.
    let holder = format!("{:?}", record.holder().unwrap_or_default());
    terminal::say(&format!(
        "lease {:?} is held by {}",
        record.name(),
        words::cut(&holder, room)
    ));
    say(&format!(
        "  since {}, {}",
        record.acquire_time().unwrap_or("an unknown time"),
        life(record, expiry)
    ));
    if let Some(reason) = record.reason() {
        say(&format!("  reason: {reason}"));
    }
    if exported::grants()
        .iter()
        .any(|grant| grant.is_granted(record))
    {
        terminal::say(
            "  this very process runs under it: a hold around it will stop it when the lease is taken",
        );
    }
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

fn life(record: &Record, expiry: &Expiry) -> String {
    let renewed = record.renew_time().map_or_else(
        || "never renewed".to_owned(),
        |time| format!("renewed {time} by its own clock"),
    );
    match expiry {
        Expiry::Free => "free".to_owned(),
        Expiry::Expired(Proof::ServerStamped { age }) => {
            format!(
                "renewed {} ago by the server's clock: expired",
                words::duration(*age)
            )
        }
        Expiry::Expired(Proof::Observed { unchanged }) => {
            format!("not renewed for {}: expired", words::duration(*unchanged))
        }
        Expiry::Unproven {
            observed_at: None, ..
        } => {
            format!("{renewed}, with no duration: it never expires by itself")
        }
        Expiry::Unproven { .. } => format!(
            "{renewed}, for {} at a time: it may be alive",
            words::duration(
                record
                    .duration()
                    .map_or(Duration::ZERO, LeaseDuration::as_duration)
            )
        ),
    }
}
