//! Goes on showing Leases: on a terminal a table that is drawn anew in place and ticks, in a pipe a line for each change.

mod board;

use std::time::Duration;

use futures::StreamExt;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::board::{Board, Change};
use super::{list, selection, stamps};
use crate::cli::{SortBy, StatusArgs, StatusFormat};
use crate::clock::{Clock, SystemClock};
use crate::commands::Session;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::api::Fault;
use crate::lease::evidence::Stamps;
use crate::lease::operate::Interrupt;
use crate::lease::store::Selection;
use crate::lease::summary;
use crate::output::document::object_name;
use crate::output::status::table::{Layout, Printer};
use crate::output::status::{Row, document};
use crate::output::terminal;
use crate::signals;

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
    let interrupt = Interrupt::new(signals::listen()?);
    let mut view = View::new(args)?;
    let selection = selection(session, args);
    tokio::select! {
        biased;
        signal = interrupt.arrived(1) => Ok(Exit::signal(signal)),
        error = follow(session, &selection, &mut view) => Err(error),
    }
}

/// Never ends but by an error.
async fn follow(session: &Session, selection: &Selection, view: &mut View<'_>) -> Error {
    let mut resource_version = String::new();
    let mut said = false;
    loop {
        if resource_version.is_empty() {
            resource_version = match relist(session, selection, view).await {
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
        match watch(session, selection, view, &mut resource_version).await {
            Ok(Over::Ended) => said = false,
            Ok(Over::Forgotten) => resource_version.clear(),
            Err(Broken::Output(error)) => return error,
            Err(Broken::Api(fault)) => {
                trouble(&fault, &mut said);
                if !fault.is_passing() {
                    // No permission to watch: list every now and then.
                    resource_version.clear();
                }
                if let Err(error) = pause(view).await {
                    return error;
                }
            }
        }
    }
}

fn trouble(fault: &Fault, said: &mut bool) {
    if !std::mem::replace(said, true) {
        terminal::say(&format!("{fault}; trying again"));
    }
}

async fn pause(view: &mut View<'_>) -> Result<(), Error> {
    SystemClock.sleep_until(SystemClock.now() + PAUSE).await;
    view.tick()
}

async fn relist(
    session: &Session,
    selection: &Selection,
    view: &mut View<'_>,
) -> Result<String, Error> {
    let mut rows = Vec::new();
    let listing = list::all(session, selection, |page| {
        rows.extend(page);
        Ok(())
    })
    .await?;
    let at = SystemClock.now();
    // Which clock to believe may matter later on, so it is settled now.
    let stamps = if listing.stamps == Stamps::Unknown {
        stamps(session).await
    } else {
        listing.stamps
    };
    view.board.set_clock(listing.date, at, stamps);
    let changes = view.board.replace(
        rows.into_iter().map(|row| row.lease).collect(),
        SystemClock.now(),
    );
    view.show(changes)?;
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
    let opening = session.store.watch_lines(selection, resource_version);
    let lines = match tokio::time::timeout(session.request_limit, opening).await {
        Ok(Ok(lines)) => lines,
        Ok(Err(Fault::Rejected(rejection))) if rejection.code == 410 => return Ok(Over::Forgotten),
        Ok(Err(fault)) => return Err(Broken::Api(fault)),
        Err(_) => {
            return Err(Broken::Api(Fault::Unknown(
                "the watch did not begin".to_owned(),
            )));
        }
    };
    let mut lines = std::pin::pin!(lines);
    let mut next_tick = SystemClock.now() + TICK;
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            () = SystemClock.sleep_until(next_tick) => {
                next_tick = SystemClock.now() + TICK;
                view.tick().map_err(Broken::Output)?;
                continue;
            }
        };
        let Some(Ok(text)) = line else {
            return Ok(Over::Ended);
        };
        let Ok(Line { kind, object }) = serde_json::from_str(&text) else {
            return Ok(Over::Forgotten);
        };
        if kind == "ERROR" {
            return Ok(Over::Forgotten);
        }
        let Ok(lease) = summary::one(object.get().as_bytes()) else {
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
            .map_err(Broken::Output)?;
    }
}

/// What is shown, and how.
struct View<'a> {
    args: &'a StatusArgs,
    board: Board,
    lines: Printer,
    on_screen: bool,
    begun: bool,
    drawn: usize,
}

