//! What the server answers, asked over loopback: every test starts a server of its own.

mod access;
mod applies;
mod client;
mod commits;
mod creates;
mod deletes;
mod discovery;
mod events;
mod handle;
mod lists;
mod managed_fields;
mod objects;
mod outages;
mod patches;
mod reads;
mod replaces;
mod reviews;
mod versions;
mod watches;
