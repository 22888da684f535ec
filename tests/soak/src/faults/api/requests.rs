//! Which requests a fault meets, by the first word of its kind.

use lease_harness::{Match, Request};
use serde_json::Value;

/// A sort of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requests {
    /// Reads of a Lease, or of several.
    Get,
    /// Every replace of a Lease, but for tries.
    Put,
    /// A replace that takes the Lease.
    Grant,
    /// A replace that leaves it free.
    Release,
    /// A replace that says that a robbed holder has stopped.
    Acknowledgement,
    /// A dry run.
    Try,
    /// A creation of a Lease.
    Post,
    /// An Event.
    Event,
    /// The begin of a watch.
    Watch,
}

/// By the first word of a kind.
pub fn named(word: &str) -> Option<Requests> {
    Some(match word {
        "get" => Requests::Get,
        "put" => Requests::Put,
        "grant" => Requests::Grant,
        "release" => Requests::Release,
        "acknowledgement" => Requests::Acknowledgement,
        "try" => Requests::Try,
        "post" => Requests::Post,
        "event" => Requests::Event,
        "watch" => Requests::Watch,
        _ => return None,
    })
}

impl Requests {
    /// Chooses them.
    pub fn matching(self) -> Match {
        Match::when(move |request| self.has(request))
    }

    /// Whether a request is of this sort.
    pub fn has(self, request: &Request) -> bool {
        let of_leases = request.path.contains("/leases");
        let put = || of_leases && request.method == "PUT" && !is_try(request);
        match self {
            Requests::Get => of_leases && request.method == "GET" && !request.is_watch(),
            Requests::Put => put(),
            Requests::Grant => put() && is_grant(&request.json()["spec"]),
            Requests::Release => put() && is_free(&request.json()["spec"]),
            Requests::Acknowledgement => put() && acknowledges(&request.json()),
            Requests::Try => of_leases && request.method != "GET" && is_try(request),
            Requests::Post => of_leases && request.method == "POST" && !is_try(request),
            Requests::Event => request.is_of_events(),
            Requests::Watch => of_leases && request.is_watch(),
        }
    }
}

fn is_try(request: &Request) -> bool {
    request.query.split('&').any(|pair| pair == "dryRun=All")
}

/// A grant is acquired when it is first renewed.
fn is_grant(spec: &Value) -> bool {
    !is_free(spec) && !spec["acquireTime"].is_null() && spec["acquireTime"] == spec["renewTime"]
}

fn is_free(spec: &Value) -> bool {
    spec["holderIdentity"].as_str().is_none_or(str::is_empty)
}

fn acknowledges(lease: &Value) -> bool {
    !lease["metadata"]["annotations"]["kubectl-lease/stopped"].is_null()
}
