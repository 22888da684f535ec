//! The TLS of a connection: rustls, with what Go takes and rustls by itself does not: a client certificate of X.509
//! version 1, and a server's certificate that is its own authority.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use kube::Config;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WantsClientCert, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error as TlsError,
    RootCertStore, SignatureScheme, WantsVerifier,
};
use rustls_platform_verifier::BuilderVerifierExt;
use secrecy::ExposeSecret;

use super::certified::{Wrong, certified};
use super::der::{self, Certificate};
use super::{cause, unusable};
use crate::lease::api::Unusable;

/// kube's connector over `connector`, for `config`.
///
/// # Errors
/// With why the certificates cannot be used.
pub fn connector<C>(config: &Config, connector: C) -> Result<HttpsConnector<C>, Unusable> {
    let builder = HttpsConnectorBuilder::new()
        .with_tls_config(client(config)?)
        .https_or_http();
    let builder = match &config.tls_server_name {
        Some(name) => {
            let name = name.trim_matches(['[', ']']).to_owned();
            let name = ServerName::try_from(name);
            let name = name.map_err(|error| unusable(cause::words(&error)))?;
            builder.with_server_name_resolver(FixedServerNameResolver::new(name))
        }
        None => builder,
    };
    Ok(builder.enable_http1().wrap_connector(connector))
}

/// As kube's own, whose way to a client certificate goes through all that it knows about credentials.
fn client(config: &Config) -> Result<ClientConfig, Unusable> {
    let failed = |error: TlsError| unusable(cause::words(&error));
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let builder = match &config.root_cert {
        _ if config.accept_invalid_certs => with_verifier(builder, Unverified),
        Some(authority) => match Verifier::of(authority).map_err(failed)? {
            Some(verifier) => with_verifier(builder, verifier),
            // Nothing to trust.
            None => builder.with_root_certificates(RootCertStore::empty()),
        },
        // As Go: what this machine trusts.
        None => builder.with_platform_verifier().map_err(failed)?,
    };
    let user = &config.auth_info;
    let (Some(certificate), Some(key)) = (&user.client_certificate_data, &user.client_key_data)
    else {
        return Ok(builder.with_no_client_auth());
    };
    let decoded = |text: &str| STANDARD.decode(text).unwrap_or_default();
    let (certificate, key) = (decoded(certificate), decoded(key.expose_secret()));
    let certified = certified(&certificate, &key).map_err(wrong)?;
    let resolver = Arc::new(SingleCertAndKey::from(certified));
    Ok(builder.with_client_cert_resolver(resolver))
}

fn with_verifier(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    verifier: impl ServerCertVerifier + 'static,
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let builder = builder.dangerous();
    builder.with_custom_certificate_verifier(Arc::new(verifier))
}

/// About what a plugin gave: what the kubeconfig names was checked when it was read.
fn wrong(wrong: Wrong) -> Unusable {
    match wrong {
        Wrong::Certificate(why) => unusable(format!("the client certificate given: {why}")),
        Wrong::Key(why) => unusable(format!("the client key given: {why}")),
        Wrong::Kind(why, next) => Unusable {
            detail: format!("the client key given: {why}"),
            said: vec![format!("  {next}")],
        },
        Wrong::Pair => {
            unusable("the client key given does not belong to its certificate".to_owned())
        }
    }
}

/// rustls's own verifier, and what it refuses only because of CA:TRUE in the server's own certificate.
#[derive(Debug)]
struct Verifier {
    usual: Arc<WebPkiServerVerifier>,
    authority: Vec<Vec<u8>>,
}

impl Verifier {
    /// The one for these authorities; none where there are none.
    fn of(authority: &[Vec<u8>]) -> Result<Option<Self>, TlsError> {
        let mut roots = RootCertStore::empty();
        for der in authority {
            roots.add(CertificateDer::from(der.clone()))?;
        }
        let provider = Arc::new(default_provider());
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(usual.build().ok().map(|usual| Self {
            usual,
            authority: authority.to_vec(),
        }))
    }

    /// Whether this certificate, whose time is right, is one of the authorities itself: what `openssl req -x509` makes. One
    /// that an authority signed is left to the usual verifier: who signed what is a library's to tell.
    fn trusts(&self, certificate: &CertificateDer<'_>) -> bool {
        self.authority.iter().any(|own| own == certificate.as_ref())
    }
}

/// By its extended key usage (RFC 5280, section 4.2.1.12): none, serverAuth, or any.
fn is_for_servers(certificate: &Certificate<'_>) -> bool {
    let Some(uses) = certificate.extension(b"\x55\x1d\x25") else {
        return true;
    };
    let wanted: [&[u8]; 2] = [b"\x2b\x06\x01\x05\x05\x07\x03\x01", b"\x55\x1d\x25\x00"];
    let uses = der::sequence(uses).unwrap_or_default();
    uses.iter().any(|used| wanted.contains(&used.contents))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let usual = self
            .usual
            .verify_server_cert(certificate, intermediates, name, ocsp, now);
        let Err(TlsError::InvalidCertificate(CertificateError::Other(other))) = &usual else {
            return usual;
        };
        // Told after its time was found right (webpki, verify_cert.rs; a test would see it change).
        if !other.to_string().contains("CaUsedAsEndEntity") {
            return usual;
        }
        let Some(parsed) = Certificate::of(certificate) else {
            return usual;
        };
        if !self.trusts(certificate) {
            return match parsed.is_self_issued {
                true => Err(CertificateError::UnknownIssuer.into()),
                false => usual,
            };
        }
        if !is_for_servers(&parsed) {
            return Err(CertificateError::InvalidPurpose.into());
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.usual
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.usual
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

/// Takes whatever a server shows (`insecure-skip-tls-verify`).
#[derive(Debug)]
struct Unverified;

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    // A signature shows only that the certificate is the server's own, which nobody asks; and webpki reads no certificate of
    // version 1.
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SIGNED_ANYHOW.to_vec()
    }
}

/// Every way to sign that TLS 1.2 and 1.3 have, those included that ring does not know.
const SIGNED_ANYHOW: [SignatureScheme; 13] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::ED448,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::ECDSA_SHA1_Legacy,
    SignatureScheme::RSA_PKCS1_SHA1,
];
