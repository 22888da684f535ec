//! The slots of a name: those that are there, in their order, and what does not fit together.

use super::beside::{Answer, beside};
use super::list::Output;
use super::select::{slot, wanted};
use super::{leases, list_error, listed, waiters};
use crate::cli::StatusArgs;
use crate::commands::Session;
use crate::error::Error;
use crate::exit::Exit;
use crate::hint;
use crate::lease::decide::{Refusal, SlotsRefusal};
use crate::lease::evidence::Stamps;
use crate::lease::operate::End;
use crate::lease::operate::list::Listing;
use crate::lease::report::{Row, State};
use crate::lease::values::{LeaseName, QueueName, SlotCount};
use crate::output::format::StatusFormat;
use crate::output::status::in_line;
use crate::output::terminal;
use crate::words;

pub async fn run(session: &Session, name: &LeaseName, args: &StatusArgs) -> Result<Exit, Error> {
    let table = matches!(args.output, None | Some(StatusFormat::Wide));
    let in_line = async {
        match table && waiters::are_wanted(args) {
            true => waiters::of(session, &QueueName::of_slots(name), Stamps::Unknown).await,
            false => Answer::Nothing,
        }
    };
    let nothing = async { Answer::<Row>::Nothing };
    let (mut rows, in_line, _) = beside(there(session, args), in_line, nothing).await?;
    if rows.is_empty() {
        if args.ignore_not_found {
            return Ok(Exit::DONE);
        }
        let end = End::Refused(Refusal::Slots(SlotsRefusal::None));
        return Err(session.error(session.subject(name, None), end).await);
    }
    rows.sort_by_key(|row| slot(row, args));
    let (exit, lines) = (exit_of(&rows), remarks(session, name, &rows, args));
    let mut output = Output::new(args);
    output.page(rows, None)?;
    output.end()?;
    if table {
        lines.iter().for_each(|line| terminal::say(line));
        // There is nothing to say of slots that nobody waits for.
        let in_line = in_line
            .told()
            .filter(|told| told.as_ref().map_or(true, |all| !all.is_empty()));
        if let Some(in_line) = in_line {
            let columns = terminal::width().map(usize::from);
            let text = in_line::below(name.as_str(), &in_line, columns);
            text.lines().for_each(terminal::say);
        }
    }
    Ok(if args.exit_code { exit } else { Exit::DONE })
}

/// Those that are there.
async fn there(session: &Session, args: &StatusArgs) -> Result<Vec<Row>, Error> {
    let mut rows: Vec<Row> = Vec::new();
    let mut listing = Listing::new(leases(session, args), listed(session, args));
    loop {
        let (page, place) = match listing.next().await {
            Ok(Some(page)) => page,
            Ok(None) => return Ok(rows),
            Err(fault) => return Err(list_error(session, args, fault)),
        };
        if place.anew {
            rows.clear();
        }
        rows.extend(page.into_iter().filter(|row| wanted(row, args)));
    }
}

/// Whether one could be had: free if any is, else expired if any is.
fn exit_of(rows: &[Row]) -> Exit {
    let any = |state: State| rows.iter().any(|row| row.condition.state == state);
    if any(State::Free) {
        Exit::FREE
    } else if any(State::Expired) {
        Exit::EXPIRED
    } else {
        Exit::DONE
    }
}

/// How many there are, as the first says that is there and says so; and what does not fit to that.
fn remarks(session: &Session, name: &LeaseName, rows: &[Row], args: &StatusArgs) -> Vec<String> {
    let says = |row: &Row| row.lease.slots.clone();
    let Some((first, said)) = rows.iter().find_map(|row| Some((row, says(row)?))) else {
        return vec![format!(
            "No lease says how many slots of \"{name}\" there are; the first that is acquired with --slots does"
        )];
    };
    let Ok(count) = said.parse::<SlotCount>() else {
        let lease = &first.lease.name;
        let said = words::cut(&said, 20);
        return vec![format!(
            "lease {lease:?} says that there are {said:?} slots: that is no number of slots"
        )];
    };
    let free = rows.iter().filter(|row| {
        row.condition.state == State::Free && slot(row, args).is_some_and(|slot| slot < count.get())
    });
    let mut lines = vec![format!(
        "Of {count} slots of \"{name}\": {} free",
        free.count()
    )];
    for row in rows {
        let lease = &row.lease.name;
        if let Some(other) = says(row).filter(|other| *other != said) {
            let other = match other.parse::<SlotCount>() {
                Ok(count) => count.to_string(),
                Err(_) => format!("{:?}", words::cut(&other, 20)),
            };
            lines.push(format!(
                "lease {lease:?} says that there are {other} slots, and {:?} that there are {count}: neither number can be acquired",
                first.lease.name
            ));
        } else if slot(row, args).is_some_and(|slot| slot >= count.get()) {
            lines.push(format!(
                "lease {lease:?} is none of the {count} slots: whoever holds it is beside them"
            ));
        }
    }
    let there = |index: &usize| rows.iter().any(|row| slot(row, args) == Some(*index));
    let missing = (0..count.get()).filter(|index| !there(index));
    let missing: Vec<String> = missing.map(|index| format!("\"{name}-{index}\"")).collect();
    if !missing.is_empty() {
        let create = hint::lease("create", name.as_str(), &session.namespace);
        lines.push(format!(
            "Missing: {}. Create them: {create} --slots {count} --ignore-existing",
            missing.join(", ")
        ));
    }
    lines
}
