//! `kubectl lease renew`

use super::exported::ours;
use super::{Session, limits, say};
use crate::cli::{ConnectionArgs, RenewArgs};
use crate::clock::SystemClock;
use crate::error::Error;
use crate::exit::Exit;
use crate::identity::Sources;
use crate::lease::operate::Interrupt;
use crate::output::{document, terminal};
use crate::signals;

pub async fn run(args: RenewArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let holder = Sources::from_process(args.holder.holder.clone())
        .identity()
        .map_err(Error::Usage)?;
    let session = Session::open(connection).await?;
    let subject = session.subject(&args.name, Some(&holder));
    let operations = session.lease(&args.name);
    let limits = limits(
        &SystemClock,
        Some(args.timeout),
        Interrupt::new(signals::listen()?),
    );
    let renewed = operations
        .renew_ours(&ours(&session, &args.name, holder), &limits, &|progress| {
            say(&subject, &progress)
        })
        .await;
    match renewed {
        Ok(record) => {
            terminal::print(&document::done(&record, "renewed", args.output)?)?;
            Ok(Exit::DONE)
        }
        Err(end) => Err(session.error(subject, end).await),
    }
}
