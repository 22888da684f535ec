//! Follows Leases, and shows what becomes of them until a signal comes.

mod footer;
mod line;
mod view;

use self::line::Line;
use self::view::View;
use super::{leases, list_error, listed};
use crate::cli::StatusArgs;
use crate::clock::SystemClock;
use crate::commands::Session;
use crate::commands::saying::listen;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::operate::End;
use crate::lease::operate::follow::{Followed, Follower, News};
use crate::lease::values::LeaseName;
use crate::output::terminal;

pub async fn run(session: &Session, args: &StatusArgs) -> Result<Exit, Error> {
    let interrupt = listen()?;
    let mut view = View::new(args, &session.namespace);
    let end = tokio::select! {
        biased;
        signal = interrupt.arrived() => Ok(Exit::signal(signal)),
        error = follow(session, args, &mut view) => Err(error),
    };
    view.leave();
    end
}

/// Never ends but by an error.
async fn follow(session: &Session, args: &StatusArgs, view: &mut View<'_>) -> Error {
    let name = args.names.first().filter(|_| !args.slots);
    let followed = Followed {
        api: leases(session, args),
        name: name.cloned(),
        listed: listed(session, args),
        asks_if_silent: true,
    };
    let mut follower = Follower::new(followed, SystemClock);
    let mut line = Line::new(session, args);
    loop {
        let next = tokio::select! {
            biased;
            next = follower.next() => Some(next),
            () = line.moved() => None,
        };
        view.waiters = line.waiters(&follower.known);
        let said = match (next, name) {
            (None, _) => view.tell_line(&follower.known).await,
            (Some(Ok(News::Absent)), Some(name)) => absent(session, name).await,
            (Some(Ok(news)), _) => {
                line.follow(&follower.known, &news);
                view.tell(&follower.known, news).await
            }
            (Some(Err(fault)), Some(name)) if !view.begun => {
                return Error::lease(session.subject(name, None), End::Fault(fault));
            }
            (Some(Err(fault)), _) => return list_error(session, args, fault),
        };
        if let Err(error) = said {
            return error;
        }
    }
}

/// A name that is not there is waited for, once that is said: it may be mistyped, or about to be created.
async fn absent(session: &Session, name: &LeaseName) -> Result<(), Error> {
    let namespace = &session.namespace;
    if session.namespace_is_missing(session.request_limit).await {
        return Err(Error::NamespaceMissing(namespace.clone()));
    }
    terminal::say(&format!(
        "lease \"{name}\" is not in namespace {namespace}; waiting for it to be created"
    ));
    Ok(())
}
