//! The candidates of a coordinated election, as their LeaseCandidates name them.

use std::time::Duration;

use super::super::api::{Fault, Objects, RejectionKind};

/// The versions that have had them, newest first.
pub const VERSIONS: [&str; 3] = ["v1beta1", "v1alpha2", "v1alpha1"];

/// So many are asked for at a time.
const PAGE: u32 = 500;

/// The identities of the candidates for this Lease, sorted; `None` where the server has no LeaseCandidates.
///
/// # Errors
/// As every request.
pub async fn candidates(
    api: &impl Objects,
    namespace: &str,
    lease: &str,
    limit: Duration,
) -> Result<Option<Vec<String>>, Fault> {
    for version in VERSIONS {
        let path =
            format!("/apis/coordination.k8s.io/{version}/namespaces/{namespace}/leasecandidates");
        if let Some(found) = of_version(api, &path, lease, limit).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn of_version(
    api: &impl Objects,
    path: &str,
    lease: &str,
    limit: Duration,
) -> Result<Option<Vec<String>>, Fault> {
    let mut found = Vec::new();
    let mut from: Option<String> = None;
    loop {
        let page = match api.objects(path, PAGE, from.as_deref(), limit).await {
            Ok(page) => page,
            Err(fault) => match fault.rejected() {
                Some(RejectionKind::NotServed | RejectionKind::LeaseMissing) => return Ok(None),
                _ => return Err(fault),
            },
        };
        let items = page["items"].as_array().into_iter().flatten();
        let of_lease = items.filter(|item| item["spec"]["leaseName"] == *lease);
        // The control plane writes the name of the candidate that it elects as the holder.
        found.extend(
            of_lease.filter_map(|item| Some(item["metadata"]["name"].as_str()?.to_owned())),
        );
        match page["metadata"]["continue"].as_str() {
            Some(token) if !token.is_empty() && from.as_deref() != Some(token) => {
                from = Some(token.to_owned());
            }
            _ => break,
        }
    }
    found.sort();
    found.dedup();
    Ok(Some(found))
}
