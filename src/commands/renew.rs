//! `kubectl lease renew`

use super::exported::{self, ours};
use super::saying::{listen, outcome_text, say_done};
use super::{Session, dry_run, identity, limits, say};
use crate::cli::{ConnectionArgs, RenewArgs};
use crate::clock::SystemClock;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::decide;
use crate::lease::operate::Limits;
use crate::output::outcome::{Action, Outcome};

pub async fn run(args: RenewArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let holder = identity(&args.holder.holder)?;
    let session = Session::open(connection).await?.writing(&args.write);
    let subject = session.subject(&args.name, Some(&holder));
    let operations = session.lease(&args.name);
    let ours = ours(&session, &args.name, holder);
    let report = |progress| say(&subject, &progress);
    let (format, managed_fields) = (args.output.format.as_ref(), args.output.show_managed_fields);
    let text = |outcome: &Outcome| outcome_text(outcome, format, managed_fields);
    if let Some(dry_run) = args.write.dry_run.asked() {
        let limits = dry_run::patience(Some(args.timeout));
        let tried = operations
            .try_if_ours(&ours, decide::renew_ours, dry_run, &limits, &report)
            .await;
        return dry_run::tell(&session, subject, Action::Renewed, dry_run, tried, text).await;
    }
    let limits = Limits {
        insist: true,
        ..limits(&SystemClock, Some(args.timeout), listen()?)
    };
    match operations.renew_ours(&ours, &limits, &report).await {
        Ok(renewed) => {
            let token = exported::token(&renewed.record);
            let done = Outcome::new(Action::Renewed, renewed.before, &renewed.record);
            let text = text(&done.with_token(token));
            let good_until = renewed.expires_at;
            say_done(text, good_until, &limits.interrupt, &subject, "renewed").await?;
            Ok(Exit::DONE)
        }
        Err(end) => Err(session.error(subject, end).await),
    }
}
