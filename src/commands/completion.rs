//! `kubectl lease completion`: the scripts of the shells.

mod install;

use clap::CommandFactory;
use clap_complete::Shell as Target;

use crate::cli::{Cli, CompletionArgs, Shell};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::terminal;

pub fn run(args: &CompletionArgs) -> Result<Exit, Error> {
    // clap requires the shell unless there is an action, of which there is one.
    let Some(shell) = args.shell else {
        return install::run();
    };
    let target = match shell {
        Shell::Bash => Target::Bash,
        Shell::Zsh => Target::Zsh,
        Shell::Fish => Target::Fish,
        Shell::Power => Target::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(target, &mut Cli::command(), "kubectl-lease", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::DONE)
}
