//! The kubeconfig: its files merged, one cluster and one user chosen, the flags applied.

use std::path::{Path, PathBuf};

use kube::config::{
    AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};

use super::ConnectionOptions;
use crate::error::Error;

/// The kubeconfig files that exist, merged in order; `None` if there are none.
pub fn read(options: &ConnectionOptions) -> Result<Option<Kubeconfig>, Error> {
    let read = |path: &Path| {
        Kubeconfig::read_from(path)
            .map_err(|error| Error::Kubeconfig(format!("{}: {error}", path.display())))
    };
    if let Some(path) = &options.kubeconfig {
        return read(path).map(Some);
    }
    let paths: Vec<PathBuf> = match std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty())
    {
        Some(list) => std::env::split_paths(&list)
            .filter(|path| !path.as_os_str().is_empty())
            .collect(),
        None => std::env::home_dir()
            .map(|home| home.join(".kube").join("config"))
            .into_iter()
            .collect(),
    };
    let mut merged: Option<Kubeconfig> = None;
    // As kubectl: a file of the list that does not exist is passed over.
    for path in paths.iter().filter(|path| path.exists()) {
        let next = read(path)?;
        merged = Some(match merged {
            Some(earlier) => earlier
                .merge(next)
                .map_err(|error| Error::Kubeconfig(format!("{}: {error}", path.display())))?,
            None => next,
        });
    }
    Ok(merged.filter(|config| !config.contexts.is_empty() || !config.clusters.is_empty()))
}

/// One cluster, one user, one context: what the flags and the kubeconfig together mean. Also the cluster's proxy-url.
pub fn resolve(
    kubeconfig: Kubeconfig,
    options: &ConnectionOptions,
) -> Result<(Kubeconfig, Option<String>), Error> {
    let name = options
        .context
        .clone()
        .or(kubeconfig.current_context.filter(|name| !name.is_empty()));
    let context = match &name {
        Some(name) => Some(
            kubeconfig
                .contexts
                .iter()
                .find(|context| &context.name == name)
                .and_then(|context| context.context.clone())
                .ok_or_else(|| Error::NoSuchContext {
                    name: name.clone(),
                    known: kubeconfig
                        .contexts
                        .iter()
                        .map(|context| context.name.clone())
                        .collect(),
                })?,
        ),
        None => None,
    };
    let named = |kind: &'static str, name: &str| {
        Error::Kubeconfig(format!("{kind} {name:?} does not exist in the kubeconfig"))
    };

    let cluster_name = options
        .cluster
        .clone()
        .or(context.as_ref().map(|context| context.cluster.clone()));
    let mut cluster = match &cluster_name {
        Some(name) => kubeconfig
            .clusters
            .iter()
            .find(|cluster| &cluster.name == name)
            .and_then(|cluster| cluster.cluster.clone())
            .or(options
                .server
                .is_some()
                .then(Cluster::default)
                .filter(|_| options.cluster.is_none()))
            .ok_or_else(|| named("cluster", name))?,
        None if options.server.is_some() => Cluster::default(),
        None => {
            return Err(Error::NoCurrentContext {
                known: kubeconfig
                    .contexts
                    .into_iter()
                    .map(|context| context.name)
                    .collect(),
            });
        }
    };
    override_cluster(&mut cluster, options);

    let user_name = options
        .user
        .clone()
        .or(context.as_ref().and_then(|context| context.user.clone()));
    let mut user = match user_name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => kubeconfig
            .auth_infos
            .iter()
            .find(|user| user.name == name)
            .and_then(|user| user.auth_info.clone())
            .ok_or_else(|| named("user", name))?,
        None => AuthInfo::default(),
    };
    override_user(&mut user, options);
    check_impersonation(&user)?;

    let only = || "kubectl-lease".to_owned();
    let proxy = cluster.proxy_url.clone().filter(|url| !url.is_empty());
    let resolved = Kubeconfig {
        clusters: vec![NamedCluster {
            name: only(),
            cluster: Some(cluster),
            other: Default::default(),
        }],
        auth_infos: vec![NamedAuthInfo {
            name: only(),
            auth_info: Some(user),
            other: Default::default(),
        }],
        contexts: vec![NamedContext {
            name: only(),
            context: Some(Context {
                cluster: only(),
                user: Some(only()),
                namespace: context
                    .and_then(|context| context.namespace)
                    .filter(|name| !name.is_empty()),
                ..Context::default()
            }),
            other: Default::default(),
        }],
        current_context: Some(only()),
        ..Kubeconfig::default()
    };
    Ok((resolved, proxy))
}

fn override_cluster(cluster: &mut Cluster, options: &ConnectionOptions) {
    if let Some(server) = &options.server {
        let server = if server.contains("://") {
            server.clone()
        } else {
            format!("http://{server}")
        };
        cluster.server = Some(server);
    }
    if let Some(file) = &options.certificate_authority {
        cluster.certificate_authority = Some(file.clone());
        cluster.certificate_authority_data = None;
        cluster.insecure_skip_tls_verify = None;
    }
    if options.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(true);
        cluster.certificate_authority = None;
        cluster.certificate_authority_data = None;
    }
    if options.tls_server_name.is_some() {
        cluster.tls_server_name.clone_from(&options.tls_server_name);
    }
    cluster.tls_server_name = cluster
        .tls_server_name
        .take()
        .filter(|name| !name.is_empty());
}

/// The user that the flags change.
pub fn override_user(user: &mut AuthInfo, options: &ConnectionOptions) {
    if let Some(token) = &options.token {
        user.token = Some(token.clone().into());
        user.token_file = None;
        user.exec = None;
        user.auth_provider = None;
        user.username = None;
        user.password = None;
    }
    if let Some(file) = &options.client_certificate {
        user.client_certificate = Some(file.clone());
        user.client_certificate_data = None;
    }
    if let Some(file) = &options.client_key {
        user.client_key = Some(file.clone());
        user.client_key_data = None;
    }
    if options.impersonate.is_some() {
        user.impersonate.clone_from(&options.impersonate);
        user.impersonate_groups = None;
        user.impersonate_uid = None;
    }
    if !options.impersonate_groups.is_empty() {
        user.impersonate_groups = Some(options.impersonate_groups.clone());
    }
    if options.impersonate_uid.is_some() {
        user.impersonate_uid.clone_from(&options.impersonate_uid);
    }
}

/// As kubectl: servers answer 500 to a group or uid without a user, which reads as a passing fault.
pub fn check_impersonation(user: &AuthInfo) -> Result<(), Error> {
    let nobody = user.impersonate.as_deref().unwrap_or_default().is_empty();
    let groups = user.impersonate_groups.as_deref().unwrap_or_default();
    if nobody && (!groups.is_empty() || user.impersonate_uid.is_some()) {
        return Err(Error::Usage(
            "--as-group and --as-uid need a user to impersonate: give --as".to_owned(),
        ));
    }
    Ok(())
}
