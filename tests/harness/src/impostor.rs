//! Servers that are no API server: one answer to everything, in plain text or behind a certificate of the test's choice.

use crate::ports::free_port;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// What is wrong with the certificate of an [`Impostor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// It was valid in 2020.
    Expired,
    /// It will be valid in 2200.
    NotYetValid,
    /// It is for `other.example`.
    OtherName,
    /// It is signed by its authority, and says that it is one itself.
    Authority,
    /// It is its authority's own, which is taken for a server's.
    SelfSigned,
    /// The same, valid in 2020.
    SelfSignedExpired,
    /// The same, for clients.
    SelfSignedForClients,
    /// It is for clients.
    ForClients,
    /// It is as it should be, and the server wants one of its client.
    WantsClientCertificate,
}

/// A running server; its threads end with the test process.
pub struct Impostor {
    url: String,
    authority: Option<Authority>,
    /// Kept for a [`Impostor::black_hole`].
    _backlog: Vec<TcpStream>,
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    key: String,
}

impl Impostor {
    /// Answers every request with this status and body.
    pub fn answering(status: u16, headers: &[(&str, &str)], body: &str) -> Impostor {
        Impostor::saying(http(status, headers, body))
    }

    /// Sends these bytes whatever it is asked, at the first empty line.
    pub fn saying(bytes: impl Into<Vec<u8>>) -> Impostor {
        Impostor::plain(Some(bytes.into()), b"\r\n\r\n")
    }

    /// Sends these bytes as soon as anything comes.
    pub fn blurting(bytes: impl Into<Vec<u8>>) -> Impostor {
        Impostor::plain(Some(bytes.into()), b"")
    }

    /// Answers with `head`, and then with `unit` again and again for as long as anybody reads it.
    pub fn endless(head: impl Into<Vec<u8>>, unit: impl Into<Vec<u8>>) -> Impostor {
        let (head, unit) = (head.into(), unit.into());
        let (listener, address) = listen();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (head, unit) = (head.clone(), unit.clone());
                thread::spawn(move || -> io::Result<()> {
                    let _ = stream.read(&mut [0; 4096])?;
                    stream.write_all(&head)?;
                    loop {
                        stream.write_all(&unit)?;
                    }
                });
            }
        });
        Impostor::at(address, "http", None, Vec::new())
    }

    /// Takes connections and never says anything.
    pub fn silent() -> Impostor {
        Impostor::plain(None, b"")
    }

    /// A port where no connection comes about, and none is refused: its queue is full.
    pub fn black_hole() -> Impostor {
        let (listener, address) = listen();
        socket2::SockRef::from(&listener)
            .listen(0)
            .expect("a listening socket may listen with a shorter queue");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
        let backlog = std::iter::from_fn(connect).take(16).collect();
        // Never accepted from, and open as long as the process.
        std::mem::forget(listener);
        Impostor::at(address, "https", None, backlog)
    }

    /// Answers every request with `{}` behind TLS.
    pub fn with_certificate(flaw: Flaw) -> Impostor {
        let authority = Authority::new(flaw);
        let config = Arc::new(authority.server(flaw));
        let (listener, address) = listen();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = config.clone();
                thread::spawn(move || -> io::Result<()> {
                    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
                    let mut stream = StreamOwned::new(connection, stream);
                    let ended = serve(&mut stream, &http(200, &[], "{}"), b"\r\n\r\n");
                    // The alert that says what is wrong is still to be sent.
                    let _ = stream.conn.write_tls(&mut stream.sock);
                    ended
                });
            }
        });
        Impostor::at(address, "https", Some(authority), Vec::new())
    }

    /// `http://127.0.0.1:port`, or `https`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authority of its certificate.
    ///
    /// # Panics
    ///
    /// When it has no certificate.
    pub fn ca_pem(&self) -> &str {
        &self.authority().pem
    }

    /// A client certificate and its key that this server accepts, unless it is of the year 2020.
    pub fn client_certificate(&self, expired: bool) -> (String, String) {
        let flaw = if expired { Flaw::Expired } else { Flaw::None };
        let (certificate, key) = self
            .authority()
            .sign(flaw, ExtendedKeyUsagePurpose::ClientAuth);
        (certificate.pem(), key.serialize_pem())
    }

    fn authority(&self) -> &Authority {
        self.authority
            .as_ref()
            .expect("a server with a certificate")
    }

    fn plain(bytes: Option<Vec<u8>>, after: &'static [u8]) -> Impostor {
        let (listener, address) = listen();
        thread::spawn(move || {
            let mut kept = Vec::new();
            for mut stream in listener.incoming().flatten() {
                let Some(bytes) = bytes.clone() else {
                    kept.push(stream);
                    continue;
                };
                thread::spawn(move || serve(&mut stream, &bytes, after));
            }
        });
        Impostor::at(address, "http", None, Vec::new())
    }

    fn at(
        address: SocketAddr,
        scheme: &str,
        authority: Option<Authority>,
        backlog: Vec<TcpStream>,
    ) -> Impostor {
        Impostor {
            url: format!("{scheme}://{address}"),
            authority,
            _backlog: backlog,
        }
    }
}

