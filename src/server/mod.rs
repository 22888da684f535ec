//! The API server as it is reached: where it is, who we are there, and `lease::api` over HTTP. Knows nothing of commands,
//! nor of what is printed.

pub(crate) mod cause;
mod certified;
#[cfg(test)]
mod certified_tests;
mod client;
mod connection;
mod credentials;
mod der;
mod dial;
pub(crate) mod error;
mod fair;
mod faults;
mod file;
mod files;
#[cfg(all(test, unix))]
mod first_contact_tests;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod header;
#[cfg(test)]
mod input_tests;
pub(crate) mod kubeconfig;
mod late;
mod names;
mod options;
pub(crate) mod plugin;
pub(crate) mod progress;
mod proxy;
mod ready;
mod refused;
mod stack;
#[cfg(test)]
mod testing;
mod tls;
mod yaml;

use crate::lease::api::Unusable;

pub use client::{ChangesClient, Client, LeaseClient, LeasesClient, QueueClient, Selection};
pub use connection::{Connection, Link};
pub use credentials::{PERSON, Wanted, lease_is_held, nobody_to_ask};
pub use error::ConfigError;
pub use kubeconfig::{namespace_alone, pod_namespace};
pub use late::Late;
pub use options::ConnectionOptions;
use stack::Lasting;

/// The kubeconfig's way of leaving something out is also to say nothing.
fn filled(text: &Option<String>) -> bool {
    text.as_deref().is_some_and(|text| !text.is_empty())
}

fn unusable(detail: String) -> Unusable {
    Unusable {
        detail,
        said: Vec::new(),
    }
}
