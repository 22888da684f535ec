//! Everything that a client is made of, in memory: read at the start, and anew for each client after that.

use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster, Kubeconfig};
use serde_json::Value;

use super::files::{self, Given, Identity, Named, Time};
use super::kubeconfig::{self, Resolved};
use super::{ConnectionOptions, filled, header, proxy};
use crate::hint;
use crate::server::error::ConfigError;

/// What a client is made of.
#[derive(Clone)]
pub struct Ready {
    /// As kube wants it; names no file.
    pub config: Config,
    /// What the kubeconfig said, the flags applied; names files.
    pub resolved: Resolved,
    pieces: Pieces,
    /// The same text for the same thing. It has secrets in it.
    pub print: String,
    /// The same for the user but for certificates, which are each client's own.
    pub who: String,
    /// What could not be read anew, so that what was read before is used.
    pub unread: Vec<String>,
}

#[derive(Clone)]
struct Pieces {
    authority: Option<Vec<Vec<u8>>>,
    identity: Option<Identity>,
    token: Option<String>,
}

impl Ready {
    /// Reads everything for the first time.
    ///
    /// # Errors
    /// With the first thing that cannot be used.
    pub fn first(options: &ConnectionOptions) -> Result<Self, ConfigError> {
        Self::resolved(kubeconfig::find(options)?, options)
    }

    /// Reads the files that a kubeconfig and the flags name.
    ///
    /// # Errors
    /// With the first thing that cannot be used.
    pub fn resolved(resolved: Resolved, options: &ConnectionOptions) -> Result<Self, ConfigError> {
        let pieces = Source::of(&resolved, options).read(Time::First, None, &mut Vec::new())?;
        Self::of(resolved, pieces, Vec::new(), options)
    }

    /// Reads it anew. What cannot be used at the moment, because somebody is replacing it say, stays as it was.
    /// The kubeconfig counts for as long as it is about the same server: an edit takes no lease elsewhere.
    pub fn again(&self, options: &ConnectionOptions) -> Self {
        let mut unread = Vec::new();
        let resolved = match kubeconfig::find_again(options, &self.resolved) {
            Ok(found) if found.server() == self.resolved.server() => found,
            Ok(_) => self.resolved.clone(),
            Err(error) => {
                unread.extend(said(error));
                self.resolved.clone()
            }
        };
        let source = Source::of(&resolved, options);
        let read = source.read(Time::Again, Some(&self.pieces), &mut unread);
        let made = read.and_then(|pieces| Self::of(resolved, pieces, unread, options));
        made.unwrap_or_else(|error| Self {
            unread: said(error).into_iter().collect(),
            ..self.clone()
        })
    }

    fn of(
        resolved: Resolved,
        pieces: Pieces,
        unread: Vec<String>,
        options: &ConnectionOptions,
    ) -> Result<Self, ConfigError> {
        let mut kubeconfig = resolved.kubeconfig.clone();
        let plain = resolved.server().is_some_and(kubeconfig::is_plain);
        let cluster = kubeconfig.clusters.iter_mut();
        for cluster in cluster.filter_map(|named| named.cluster.as_mut()) {
            cluster.certificate_authority = None;
            let pem = pieces.authority.as_deref().map(files::pem);
            cluster.certificate_authority_data = pem.map(|pem| files::encoded(pem.as_bytes()));
        }
        let users = kubeconfig.auth_infos.iter_mut();
        for user in users.filter_map(|named| named.auth_info.as_mut()) {
            user.client_certificate = None;
            user.client_key = None;
            // Over plain http there is nobody to show it to but a proxy.
            let identity = pieces.identity.as_ref().filter(|_| !plain);
            user.client_certificate_data =
                identity.map(|identity| files::encoded(&identity.certificate));
            user.client_key_data = identity.map(|identity| files::encoded(&identity.key).into());
            if let Some(token) = &pieces.token {
                user.token_file = None;
                user.token = Some(token.clone().into());
            }
        }
        let print = serde_json::to_string(&kubeconfig).unwrap_or_default();
        let mut config = config_of(kubeconfig)?;
        config.headers = header::impersonation(&mut config.auth_info, options)?;
        let who = AuthInfo {
            client_certificate_data: None,
            client_key_data: None,
            ..config.auth_info.clone()
        };
        let who = serde_json::to_string(&who).unwrap_or_default();
        config.root_cert.clone_from(&pieces.authority);
        config.proxy_url = proxy::of(resolved.proxy.as_deref(), &config.cluster_url, |name| {
            std::env::var(name).ok()
        })?;
        // A retry hidden below the operations would outlive their deadlines (docs/design.md, Writes).
        config.default_retry = false;
        if config.cluster_url.scheme_str() == Some("http") {
            // No TLS, so no reason to read the machine's root certificates.
            config.root_cert = Some(Vec::new());
        }
        Ok(Self {
            config,
            resolved,
            pieces,
            print,
            who,
            unread,
        })
    }

