//! The Leases that were named, in that order: as a list of those, and an error for each that is not to be had.

use super::keep;
use super::list::Output;
use crate::cli::StatusArgs;
use crate::commands::Session;
use crate::commands::several::{Errors, Next};
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::values::LeaseName;
use crate::output::format::StatusFormat;

pub async fn run(
    session: &Session,
    names: &[&LeaseName],
    args: &StatusArgs,
) -> Result<Exit, Error> {
    let mut rows = Vec::new();
    let mut errors = Errors::default();
    let mut stopped = false;
    for (index, name) in names.iter().enumerate() {
        let error = match session.look(name, keep(args)).await {
            Ok(look) => {
                rows.push(look.row);
                continue;
            }
            Err(error) if args.ignore_not_found && error.exit() == Exit::NOT_FOUND => continue,
            Err(error) => error,
        };
        if errors.say(&error) == Next::Stop {
            errors.left_out(&names[index + 1..]);
            stopped = true;
            break;
        }
    }
    // As kubectl: an empty list says that none of them is there, and a table of none says nothing.
    let table = matches!(
        args.output,
        None | Some(StatusFormat::Wide | StatusFormat::Name)
    );
    let silent = table || stopped || args.ignore_not_found;
    if !(rows.is_empty() && silent) {
        let mut output = Output::new(args);
        output.page(rows, None)?;
        output.end()?;
    }
    Ok(errors.exit().unwrap_or(Exit::DONE))
}
