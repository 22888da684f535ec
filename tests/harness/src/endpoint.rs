//! Connections to a server under test, plain or TLS; what is said on them is the caller's.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// A whole request body, known before it is sent.
pub(crate) type Sender = SendRequest<Full<Bytes>>;

/// Where a server listens and how to trust it.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// `host:port`, as in a Host header.
    pub(crate) authority: String,
    tls: Option<TlsConnector>,
}

impl Endpoint {
    /// From `http://host:port` or `https://host:port` with the PEM of the authority that signed its certificate.
    pub(crate) fn new(url: &str, ca_pem: Option<&str>) -> Endpoint {
        let (scheme, rest) = url.split_once("://").expect("a server's URL has a scheme");
        Endpoint {
            authority: rest.trim_end_matches('/').to_owned(),
            tls: (scheme == "https")
                .then(|| connector(ca_pem.expect("an https server's CA is known"))),
        }
    }

    /// A new connection, with Nagle's algorithm off.
    pub(crate) async fn connect(&self) -> io::Result<Sender> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return start(stream).await;
        };
        let host = self
            .authority
            .rsplit_once(':')
            .map_or(self.authority.as_str(), |(host, _)| host);
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        start(tls.connect(name, stream).await?).await
    }
}

async fn start<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
) -> io::Result<Sender> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}

fn connector(ca_pem: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots
            .add(certificate.expect("the CA is PEM"))
            .expect("the CA is a certificate");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}
