//! The client of a connection: connectors, proxies, TLS and HTTP, one on top of the other.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Uri};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder, ServiceExt};

use super::credentials::Credentials;
use super::dial::Dial;
use super::fair::{self, Fair};
use super::progress::{Noted, RequestProgress, Stage, reaching};
use super::{cause, header, proxy, tls, unusable};
use crate::lease::api::Unusable;
use crate::userinfo::{self, UserInfo};

/// A connection that was idle for longer is not used again: something on the way may have forgotten it, without a word to either
/// side, and a grant that is sent on it would be waited for in vain. Most that forget do so after a minute or more.
const KEPT_IDLE: Duration = Duration::from_secs(30);

/// Among the extensions of a request that keeps its connection for as long as it lasts, as a watch does. Such have a pool of
/// their own: the connection that was there before stays for what is written next, which waits for no handshake unless that is
/// long after.
#[derive(Clone, Copy)]
pub struct Lasting;

/// A client for `config`, whose requests carry the header of `credentials`.
///
/// # Errors
/// With what cannot be used.
pub fn link(
    config: Config,
    dial: Dial,
    credentials: &Arc<Credentials>,
) -> Result<Client, Unusable> {
    let Some(proxy) = config.proxy_url.clone() else {
        return over(dial, config, credentials);
    };
    let whole = proxy.to_string();
    let (address, user_info) = userinfo::split(&whole);
    // Nothing below has the password, so that no error of theirs tells it.
    let proxy: Uri = address
        .parse()
        .map_err(|_| unusable(format!("proxy {address} is not an address")))?;
    match proxy.scheme_str() {
        Some("socks5" | "socks5h") => {
            let socks = SocksV5::new(proxy, reaching(dial, Stage::Proxy));
            let socks = match user_info {
                Some(UserInfo { name, password }) => socks.with_auth(name, password),
                None => socks,
            };
            over(socks, config, credentials)
        }
        Some("http") => {
            let tunnel = Tunnel::new(proxy, reaching(dial, Stage::Proxy));
            over(authorized(tunnel, user_info)?, config, credentials)
        }
        Some("https") => {
            let tls = tls::connector(&config, dial)?;
            let tunnel = Tunnel::new(proxy, reaching(tls, Stage::Proxy));
            over(authorized(tunnel, user_info)?, config, credentials)
        }
        _ => Err(unusable(format!("proxy {proxy} is of no supported kind"))),
    }
}

fn authorized<C>(tunnel: Tunnel<C>, user_info: Option<UserInfo>) -> Result<Tunnel<C>, Unusable> {
    let Some(UserInfo { name, password }) = user_info else {
        return Ok(tunnel);
    };
    let header = header::basic(&name, &password).map_err(unusable)?;
    Ok(tunnel.with_auth(header))
}

/// kube's own stack without its retries, its tracing and its own ideas of credentials.
fn over<C>(connector: C, config: Config, credentials: &Arc<Credentials>) -> Result<Client, Unusable>
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
    let address = move |mut request: Request<_>| {
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
    let below = match config.cluster_url.scheme_str() {
        Some("http") => Stage::Connected,
        _ => Stage::Handshake,
    };
    let tls = tls::connector(&config, reaching(connector, below))?;
    let tls = reaching(tls, Stage::Connected).map_response(Fair::new);
    let pool = |tls| {
        hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            // A request on a dead pooled connection is ours to repeat, or not (docs/design.md, Writes).
            .retry_canceled_requests(false)
            .pool_idle_timeout(KEPT_IDLE)
            .http1_max_buf_size(fair::BUFFER)
            .build::<_, Noted>(tls)
    };
    let (short, lasting) = (pool(tls.clone()), pool(tls));
    let http = tower::service_fn(move |request: Request<Body>| {
        let progress = request.extensions().get::<RequestProgress>();
        let progress = progress.cloned().unwrap_or_default();
        let http = match request.extensions().get::<Lasting>() {
            Some(Lasting) => &lasting,
            None => &short,
        };
        let request = request.map(|body| Noted::new(body, progress.clone()));
        progress.scope(http.request(request))
    });
    // On this machine itself compression only costs time.
    let compress = !config.disable_compression && !proxy::is_local(&config.cluster_url);
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
    Ok(Client::new(service, config.default_namespace))
}
