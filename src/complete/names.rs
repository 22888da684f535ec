//! Names from the kubeconfig and from the server: within a second, or none.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::core::Resource;
use serde_json::Value;

use super::Candidate;
use super::values::Section;
use crate::lease::api::{Fault, RejectionKind};
use crate::server::Client;
use crate::server::{Connection, ConnectionOptions, kubeconfig};

/// Whoever presses TAB does not wait longer for a server, exec plugin included.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asked for at once; a namespace with more is listed in several pages, as far as the second goes.
const PAGE: u32 = 500;

/// The names in the kubeconfig.
pub fn configured(options: &ConnectionOptions, section: Section) -> Vec<Candidate> {
    let Ok(Some(config)) = kubeconfig::read(options) else {
        return Vec::new();
    };
    match section {
        Section::Contexts => config
            .contexts
            .into_iter()
            .filter_map(|named| {
                let context = named.context.unwrap_or_default();
                let namespace = context.namespace.unwrap_or_else(|| "default".to_owned());
                Candidate::found(named.name, &format!("{} {namespace}", context.cluster))
            })
            .collect(),
        Section::Clusters => config
            .clusters
            .into_iter()
            .filter_map(|named| {
                let server = named.cluster.and_then(|cluster| cluster.server);
                Candidate::found(named.name, &server.unwrap_or_default())
            })
            .collect(),
        Section::Users => config
            .auth_infos
            .into_iter()
            .filter_map(|named| Candidate::found(named.name, ""))
            .collect(),
    }
}

/// The Leases of the namespace, each with its holder.
pub fn leases(options: &ConnectionOptions) -> Vec<Candidate> {
    let found = within_a_second(options, async |store, namespace| {
        list(&store, &leases_path(&namespace)).await
    });
    let found = found.unwrap_or_default();
    let lease = |item: &Value| {
        let about = match holder(item) {
            Some(holder) => format!("held by {holder}"),
            None => "free".to_owned(),
        };
        Candidate::found(name(item)?, &about)
    };
    found.iter().filter_map(lease).collect()
}

/// Who holds the Lease of that name, or any of the namespace's.
pub fn holders(options: &ConnectionOptions, of: Option<&str>) -> Vec<Candidate> {
    let found = within_a_second(options, async |store, namespace| {
        let path = leases_path(&namespace);
        match of {
            Some(lease) => {
                let path = format!("{path}/{}", encoded(lease));
                let lease = store.object(&path, PATIENCE).await?;
                Ok(lease.into_iter().collect())
            }
            None => list(&store, &path).await,
        }
    });
    let found = found.unwrap_or_default();
    let candidate = |item: &Value| {
        let about = format!("holds {}", name(item)?);
        Candidate::found(holder(item)?, &about)
    };
    found.iter().filter_map(candidate).collect()
}

/// The cluster's namespaces; where they must not be listed, those that the kubeconfig names.
pub fn namespaces(options: &ConnectionOptions) -> Vec<Candidate> {
    let found = within_a_second(options, async |store, _| {
        list(&store, "/api/v1/namespaces").await
    });
    let names: Vec<String> = match found {
        Ok(found) => found.iter().filter_map(name).collect(),
        Err(NoNames::Forbidden) => configured_namespaces(options),
        Err(NoNames::Other) => Vec::new(),
    };
    let plain = |name| Candidate::found(name, "");
    names.into_iter().filter_map(plain).collect()
}

fn configured_namespaces(options: &ConnectionOptions) -> Vec<String> {
    let config = kubeconfig::read(options).ok().flatten().unwrap_or_default();
    let contexts = config.contexts.into_iter();
    contexts
        .filter_map(|named| named.context?.namespace)
        .collect()
}

/// Why the server named nothing.
enum NoNames {
    Forbidden,
    Other,
}

/// Asks the server, and gives up after a second whatever it is that takes longer.
fn within_a_second(
    options: &ConnectionOptions,
    ask: impl AsyncFnOnce(Client, String) -> Result<Vec<Value>, Fault>,
) -> Result<Vec<Value>, NoNames> {
    let runtime = crate::runtime().map_err(|_| NoNames::Other)?;
    // The terminal is the line editor's.
    crate::server::nobody_to_ask();
    let asking = async {
        let connection = Connection::load(options)
            .await
            .map_err(|_| NoNames::Other)?;
        let namespace = connection.namespace().to_owned();
        match ask(Client::new(connection), namespace).await {
            Ok(found) => Ok(found),
            Err(fault) if fault.rejected() == Some(RejectionKind::Forbidden) => {
                Err(NoNames::Forbidden)
            }
            Err(_) => Err(NoNames::Other),
        }
    };
    let found = runtime.block_on(async { tokio::time::timeout(PATIENCE, asking).await });
    // A name lookup that still runs is not waited for; an exec plugin is ended, with all that it started.
    runtime.shutdown_background();
    crate::server::plugin::end_all();
    found.unwrap_or(Err(NoNames::Other))
}

/// Every page of a collection.
async fn list(store: &Client, path: &str) -> Result<Vec<Value>, Fault> {
    let mut items = Vec::new();
    let mut next = String::new();
    loop {
        let page = format!("{path}?limit={PAGE}{next}");
        let Some(mut page) = store.object(&page, PATIENCE).await? else {
            return Ok(items);
        };
        if let Value::Array(more) = page["items"].take() {
            items.extend(more);
        }
        match page["metadata"]["continue"].as_str() {
            Some(token) if !token.is_empty() => next = format!("&continue={}", encoded(token)),
            _ => return Ok(items),
        }
    }
}

fn leases_path(namespace: &str) -> String {
    Lease::url_path(&(), Some(namespace))
}

fn encoded(text: &str) -> impl std::fmt::Display {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn name(item: &Value) -> Option<String> {
    item["metadata"]["name"].as_str().map(str::to_owned)
}

fn holder(item: &Value) -> Option<&str> {
    let holder = item["spec"]["holderIdentity"].as_str()?;
    (!holder.is_empty()).then_some(holder)
}
