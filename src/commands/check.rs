//! `kubectl lease check`

use super::exported::ours;
use super::{Session, identity};
use crate::cli::{CheckArgs, ConnectionArgs};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Subject};
use crate::exit::Exit;
use crate::hint;
use crate::lease::decide::{Refusal, not_ours};
use crate::lease::operate::{Checked, End};
use crate::output::document::object_name;
use crate::output::terminal;

pub async fn run(args: CheckArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let holder = identity(&args.holder.holder)?;
    let session = Session::open(connection).await?;
    let subject = Subject {
        only_asks: true,
        ..session.subject(&args.name, Some(&holder))
    };
    let ours = ours(&session, &args.name, holder);
    let name = object_name(args.name.as_str());
    let checked = match session.lease(&args.name).check(&ours).await {
        Ok(checked) => checked,
        Err(fault) => return Err(session.error(subject, End::Fault(fault)).await),
    };
    match checked {
        Checked::Held(until) => {
            if !terminal::is_quiet() {
                terminal::print(&format!("{name} held\n"))?;
                // Nobody may act on an answer that came out later than it is true.
                if until.is_some_and(|until| SystemClock.now() >= until) {
                    return Ok(Exit::NOT_HELD);
                }
            }
            return Ok(Exit::DONE);
        }
        Checked::Absent => {
            return Err(session
                .error(subject, End::Refused(Refusal::NotFound))
                .await);
        }
        _ if terminal::is_quiet() => {}
        Checked::NotOurs(record) => {
            return Err(Error::lease(subject, End::Refused(not_ours(&record))));
        }
        Checked::VictimMayRun(victim) => {
            terminal::say(&format!(
                "{name} is held by you, but {victim:?}, whom it was stolen from, may still run"
            ));
            terminal::say(&format!(
                "Wait until the steal is done. If it was interrupted, this waits until {victim:?} must have stopped, and then acquires it again: {} --reenter",
                hint::lease("acquire", args.name.as_str(), &session.namespace)
            ));
        }
        Checked::Over => terminal::say(&format!(
            "{name} is held by you, but it has expired: others can take it now"
        )),
        Checked::Unproven { why } => {
            terminal::say(&format!(
                "{name} is recorded as held by you, but it may have expired"
            ));
            if let Some(why) = why {
                terminal::say(&format!(
                    "The server's clock is unknown, because a dry run of the renewal failed: {why}"
                ));
            }
            terminal::say(&format!(
                "To be sure, renew it: {}",
                hint::lease("renew", args.name.as_str(), &session.namespace)
            ));
        }
    }
    Ok(Exit::NOT_HELD)
}
