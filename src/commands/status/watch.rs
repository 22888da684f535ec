//! Follows Leases: a list, a watch from there on, and again whatever breaks off; what is shown of it is the view's.

mod ask;
mod board;
mod footer;
mod silence;
mod view;

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::ask::Answer;
use self::view::View;
use super::list::{self, Begin};
use super::{selection, stamps};
use crate::cli::StatusArgs;
use crate::clock::{Clock, SystemClock};
use crate::commands::Session;
use crate::commands::saying::listen;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::api::{Fault, RejectionKind};
use crate::lease::evidence::Stamps;
use crate::lease::operate::End;
use crate::lease::record::Keep;
use crate::lease::values::LeaseName;
use crate::output::terminal;
use crate::server::Selection;

/// How often time is looked at: a Lease becomes Expired without any event.
const TICK: Duration = Duration::from_secs(1);

/// Between tries to watch again, and between lists where watching is not allowed.
const PAUSE: Duration = Duration::from_secs(2);

/// Between tries to watch where that was refused, and where it failed while reading may work.
const REFUSED: Duration = Duration::from_secs(30);
const FAILED: Duration = Duration::from_secs(10);

/// How long a watch may take to begin: until then nothing is heard.
const OPENING: Duration = Duration::from_secs(5);

/// One line of a watch.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// Why a watch is over.
enum Over {
    /// It can go on from where it was.
    Ended,
    /// It has brought nothing: what happened meanwhile has to be read.
    Empty,
    /// The server has forgotten that state: list again, and say what changed meanwhile.
    Forgotten,
}

/// Why nothing goes on as it was.
enum Broken {
    Api(Fault),
    Output(Error),
}

pub async fn run(session: &Session, args: &StatusArgs) -> Result<Exit, Error> {
    let interrupt = listen()?;
    let mut view = View::new(args);
    let selection = selection(session, args);
    let end = tokio::select! {
        biased;
        signal = interrupt.arrived(1) => Ok(Exit::signal(signal)),
        error = follow(session, &selection, args.names.first(), &mut view) => Err(error),
    };
    view.leave();
    end
}

/// Never ends but by an error.
async fn follow(
    session: &Session,
    selection: &Selection,
    name: Option<&LeaseName>,
    view: &mut View<'_>,
) -> Error {
    let mut from: Option<String> = None;
    let mut watch_at = SystemClock.now();
    let mut refused = false;
    loop {
        let known = match from.take() {
            Some(known) => Ok(known),
            None => relist(session, selection, name, view).await,
        };
        let mut resource_version = match known {
            Ok(resource_version) => resource_version,
            // Once it has worked, an outage is waited out.
            Err(Error::Api { fault, .. }) if view.begun && fault.is_transient() => {
                match troubled(view, &fault).await {
                    Ok(()) => continue,
                    Err(error) => return error,
                }
            }
            Err(error) => return error,
        };
        let begun = SystemClock.now();
        if begun < watch_at {
            match pause(view).await {
                Ok(()) => continue,
                Err(error) => return error,
            }
        }
        let watching = watch(session, selection, name, view, &mut resource_version);
        let paused = match watching.await {
            Ok(Over::Ended) => {
                from = Some(resource_version);
                Ok(())
            }
            Ok(Over::Forgotten) => Ok(()),
            // A server that ends each watch at once must not be asked without a pause.
            Ok(Over::Empty) if SystemClock.now().since(begun) < TICK => pause(view).await,
            Ok(Over::Empty) => Ok(()),
            Err(Broken::Output(error)) => Err(error),
            // Reading may work where watching does not.
            Err(Broken::Api(fault)) if fault.is_transient() => {
                watch_at = SystemClock.now() + FAILED;
                view.trouble(&fault).await
            }
            Err(Broken::Api(fault)) => {
                // No permission to watch: look every now and then.
                watch_at = SystemClock.now() + REFUSED;
                if !std::mem::replace(&mut refused, true) {
                    let (doing, every) =
                        (name.map_or("listing", |_| "reading it"), PAUSE.as_secs());
                    view.remark(&fault, format!("{doing} every {every} s instead"));
                }
                pause(view).await
            }
        };
        if let Err(error) = paused {
            return error;
        }
    }
}

