//! From results to text: tables, JSON, YAML and plain words; printing itself happens in `terminal`.

pub mod document;
pub mod prompt;
pub mod status;
pub mod terminal;
pub mod words;
pub mod yaml;