impl Authority {
    fn new(flaw: Flaw) -> Authority {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a valid name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        match flaw {
            Flaw::SelfSignedExpired => {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2020, 12, 31);
            }
            Flaw::SelfSignedForClients => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
            _ => {}
        }
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        params
            .distinguished_name
            .push(DnType::CommonName, "impostor-ca");
        let key = KeyPair::generate().expect("ring makes P-256 keys");
        let pem = params
            .self_signed(&key)
            .expect("the parameters are complete")
            .pem();
        Authority {
            key: key.serialize_pem(),
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    fn sign(&self, flaw: Flaw, purpose: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let names = match flaw {
            Flaw::OtherName => vec!["other.example".to_owned()],
            _ => vec!["127.0.0.1".to_owned()],
        };
        let mut params = CertificateParams::new(names).expect("valid names");
        params.extended_key_usages = vec![purpose];
        match flaw {
            Flaw::Expired => {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2020, 12, 31);
            }
            Flaw::NotYetValid => params.not_before = date_time_ymd(2200, 1, 1),
            Flaw::Authority => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            Flaw::ForClients => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
            Flaw::None
            | Flaw::OtherName
            | Flaw::WantsClientCertificate
            | Flaw::SelfSigned
            | Flaw::SelfSignedExpired
            | Flaw::SelfSignedForClients => {}
        }
        let key = KeyPair::generate().expect("ring makes P-256 keys");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("the parameters are complete");
        (certificate, key)
    }

    fn server(&self, flaw: Flaw) -> ServerConfig {
        let (certificate, key) = self.sign(flaw, ExtendedKeyUsagePurpose::ServerAuth);
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("ring knows them");
        let builder = if flaw == Flaw::WantsClientCertificate {
            let mut roots = RootCertStore::empty();
            let root = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("our own PEM");
            roots.add(root).expect("our own certificate");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("there is a root"))
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = match flaw {
            Flaw::SelfSigned | Flaw::SelfSignedExpired | Flaw::SelfSignedForClients => {
                (self.pem.clone(), self.key.clone())
            }
            _ => (certificate.pem(), key.serialize_pem()),
        };
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("our own PEM");
        builder
            .with_single_cert(vec![certificate.expect("our own PEM")], key)
            .expect("the key is the certificate's")
    }
}

fn http(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String = headers
        .iter()
        .map(|(key, value)| format!("{key}: {value}\r\n"))
        .collect();
    let length = body.len();
    format!("HTTP/1.1 {status} Any\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// Answers each time `after` has come; an empty `after` means anything.
fn serve(stream: &mut (impl Read + Write), answer: &[u8], after: &[u8]) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let mut asked = Vec::new();
        let came =
            |asked: &[u8]| after.is_empty() || asked.windows(after.len()).any(|part| part == after);
        while asked.is_empty() || !came(&asked) {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            asked.extend_from_slice(&buffer[..count]);
        }
        stream.write_all(answer)?;
        stream.flush()?;
    }
}

fn listen() -> (TcpListener, SocketAddr) {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).ok();
    let listener = (0..10)
        .find_map(|_| bind())
        .expect("one of ten free ports can be bound");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    (listener, address)
}
