//! Follows Leases: a list, a watch from there on, and again whatever breaks off; what is shown of it is the view's.

mod board;
mod view;

use std::time::Duration;

use futures::StreamExt;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::view::View;
use super::list::{self, Begin};
use super::{selection, stamps};
use crate::cli::StatusArgs;
use crate::clock::{Clock, SystemClock};
use crate::commands::Session;
use crate::commands::saying::listen;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::api::Fault;
use crate::lease::evidence::Stamps;
use crate::lease::store::Selection;
use crate::lease::values::LeaseName;
use crate::output::terminal;

/// How often time is looked at: a Lease becomes Expired without any event.
const TICK: Duration = Duration::from_secs(1);

/// Between tries to watch again, and between lists where watching is not allowed.
const PAUSE: Duration = Duration::from_secs(2);

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
    /// The server has forgotten that state: list again, and say what changed meanwhile.
    Forgotten,
}

pub async fn run(session: &Session, args: &StatusArgs) -> Result<Exit, Error> {
    let interrupt = listen()?;
    let mut view = View::new(args);
    let selection = selection(session, args);
    tokio::select! {
        biased;
        signal = interrupt.arrived(1) => Ok(Exit::signal(signal)),
        error = follow(session, &selection, args.name.as_ref(), &mut view) => Err(error),
    }
}

/// Never ends but by an error.
async fn follow(
    session: &Session,
    selection: &Selection,
    name: Option<&LeaseName>,
    view: &mut View<'_>,
) -> Error {
    let mut resource_version = String::new();
    let mut said = false;
    loop {
        if resource_version.is_empty() {
            resource_version = match relist(session, selection, name, view).await {
                Ok(resource_version) => resource_version,
                // Once it has worked, an outage is waited out.
                Err(Error::Api { fault, .. }) if view.begun && fault.is_passing() => {
                    trouble(&fault, &mut said);
                    match pause(view).await {
                        Ok(()) => continue,
                        Err(error) => return error,
                    }
                }
                Err(error) => return error,
            };
        }
        let begun = SystemClock.now();
        let outcome = watch(session, selection, view, &mut resource_version).await;
        // A server that ends each watch at once must not be asked without a pause.
        let mut pausing = SystemClock.now().since(begun) < TICK;
        match outcome {
            Ok(Over::Ended) => said = false,
            Ok(Over::Forgotten) => resource_version.clear(),
            Err(Broken::Output(error)) => return error,
            Err(Broken::Api(fault)) => {
                trouble(&fault, &mut said);
                if !fault.is_passing() {
                    // No permission to watch: list every now and then.
                    resource_version.clear();
                }
                pausing = true;
            }
        }
        if pausing && let Err(error) = pause(view).await {
            return error;
        }
    }
}

fn trouble(fault: &Fault, said: &mut bool) {
    if !std::mem::replace(said, true) {
        let then = if fault.is_passing() {
            "trying again".to_owned()
        } else {
            format!("listing every {} s instead", PAUSE.as_secs())
        };
        terminal::say(&format!("{fault}; {then}"));
    }
}

async fn pause(view: &mut View<'_>) -> Result<(), Error> {
    let over = SystemClock.now() + PAUSE;
    meanwhile(view, SystemClock.sleep_until(over)).await
}

/// Waits for something, and lets time go on for what is shown: an outage stops no lease from expiring.
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

async fn relist(
    session: &Session,
    selection: &Selection,
    name: Option<&LeaseName>,
    view: &mut View<'_>,
) -> Result<String, Error> {
    let mut rows = Vec::new();
    let listing = list::all(session, selection, |page, begin| {
        if begin == Begin::Anew {
            rows.clear();
        }
        rows.extend(page);
        Ok(())
    });
    let listing = meanwhile(view, listing).await??;
    let at = SystemClock.now();
    if let Some(name) = name
        && listing.count == 0
        && !view.begun
    {
        absent(session, name).await?;
    }
    // Which clock to believe may matter later on, so it is settled now.
    let stamps = if listing.stamps == Stamps::Unknown && !view.board.knows_stamps() {
        meanwhile(view, stamps(session)).await?
    } else {
        listing.stamps
    };
    view.board.set_clock(listing.date, at, stamps);
    let changes = view.board.replace(
        rows.into_iter().map(|row| row.lease).collect(),
        SystemClock.now(),
    );
    view.show(changes).await?;
    Ok(listing.resource_version)
}

enum Broken {
    Api(Fault),
    Output(Error),
}

async fn watch(
    session: &Session,
    selection: &Selection,
    view: &mut View<'_>,
    resource_version: &mut String,
) -> Result<Over, Broken> {
    let opening = session
        .store
        .watch_lines(selection, resource_version, session.request_limit);
    let lines = match meanwhile(view, opening).await.map_err(Broken::Output)? {
        Ok(lines) => lines,
        Err(Fault::Rejected(rejection)) if rejection.code == 410 => return Ok(Over::Forgotten),
        Err(fault) => return Err(Broken::Api(fault)),
    };
    let mut lines = std::pin::pin!(lines);
    loop {
        let line = meanwhile(view, lines.next())
            .await
            .map_err(Broken::Output)?;
        let text = match line {
            Some(Ok(text)) => text,
            Some(Err(fault @ Fault::Foreign { .. })) => return Err(Broken::Api(fault)),
            Some(Err(_)) | None => return Ok(Over::Ended),
        };
        let Ok(Line { kind, object }) = serde_json::from_slice(&text) else {
            return Ok(Over::Forgotten);
        };
        if kind == "ERROR" {
            return Ok(Over::Forgotten);
        }
        let Ok(lease) = selection.keep.one(object.get().as_bytes()) else {
            return Ok(Over::Forgotten);
        };
        resource_version.clone_from(&lease.resource_version);
        let now = SystemClock.now();
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
