//! What kubeconfigs, credential plugins and certificates may be: any text.

use std::path::Path;

use kube::config::{AuthInfo, AuthProviderConfig, ExecConfig};
use serde_json::Value;

use super::certified::{Wrong, certificates, certified, none_in};
use super::der::{self, Certificate};
use super::kubeconfig::{Resolved, merged, resolve, usable};
use super::ready::Ready;
use super::{Connection, ConnectionOptions, file, filled, header, plugin};

pub use super::client::fuzzing::{answer, watch};

/// Between the files of one input: no text has it.
const BETWEEN: u8 = 1;

/// Several files, as KUBECONFIG may name them.
pub fn kubeconfig(input: &[u8]) {
    let path = Path::new("config");
    let files = input.split(|byte| *byte == BETWEEN).map(|bytes| {
        let text = file::text_of(bytes.to_vec());
        let read = text.map(|text| file::parse(&text));
        // What is no text has a path in its error, and no more.
        let read = read.unwrap_or_else(|_| Ok(Default::default()));
        (path, usable(path, read))
    });
    let found = match merged(files) {
        Ok(found) => found.unwrap_or_default(),
        Err(error) => return drop(error.lines()),
    };
    let contexts = found.contexts.iter().take(4);
    let contexts = contexts.map(|context| Some(context.name.clone()));
    for context in contexts.chain([None]) {
        let options = ConnectionOptions {
            context,
            ..ConnectionOptions::default()
        };
        match resolve(found.clone(), &options) {
            Ok(resolved) => ready(resolved, &options),
            Err(error) => drop(error.lines()),
        }
    }
}

fn ready(resolved: Resolved, options: &ConnectionOptions) {
    let user = resolved.user_entry().cloned().unwrap_or_default();
    let _ = plugin::name(&user);
    let _ = header::impersonation(&mut user.clone(), options);
    // A file is another's contents, and may be a pipe.
    let authority = resolved
        .cluster_entry()
        .map(|cluster| &cluster.certificate_authority);
    let files = [&user.token_file, &user.client_certificate, &user.client_key];
    if authority.is_some_and(filled) || files.into_iter().any(filled) {
        return;
    }
    let server = resolved.server().unwrap_or_default().to_owned();
    assert!(server.contains("://"), "{server}");
    let ready = Ready::resolved(resolved, options);
    match ready.and_then(|ready| Connection::of(ready, options)) {
        Ok(connection) => {
            let _ = (
                connection.server(),
                connection.unauthorized(),
                connection.not_served(),
            );
        }
        Err(error) => drop(error.lines()),
    }
}

/// What a credential plugin is to speak, a NUL, and what it prints; or the paths of an auth-provider, and that.
pub fn plugin(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == 0);
    let (said, printed) = input.split_at(end.unwrap_or(0));
    let printed = printed.strip_prefix(b"\0").unwrap_or(printed);
    let said = String::from_utf8_lossy(said);
    // What each finds below what those before have found takes as long as there are ways, and is nobody's.
    if said.matches("..").count() > 2 || said.matches(',').count() > 12 {
        return;
    }
    let exec = ExecConfig {
        api_version: Some(said.clone().into_owned()),
        provide_cluster_info: true,
        ..ExecConfig::default()
    };
    let any = ExecConfig::default();
    let _ = (plugin::told(&exec, true), plugin::told(&any, false));
    for exec in [&exec, &any] {
        keeps_secret(
            printed,
            plugin::given(exec, "a plugin", printed).map(|given| given.header),
        );
    }
    let (token, expiry) = said.split_once('\n').unwrap_or((&said, ""));
    for keys in [
        &[("token-key", token), ("expiry-key", expiry)][..],
        &[("token-key", token)],
        &[],
    ] {
        let pairs = keys
            .iter()
            .map(|(key, path)| ((*key).to_owned(), (*path).to_owned()));
        let provider = AuthProviderConfig {
            name: "gcp".to_owned(),
            config: pairs.collect(),
            other: Default::default(),
        };
        keeps_secret(
            printed,
            plugin::given_by_provider(&provider, printed).map(|given| given.header),
        );
    }
}

/// What was printed may be the token: no error has it.
fn keeps_secret(printed: &[u8], given: Result<Option<http::HeaderValue>, String>) {
    let printed: Value = serde_json::from_slice(printed).unwrap_or_default();
    let token = printed.pointer("/status/token").and_then(Value::as_str);
    match given {
        Ok(Some(header)) => {
            assert!(header.is_sensitive());
            assert!(header.as_bytes().starts_with(b"Bearer "));
        }
        Ok(None) => {}
        Err(why) => {
            let shown = token.is_some_and(|token| token.len() > 12 && why.contains(token));
            assert!(!shown, "{why}");
        }
    }
}

/// A certificate, a NUL, and a key, both PEM; or DER.
pub fn certificate(input: &[u8]) {
    let end = input
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(input.len());
    let (certificate, key) = input.split_at(end);
    for element in der::elements(input) {
        assert!(element.contents.len() < element.whole.len());
        let _ = der::sequence(element.whole);
    }
    let parsed = certificates(certificate);
    for der in parsed.iter().map(|der| &**der).chain([input]) {
        if let Some(certificate) = Certificate::of(der) {
            assert!(certificate.key.len() < der.len());
            let _ = certificate.extension(b"\x55\x1d\x13");
        }
    }
    match certified(certificate, key.strip_prefix(b"\0").unwrap_or(key)) {
        Ok(certified) => assert_eq!(certified.cert.len(), parsed.len()),
        Err(Wrong::Certificate(_) | Wrong::Key(_) | Wrong::Kind(..) | Wrong::Pair) => {}
    }
    assert!(!none_in("certificate", input).is_empty());
}

/// What a user or a flag may say that becomes a header, and a user in an address.
pub fn values(text: &str) {
    if let Ok(header) = header::bearer(text, "the token") {
        assert_eq!(
            header.as_bytes(),
            format!("Bearer {}", text.trim()).as_bytes()
        );
    }
    assert!(header::basic(text, text).is_ok());
    let user = AuthInfo {
        impersonate: Some(text.to_owned()),
        impersonate_user_extra: Some([(text.to_owned(), vec![text.to_owned()])].into()),
        ..AuthInfo::default()
    };
    let _ = header::impersonation(&mut user.clone(), &ConnectionOptions::default());
}
