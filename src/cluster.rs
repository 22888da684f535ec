//! From kubectl's connection flags, the kubeconfig or the pod's own credentials to a client.

pub(crate) mod kubeconfig;

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use kube::config::{AuthInfo, KubeConfigOptions};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

use crate::error::Error;

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
        let mut config = if kubeconfig.is_none() && options.server.is_none() {
            if std::env::var_os("KUBERNETES_SERVICE_HOST").is_none() {
                return Err(Error::NoKubeconfig);
            }
            let mut config =
                Config::incluster().map_err(|error| Error::Kubeconfig(error.to_string()))?;
            kubeconfig::override_user(&mut config.auth_info, options);
            kubeconfig::check_impersonation(&config.auth_info)?;
            config
        } else {
            let (kubeconfig, proxy) = kubeconfig::resolve(kubeconfig.unwrap_or_default(), options)?;
            let mut config =
                Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                    .await
                    .map_err(|error| Error::Kubeconfig(error.to_string()))?;
            config.proxy_url = proxy_url(proxy.as_deref(), &config.cluster_url)?;
            config
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
        Ok(Self { config })
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
        let user = &self.config.auth_info;
        user.token_file.is_some() || user.exec.is_some() || user.auth_provider.is_some()
    }

    /// A new client with a connection pool of its own; token files are read and exec plugins run anew.
    ///
    /// # Errors
    /// With why the credentials or certificates cannot be used.
    pub async fn client(&self) -> Result<Client, String> {
        let config = self.config.clone();
        if config.auth_info.exec.is_some() || config.auth_info.auth_provider.is_some() {
            // The plugin is a process that may take its time or ask the user; timers go on meanwhile.
            let runtime = tokio::runtime::Handle::current();
            return tokio::task::spawn_blocking(move || {
                let _runtime = runtime.enter();
                client(config)
            })
            .await
            .map_err(|error| error.to_string())?;
        }
        client(config)
    }
}

/// The cluster's own proxy-url, else the environment's for this server, NO_PROXY respected. (kube asks NO_PROXY about
/// the proxy instead of the server, so the choice is made here.)
fn proxy_url(of_cluster: Option<&str>, server: &Uri) -> Result<Option<Uri>, Error> {
    match of_cluster {
        Some(url) => url
            .parse()
            .map(Some)
            .map_err(|error| Error::Kubeconfig(format!("proxy-url {url:?}: {error}"))),
        None => {
            // As Go's ProxyFromEnvironment: never for this machine itself.
            if is_local(server) {
                return Ok(None);
            }
            Ok(Matcher::from_env()
                .intercept(server)
                .map(|proxy| proxy.uri().clone()))
        }
    }
}

fn is_local(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn client(mut config: Config) -> Result<Client, String> {
    read_token_file(&mut config.auth_info)?;
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    // With Nagle's algorithm on, a request in two packets waits for the peer's delayed ACK: 40 ms on loopback.
    http.set_nodelay(true);
    http.set_connect_timeout(config.connect_timeout);
    let Some(proxy) = config.proxy_url.clone() else {
        return over(http, config);
    };
    match proxy.scheme_str() {
        Some("socks5" | "socks5h") => over(SocksV5::new(proxy, http), config),
        Some("http") => over(authorized(Tunnel::new(proxy.clone(), http), &proxy), config),
        Some("https") => {
            let tls = config
                .rustls_https_connector_with_connector(http)
                .map_err(|error| error.to_string())?;
            over(authorized(Tunnel::new(proxy.clone(), tls), &proxy), config)
        }
        _ => Err(format!(
            "proxy {proxy}: only http, https and socks5 proxies are supported"
        )),
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

/// kube's own stack without its retries, its tracing and its second run of the exec plugin.
fn over<C>(connector: C, mut config: Config) -> Result<Client, String>
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
    let plugin = config.auth_info.exec.as_ref();
    let plugin = plugin.and_then(|exec| exec.command.clone());
    let auth = config.auth_layer().map_err(|error| match plugin {
        Some(plugin) => format!("exec plugin {plugin:?}: {error}"),
        None => error.to_string(),
    })?;
    if auth.is_some() {
        // The plugin gave a token; TLS would run it once more to look for a certificate.
        config.auth_info.exec = None;
    }
    let tls = config
        .rustls_https_connector_with_connector(connector)
        .map_err(|error| error.to_string())?;
    let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        // A request on a dead pooled connection is ours to repeat, or not (design section 4, rule 4).
        .retry_canceled_requests(false)
        .build::<_, Body>(tls);
    // On this machine itself compression only costs time.
    let compress = !config.disable_compression && !is_local(&config.cluster_url);
    let service = ServiceBuilder::new()
        .layer(tower_http::decompression::DecompressionLayer::new().gzip(compress))
        .layer(config.base_uri_layer())
        .option_layer(auth)
        .layer(
            config
                .extra_headers_layer()
                .map_err(|error| error.to_string())?,
        )
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}

/// A token file is read for each client, its final newline cut off as kubectl does; a new client is made whenever the
/// server answers 401, which is how a rotated token is picked up.
fn read_token_file(user: &mut AuthInfo) -> Result<(), String> {
    if user.token.is_none()
        && let Some(file) = user.token_file.take()
    {
        let token = std::fs::read_to_string(&file)
            .map_err(|error| format!("token file {file}: {error}"))?;
        user.token = Some(token.trim().to_owned().into());
    }
    Ok(())
}
