//! From results to text: tables, JSON, YAML and plain words; printing itself happens in `terminal`.

pub mod can_i;
pub mod columns;
pub mod document;
pub mod format;
pub mod outcome;
pub mod prompt;
pub mod status;
pub mod terminal;
pub mod yaml;

/// Why a result was not shown.
#[derive(Debug)]
pub enum Failure {
    /// It could not be put into the format asked for.
    Unformatted(String),
    /// It could not be written to stdout.
    Unwritten(std::io::Error),
}
