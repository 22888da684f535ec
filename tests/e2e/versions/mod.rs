//! Every Kubernetes from 1.20 to 1.37: what a server of each does, and what the tool makes of it (docs/kubernetes.md has the
//! table). All on in-process servers of those versions; what holds on 1.20 runs on the real one too where there is one.

mod asking;
mod elections;
mod journey;
mod page;
mod stamps;

use crate::support::VERBS;
use lease_harness::lease_api_server::Options;
use lease_harness::{Cluster, Namespace, Rule, User};
use std::ops::RangeInclusive;

/// The minor versions of Kubernetes 1 that the page is about.
pub const MINORS: RangeInclusive<u32> = 20..=37;

/// A namespace on a server with these options, and a user with every verb on its Leases.
pub fn on(options: Options) -> (Namespace, User) {
    lease_harness::set_binary(env!("CARGO_BIN_EXE_kubectl-lease"));
    let ns = Cluster::in_process(options).namespace();
    let user = ns.user_with(&[
        Rule::leases(&VERBS),
        Rule::leases(&VERBS).on(&["leasecandidates"]),
    ]);
    (ns, user)
}

/// The same on a server of this minor version, as it is where nobody has switched anything.
pub fn of(minor: u32) -> (Namespace, User) {
    on(Options::of_kubernetes(minor))
}