impl<'a> View<'a> {
    fn new(args: &'a StatusArgs) -> Result<Self, Error> {
        let table = matches!(args.output, None | Some(StatusFormat::Wide));
        if !table && !matches!(args.output, Some(StatusFormat::Json | StatusFormat::Name)) {
            return Err(Error::Usage(
                "--watch prints tables, or with -o json or name a line for each change".to_owned(),
            ));
        }
        let layout = Layout {
            width: None,
            colour: false,
            ..list::layout(args)
        };
        Ok(Self {
            args,
            board: Board::default(),
            lines: Printer::new(layout),
            on_screen: table && terminal::height().is_some(),
            begun: false,
            drawn: 0,
        })
    }

    /// Time has passed.
    fn tick(&mut self) -> Result<(), Error> {
        let changes = self.board.tick(SystemClock.now());
        self.show(changes)?;
        if self.on_screen { self.draw() } else { Ok(()) }
    }

    fn show(&mut self, changes: Vec<Change>) -> Result<(), Error> {
        let first = !std::mem::replace(&mut self.begun, true);
        if self.on_screen {
            return if first { self.draw() } else { Ok(()) };
        }
        let mut rows: Vec<Row> = changes.into_iter().map(|change| change.row).collect();
        rows.retain(|row| super::select::wanted(row, self.args));
        if first {
            super::select::sort(&mut rows, self.args.sort_by);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let text: String = match self.args.output {
            Some(StatusFormat::Json) => rows
                .iter()
                .map(|row| format!("{}\n", document::one(row)))
                .collect(),
            Some(StatusFormat::Name) => rows
                .iter()
                .map(|row| format!("{}\n", object_name(&row.lease.name)))
                .collect(),
            _ => self.lines.page(&rows, &[]),
        };
        terminal::print(&text)
    }

    /// The whole table, over the one that is there.
    fn draw(&mut self) -> Result<(), Error> {
        let now = SystemClock.now();
        let mut rows: Vec<(Row, Option<f64>)> = self
            .board
            .rows(now)
            .filter(|(row, _)| super::select::wanted(row, self.args))
            .collect();
        if self.args.sort_by != SortBy::Name {
            let mut sorted: Vec<Row> = rows.iter().map(|(row, _)| row.clone()).collect();
            super::select::sort(&mut sorted, self.args.sort_by);
            rows = sorted
                .into_iter()
                .map(|row| {
                    let rate = self.board.rate(&row.lease, now);
                    (row, rate)
                })
                .collect();
        }
        let all = rows.len();
        let room = usize::from(terminal::height().unwrap_or(24))
            .saturating_sub(3)
            .max(1);
        rows.truncate(room);
        let layout = Layout {
            rates: rows.iter().any(|(_, rate)| rate.is_some()),
            ..list::layout(self.args)
        };
        let (rows, rates): (Vec<Row>, Vec<Option<f64>>) = rows.into_iter().unzip();
        let mut text = if all == 0 {
            "No leases found\n".to_owned()
        } else {
            Printer::new(layout).page(&rows, &rates)
        };
        if all > room {
            text.push_str(&format!("… and {} more\n", all - room));
        }
        let lines = text.lines().count();
        let up = if self.drawn > 0 {
            format!("\x1b[{}A", self.drawn)
        } else {
            String::new()
        };
        self.drawn = lines;
        // Up to the first line, the table with each line's rest cleared, and everything below cleared.
        terminal::print(&format!("{up}\r{}\x1b[J", text.replace('\n', "\x1b[K\n")))
    }
}
