//! `kubectl lease renew`

use super::exported::{self, ours};
use super::saying::{listen, outcome_text, say_done};
use super::{Session, identity, limits, say};
use crate::cli::{ConnectionArgs, RenewArgs};
use crate::clock::SystemClock;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::operate::Limits;
use crate::output::outcome::{Action, Outcome};

pub async fn run(args: RenewArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let holder = identity(&args.holder.holder)?;
    let session = Session::open(connection).await?;
    let subject = session.subject(&args.name, Some(&holder));
    let operations = session.lease(&args.name);
    let limits = Limits {
        insist: true,
        ..limits(&SystemClock, Some(args.timeout), listen()?)
    };
    let renewed = operations
        .renew_ours(&ours(&session, &args.name, holder), &limits, &|progress| {
            say(&subject, &progress)
        })
        .await;
    match renewed {
        Ok(renewed) => {
            let token = exported::token(&renewed.record);
            let done = Outcome::new(Action::Renewed, renewed.before, &renewed.record);
            let text = outcome_text(&done.with_token(token), &args.output);
            let good_until = renewed.expires_at;
            say_done(text, good_until, &limits.interrupt, &subject, "renewed").await?;
            Ok(Exit::DONE)
        }
        Err(end) => Err(session.error(subject, end).await),
    }
}
