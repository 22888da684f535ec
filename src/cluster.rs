//! From kubectl's connection flags, the kubeconfig or the pod's own credentials to a client.

pub(crate) mod cause;
mod credentials;
mod file;
mod header;
#[cfg(test)]
mod input_tests;
pub(crate) mod kubeconfig;
pub(crate) mod plugin;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use kube::config::{AuthInfo, KubeConfigOptions};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::error::Error;
use crate::lease::api::Unusable;

use credentials::Credentials;
pub use credentials::{Wanted, lease_is_held};
use plugin::Identity;

/// kubectl's connection flags, as given.
#[derive(Clone, Debug, Default)]
pub struct ConnectionOptions {
    /// `--kubeconfig`
    pub kubeconfig: Option<PathBuf>,
    /// `--context`
    pub context: Option<String>,
    /// `--cluster`
    pub cluster: Option<String>,
    /// `--user`
    pub user: Option<String>,
    /// `--namespace`
    pub namespace: Option<String>,
    /// `--server`
    pub server: Option<String>,
    /// `--token`
    pub token: Option<String>,
    /// `--as`
    pub impersonate: Option<String>,
    /// `--as-group`
    pub impersonate_groups: Vec<String>,
    /// `--as-uid`
    pub impersonate_uid: Option<String>,
    /// `--certificate-authority`
    pub certificate_authority: Option<String>,
    /// `--client-certificate`
    pub client_certificate: Option<String>,
    /// `--client-key`
    pub client_key: Option<String>,
    /// `--tls-server-name`
    pub tls_server_name: Option<String>,
    /// `--insecure-skip-tls-verify`
    pub insecure_skip_tls_verify: bool,
}

/// Where the API server is and who we are there; makes clients.
pub struct Connection {
    config: Config,
    /// Whose credentials these are, for messages: `user "alice"`.
    whose: String,
    credentials: Arc<Credentials>,
}

/// A client with a connection pool of its own.
#[derive(Clone)]
pub struct Link {
    /// Sends requests.
    pub client: Client,
    connected: Arc<AtomicBool>,
    /// The client certificate that a plugin gave for it.
    identity: Option<Identity>,
}

impl Link {
    /// Whether a connection to the server, TLS included, has ever come up: without one nothing can have been sent.
    pub fn connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Whether its connections show this client certificate.
    pub fn shows(&self, identity: &Option<Identity>) -> bool {
        &self.identity == identity
    }
}

/// How long a TCP and TLS connection may take to come up.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

