//! Names from the kubeconfig and from the server: within a second, or none.

use std::time::Duration;

use futures::TryStreamExt;

use super::Candidate;
use super::values::Section;
use crate::clock::SystemClock;
use crate::lease::api::{Fault, RejectionKind};
use crate::lease::decide::Seen;
use crate::lease::operate::list::{self, Listed};
use crate::lease::operate::{Operations, objects};
use crate::lease::record::Keep;
use crate::lease::summary::{Class, Summary};
use crate::lease::values::LeaseName;
use crate::runtime;
use crate::server::{Client, Connection, ConnectionOptions, Selection, kubeconfig};

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
    let found = within_a_second(options, all_leases).unwrap_or_default();
    let lease = |lease: Summary| {
        let about = match &lease.holder {
            Some(holder) => format!("held by {holder}"),
            None => "free".to_owned(),
        };
        Candidate::found(lease.name, &about)
    };
    found.into_iter().filter_map(lease).collect()
}

/// Who holds the Lease of that name, or any of the namespace's.
pub fn holders(options: &ConnectionOptions, of: Option<&str>) -> Vec<Candidate> {
    let found = within_a_second(options, async |client, namespace| {
        let Some(name) = of else {
            return all_leases(client, namespace).await;
        };
        // It becomes part of a path.
        let Ok(name) = name.parse::<LeaseName>() else {
            return Ok(Vec::new());
        };
        let lease = client.lease(&namespace, name.as_str());
        let operations = Operations::new(lease, SystemClock, PATIENCE);
        Ok(match operations.read(None, PATIENCE).await? {
            Seen::Lease(seen) => vec![Keep::Facts.of(seen.record())],
            Seen::Absent => Vec::new(),
        })
    });
    let candidate = |lease: Summary| {
        let about = format!("holds {}", lease.name);
        Candidate::found(lease.holder?, &about)
    };
    let found = found.unwrap_or_default();
    found.into_iter().filter_map(candidate).collect()
}

/// The cluster's namespaces; where they must not be listed, those that the kubeconfig names.
pub fn namespaces(options: &ConnectionOptions) -> Vec<Candidate> {
    let found = within_a_second(options, async |client, _| {
        objects::names(&client, "/api/v1/namespaces", PAGE, PATIENCE).await
    });
    let names = match found {
        Ok(names) => names,
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
fn within_a_second<T>(
    options: &ConnectionOptions,
    ask: impl AsyncFnOnce(Client, String) -> Result<Vec<T>, Fault>,
) -> Result<Vec<T>, NoNames> {
    let runtime = runtime::new().map_err(|_| NoNames::Other)?;
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

/// All but places in line, which nobody names.
async fn all_leases(client: Client, namespace: String) -> Result<Vec<Summary>, Fault> {
    let selection = Selection {
        namespace: Some(namespace),
        ..Selection::default()
    };
    let listed = Listed {
        keep: Keep::Facts,
        page_size: Some(PAGE),
        limit: PATIENCE,
    };
    let pages = list::facts(client.leases(selection), listed);
    let pages = pages.map_ok(|page| page.facts.items);
    let mut all = pages.try_concat().await?;
    all.retain(|lease| lease.class != Class::Waiter);
    Ok(all)
}
