//! The kubeconfig: its files merged, one cluster and one user chosen, the flags applied.

mod check;
#[cfg(any(windows, test))]
mod home;
mod namespace;
mod pod;
mod server;
mod user;

use std::path::{Path, PathBuf};

use kube::config::{
    AuthInfo, Cluster, Context, Kubeconfig, KubeconfigError, NamedAuthInfo, NamedCluster,
    NamedContext,
};

use super::cause::words;
pub use check::check_impersonation;
use check::{check_methods, check_server_name, check_verification, named_twice, of_another_kind};
pub use namespace::namespace_alone;
pub use pod::namespace as pod_namespace;
pub use server::is_plain;
use user::{override_user, without_idle_plugin};

use super::{ConnectionOptions, file, proxy};
use crate::lease::values;
use crate::server::error::{ConfigError, Entry, LookedFor};
use crate::words::without_number;

/// One cluster, one user, one context.
#[derive(Clone)]
pub struct Resolved {
    /// With one entry of each kind.
    pub kubeconfig: Kubeconfig,
    /// The cluster's proxy-url.
    pub proxy: Option<String>,
    /// The cluster's name, if one is named.
    pub cluster: Option<String>,
    /// The user's name, if one is named.
    pub user: Option<String>,
    /// The context's name, if one is named.
    context: Option<String>,
    /// These are the pod's own credentials.
    pub in_pod: bool,
}

impl Resolved {
    /// The one cluster.
    pub fn cluster_entry(&self) -> Option<&Cluster> {
        self.kubeconfig.clusters.first()?.cluster.as_ref()
    }

    /// The one user.
    pub fn user_entry(&self) -> Option<&AuthInfo> {
        self.kubeconfig.auth_infos.first()?.auth_info.as_ref()
    }

    /// The server's address.
    pub fn server(&self) -> Option<&str> {
        self.cluster_entry()?.server.as_deref()
    }
}

/// What the flags, the kubeconfig or the pod say.
///
/// # Errors
/// With what is wrong, and where to look.
pub fn find(options: &ConnectionOptions) -> Result<Resolved, ConfigError> {
    match read(options)? {
        None if options.server.is_none() => pod::resolve(options),
        kubeconfig => resolve(kubeconfig.unwrap_or_default(), options),
    }
}

/// The same, later on: the same context, whichever is the current one by now.
///
/// # Errors
/// With what is wrong.
pub fn find_again(options: &ConnectionOptions, before: &Resolved) -> Result<Resolved, ConfigError> {
    let paths = match &options.kubeconfig {
        Some(path) => vec![path.clone()],
        None => looked_for().paths,
    };
    let there: Vec<PathBuf> = paths.into_iter().filter(|path| path.exists()).collect();
    // A pipe has been read, and /dev/stdin is the command's by now.
    let readable = !there.is_empty() && there.iter().all(|path| path.is_file());
    if before.in_pod || before.context.is_none() || !readable {
        return Ok(before.clone());
    }
    let options = ConnectionOptions {
        context: before.context.clone(),
        ..options.clone()
    };
    resolve(read(&options)?.unwrap_or_default(), &options)
}

/// The kubeconfig files that exist, merged in order; `None` if there are none.
pub fn read(options: &ConnectionOptions) -> Result<Option<Kubeconfig>, ConfigError> {
    let read = |path: &Path| usable(path, file::read(path));
    if let Some(path) = &options.kubeconfig {
        return read(path).map(Some);
    }
    let paths = looked_for().paths;
    // As kubectl: a file of the list that does not exist is passed over.
    let there = paths.iter().filter(|path| path.exists());
    merged(there.map(|path| (path.as_path(), read(path))))
}

/// What a file has of use.
///
/// # Errors
/// With what is wrong with it.
pub fn usable(
    path: &Path,
    read: Result<Kubeconfig, KubeconfigError>,
) -> Result<Kubeconfig, ConfigError> {
    let wrong = |why: String| ConfigError::Kubeconfig(format!("{}: {why}", path.display()));
    let mut config = read.map_err(|error| wrong(unreadable(&error)))?;
    if let Some(what) = of_another_kind(&config) {
        return Err(wrong(what));
    }
    if let Some(twice) = named_twice(&config) {
        // Either of the two could be the wrong cluster.
        return Err(wrong(format!("two {twice}: remove or rename one")));
    }
    // Nothing can name one without a name.
    config.clusters.retain(|entry| !entry.name.is_empty());
    config.auth_infos.retain(|entry| !entry.name.is_empty());
    config.contexts.retain(|entry| !entry.name.is_empty());
    // An empty one names none, and does not hide that of a later file.
    config.current_context = config.current_context.filter(|name| !name.is_empty());
    Ok(config)
}

/// Files merged in order; `None` if nothing is in them.
///
/// # Errors
/// The first that a file is, or that it does not go with those before it.
pub fn merged<'p>(
    files: impl Iterator<Item = (&'p Path, Result<Kubeconfig, ConfigError>)>,
) -> Result<Option<Kubeconfig>, ConfigError> {
    let mut merged: Option<Kubeconfig> = None;
    for (path, next) in files {
        let next = next?;
        merged = Some(match merged {
            Some(earlier) => earlier
                .merge(next)
                .map_err(|error| ConfigError::Kubeconfig(format!("{}: {error}", path.display())))?,
            None => next,
        });
    }
    Ok(merged.filter(|config| !config.contexts.is_empty() || !config.clusters.is_empty()))
}

/// Where a kubeconfig is looked for when no flag names one.
pub fn looked_for() -> LookedFor {
    match std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) {
        Some(list) => LookedFor {
            by_environment: true,
            paths: std::env::split_paths(&list)
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
        },
        None => LookedFor {
            by_environment: false,
            paths: home()
                .map(|home| home.join(".kube").join("config"))
                .into_iter()
                .collect(),
        },
    }
}

