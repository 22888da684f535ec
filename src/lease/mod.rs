//! THE lease-operations module, shared by every subcommand: record, evidence, decisions, the store and the driver.

pub mod api;
pub mod decide;
pub mod evidence;
pub mod keeper;
pub mod operate;
pub mod record;
pub mod report;
pub mod summary;
pub mod values;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub mod testing;
