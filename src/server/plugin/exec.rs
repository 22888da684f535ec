//! An exec credential plugin as the kubeconfig describes it, and the ExecCredential that it prints. Runs nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde_json::{Value, json};
use serde_saphyr::DuplicateKeyPolicy;

use super::super::{header, yaml};

pub const V1: &str = "client.authentication.k8s.io/v1";
const V1BETA1: &str = "client.authentication.k8s.io/v1beta1";

/// What a plugin gives: a token, a client certificate, or both.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The Authorization header.
    pub header: Option<http::HeaderValue>,
    /// The client certificate and its key, PEM.
    pub identity: Option<Identity>,
    /// When that is over, by the plugin's word.
    pub expires: Option<Timestamp>,
    /// The fields that what it printed should have and has not, which is forgiven.
    pub lacking: Vec<&'static str>,
}

/// A client certificate and its key, each PEM in base64, as a kubeconfig has them.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, with its chain.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Identity")
    }
}

/// Whether the plugin may ask its user something; `terminal` says that stdin is one, and nobody else's.
///
/// # Errors
/// When it has to ask, and there is nobody to ask.
pub fn interactive(exec: &ExecConfig, terminal: bool, unattended: bool) -> Result<bool, String> {
    match &exec.interactive_mode {
        Some(ExecInteractiveMode::Never) => Ok(false),
        Some(ExecInteractiveMode::IfAvailable) | None => Ok(terminal),
        Some(ExecInteractiveMode::Always) if terminal => Ok(true),
        Some(ExecInteractiveMode::Always) if unattended => Err(
            "has to ask (interactiveMode: Always), and while the lease is held it may not"
                .to_owned(),
        ),
        Some(ExecInteractiveMode::Always) => Err(
            "has to ask (interactiveMode: Always), and standard input is not a terminal".to_owned(),
        ),
    }
}

/// KUBERNETES_EXEC_INFO: what the plugin is told.
///
/// # Errors
/// When the kubeconfig asks for something that this build cannot give.
pub fn info(exec: &ExecConfig, interactive: bool) -> Result<String, String> {
    let version = version(exec)?;
    let mut spec = json!({ "interactive": interactive });
    if exec.provide_cluster_info {
        let cluster = exec.cluster.clone().unwrap_or_default();
        // The names are those of client.authentication.k8s.io, not the kubeconfig's.
        let mut about = json!({});
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                about[name] = value;
            }
        };
        set("server", cluster.server.map(Value::from));
        set("tls-server-name", cluster.tls_server_name.map(Value::from));
        set(
            "insecure-skip-tls-verify",
            cluster.insecure_skip_tls_verify.map(Value::from),
        );
        let authority = cluster.certificate_authority_data;
        set(
            "certificate-authority-data",
            authority.map(|data| STANDARD.encode(data).into()),
        );
        set("proxy-url", cluster.proxy_url.map(Value::from));
        set("config", cluster.config);
        spec["cluster"] = about;
    }
    Ok(json!({ "kind": "ExecCredential", "apiVersion": version, "spec": spec }).to_string())
}

fn version(exec: &ExecConfig) -> Result<&str, String> {
    match exec.api_version.as_deref() {
        None | Some("") => Ok(V1),
        Some(version @ (V1 | V1BETA1)) => Ok(version),
        Some(other) => Err(format!(
            "is to speak {other:?} by the kubeconfig; {V1} and {V1BETA1} are supported"
        )),
    }
}

