//! A client certificate with its key as TLS uses them, and what is wrong with those that it cannot use.

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::der::{self, Certificate, FIRST};

/// What works, and how to have it instead.
const KINDS: &str = "RSA of 2048 to 4096 bits, ECDSA on P-256 or P-384, and Ed25519 work. Make a new key and have it signed: openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout client.key -out client.csr";

/// Why it cannot be used.
pub enum Wrong {
    /// Something about the certificate.
    Certificate(&'static str),
    /// Something about the key.
    Key(String),
    /// The key is of a kind that this build does not have: which, and what to do.
    Kind(String, &'static str),
    /// They are not of one another.
    Pair,
}

/// The first key of `key` with the certificates of `certificate`, both PEM.
///
/// # Errors
/// With what is wrong with which.
pub fn certified(certificate: &[u8], key: &[u8]) -> Result<CertifiedKey, Wrong> {
    let chain = certificates(certificate);
    let Some(first) = chain.first().cloned() else {
        return Err(Wrong::Certificate(none_in("certificate", certificate)));
    };
    let Some(parsed) = Certificate::of(&first) else {
        return Err(Wrong::Certificate("the certificate in it is damaged"));
    };
    let Ok(private) = PrivateKeyDer::from_pem_slice(key) else {
        return Err(no_key(key));
    };
    let kind = kind(&private);
    let Ok(signing) = default_provider().key_provider.load_private_key(private) else {
        return Err(match kind {
            Some(kind) => Wrong::Kind(format!("it is {kind}, which is not supported here"), KINDS),
            None => Wrong::Key("the key is damaged".to_owned()),
        });
    };
    // Not by way of the library's own check, which refuses certificates of version 1; to show one it need not be parsed.
    if signing
        .public_key()
        .is_some_and(|public| public.as_ref() != parsed.key)
    {
        return Err(Wrong::Pair);
    }
    Ok(CertifiedKey::new(chain, signing))
}

/// Those before the first that is damaged or cut off.
pub fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem)
        .map_while(Result::ok)
        .collect()
}

fn no_key(pem: &[u8]) -> Wrong {
    let text = String::from_utf8_lossy(pem);
    for (mark, kind) in [
        ("BEGIN OPENSSH PRIVATE KEY", "an OpenSSH key"),
        ("BEGIN DSA PRIVATE KEY", "a DSA key"),
        ("BEGIN PUBLIC KEY", "a public key and no private one"),
    ] {
        if text.contains(mark) {
            let why = format!("it is {kind}, which is not supported here");
            return Wrong::Kind(why, KINDS);
        }
    }
    Wrong::Key(
        match text.contains("ENCRYPTED") {
            true => "the key is encrypted, and there is nobody to ask for its password",
            false => none_in("private key", pem),
        }
        .to_owned(),
    )
}

/// The kind of a key that may be whole and of no use all the same; `None` where that cannot be told.
fn kind(key: &PrivateKeyDer<'_>) -> Option<String> {
    match key {
        PrivateKeyDer::Pkcs1(key) => rsa(key.secret_pkcs1_der()),
        PrivateKeyDer::Sec1(key) => {
            let fields = der::sequence(key.secret_sec1_der())?;
            let parameters = fields.iter().find(|field| field.tag == FIRST)?;
            curve(der::elements(parameters.contents).next()?.contents)
        }
        PrivateKeyDer::Pkcs8(key) => {
            let fields = der::sequence(key.secret_pkcs8_der())?;
            let algorithm = der::sequence(fields.get(1)?.whole)?;
            let named = |name: &str| Some(name.to_owned());
            match algorithm.first()?.contents {
                b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" => rsa(fields.get(2)?.contents),
                b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a" => named("an RSA key for PSS only"),
                b"\x2a\x86\x48\xce\x3d\x02\x01" => curve(algorithm.get(1)?.contents),
                b"\x2b\x65\x71" => named("an Ed448 key"),
                b"\x2b\x65\x6e" | b"\x2b\x65\x6f" => named("a key that cannot sign (X25519, X448)"),
                b"\x2a\x86\x48\xce\x38\x04\x01" => named("a DSA key"),
                // Of a kind that is supported: then it is damaged.
                b"\x2b\x65\x70" => None,
                _ => named("a key of an unknown kind"),
            }
        }
        _ => None,
    }
}

fn rsa(key: &[u8]) -> Option<String> {
    let fields = der::sequence(key)?;
    let modulus = fields.get(1)?.contents;
    let first = modulus.iter().position(|byte| *byte != 0)?;
    let bits = (modulus.len() - first) * 8 - modulus[first].leading_zeros() as usize;
    (!(2048..=4096).contains(&bits)).then(|| format!("an RSA key of {bits} bits"))
}

fn curve(id: &[u8]) -> Option<String> {
    let name = match id {
        b"\x2a\x86\x48\xce\x3d\x03\x01\x07" | b"\x2b\x81\x04\x00\x22" => return None,
        b"\x2b\x81\x04\x00\x23" => "P-521",
        b"\x2b\x81\x04\x00\x21" => "P-224",
        b"\x2b\x81\x04\x00\x0a" => "secp256k1",
        id if id.starts_with(b"\x2b\x24\x03\x03\x02\x08\x01\x01") => "a Brainpool curve",
        _ => "an unknown curve",
    };
    Some(format!("an ECDSA key on {name}"))
}

/// What there is where no certificate or key is.
pub fn none_in(kind: &str, bytes: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(bytes);
    let other = <(SectionKind, Vec<u8>)>::from_pem_slice(bytes).is_ok();
    match (
        kind,
        text.trim().is_empty(),
        text.contains("-----BEGIN"),
        other,
    ) {
        (_, true, ..) => "it is empty",
        ("certificate", _, true, true) => "there is no certificate in it, but something else",
        (_, _, true, true) => "there is no private key in it, but something else",
        (_, _, true, false) => "it is cut off or damaged",
        ("certificate", _, false, _) => {
            "there is no certificate in it (PEM begins with -----BEGIN CERTIFICATE-----)"
        }
        _ => "there is no private key in it (PEM begins with -----BEGIN PRIVATE KEY-----)",
    }
}