impl Connection {
    /// Reads the kubeconfig (or the pod's own credentials) and applies the flags. Sends nothing.
    ///
    /// # Errors
    /// With what is wrong with the configuration, and where to look.
    pub async fn load(options: &ConnectionOptions) -> Result<Self, Error> {
        let kubeconfig = kubeconfig::read(options)?;
        let (mut config, user) = if kubeconfig.is_none() && options.server.is_none() {
            if std::env::var_os("KUBERNETES_SERVICE_HOST").is_none() {
                return Err(Error::NoKubeconfig(kubeconfig::looked_for()));
            }
            let mut config = Config::incluster().map_err(|error| {
                Error::Local(format!(
                    "no kubeconfig, and this pod's service account cannot be used: {}; is automountServiceAccountToken off?",
                    cause::words(&error)
                ))
            })?;
            kubeconfig::override_user(&mut config.auth_info, options);
            kubeconfig::check_impersonation(&config.auth_info)?;
            (config, None)
        } else {
            let resolved = kubeconfig::resolve(kubeconfig.unwrap_or_default(), options)?;
            let mut config =
                Config::from_custom_kubeconfig(resolved.kubeconfig, &KubeConfigOptions::default())
                    .await
                    .map_err(|error| Error::Kubeconfig(cause::words(&error)))?;
            config.proxy_url = proxy_url(resolved.proxy.as_deref(), &config.cluster_url)?;
            (config, resolved.user)
        };
        let whose = match user {
            _ if options.token.is_some() => "the command line".to_owned(),
            Some(user) => format!("user {user:?}"),
            None => "this pod".to_owned(),
        };
        // A retry hidden below the operations would outlive their deadlines (design section 4, rule 4).
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_LIMIT);
        if let Some(namespace) = &options.namespace {
            config.default_namespace.clone_from(namespace);
        }
        if config.cluster_url.scheme_str() == Some("http") {
            // No TLS, so no reason to read the machine's root certificates.
            config.root_cert = Some(Vec::new());
        }
        let from = match options.token {
            Some(_) => "--token".to_owned(),
            None => format!("the token of {whose}"),
        };
        let credentials = Credentials::of(&config.auth_info, &from);
        config.headers = header::impersonation(&mut config.auth_info, options)?;
        Ok(Self {
            config,
            whose,
            credentials,
        })
    }

    /// The namespace the flags, the context or the pod chose.
    pub fn namespace(&self) -> &str {
        &self.config.default_namespace
    }

    /// The server's address, for messages.
    pub fn server(&self) -> String {
        self.config
            .cluster_url
            .to_string()
            .trim_end_matches('/')
            .to_owned()
    }

    /// Whether credentials read anew may differ from the last ones.
    pub fn credentials_change(&self) -> bool {
        self.credentials.change()
    }

    /// The number of the credentials that requests carry now; it grows whenever they are had anew.
    pub fn credentials_number(&self) -> u64 {
        self.credentials.number()
    }

    /// Has credentials anew in the background: the server took the last ones for another's.
    pub fn doubt_credentials(&self) {
        self.credentials.doubt();
    }

    /// Credentials such as `wanted`, for the requests from now on: a token file is read, a plugin run where there are
    /// none, or none any more. What may still do is not waited for. The client certificate among them is for a client.
    ///
    /// # Errors
    /// With why there are none.
    pub async fn credentials(&self, wanted: Wanted) -> Result<Option<Identity>, Unusable> {
        self.credentials.get(wanted).await
    }

    /// The proxy on the way, without its password.
    fn proxy(&self) -> Option<String> {
        let proxy = self.config.proxy_url.as_ref()?;
        let authority = proxy.authority()?.as_str();
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        Some(format!("{}://{host}", proxy.scheme_str().unwrap_or("http")))
    }

    /// What to do when the server does not know who is asking.
    pub fn unauthorized(&self) -> String {
        let user = &self.config.auth_info;
        let Self { whose, .. } = self;
        let certificate = filled(&user.client_certificate) || filled(&user.client_certificate_data);
        if user.exec.is_some() || user.auth_provider.is_some() {
            let plugin = plugin::name(user);
            format!(
                "The server does not accept what {plugin} gives for {whose}: log in again with that plugin"
            )
        } else if user.token.is_some() || user.token_file.is_some() {
            format!(
                "The server does not accept the token of {whose}: it may have expired, or be for another cluster; log in again"
            )
        } else if certificate {
            format!(
                "The server does not accept the client certificate of {whose}: it may have expired (openssl x509 -noout -enddate tells), or be for another cluster"
            )
        } else if user.username.is_some() {
            format!("The server does not accept the password of {whose}; few servers accept any")
        } else {
            format!("There are no credentials for {whose}: log in, or give --token")
        }
    }

    /// What it means that no connection came up in so long.
    pub fn no_connection_within(&self, limit: Duration) -> String {
        match self.proxy() {
            Some(proxy) => format!("no connection through the proxy {proxy} within {limit:?}"),
            None => format!("no connection within {limit:?}"),
        }
    }

    /// What it means that there is no client yet after so long.
    pub fn no_credentials_within(&self, limit: Duration) -> String {
        format!(
            "{} gave nothing within {limit:?}",
            plugin::name(&self.config.auth_info)
        )
    }

    /// A new client with a connection pool of its own, which shows the client certificate `identity`, or else the
    /// kubeconfig's.
    ///
    /// # Errors
    /// With why the certificates cannot be used.
    pub fn link(&self, identity: Option<Identity>) -> Result<Link, Unusable> {
        let mut config = self.config.clone();
        // All that is left for kube to do about the user is a certificate.
        config.auth_info = match &identity {
            Some(Identity { certificate, key }) => AuthInfo {
                client_certificate_data: Some(certificate.clone()),
                client_key_data: Some(key.clone().into()),
                ..AuthInfo::default()
            },
            None => AuthInfo {
                client_certificate: config.auth_info.client_certificate,
                client_certificate_data: config.auth_info.client_certificate_data,
                client_key: config.auth_info.client_key,
                client_key_data: config.auth_info.client_key_data,
                impersonate_user_extra: config.auth_info.impersonate_user_extra,
                ..AuthInfo::default()
            },
        };
        let link = link(config, &self.credentials)?;
        Ok(Link { identity, ..link })
    }
}

/// The kubeconfig's way of leaving something out is also to say nothing.
fn filled(text: &Option<String>) -> bool {
    text.as_deref().is_some_and(|text| !text.is_empty())
}

fn unusable(detail: String) -> Unusable {
    Unusable {
        detail,
        said: Vec::new(),
    }
}