/// Reads an ExecCredential, by client-go's rules (plugin/pkg/client/auth/exec/exec.go). What the plugin printed is no
/// part of the error: it may be the token.
///
/// # Errors
/// With what is wrong, as the rest of a sentence about the plugin.
pub fn given(exec: &ExecConfig, name: &str, stdout: &[u8]) -> Result<Given, String> {
    // Some print YAML, which client-go reads too; of two keys of one name the last counts.
    let options = yaml::options(DuplicateKeyPolicy::LastWins);
    let printed = serde_saphyr::from_slice_with_options(stdout, options);
    let printed: Value = printed.map_err(|error: serde_saphyr::Error| {
        let (line, column) = error
            .location()
            .map_or((1, 1), |location| (location.line(), location.column()));
        format!("printed no ExecCredential: line {line} column {column}: neither JSON nor YAML")
    })?;
    if !printed.is_object() && !printed.is_null() {
        return Err("printed no ExecCredential: line 1 column 1: no object".to_owned());
    }
    let text = |of: &Value, field: &str| -> Option<String> {
        let text = of.get(field)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    let (kind, version) = (text(&printed, "kind"), text(&printed, "apiVersion"));
    // Left out they are forgiven: what follows tells whether it is one.
    let lacking = [("apiVersion", version.is_none()), ("kind", kind.is_none())];
    if kind.is_some_and(|kind| kind != "ExecCredential") {
        return Err("printed no ExecCredential: it is of another kind".to_owned());
    }
    let wanted = exec.api_version.as_deref().filter(|text| !text.is_empty());
    let right = |version: &str| match wanted {
        Some(wanted) => version == wanted,
        None => version == V1 || version == V1BETA1,
    };
    if !version.as_deref().is_none_or(right) {
        return Err(format!(
            "printed an ExecCredential of another version than {}, which the kubeconfig says",
            wanted.unwrap_or(V1)
        ));
    }
    let status = printed.get("status").filter(|status| status.is_object());
    let Some(status) = status else {
        return Err("printed no ExecCredential with a status".to_owned());
    };
    let expires = match status.get("expirationTimestamp") {
        None | Some(Value::Null) => None,
        Some(time) => Some(
            time.as_str()
                .and_then(|text| text.parse().ok())
                .ok_or("printed an expirationTimestamp that is not a time")?,
        ),
    };
    let identity = match (
        text(status, "clientCertificateData"),
        text(status, "clientKeyData"),
    ) {
        (Some(certificate), Some(key)) => Some(Identity {
            certificate: STANDARD.encode(certificate),
            key: STANDARD.encode(key),
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            return Err("printed only one of a certificate and its key".to_owned());
        }
    };
    let header = match text(status, "token") {
        Some(token) => Some(header::bearer(
            &token,
            &format!("the token that {name} gave"),
        )?),
        None => None,
    };
    if header.is_none() && identity.is_none() {
        return Err("printed neither a token nor a certificate with its key".to_owned());
    }
    Ok(Given {
        header,
        identity,
        expires,
        lacking: lacking
            .into_iter()
            .filter_map(|(field, lacks)| lacks.then_some(field))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen of kubectl 1.32.
    #[test]
    fn of_two_keys_of_one_name_in_an_answer_the_last_counts() {
        let head = format!("{{\"apiVersion\":\"{V1}\",\"kind\":\"ExecCredential\",");
        for answer in [
            format!("{head}\"status\":{{\"token\":\"a\",\"token\":\"b\"}}}}"),
            format!("{head}\"status\":{{\"token\":\"a\"}},\"status\":{{\"token\":\"b\"}}}}"),
            format!("apiVersion: {V1}\nkind: ExecCredential\nstatus:\n  token: a\n  token: b\n"),
        ] {
            let given = given(&ExecConfig::default(), "x", answer.as_bytes());
            let header = given.map(|given| given.header);
            let header = header.unwrap_or_else(|why| panic!("{answer} {why}"));
            let header = header.expect("there is a token");
            assert_eq!(header.as_bytes(), b"Bearer b", "{answer}");
        }
    }

    /// A batch file and Windows PowerShell end lines and begin texts so.
    #[test]
    fn an_answer_may_have_the_line_ends_and_the_mark_of_windows() {
        for answer in [
            format!(
                "{{\r\n\"apiVersion\":\"{V1}\",\r\n\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"a\"}}}}\r\n"
            ),
            format!("apiVersion: {V1}\r\nkind: ExecCredential\r\nstatus:\r\n  token: a\r\n"),
        ] {
            for mark in ["", "\u{feff}"] {
                let answer = format!("{mark}{answer}");
                let given = given(&ExecConfig::default(), "x", answer.as_bytes());
                let header = given
                    .unwrap_or_else(|why| panic!("{answer:?} {why}"))
                    .header;
                assert_eq!(header.expect("a token").as_bytes(), b"Bearer a");
            }
        }
    }

    #[test]
    fn what_is_of_no_use_is_told_by_its_fault_and_never_shown() {
        let exec = ExecConfig {
            api_version: Some(V1.to_owned()),
            ..ExecConfig::default()
        };
        let of = |version: &str, kind: &str, status: Value| {
            json!({ "apiVersion": version, "kind": kind, "status": status }).to_string()
        };
        let with = |status: Value| of(V1, "ExecCredential", status);
        let token = |token: &str| json!({ "token": token });
        let never = json!({ "token": "s3cret", "expirationTimestamp": "soon" });
        let key = json!({ "clientKeyData": "s3cret" });
        let beta = of(V1BETA1, "ExecCredential", token("s3cret"));
        let other = "another version than client.authentication.k8s.io/v1";
        for (printed, why) in [
            (beta, other),
            (of("v1", "Secret", token("s3cret")), "of another kind"),
            (with(token("")), "neither a token nor a certificate"),
            (with(key), "only one of a certificate and its key"),
            (with(token("s3cret\nmore")), "contains more than one line"),
            (with(token("s3cret\0")), "contains a NUL character"),
            (with(never), "an expirationTimestamp that is not a time"),
            ("s3cret".to_owned(), "line 1 column 1: no object"),
            (String::new(), "printed no ExecCredential with a status"),
        ] {
            let said = given(&exec, "x", printed.as_bytes()).expect_err(&printed);
            assert!(said.contains(why), "{printed}: {said}");
            assert!(!said.contains("s3cret"), "{printed}: {said}");
        }
    }

    #[test]
    fn who_has_to_ask_and_cannot_is_refused() {
        let exec = ExecConfig {
            interactive_mode: Some(ExecInteractiveMode::Always),
            ..ExecConfig::default()
        };
        assert_eq!(interactive(&exec, true, false), Ok(true));
        let said = interactive(&exec, false, false).expect_err("there is nobody");
        assert!(said.contains("standard input is not a terminal"), "{said}");
    }
}
