//! What the kubeconfig and the flags name as certificates, keys and tokens: read, and checked before it is used.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::certified::{Wrong, certificates, certified, none_in};
use super::file::text_of;
use crate::server::error::ConfigError;
use crate::words::without_number;

/// The most that is read of a file: the authorities of all the world take some 300 KB.
const LIMIT: u64 = 16 << 20;

/// The most of a token: what fits into no request is none.
const TOKEN_LIMIT: usize = 1 << 20;

const TOO_LARGE: &str = "it is too large to be one";

/// What to look at when one of these cannot be used.
#[derive(Clone, Debug)]
pub struct Named {
    /// How to call it: `the client key of user "alice"`.
    pub what: String,
    /// The next step.
    pub next: String,
}

/// A thing that is given as base64 or as a file.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// In base64; wins, as with kubectl.
    pub data: Option<&'a str>,
    /// The path of a file.
    pub file: Option<&'a str>,
    /// How to call it.
    pub named: Named,
}

/// Whether this is the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Anything that can be read, a pipe too.
    First,
    /// Only what can be read twice without harm. A pipe would block, and /dev/stdin is the command's by now.
    Again,
}

/// A client certificate and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate and those that lead to its authority.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

impl Given<'_> {
    fn unusable(&self, why: &str) -> ConfigError {
        let place = match (self.data, self.file) {
            (None, Some(file)) => format!("{file}: "),
            (Some(_), _) | (None, None) => String::new(),
        };
        ConfigError::File {
            what: format!("cannot use {}: {place}{why}", self.named.what),
            next: self.named.next.clone(),
        }
    }

    /// What it says; `None` where nothing is given.
    fn bytes(&self, time: Time) -> Result<Option<Vec<u8>>, ConfigError> {
        match (self.data, self.file) {
            (Some(data), _) => {
                // As Go's decoder: a block of YAML has line ends in it.
                let data: String = data.split_whitespace().collect();
                let bytes = STANDARD.decode(data);
                bytes
                    .map(Some)
                    .map_err(|_| self.unusable("its data is not base64"))
            }
            (None, Some(file)) => read(Path::new(file), time)
                .map(Some)
                .map_err(|why| self.unusable(&why)),
            (None, None) => Ok(None),
        }
    }
}

/// Reads a file.
///
/// # Errors
/// With why not, in words.
pub fn read(path: &Path, time: Time) -> Result<Vec<u8>, String> {
    let words = |error: std::io::Error| without_number(&error.to_string()).to_owned();
    let regular = std::fs::metadata(path).map_err(words)?.is_file();
    if time == Time::Again && !regular {
        return Err("it is not a regular file, so it was read only once".to_owned());
    }
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(words)?.take(LIMIT + 1);
    file.read_to_end(&mut bytes).map_err(words)?;
    if bytes.len() as u64 > LIMIT {
        return Err(TOO_LARGE.to_owned());
    }
    match bytes.as_slice() {
        // Text as PowerShell writes it.
        [0xEF, 0xBB, 0xBF, ..] | [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
            text_of(bytes).map(String::into_bytes).map_err(words)
        }
        _ => Ok(bytes),
    }
}

/// The authorities to trust, DER each; `None` for the system's. As client-go: one that is usable is enough.
///
/// # Errors
/// With what is wrong with it.
pub fn authority(given: &Given<'_>, time: Time) -> Result<Option<Vec<Vec<u8>>>, ConfigError> {
    let Some(pem) = given.bytes(time)? else {
        return Ok(None);
    };
    let certificates = certificates(&pem);
    if certificates.is_empty() {
        return Err(given.unusable(none_in("certificate", &pem)));
    }
    let usable = |der: &CertificateDer<'static>| RootCertStore::empty().add(der.clone()).is_ok();
    let usable: Vec<Vec<u8>> = certificates
        .into_iter()
        .filter(usable)
        .map(|der| der.to_vec())
        .collect();
    if usable.is_empty() {
        return Err(given.unusable("the certificate in it is damaged"));
    }
    Ok(Some(usable))
}

/// The client certificate, checked to belong to its key.
///
/// # Errors
/// With what is wrong with it.
pub fn identity(
    certificate: &Given<'_>,
    key: &Given<'_>,
    time: Time,
) -> Result<Option<Identity>, ConfigError> {
    let alone = |given: &Given<'_>, other: &Given<'_>| {
        given.unusable(&format!("{} is missing", other.named.what))
    };
    let (certificate_pem, key_pem) = match (certificate.bytes(time)?, key.bytes(time)?) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(alone(certificate, key)),
        (None, Some(_)) => return Err(alone(key, certificate)),
        (Some(certificate), Some(key)) => (certificate, key),
    };
    certified(&certificate_pem, &key_pem).map_err(|wrong| match wrong {
        Wrong::Certificate(why) => certificate.unusable(why),
        Wrong::Key(why) => key.unusable(&why),
        Wrong::Kind(why, next) => match key.unusable(&why) {
            ConfigError::File { what, .. } => ConfigError::File {
                what,
                next: next.to_owned(),
            },
            error => error,
        },
        Wrong::Pair => key.unusable(&format!("it does not belong to {}", certificate.named.what)),
    })?;
    Ok(Some(Identity {
        certificate: certificate_pem,
        key: key_pem,
    }))
}

/// The token in a file, without the white space around it.
///
/// # Errors
/// With what is wrong with it.
pub fn token(given: &Given<'_>, time: Time) -> Result<Option<String>, ConfigError> {
    let Some(bytes) = given.bytes(time)? else {
        return Ok(None);
    };
    if bytes.len() > TOKEN_LIMIT {
        return Err(given.unusable(TOO_LARGE));
    }
    let text = String::from_utf8_lossy(&bytes);
    let token = text.trim();
    if token.is_empty() {
        return Err(given.unusable("it is empty"));
    }
    // RFC 9110, section 5.5: what a header may say.
    if !token.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(given
            .unusable("it is not a token: it has several lines, or characters that no token has"));
    }
    Ok(Some(token.to_owned()))
}

/// PEM of these certificates, as kube wants it.
pub fn pem(certificates: &[Vec<u8>]) -> String {
    let one = |der: &Vec<u8>| {
        let body = STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    };
    certificates.iter().map(one).collect()
}

/// As a kubeconfig has it.
pub fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing::Folder;

    #[test]
    fn a_file_is_read_as_powershell_writes_it() {
        let text = "secret\r\n";
        let utf16 = |mark: u16, unit: fn(u16) -> [u8; 2]| {
            let units = [mark].into_iter().chain(text.encode_utf16());
            units.flat_map(unit).collect::<Vec<u8>>()
        };
        let folder = Folder::new();
        for bytes in [
            text.into(),
            [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            utf16(0xFEFF, u16::to_le_bytes),
            utf16(0xFEFF, u16::to_be_bytes),
        ] {
            let file = folder.file("token", &bytes);
            assert_eq!(read(&file, Time::First), Ok(text.into()), "{bytes:?}");
        }
        let half = folder.file("token", b"\xFF\xFEa");
        let said = read(&half, Time::First);
        assert!(said.is_err_and(|why| why.contains("UTF-16")));
    }
}
