//! Reads a kubeconfig file: its encoding, its size, and the paths in it that are relative to it.

mod lenient;

use std::fs::File;
use std::io::{self, Read};
use std::path::{MAIN_SEPARATOR, Path};

use kube::config::{AuthInfo, Kubeconfig, KubeconfigError};
use serde_saphyr::{DuplicateKeyPolicy, from_multiple_with_options};

use super::yaml::options;

/// The most that is read: a thousand clusters with their certificates take some 5 MB.
const LIMIT: u64 = 64 << 20;

/// The kubeconfig in the file at `path`.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn read(path: &Path) -> Result<Kubeconfig, KubeconfigError> {
    let unreadable = |error| KubeconfigError::ReadConfig(error, path.to_owned());
    let mut config = parse(&text(path).map_err(unreadable)?)?;
    let Some(folder) = path.parent() else {
        return Ok(config);
    };
    let clusters = config.clusters.iter_mut();
    for cluster in clusters.filter_map(|named| named.cluster.as_mut()) {
        resolve(folder, &mut cluster.certificate_authority);
    }
    let users = config.auth_infos.iter_mut();
    for user in users.filter_map(|named| named.auth_info.as_mut()) {
        let AuthInfo {
            client_certificate,
            client_key,
            token_file,
            exec,
            ..
        } = user;
        for file in [client_certificate, client_key, token_file] {
            resolve(folder, file);
        }
        if let Some(exec) = exec {
            // As client-go: one without a separator is looked for on the PATH.
            let command = exec.command.as_deref().unwrap_or_default();
            if command.contains(MAIN_SEPARATOR) {
                resolve(folder, &mut exec.command);
            }
        }
    }
    Ok(config)
}

/// The kubeconfig that a text is; paths in it are as they are written.
///
/// # Errors
/// When it is none.
pub fn parse(text: &str) -> Result<Kubeconfig, KubeconfigError> {
    // As `Kubeconfig::from_yaml`, whose error says what is wrong, and where.
    let strict = from_multiple_with_options(text, options(DuplicateKeyPolicy::Error));
    let documents: Vec<Kubeconfig> = match strict {
        Ok(documents) => documents,
        Err(error) => lenient::read(text).ok_or_else(|| KubeconfigError::Parse(Box::new(error)))?,
    };
    documents
        .into_iter()
        .try_fold(Kubeconfig::default(), Kubeconfig::merge)
}

/// As client-go: relative to the file, unless it is empty, which says nothing.
fn resolve(folder: &Path, file: &mut Option<String>) {
    let relative = |file: &&mut String| !file.is_empty() && Path::new(file.as_str()).is_relative();
    if let Some(file) = file.as_mut().filter(relative)
        && let Some(path) = folder.join(file.as_str()).to_str()
    {
        *file = path.to_owned();
    }
}

fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(invalid("it is too large to be one"));
    }
    text_of(bytes)
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

/// A file's text: UTF-8, or UTF-16 with a byte order mark, which PowerShell writes.
///
/// # Errors
/// When it is neither.
pub fn text_of(bytes: Vec<u8>) -> io::Result<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks();
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        let whole = String::from_utf16(&units).ok().filter(|_| rest.is_empty());
        whole.ok_or_else(|| invalid("it begins like UTF-16 and is not"))
    };
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => decoded(rest.to_vec()),
        _ => decoded(bytes),
    }
}

fn decoded(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Result<Kubeconfig, KubeconfigError> {
        let name = format!("kubectl-lease-file-{}", uuid::Uuid::new_v4());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).expect("the folder is there");
        let read = read(&path);
        std::fs::remove_file(&path).expect("it is ours");
        read
    }

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let units = std::iter::once('\u{feff}').chain(text.chars());
        let units: String = units.collect();
        units.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn the_encodings_that_windows_writes_are_read() {
        let text = "current-context: dév\n";
        let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            marked,
            utf16(text, u16::to_le_bytes),
            utf16(text, u16::to_be_bytes),
        ] {
            let config = of(&bytes).expect("it is one");
            assert_eq!(config.current_context.as_deref(), Some("dév"));
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error() {
        for bytes in [
            &b"\xFF\xFEa"[..],
            b"\xFE\xFFa\0b",
            b"\xFF\xFE\0\xD8",
            b"\xEF\xBB\xBF\xFF",
            b"\xFF",
        ] {
            assert!(of(bytes).is_err(), "{bytes:?}");
        }
        assert!(of(b"").is_ok());
        assert!(of(b"\xFF\xFE").is_ok());
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let absolute = if cfg!(windows) { "C:/c" } else { "/c" };
        let plugin = format!(".{MAIN_SEPARATOR}plugin");
        let text = r#"{ "users": [{ "name": "u", "user": { "tokenFile": "t", "client-certificate": "/c", "client-key": "",
            "exec": { "command": "./plugin" } } }, { "name": "v", "user": { "exec": { "command": "plugin" } } }],
            "clusters": [{ "name": "c", "cluster": { "certificate-authority": "ca" } }] }"#;
        let text = text.replace("\"/c\"", &format!("{absolute:?}"));
        let text = text.replace("\"./plugin\"", &format!("{plugin:?}"));
        let config = of(text.as_bytes()).expect("it is one");
        let folder = std::env::temp_dir();
        let here = |name: &str| folder.join(name).to_str().map(str::to_owned);
        let user = |at: usize| config.auth_infos[at].auth_info.clone().expect("it is one");
        let (first, second) = (user(0), user(1));
        assert_eq!(first.token_file, here("t"));
        assert_eq!(first.client_certificate.as_deref(), Some(absolute));
        assert_eq!(first.client_key.as_deref(), Some(""));
        let command = |user: AuthInfo| user.exec.and_then(|exec| exec.command);
        assert_eq!(command(first), here(&plugin));
        assert_eq!(command(second).as_deref(), Some("plugin"));
        let cluster = config.clusters[0].cluster.clone().expect("it is one");
        assert_eq!(cluster.certificate_authority, here("ca"));
    }
}
