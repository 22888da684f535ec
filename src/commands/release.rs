//! `kubectl lease release`

use super::exported::{is_kept_by_hold, ours};
use super::saying::{listen, object_text, say_done};
use super::{Session, limits, say};
use crate::cli::{ConnectionArgs, ReleaseArgs};
use crate::clock::SystemClock;
use crate::error::Error;
use crate::exit::Exit;
use crate::identity::Sources;
use crate::lease::decide::Refusal;
use crate::lease::operate::{End, Limits};

pub async fn run(args: ReleaseArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let holder = Sources::from_process(args.holder.holder.clone())
        .identity()
        .map_err(Error::Usage)?;
    let session = Session::open(connection).await?;
    let subject = session.subject(&args.name, Some(&holder));
    let ours = ours(&session, &args.name, holder);
    if is_kept_by_hold(&ours) {
        return Err(session
            .error(subject, End::Refused(Refusal::KeptByHold))
            .await);
    }
    let operations = session.lease(&args.name);
    let limits = Limits {
        insist: true,
        ..limits(&SystemClock, Some(args.timeout), listen()?)
    };
    let released = operations
        .release(&ours, args.now, &limits, &|progress| {
            say(&subject, &progress)
        })
        .await;
    match released {
        Ok(released) => {
            let text = object_text(&released.record, "released", &args.output);
            say_done(text, None, &limits.interrupt, &subject, "released").await?;
            Ok(Exit::DONE)
        }
        Err(end) => Err(session.error(subject, end).await),
    }
}
