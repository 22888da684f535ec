//! kubectl's connection flags, as the connection takes them.

use std::path::PathBuf;

/// kubectl's connection flags, as given.
#[derive(Clone, Debug, Default)]
pub struct ConnectionOptions {
    /// `--kubeconfig`
    pub kubeconfig: Option<PathBuf>,
    /// `--context`
    pub context: Option<String>,
    /// `--cluster`
    pub cluster: Option<String>,
    /// `--user`
    pub user: Option<String>,
    /// `--namespace`
    pub namespace: Option<String>,
    /// `--server`
    pub server: Option<String>,
    /// `--token`
    pub token: Option<String>,
    /// `--username`
    pub username: Option<String>,
    /// `--password`
    pub password: Option<String>,
    /// `--as`
    pub impersonate: Option<String>,
    /// `--as-group`
    pub impersonate_groups: Vec<String>,
    /// `--as-uid`
    pub impersonate_uid: Option<String>,
    /// `--as-user-extra`, keys and values
    pub impersonate_extra: Vec<(String, String)>,
    /// `--certificate-authority`
    pub certificate_authority: Option<String>,
    /// `--client-certificate`
    pub client_certificate: Option<String>,
    /// `--client-key`
    pub client_key: Option<String>,
    /// `--tls-server-name`
    pub tls_server_name: Option<String>,
    /// `--insecure-skip-tls-verify`
    pub insecure_skip_tls_verify: bool,
}