/// The cluster's own proxy-url, else the environment's for this server, NO_PROXY respected. (kube asks NO_PROXY about
/// the proxy instead of the server, so the choice is made here.)
fn proxy_url(of_cluster: Option<&str>, server: &Uri) -> Result<Option<Uri>, Error> {
    let proxy = match of_cluster {
        Some(url) => url
            .parse()
            .map(Some)
            .map_err(|error| Error::Kubeconfig(format!("proxy-url {url:?}: {error}")))?,
        // As Go's ProxyFromEnvironment: never for this machine itself.
        None if is_local(server) => None,
        None => Matcher::from_env()
            .intercept(server)
            .map(|proxy| proxy.uri().clone()),
    };
    match proxy.as_ref().map(Uri::scheme_str) {
        None | Some(Some("http" | "https" | "socks5" | "socks5h")) => Ok(proxy),
        Some(_) => Err(Error::Kubeconfig(format!(
            "proxy {}: only http, https and socks5 proxies are supported",
            proxy.unwrap_or_default()
        ))),
    }
}

fn is_local(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn link(config: Config, credentials: &Arc<Credentials>) -> Result<Link, Unusable> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    // With Nagle's algorithm on, a request in two packets waits for the peer's delayed ACK: 40 ms on loopback.
    http.set_nodelay(true);
    http.set_connect_timeout(config.connect_timeout);
    let Some(proxy) = config.proxy_url.clone() else {
        return over(http, config, credentials);
    };
    match proxy.scheme_str() {
        Some("socks5" | "socks5h") => over(SocksV5::new(proxy, http), config, credentials),
        Some("http") => over(
            authorized(Tunnel::new(proxy.clone(), http), &proxy),
            config,
            credentials,
        ),
        Some("https") => {
            let tls = config
                .rustls_https_connector_with_connector(http)
                .map_err(|error| unusable(cause::words(&error)))?;
            over(
                authorized(Tunnel::new(proxy.clone(), tls), &proxy),
                config,
                credentials,
            )
        }
        _ => Err(unusable(format!("proxy {proxy} is of no supported kind"))),
    }
}

fn authorized<C>(tunnel: Tunnel<C>, proxy: &Uri) -> Tunnel<C> {
    let matcher = Matcher::builder().all(proxy.to_string()).build();
    let anywhere = Uri::from_static("https://kubernetes.default.svc");
    match matcher
        .intercept(&anywhere)
        .and_then(|proxy| proxy.basic_auth().cloned())
    {
        Some(header) => tunnel.with_auth(header),
        None => tunnel,
    }
}

/// kube's own stack without its retries, its tracing and its own ideas of credentials.
fn over<C>(connector: C, config: Config, credentials: &Arc<Credentials>) -> Result<Link, Unusable>
where
    C: tower::Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: hyper_util::client::legacy::connect::Connection
        + hyper::rt::Read
        + hyper::rt::Write
        + Send
        + Unpin
        + 'static,
    C::Future: Send + 'static,
    C::Error: std::error::Error + Send + Sync + 'static,
{
    let credentials = Arc::clone(credentials);
    let base = config.cluster_url.clone();
    let address = move |mut request: http::Request<_>| {
        // What is too long together stays without a server, which is an error; kube's own layer panics.
        if let Some(whole) = header::below(&base, request.uri()) {
            *request.uri_mut() = whole;
        }
        if let Some(value) = credentials.header() {
            request
                .headers_mut()
                .insert(http::header::AUTHORIZATION, value);
        }
        request
    };
    let tls = config
        .rustls_https_connector_with_connector(connector)
        .map_err(|error| unusable(cause::words(&error)))?;
    let connected = Arc::new(AtomicBool::new(false));
    let up = Arc::clone(&connected);
    let tls = tls.map_response(move |stream| {
        up.store(true, Ordering::Relaxed);
        stream
    });
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        // A request on a dead pooled connection is ours to repeat, or not (design section 4, rule 4).
        .retry_canceled_requests(false)
        .build::<_, Body>(tls);
    // On this machine itself compression only costs time.
    let compress = !config.disable_compression && !is_local(&config.cluster_url);
    let service = ServiceBuilder::new()
        .layer(tower_http::decompression::DecompressionLayer::new().gzip(compress))
        .map_request(address)
        .layer(
            config
                .extra_headers_layer()
                .map_err(|error| unusable(cause::words(&error)))?,
        )
        .map_err(BoxError::from)
        .service(http);
    Ok(Link {
        client: Client::new(service, config.default_namespace),
        connected,
        identity: None,
    })
}
