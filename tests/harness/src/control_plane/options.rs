//! What a control plane is started for.

use std::path::{Path, PathBuf};

/// How a control plane is started; the default is for tests, which ask for a Lease's state and not for its past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaneOptions {
    /// Keeps the past: kube-apiserver writes each change of a Lease into its audit log before it takes another request
    /// of that connection, and etcd keeps every revision, as JSON. Both grow until the end.
    pub history: bool,
}

/// Where the audit log of a control plane in this folder is.
pub(super) fn audit_log(folder: &Path) -> PathBuf {
    folder.join("audit.log")
}

/// Where its policy is.
pub(super) fn audit_policy(folder: &Path) -> PathBuf {
    folder.join("audit-policy.yaml")
}

/// Writes of Leases with what was sent and stored, once each when they are over; nothing else. Tries are among them.
pub(super) const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: RequestResponse
  verbs: [create, update, patch, delete, deletecollection]
  resources:
  - group: coordination.k8s.io
    resources: [leases]
- level: None
";
