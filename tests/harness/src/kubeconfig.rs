//! Kubeconfigs as JSON, which every YAML reader takes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// How the user of a kubeconfig shows who they are.
pub(crate) enum Credentials<'a> {
    Token(&'a str),
    Certificate { certificate: &'a str, key: &'a str },
}

/// One cluster, one user, one context named `test` that is the current one.
pub(crate) fn kubeconfig(
    url: &str,
    ca_pem: Option<&str>,
    namespace: &str,
    credentials: &Credentials,
) -> Value {
    let mut cluster = json!({ "server": url });
    if let Some(pem) = ca_pem {
        cluster["certificate-authority-data"] = json!(BASE64_STANDARD.encode(pem));
    }
    let user = match credentials {
        Credentials::Token(token) => json!({ "token": token }),
        Credentials::Certificate { certificate, key } => json!({
            "client-certificate-data": BASE64_STANDARD.encode(certificate),
            "client-key-data": BASE64_STANDARD.encode(key),
        }),
    };
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "test", "cluster": cluster }],
        "users": [{ "name": "test", "user": user }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test", "namespace": namespace } }],
        "current-context": "test",
    })
}
