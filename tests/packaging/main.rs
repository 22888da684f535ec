//! What a release consists of, from the scripts that make it; tests/newcomer.rs installs an archive.
#![cfg(unix)]
#![expect(
    clippy::disallowed_macros,
    clippy::unwrap_used,
    reason = "tests say what they skip, and fail where something is not there"
)]

mod archives;
mod debian;
mod formula;
mod image;
mod manifest;
mod support;