    /// The user as the kubeconfig and the flags have it, files and all.
    pub fn user(&self) -> AuthInfo {
        self.resolved.user_entry().cloned().unwrap_or_default()
    }
}

/// As kube's own `TryFrom`, without the environment's proxy: kube reads that by rules that are not kubectl's, and does not
/// say which variable it cannot read.
fn config_of(kubeconfig: Kubeconfig) -> Result<Config, ConfigError> {
    let wrong = |error: &(dyn std::error::Error + 'static)| {
        ConfigError::Kubeconfig(super::cause::words(error))
    };
    let cluster = kubeconfig.clusters.into_iter().find_map(|it| it.cluster);
    let cluster = cluster.unwrap_or_default();
    let server = cluster.server.as_deref().unwrap_or_default();
    let mut config = Config::new(
        server
            .parse()
            .map_err(|error: http::uri::InvalidUri| wrong(&error))?,
    );
    let context = kubeconfig.contexts.into_iter().find_map(|it| it.context);
    if let Some(namespace) = context.and_then(|context| context.namespace) {
        config.default_namespace = namespace;
    }
    let user = kubeconfig
        .auth_infos
        .into_iter()
        .find_map(|it| it.auth_info);
    config.auth_info = user.unwrap_or_default();
    if let Some(exec) = &mut config.auth_info.exec
        && exec.provide_cluster_info
    {
        exec.cluster = Some(ExecAuthCluster::try_from(&cluster).map_err(|error| wrong(&error))?);
    }
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name;
    Ok(config)
}

fn said(error: ConfigError) -> Option<String> {
    match error {
        ConfigError::File { what, .. } => Some(what),
        error => error.lines().into_iter().next(),
    }
}

/// Where the pieces come from.
struct Source<'a> {
    cluster: Option<&'a Cluster>,
    /// kube keeps secrets from us, but not from a serializer.
    user: Value,
    names: Names,
}

struct Names {
    authority: Named,
    certificate: Named,
    key: Named,
    token: Named,
}

impl<'a> Source<'a> {
    fn of(resolved: &'a Resolved, options: &ConnectionOptions) -> Self {
        let user = resolved.user_entry().map(serde_json::to_value);
        Self {
            cluster: resolved.cluster_entry(),
            user: user.and_then(Result::ok).unwrap_or_default(),
            names: Names::of(resolved, options),
        }
    }

