//! Several leases in one `hold` or `acquire`: all or none.

mod beside;
mod handed_on;
mod interrupted;
mod labelled;
mod losing;
#[cfg(unix)] // a shell that makes a folder
mod pair;
mod scene;
mod taking;
mod waiting;
