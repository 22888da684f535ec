//! What to do when the server does not know who is asking, or the path that is asked for.

use super::{Connection, filled, plugin};
use crate::hint;

impl Connection {
    /// What to do when the server does not know who is asking.
    pub fn unauthorized(&self) -> String {
        let known = self.known().clone();
        let (user, in_pod) = (&known.user(), known.resolved.in_pod);
        let Self { whose, .. } = self;
        let certificate = filled(&user.client_certificate) || filled(&user.client_certificate_data);
        if self.config.cluster_url.scheme_str() == Some("http") && user.username.is_none() {
            // Nothing of the user went out (`kubeconfig::server::settle`), and `kubectl proxy` needs nothing.
            "Over plain http no credentials are sent, as with kubectl: use the server's https:// address (--server, or server of the cluster in the kubeconfig)".to_owned()
        } else if user.exec.is_some() || user.auth_provider.is_some() {
            let plugin = plugin::name(user);
            format!(
                "The server does not accept what {plugin} gives for {whose}: log in again with that plugin"
            )
        } else if in_pod && self.options.token.is_none() {
            "The server does not accept the token of this pod: its service account may have been deleted, or the token is for another cluster; restart the pod to get a new one".to_owned()
        } else if user.token.is_some() || user.token_file.is_some() {
            format!(
                "The server does not accept the token of {whose}: it may have expired, or be for another cluster; log in again"
            )
        } else if certificate {
            let whose = match self.options.client_certificate {
                Some(_) => "the command line",
                None => whose,
            };
            format!(
                "The server does not accept the client certificate of {whose}: it may have expired (openssl x509 -noout -enddate tells), or be for another cluster"
            )
        } else if user.username.is_some() {
            format!("The server does not accept the password of {whose}; few servers accept any")
        } else if known.resolved.user.is_none() {
            "The request names no user: give --token, or choose a user of the kubeconfig with --user or --context".to_owned()
        } else {
            format!("There are no credentials for {whose}: log in, or give --token")
        }
    }

    /// What to do when the server does not know the path that is asked for.
    pub fn not_served(&self) -> String {
        let server = self.server();
        // Rancher and the like have one; more often it was pasted with the address.
        match self.config.cluster_url.path().trim_end_matches('/') {
            "" => format!(
                "Leases need Kubernetes 1.14 or newer: is {server} an API server, and is that its whole address? {}",
                hint::kubectl("version")
            ),
            path => format!(
                "The server does not know what is below {path:?}: try the address without that path, in the server of the kubeconfig or --server"
            ),
        }
    }
}