    /// What cannot be read is as it was `before`, and noted in `unread`.
    fn read(
        &self,
        time: Time,
        before: Option<&Pieces>,
        unread: &mut Vec<String>,
    ) -> Result<Pieces, ConfigError> {
        let text = |field: &str| self.user[field].as_str().filter(|text| !text.is_empty());
        let cluster = |of: fn(&Cluster) -> &Option<String>| {
            let given = self.cluster.map(of).filter(|text| filled(text));
            given.and_then(|text| text.as_deref())
        };
        let authority = Given {
            data: cluster(|cluster| &cluster.certificate_authority_data),
            file: cluster(|cluster| &cluster.certificate_authority),
            named: self.names.authority.clone(),
        };
        let certificate = Given {
            data: text("client-certificate-data"),
            file: text("client-certificate"),
            named: self.names.certificate.clone(),
        };
        let mut key = Given {
            data: text("client-key-data"),
            file: text("client-key"),
            named: self.names.key.clone(),
        };
        // As client-go: a key without its certificate does nothing where something else says who asks, or nothing does.
        let others = ["token", "tokenFile", "exec", "auth-provider", "username"];
        let server = self.cluster.and_then(|cluster| cluster.server.as_deref());
        let idle = certificate.data.is_none()
            && certificate.file.is_none()
            && (server.is_some_and(kubeconfig::is_plain)
                || others.iter().any(|field| !self.user[*field].is_null()));
        if idle {
            (key.data, key.file) = (None, None);
        }
        let token = Given {
            data: None,
            file: text("tokenFile"),
            named: self.names.token.clone(),
        };
        Ok(Pieces {
            authority: files::authority(&authority, time)
                .or_else(|error| kept(error, before.map(|it| &it.authority), unread))?,
            identity: files::identity(&certificate, &key, time)
                .or_else(|error| kept(error, before.map(|it| &it.identity), unread))?,
            token: files::token(&token, time).or_else(|error| {
                let before = before.map(|it| &it.token);
                let beside = text("token");
                // As client-go: the file is what is renewed; where it was never read, the token beside it will do.
                let read = before
                    .and_then(Option::as_deref)
                    .filter(|it| Some(*it) != beside);
                match (read, beside) {
                    (None, Some(beside)) => Ok(Some(beside.to_owned())),
                    (Some(_), _) | (None, None) => kept(error, before, unread),
                }
            })?,
        })
    }
}

/// Nothing before is nothing to keep: a user whose only token cannot be read would ask as nobody.
fn kept<T: Clone>(
    error: ConfigError,
    before: Option<&Option<T>>,
    unread: &mut Vec<String>,
) -> Result<Option<T>, ConfigError> {
    match before {
        Some(Some(before)) => {
            unread.extend(said(error));
            Ok(Some(before.clone()))
        }
        Some(None) | None => Err(error),
    }
}

impl Names {
    fn of(resolved: &Resolved, options: &ConnectionOptions) -> Self {
        let by_flag = |flag: &str| Named {
            what: flag.to_owned(),
            next: format!("Check the file that {flag} names"),
        };
        let in_pod = |what: &str| {
            Named {
            what: format!("this pod's {what}"),
            next: "There is no kubeconfig, so the pod's service account is used: is automountServiceAccountToken off for it?"
                .to_owned(),
        }
        };
        let of = |what: &str, kind: &str, name: Option<&str>| Named {
            what: match name {
                Some(name) => format!("the {what} of {kind} {name:?}"),
                None => format!("the {what}"),
            },
            next: format!(
                "Check that {kind} in the kubeconfig: {}",
                hint::kubectl_config("view --minify")
            ),
        };
        let user = |what: &str, flag: &str, given: bool| match given {
            true => by_flag(flag),
            false => of(what, "user", resolved.user.as_deref()),
        };
        Self {
            authority: match (&options.certificate_authority, resolved.in_pod) {
                (Some(_), _) => by_flag("--certificate-authority"),
                (None, true) => in_pod("certificate authority"),
                (None, false) => of(
                    "certificate authority",
                    "cluster",
                    resolved.cluster.as_deref(),
                ),
            },
            certificate: user(
                "client certificate",
                "--client-certificate",
                options.client_certificate.is_some(),
            ),
            key: user("client key", "--client-key", options.client_key.is_some()),
            token: match resolved.in_pod {
                true => in_pod("service account token"),
                false => of("token file", "user", resolved.user.as_deref()),
            },
        }
    }
}
