//! `kubectl lease man`: the man pages, for whoever packages the plugin.

use clap::CommandFactory;

use crate::cli::{Cli, ManArgs};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::terminal;

pub fn run(args: &ManArgs) -> Result<Exit, Error> {
    let failed = |error: std::io::Error| {
        Error::Local(format!(
            "cannot write man pages to {}: {error}",
            args.dir.display()
        ))
    };
    std::fs::create_dir_all(&args.dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &args.dir).map_err(failed)?;
    terminal::print(&format!("man pages written to {}\n", args.dir.display()))?;
    Ok(Exit::DONE)
}
