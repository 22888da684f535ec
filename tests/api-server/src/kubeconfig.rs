//! The text of a kubeconfig for one user of a server.

use base64::{Engine, engine::general_purpose::STANDARD};

/// YAML that needs no other file. Values are quoted as JSON strings, which YAML reads as they are.
pub(crate) fn text(
    url: &str,
    ca_pem: Option<&str>,
    user: &str,
    token: &str,
    namespace: &str,
) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let authority = ca_pem
        .map(|pem| format!("\n    certificate-authority-data: {}", STANDARD.encode(pem)))
        .unwrap_or_default();
    format!(
        "apiVersion: v1
kind: Config
current-context: lease-api-server
clusters:
- name: lease-api-server
  cluster:
    server: {url}{authority}
users:
- name: {user}
  user:
    token: {token}
contexts:
- name: lease-api-server
  context:
    cluster: lease-api-server
    user: {user}
    namespace: {namespace}
",
        user = quoted(user),
        token = quoted(token),
        namespace = quoted(namespace),
    )
}