async fn troubled(view: &mut View<'_>, fault: &Fault) -> Result<(), Error> {
    view.trouble(fault).await?;
    pause(view).await
}

async fn pause(view: &mut View<'_>) -> Result<(), Error> {
    let over = SystemClock.now() + PAUSE;
    meanwhile(view, SystemClock.sleep_until(over)).await
}

/// Waits for something, and lets time go on for what is shown.
async fn meanwhile<T>(view: &mut View<'_>, something: impl Future<Output = T>) -> Result<T, Error> {
    let mut something = std::pin::pin!(something);
    loop {
        tokio::select! {
            biased;
            () = SystemClock.sleep_until(view.next_tick) => view.tick().await?,
            result = &mut something => return Ok(result),
        }
    }
}

/// A name that is not there is waited for, once that is said: it may be mistyped, or about to be created.
async fn absent(session: &Session, name: &LeaseName) -> Result<(), Error> {
    let (namespace, limit) = (&session.namespace, session.request_limit);
    if session.store.namespace_exists(namespace, limit).await == Some(false) {
        return Err(Error::NamespaceMissing(namespace.clone()));
    }
    terminal::say(&format!(
        "lease \"{name}\" is not in namespace {namespace}; waiting for it to be created"
    ));
    Ok(())
}

/// What is there now, and from where to watch.
async fn relist(
    session: &Session,
    selection: &Selection,
    name: Option<&LeaseName>,
    view: &mut View<'_>,
) -> Result<String, Error> {
    let answer = match name {
        Some(name) => read(session, name, selection.keep, view).await?,
        None => list(session, selection, view).await?,
    };
    view.heard(answer.asked_at).await?;
    let changes = view.board.replace(answer.leases, SystemClock.now());
    view.show(changes).await?;
    Ok(answer.resource_version)
}

async fn list(
    session: &Session,
    selection: &Selection,
    view: &mut View<'_>,
) -> Result<Answer, Error> {
    let asked_at = SystemClock.now();
    let mut rows = Vec::new();
    let listing = list::all(session, selection, |page, place| {
        if place.begin == Begin::Anew {
            rows.clear();
        }
        rows.extend(page);
        Ok(())
    });
    let listing = meanwhile(view, listing).await??;
    clock(session, view, listing.date, listing.stamps).await?;
    Ok(Answer {
        asked_at,
        leases: rows.into_iter().map(|row| row.lease).collect(),
        all: true,
        resource_version: listing.resource_version,
        date: listing.date,
    })
}

async fn read(
    session: &Session,
    name: &LeaseName,
    keep: Keep,
    view: &mut View<'_>,
) -> Result<Answer, Error> {
    let reading = ask::one(session, name, keep, session.request_limit);
    let answer = meanwhile(view, reading).await?.map_err(|fault| {
        if view.begun {
            let namespace = Some(session.namespace.clone());
            Error::Api { namespace, fault }
        } else {
            Error::lease(session.subject(name, None), End::Fault(fault))
        }
    })?;
    if answer.leases.is_empty() && !view.begun {
        absent(session, name).await?;
    }
    clock(session, view, answer.date, Stamps::Unknown).await?;
    Ok(answer)
}

/// Which clock to believe may matter later on, so it is settled now.
async fn clock(
    session: &Session,
    view: &mut View<'_>,
    date: Option<Timestamp>,
    known: Stamps,
) -> Result<(), Error> {
    let at = SystemClock.now();
    let known = if known == Stamps::Unknown && !view.board.knows_stamps() {
        meanwhile(view, stamps(session)).await?
    } else {
        known
    };
    view.board.set_clock(date, at, known);
    Ok(())
}

