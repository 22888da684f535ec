//! `kubectl lease renew`

use super::exported::ours;
use super::saying::{listen, say_done};
use super::{Session, limits, say};
use crate::cli::{ConnectionArgs, RenewArgs};
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::exit::Exit;
use crate::identity::Sources;
use crate::output::document;

pub async fn run(args: RenewArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let holder = Sources::from_process(args.holder.holder.clone())
        .identity()
        .map_err(Error::Usage)?;
    let session = Session::open(connection).await?;
    let subject = session.subject(&args.name, Some(&holder));
    let operations = session.lease(&args.name);
    let limits = limits(&SystemClock, Some(args.timeout), listen()?);
    let begun = SystemClock.now();
    let renewed = operations
        .renew_ours(&ours(&session, &args.name, holder), &limits, &|progress| {
            say(&subject, &progress)
        })
        .await;
    match renewed {
        Ok(record) => {
            let now = SystemClock.now();
            let good_until = record.duration().map(|duration| {
                let span = duration.as_duration();
                // The last request was sent some time between, and takes no more than half of the duration.
                (begun + span).max(now + span / 2)
            });
            let text = document::done(&record, "renewed", args.output);
            say_done(text, good_until, &limits.interrupt, &subject, "renewed").await?;
            Ok(Exit::DONE)
        }
        Err(end) => Err(session.error(subject, end).await),
    }
}
