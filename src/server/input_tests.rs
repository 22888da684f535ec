//! No kubeconfig, flag, token file or plugin's answer panics: a panic would leave a lease held by nobody.

use std::cell::Cell;
use std::net::TcpListener;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::testing::{Folder, kubeconfig, runtime};
use super::{Connection, ConnectionOptions, Wanted};

thread_local! {
    #[allow(clippy::missing_const_for_thread_local, reason = "it is const; what the macro makes of it on Windows is not")]
    static PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// Whether `what` panics anywhere on this thread, in a task of its own too.
fn panics(what: impl FnOnce()) -> bool {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICKED.with(|panicked| panicked.set(true));
            before(info);
        }));
    });
    PANICKED.with(|panicked| panicked.set(false));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(what));
    outcome.is_err() || PANICKED.with(Cell::get)
}

/// A port that closes every connection at once.
fn port() -> u16 {
    static PORT: std::sync::OnceLock<u16> = std::sync::OnceLock::new();
    *PORT.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                drop(connection);
            }
        });
        port
    })
}

/// Connects as these say, and sends one request. What comes of it is not looked at.
fn try_to_connect(config: &Value, mut options: ConnectionOptions) {
    let folder = Folder::new();
    options.kubeconfig = Some(folder.file("config", config.to_string()));
    let runtime = runtime();
    runtime.block_on(async {
        let Ok(connection) = Connection::load(&options).await else {
            return;
        };
        let _ = (connection.unauthorized(), connection.server());
        let Ok(link) = connection.link(Wanted::Kept).await else {
            return;
        };
        let request = http::Request::get("/apis/coordination.k8s.io/v1/leases")
            .body(kube::client::Body::empty())
            .expect("a request");
        let _ = tokio::time::timeout(Duration::from_secs(2), link.client.send(request)).await;
    });
    runtime.shutdown_background();
}

/// What people and programs get wrong in texts, and plain noise.
fn text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\n",
        "\r\n",
        "\0",
        "\u{7f}",
        "\t",
        " ",
        "é",
        "\u{202e}",
        "x",
        "%",
        "%zz",
        "@",
        ":",
        "/",
        "//",
        "?",
        "#",
        "[",
        "]",
        "::1",
        "a.b",
        "..",
        "-",
        "_",
        "*",
        "0",
        "65536",
        "99999999999",
        "\\",
        "\"",
        "{",
        "}",
        "${",
        "=",
        "-----BEGIN CERTIFICATE-----\n",
        "-----END CERTIFICATE-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n",
        "-----END PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "MIIB",
        "AAAA",
    ]);
    prop_oneof![
        3 => prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
        1 => prop::sample::select(vec!["x".repeat(70_000), "/x".repeat(32_700), "é".repeat(300)]),
    ]
}

fn maybe() -> impl Strategy<Value = Option<String>> {
    prop::option::of(text())
}

fn set(object: &mut Value, field: &str, value: Option<&String>) {
    if let Some(value) = value {
        object[field] = json!(value);
    }
}

/// Also as it has to be encoded, so that what is inside is looked at.
fn set_data(object: &mut Value, field: &str, value: Option<&String>) {
    use base64::Engine;

    let encode = |text: &String| {
        if text.len().is_multiple_of(2) {
            base64::engine::general_purpose::STANDARD.encode(text)
        } else {
            text.clone()
        }
    };
    set(object, field, value.map(encode).as_ref());
}

