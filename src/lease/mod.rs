//! THE lease-operations module, shared by every subcommand: a Lease's fields, evidence, decisions, the API and the drivers.

pub mod api;
pub mod decide;
pub mod events;
pub mod evidence;
pub mod keeper;
pub mod operate;
pub mod record;
pub mod report;
pub mod values;
pub mod whereabouts;

pub use record::summary;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub mod testing;