async fn watch(
    session: &Session,
    selection: &Selection,
    name: Option<&LeaseName>,
    view: &mut View<'_>,
    resource_version: &mut String,
) -> Result<Over, Broken> {
    let limit = session.request_limit.min(OPENING);
    let opening = session
        .store
        .watch_lines(selection, resource_version, limit);
    let lines = match meanwhile(view, opening).await.map_err(Broken::Output)? {
        Ok(lines) => lines,
        Err(fault) if fault.rejected() == Some(RejectionKind::Gone) => {
            return Ok(Over::Forgotten);
        }
        Err(fault) => return Err(Broken::Api(fault)),
    };
    let mut lines = std::pin::pin!(lines);
    let mut asking = None;
    let mut empty = true;
    let absent = resource_version.is_empty();
    loop {
        if asking.is_none() && view.must_ask() {
            asking = Some(Box::pin(ask::ask(session, selection, name)));
        }
        let line = tokio::select! {
            biased;
            () = SystemClock.sleep_until(view.next_tick) => {
                view.tick().await.map_err(Broken::Output)?;
                continue;
            }
            line = lines.next() => line,
            Some(answer) = async { Some(asking.as_mut()?.await) } => {
                asking = None;
                match told(view, answer).await.map_err(Broken::Output)? {
                    Told::Same => continue,
                    Told::Other(newer) => {
                        *resource_version = newer;
                        return Ok(Over::Ended);
                    }
                    Told::More => return Ok(Over::Forgotten),
                }
            }
        };
        let text = match line {
            Some(Ok(text)) => text,
            Some(Err(fault @ Fault::Foreign { .. })) => return Err(Broken::Api(fault)),
            Some(Err(_)) | None if empty => return Ok(Over::Empty),
            Some(Err(_)) | None => return Ok(Over::Ended),
        };
        // The watch is alive, and newer than any answer that is still on its way.
        (asking, empty) = (None, false);
        let Ok(Line { kind, object }) = serde_json::from_slice(&text) else {
            return Ok(Over::Forgotten);
        };
        if kind == "ERROR" {
            return Ok(Over::Forgotten);
        }
        let Ok(lease) = selection.keep.one(object.get().as_bytes()) else {
            return Ok(Over::Forgotten);
        };
        if absent {
            // It is there now: read, for the server's time comes with an answer only.
            return Ok(Over::Forgotten);
        }
        let now = SystemClock.now();
        if view.silence.was_cut_off(now) {
            // More may follow: how things are now is read, and not what they were when this was sent.
            return Ok(Over::Forgotten);
        }
        resource_version.clone_from(&lease.resource_version);
        view.heard(now).await.map_err(Broken::Output)?;
        let change = match kind {
            "ADDED" | "MODIFIED" => view.board.put(lease, now),
            "DELETED" => view.board.remove(&lease, now),
            _ => None,
        };
        view.show(change.into_iter().collect())
            .await
            .map_err(Broken::Output)?;
    }
}

/// What an answer means for a silent watch.
enum Told {
    /// There is nothing new, or no answer: the watch goes on.
    Same,
    /// The watch has missed something, or hangs: it goes on anew from here.
    Other(String),
    /// The answer does not tell all.
    More,
}

async fn told(view: &mut View<'_>, answer: Result<Answer, Fault>) -> Result<Told, Error> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(fault) => {
            view.trouble(&fault).await?;
            return Ok(Told::Same);
        }
    };
    let (at, hung) = (answer.asked_at, view.silence.fault().is_some());
    let same = view.board.agrees(&answer.leases, answer.all);
    if !answer.all && (!same || view.board.is_due(SystemClock.now())) {
        return Ok(Told::More);
    }
    view.heard(at).await?;
    let changes = if same {
        view.board.tick(at)
    } else {
        (view.board).set_clock(answer.date, SystemClock.now(), Stamps::Unknown);
        view.board.replace(answer.leases, SystemClock.now())
    };
    view.show(changes).await?;
    if same && !hung {
        return Ok(Told::Same);
    }
    Ok(Told::Other(answer.resource_version))
}