/// An address and a path that are no URI together, though each is one: they are at most 65,534 bytes.
#[test]
fn no_length_of_a_servers_address_panics() {
    let here = format!("http://127.0.0.1:{}/", port());
    for length in [
        1_000, 65_300, 65_440, 65_480, 65_500, 65_520, 65_534, 65_535,
    ] {
        let server = format!("{here}{}", "x".repeat(length - here.len()));
        let config = kubeconfig(&json!({ "server": server }), &json!({}));
        assert!(
            !panics(|| try_to_connect(&config, ConnectionOptions::default())),
            "{length}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_cluster_entry_panics(
        scheme in prop::sample::select(vec!["http://", "https://", "", "socks5://"]),
        (before, after) in (text(), text()),
        whole in any::<bool>(),
        (name, authority, proxy) in (maybe(), maybe(), maybe()),
        proxy_scheme in prop::sample::select(vec!["http://", "https://", "socks5://", "socks5h://", ""]),
        lenient in any::<bool>(),
    ) {
        let here = format!("127.0.0.1:{}", port());
        let server = if whole {
            // Only a number or a path follows, so that no name is looked up.
            format!("{scheme}{here}/{after}")
        } else {
            format!("{scheme}{before}@{here}{after}")
        };
        let mut cluster = json!({ "server": server });
        set(&mut cluster, "tls-server-name", name.as_ref());
        if lenient {
            cluster["insecure-skip-tls-verify"] = json!(true);
        } else {
            let authority = authority.unwrap_or_default();
            set_data(&mut cluster, "certificate-authority-data", Some(&authority));
        }
        if let Some(proxy) = proxy {
            cluster["proxy-url"] = json!(format!("{proxy_scheme}{proxy}@{here}{proxy}"));
        }
        let config = kubeconfig(&cluster, &json!({}));
        prop_assert!(!panics(|| try_to_connect(&config, ConnectionOptions::default())));
    }

    #[test]
    fn no_user_entry_and_no_flag_panics(
        fields in prop::collection::vec(maybe(), 8),
        flags in prop::collection::vec(maybe(), 5),
        file in maybe(),
    ) {
        let folder = Folder::new();
        let mut user = json!({});
        for (field, value) in ["token", "username", "password", "as", "as-uid"].iter().zip(&fields) {
            set(&mut user, field, value.as_ref());
        }
        set_data(&mut user, "client-certificate-data", fields[5].as_ref());
        set_data(&mut user, "client-key-data", fields[6].as_ref());
        if let Some(value) = &fields[7] {
            user["as-groups"] = json!([value]);
            user["as-user-extra"] = json!({ value.as_str(): [value] });
        }
        if let Some(text) = &file {
            user["tokenFile"] = json!(folder.file("token", text));
        }
        let options = ConnectionOptions {
            token: flags[0].clone(),
            impersonate: flags[1].clone(),
            impersonate_groups: flags[2].clone().into_iter().collect(),
            impersonate_uid: flags[3].clone(),
            tls_server_name: flags[4].clone(),
            ..ConnectionOptions::default()
        };
        let cluster = json!({ "server": format!("https://127.0.0.1:{}", port()), "insecure-skip-tls-verify": true });
        let config = kubeconfig(&cluster, &user);
        prop_assert!(!panics(|| try_to_connect(&config, options)));
    }

    #[test]
    fn no_legacy_provider_panics(
        name in prop::sample::select(vec!["gcp", "oidc", "azure", ""]),
        values in prop::collection::vec(maybe(), 4),
    ) {
        let mut provider = json!({});
        for (field, value) in ["id-token", "access-token", "expiry", "token-key"].iter().zip(&values) {
            set(&mut provider, field, value.as_ref());
        }
        if values[1].is_some() {
            provider["expiry"] = json!("2100-01-01T00:00:00Z");
        }
        let user = json!({ "auth-provider": { "name": name, "config": provider } });
        let cluster = json!({ "server": format!("https://127.0.0.1:{}", port()), "insecure-skip-tls-verify": true });
        let config = kubeconfig(&cluster, &user);
        prop_assert!(!panics(|| try_to_connect(&config, ConnectionOptions::default())));
    }

    #[test]
    fn no_answer_of_a_plugin_panics(
        version in text(),
        (token, certificate, key, expires) in (text(), text(), text(), text()),
        noise in text(),
        path in text(),
    ) {
        let exec = kube::config::ExecConfig::default();
        let status = json!({
            "token": token, "clientCertificateData": certificate, "clientKeyData": key,
            "expirationTimestamp": (expires.len() % 2 == 0).then_some(expires),
        });
        let answer = json!({ "apiVersion": version, "kind": "ExecCredential", "status": status });
        for printed in [answer.to_string(), json!({ "status": status }).to_string(), noise] {
            let panicked = panics(|| {
                let _ = super::plugin::given(&exec, "x", printed.as_bytes());
                let provider = kube::config::AuthProviderConfig {
                    config: [("token-key".to_owned(), path.clone())].into(),
                    ..kube::config::AuthProviderConfig::default()
                };
                let _ = super::plugin::given_by_provider(&provider, printed.as_bytes());
            });
            prop_assert!(!panicked);
        }
    }
}
