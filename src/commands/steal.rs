//! `kubectl lease steal`

mod shown;
pub mod takeover;

use self::takeover::{Interlocks, Takeover};
use super::saying::{listen, say_grant};
use super::{Session, identity, limits, mark, say};
use crate::cli::{ConnectionArgs, StealArgs};
use crate::clock::SystemClock;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::decide::StealTerms;
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::operate::{End, Failure, Fate};
use crate::lease::record::GrantTerms;
use crate::lease::values::LeaseDuration;
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
    let operations = session
        .lease(&args.name)
        .observed_only(args.proof.observed_only());
    let interrupt = listen()?;
    let saying = interrupt.clone();
    let short = limits(&SystemClock, Some(super::SHORT_PATIENCE), interrupt.clone());
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
    let agree = async |seen: &Observation, expiry: &Expiry| takeover.agree(seen, expiry).await;
    let report = |progress| say(&subject, &progress);
    let stealing = operations.steal(&takeover.terms, &short, &report, agree);
    let stolen = match stealing.await {
        Ok(stolen) => stolen,
        Err(end) => return Err(session.error(subject, end).await),
    };
    let victim = stolen.victim.clone();
    let grant = match takeover.outlast(stolen, &report).await {
        Ok(grant) => grant,
        Err(End::Interrupted(signal)) => {
            terminal::say(&format!(
                "interrupted: the lease stays yours until it expires; {:?} may still be running",
                victim.unwrap_or_default()
            ));
            return Ok(Exit::signal(signal));
        }
        Err(end) => return Err(session.error(subject, end).await),
    };
    match say_grant(&grant, "stolen", &args.output, &saying).await {
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
