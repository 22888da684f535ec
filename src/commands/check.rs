//! `kubectl lease check`

use super::{Session, ours, status};
use crate::cli::{CheckArgs, ConnectionArgs};
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::exit::Exit;
use crate::identity::Sources;
use crate::lease::condition::State;
use crate::lease::decide::Refusal;
use crate::lease::operate::End;
use crate::lease::values::LeaseDuration;
use crate::output::document::object_name;
use crate::output::terminal;

pub async fn run(args: CheckArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let holder = Sources::from_process(args.holder.holder.clone())
        .identity()
        .map_err(Error::Usage)?;
    let session = Session::open(connection).await?;
    let asked_at = SystemClock.now();
    let reading = status::read(&session, &args.name).await?;
    let record = reading.record();
    let name = object_name(record.name());
    let ours = ours(&session, &args.name, holder.clone());
    if ours.holds(record) {
        // Where two clocks have to be believed, doubt is on the safe side: renew, and check again.
        if reading.condition().state == State::Expired {
            if !args.quiet {
                terminal::say(&format!(
                    "{name} is held by you, but its time is over: others may take it any moment"
                ));
            }
            return Ok(Exit::NOT_HELD);
        }
        if !args.quiet {
            terminal::print(&format!("{name} held\n"))?;
            // It was true when it was read; nobody may act on an answer that came out later than it can be true.
            let span = record.duration().map(LeaseDuration::as_duration);
            if span.is_some_and(|span| SystemClock.now().since(asked_at) >= span) {
                return Ok(Exit::NOT_HELD);
            }
        }
        return Ok(Exit::DONE);
    }
    if args.quiet {
        return Ok(Exit::NOT_HELD);
    }
    Err(Error::lease(
        session.subject(&args.name, Some(&holder)),
        End::Refused(Refusal::HolderIs(record.holder().map(str::to_owned))),
    ))
}
