//! `kubectl lease options`

use crate::error::Error;
use crate::exit::Exit;
use crate::output::terminal;
use crate::usage;

pub fn run() -> Result<Exit, Error> {
    let text = format!(
        "These flags may be given to every subcommand:\n\n{}",
        usage::options()
    );
    terminal::print(&terminal::in_locale(text))?;
    Ok(Exit::DONE)
}
