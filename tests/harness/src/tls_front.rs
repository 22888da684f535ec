//! TLS in front of a proxy, with certificates that are replaced while it runs.

use crate::certs::{Authority, Certificate};
use crate::runtime::{block_on, runtime};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A running front; it ends with the test process.
pub struct TlsFront {
    url: String,
    authority: Authority,
    clients: Authority,
    wants_certificate: bool,
    config: watch::Sender<Arc<ServerConfig>>,
}

impl TlsFront {
    /// In front of `http://host:port`, itself without TLS. With `wants_certificate` a client has to show one of [`TlsFront::client`].
    ///
    /// # Panics
    ///
    /// When no loopback port is free.
    pub fn to(url: &str, wants_certificate: bool) -> TlsFront {
        let (authority, clients) = (Authority::new(), Authority::new());
        let (config, seen) =
            watch::channel(server(&authority, wants_certificate.then_some(&clients)));
        let upstream = url.trim_start_matches("http://").to_owned();
        let listener = block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.expect("a loopback port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        runtime().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, upstream.clone(), seen.clone()));
            }
        });
        TlsFront {
            url: format!("https://{address}"),
            authority,
            clients,
            wants_certificate,
            config,
        }
    }

    /// `https://127.0.0.1:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authority of the server's certificate.
    pub fn ca_pem(&self) -> &str {
        &self.authority.pem
    }

    /// The same as a kubeconfig has it.
    pub fn ca_data(&self) -> String {
        BASE64_STANDARD.encode(&self.authority.pem)
    }

    /// A client certificate and its key that the server accepts at the moment.
    pub fn client(&self) -> (String, String) {
        let Certificate { certificate, key } = self.clients.client("somebody", &[]);
        (certificate, key)
    }

    /// The server has a certificate of a new authority from now on; every connection ends.
    pub fn replace_authority(&mut self) {
        self.authority = Authority::new();
        self.apply();
    }

    /// The server accepts client certificates of a new authority only from now on; every connection ends.
    pub fn replace_clients(&mut self) {
        self.clients = Authority::new();
        self.apply();
    }

    fn apply(&self) {
        let clients = self.wants_certificate.then_some(&self.clients);
        self.config.send_replace(server(&self.authority, clients));
    }
}

async fn serve(
    stream: TcpStream,
    upstream: String,
    mut config: watch::Receiver<Arc<ServerConfig>>,
) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let acceptor = TlsAcceptor::from(config.borrow_and_update().clone());
    let mut client = acceptor.accept(stream).await.ok()?;
    let mut server = TcpStream::connect(upstream).await.ok()?;
    server.set_nodelay(true).ok()?;
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = config.changed() => {}
    }
    Some(())
}

fn server(authority: &Authority, clients: Option<&Authority>) -> Arc<ServerConfig> {
    let Certificate { certificate, key } = authority.server();
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("our own PEM");
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring knows them");
    let builder = match clients {
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(der(&clients.pem)).expect("our own certificate");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("there is a root"))
        }
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("our own PEM");
    let config = builder.with_single_cert(vec![der(&certificate)], key);
    Arc::new(config.expect("the key is the certificate's"))
}
