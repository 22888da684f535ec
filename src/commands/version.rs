//! `kubectl lease version`

use serde_json::json;

use crate::cli::VersionArgs;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{document, terminal};

pub fn run(args: &VersionArgs) -> Result<Exit, Error> {
    let version = env!("CARGO_PKG_VERSION");
    let text = match &args.output {
        None => format!("kubectl-lease v{version}\n"),
        Some(format) => document::value(&json!({ "version": format!("v{version}") }), format)?,
    };
    terminal::print(&text)?;
    Ok(Exit::DONE)
}
