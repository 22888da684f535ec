//! Several leases in one `hold` or `acquire`: all or none.

mod handed_on;
mod interrupted;
mod losing;
mod pair;
mod scene;
mod taking;
mod waiting;