#[cfg(windows)]
fn home() -> Option<PathBuf> {
    home::of_windows(|name| std::env::var_os(name))
}

#[cfg(not(windows))]
fn home() -> Option<PathBuf> {
    std::env::home_dir()
}

/// Why a file is not a kubeconfig, in one line: the YAML library draws a picture below its own.
fn unreadable(error: &KubeconfigError) -> String {
    let text = match error {
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        KubeconfigError::Parse(error) => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            // The rest is for whoever calls that library.
            let line = line
                .split(", set DuplicateKeyPolicy")
                .next()
                .unwrap_or(line);
            format!("not a kubeconfig: {}", line.trim_start_matches("error: "))
        }
        other => words(other),
    };
    without_number(&text).to_owned()
}

/// What the flags and the kubeconfig together mean.
///
/// # Errors
/// With what is not in the kubeconfig, or is not an address.
pub fn resolve(
    kubeconfig: Kubeconfig,
    options: &ConnectionOptions,
) -> Result<Resolved, ConfigError> {
    let name = options
        .context
        .clone()
        .or(kubeconfig.current_context.filter(|name| !name.is_empty()));
    let absent = |entry, missing: &str, by_flag: bool, known| ConfigError::NoSuchEntry {
        entry,
        name: missing.to_owned(),
        named_by: name.clone().filter(|_| !by_flag),
        known,
    };
    let contexts = kubeconfig.contexts;
    let context = match &name {
        Some(name) => {
            let found = contexts.iter().find(|context| context.name == *name);
            let found = found.and_then(|context| context.context.clone());
            // Whoever names a context does so by a flag, or as the current one: no other context names it.
            let known = || names(&contexts, |context| &context.name);
            Some(found.ok_or_else(|| absent(Entry::Context, name, true, known()))?)
        }
        None => None,
    };

    let cluster_name = options
        .cluster
        .clone()
        .or(context.as_ref().map(|context| context.cluster.clone()));
    let mut cluster = match &cluster_name {
        Some(name) => {
            let (clusters, by_flag) = (&kubeconfig.clusters, options.cluster.is_some());
            let found = clusters.iter().find(|cluster| cluster.name == *name);
            let found = found.and_then(|cluster| cluster.cluster.clone());
            let by_address = options.server.is_some() && !by_flag;
            let known = || names(clusters, |cluster| &cluster.name);
            found
                .or(by_address.then(Cluster::default))
                .ok_or_else(|| absent(Entry::Cluster, name, by_flag, known()))?
        }
        None if options.server.is_some() => Cluster::default(),
        None => {
            let known = names(&contexts, |context| &context.name);
            return Err(ConfigError::NoCurrentContext { known });
        }
    };
    check_verification(&cluster, options, cluster_name.as_deref())?;
    override_cluster(&mut cluster, options);

    let user_name = options
        .user
        .clone()
        .or(context.as_ref().and_then(|context| context.user.clone()));
    let mut user = match user_name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => {
            let users = &kubeconfig.auth_infos;
            let found = users.iter().find(|user| user.name == name);
            let found = found.and_then(|user| user.auth_info.clone());
            let known = || names(users, |user| &user.name);
            found.ok_or_else(|| absent(Entry::User, name, options.user.is_some(), known()))?
        }
        None => AuthInfo::default(),
    };
    override_user(&mut user, options);
    check_methods(&user, user_name.as_deref())?;
    without_idle_plugin(&mut user);
    check_impersonation(&user, options)?;
    check_server_name(&cluster)?;
    server::settle(&mut cluster, &mut user, cluster_name.as_deref())?;

    let proxy = cluster.proxy_url.clone().filter(|url| !url.is_empty());
    if let Some(url) = &proxy {
        proxy::of_cluster(url)?;
    }
    let namespace = context
        .and_then(|context| context.namespace)
        // Another is asked for: whatever it says does not matter.
        .filter(|name| !name.is_empty() && options.namespace.is_none());
    if let Some(given) = &namespace {
        values::namespace(given).map_err(|why| {
            let context = name.as_deref().unwrap_or_default();
            ConfigError::Kubeconfig(format!(
                "the namespace of context {context:?} is {given:?}: {why}; give --namespace, or correct it"
            ))
        })?;
    }
    Ok(Resolved {
        kubeconfig: only(cluster, user, namespace),
        proxy,
        cluster: cluster_name.filter(|name| !name.is_empty()),
        user: user_name.filter(|name| !name.is_empty()),
        context: name,
        in_pod: false,
    })
}

fn names<T>(entries: &[T], name: fn(&T) -> &String) -> Vec<String> {
    entries.iter().map(|entry| name(entry).clone()).collect()
}

/// A kubeconfig of these alone.
fn only(cluster: Cluster, user: AuthInfo, namespace: Option<String>) -> Kubeconfig {
    let name = || "kubectl-lease".to_owned();
    Kubeconfig {
        clusters: vec![NamedCluster {
            name: name(),
            cluster: Some(cluster),
            other: Default::default(),
        }],
        auth_infos: vec![NamedAuthInfo {
            name: name(),
            auth_info: Some(user),
            other: Default::default(),
        }],
        contexts: vec![NamedContext {
            name: name(),
            context: Some(Context {
                cluster: name(),
                user: Some(name()),
                namespace,
                ..Context::default()
            }),
            other: Default::default(),
        }],
        current_context: Some(name()),
        ..Kubeconfig::default()
    }
}

fn override_cluster(cluster: &mut Cluster, options: &ConnectionOptions) {
    if let Some(server) = &options.server {
        cluster.server = Some(server.clone());
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
