//! Where the API server is and who we are there, and the links that are made of it.

#[cfg(test)]
mod owner_tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::config::AuthInfo;
use kube::{Client, Config};
use tokio::sync::oneshot;

use super::credentials::{Credentials, Wanted};
use super::dial::Dial;
use super::plugin::Identity;
use super::ready::Ready;
use super::{ConnectionOptions, filled, stack};
use crate::lease::api::Unusable;
use crate::server::error::ConfigError;
use crate::userinfo::{self, redacted};

/// Where the API server is and who we are there; makes clients.
pub struct Connection {
    pub(super) config: Config,
    pub(super) options: ConnectionOptions,
    /// What the next client is made of, unless it can be read anew.
    ready: Arc<Mutex<Arc<Ready>>>,
    /// No client was made of it yet, so that there is no reason to read it anew.
    unused: AtomicBool,
    reading: Arc<AtomicBool>,
    /// What is known about names and addresses outlives every client.
    dial: Dial,
    /// Of the user as last read.
    credentials: Mutex<Owner>,
    /// Whose credentials these are, for messages: `user "alice"`.
    pub(super) whose: String,
}

/// Whose credentials, as last read, and what has them.
struct Owner {
    who: String,
    credentials: Arc<Credentials>,
}

/// How long to wait for files where there is something to go on with.
const READING_LIMIT: Duration = Duration::from_millis(200);

/// A client with a connection pool of its own.
#[derive(Clone)]
pub struct Link {
    ready: Arc<Ready>,
    /// Sends requests; where one is on its way is told to the [`RequestProgress`](super::progress::RequestProgress) among its extensions.
    pub client: Client,
    /// Whose header its requests carry.
    credentials: Arc<Credentials>,
    /// The client certificate that these gave for it.
    identity: Option<Identity>,
}

impl Link {
    /// What could not be read anew for it, in words.
    pub fn unread(&self) -> &[String] {
        &self.ready.unread
    }

    /// The number of the credentials that its requests carry now; it grows whenever a plugin gave others.
    pub fn credentials_number(&self) -> u64 {
        self.credentials.number()
    }

    /// Whether it will do: its connections show the client certificate that is `wanted`, which is waited for as in
    /// [`Connection::link`].
    ///
    /// # Errors
    /// With why there are no credentials.
    pub async fn does(&self, wanted: Wanted) -> Result<bool, Unusable> {
        Ok(self.credentials.get(wanted).await? == self.identity)
    }
}

impl Connection {
    /// Reads the kubeconfig (or the pod's own credentials) and applies the flags. Sends nothing.
    ///
    /// # Errors
    /// With what is wrong with the configuration, and where to look.
    pub async fn load(options: &ConnectionOptions) -> Result<Self, ConfigError> {
        Self::of(Ready::first(options)?, options)
    }

    pub(super) fn of(mut ready: Ready, options: &ConnectionOptions) -> Result<Self, ConfigError> {
        let whose = match &ready.resolved.user {
            _ if options.token.is_some() => "the command line".to_owned(),
            Some(user) => format!("user {user:?}"),
            None if ready.resolved.in_pod => "this pod".to_owned(),
            // What there is came by flags.
            None => "the command line".to_owned(),
        };
        if let Some(namespace) = &options.namespace {
            ready.config.default_namespace.clone_from(namespace);
        }
        let mut config = ready.config.clone();
        config.auth_info = ready.user();
        let from = token_from(options, &whose);
        let credentials = Credentials::of(&ready.config.auth_info, &whose, &from);
        Ok(Self {
            config,
            credentials: Mutex::new(Owner {
                who: ready.who.clone(),
                credentials,
            }),
            options: options.clone(),
            ready: Arc::new(Mutex::new(Arc::new(ready))),
            unused: AtomicBool::new(true),
            reading: Arc::default(),
            dial: Dial::default(),
            whose,
        })
    }

    /// Everything that a client is made of, read anew. Files may be on a file system that does not answer, so they are
    /// read in a thread, one at a time, and what is known is good enough after a while. What comes later is for the next.
    async fn read_again(&self) -> Arc<Ready> {
        let known = self.known().clone();
        if self.reading.swap(true, Ordering::AcqRel) {
            return known;
        }
        let (sender, receiver) = oneshot::channel();
        let (options, before) = (self.options.clone(), Arc::clone(&known));
        let (reading, shared) = (Arc::clone(&self.reading), Arc::clone(&self.ready));
        let begun = std::thread::Builder::new()
            .name("files".to_owned())
            .spawn(move || {
                let ready = Arc::new(before.again(&options));
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = ready;
                reading.store(false, Ordering::Release);
                let _ = sender.send(());
            });
        if begun.is_err() {
            self.reading.store(false, Ordering::Release);
            return known;
        }
        // In time or not, what is known by now is the newest.
        drop(tokio::time::timeout(READING_LIMIT, receiver).await);
        self.known().clone()
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Arc<Ready>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a client made now would differ from this one.
    pub async fn differs_from(&self, link: &Link) -> bool {
        self.read_again().await.print != link.ready.print
    }

    /// What the next client is made of, read anew unless it was read just now; the credentials follow it.
    async fn ready(&self) -> Arc<Ready> {
        if self.unused.swap(false, Ordering::AcqRel) {
            return self.known().clone();
        }
        let ready = self.read_again().await;
        let mut owner = self
            .credentials
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if ready.who != owner.who {
            let from = token_from(&self.options, &self.whose);
            *owner = Owner {
                who: ready.who.clone(),
                credentials: Credentials::of(&ready.config.auth_info, &self.whose, &from),
            };
        }
        drop(owner);
        ready
    }

    fn owner(&self) -> Arc<Credentials> {
        let owner = self.credentials.lock();
        Arc::clone(&owner.unwrap_or_else(PoisonError::into_inner).credentials)
    }

    /// The namespace the flags, the context or the pod chose.
    pub fn namespace(&self) -> &str {
        &self.config.default_namespace
    }

    /// The server's address, for messages.
    pub fn server(&self) -> String {
        let server = self.config.cluster_url.to_string();
        redacted(server.trim_end_matches('/')).into_owned()
    }

    /// Whether credentials read anew may differ from the last ones without anybody editing the kubeconfig.
    pub fn credentials_change(&self) -> bool {
        let user = self.known().user();
        self.has_plugin() || user.token_file.is_some() || filled(&user.client_certificate)
    }

    /// Whether a plugin gives the credentials.
    pub fn has_plugin(&self) -> bool {
        self.owner().change()
    }

    /// Whether a person may be asked for the credentials.
    pub fn asks_a_person(&self) -> bool {
        self.owner().asks_a_person()
    }

    /// Has credentials anew in the background: the server took the last ones for another's.
    pub fn doubt_credentials(&self) {
        self.owner().doubt();
    }

    /// The proxy on the way, without its user and password.
    pub(super) fn proxy(&self) -> Option<String> {
        let proxy = self.config.proxy_url.as_ref()?.to_string();
        let (address, _) = userinfo::split(proxy.trim_end_matches('/'));
        Some(redacted(&address).into_owned())
    }

    /// A new client with a connection pool of its own, made of what is read anew. Its credentials are such as `wanted`: a
    /// plugin is run where there are none, or none any more; what may still do is not waited for. They are of one owner,
    /// the header as much as the client certificate, whoever has the kubeconfig read meanwhile.
    ///
    /// # Errors
    /// With why there are no credentials, or why the certificates cannot be used.
    pub async fn link(&self, wanted: Wanted) -> Result<Link, Unusable> {
        let ready = self.ready().await;
        let credentials = self.owner();
        let identity = credentials.get(wanted).await?;
        let (mut config, dial) = (ready.config.clone(), self.dial.clone());
        config.default_namespace = self.config.default_namespace.clone();
        config.auth_info = left_for_kube(config.auth_info, identity.as_ref());
        let client = stack::link(config, dial, &credentials)?;
        Ok(Link {
            ready,
            client,
            credentials,
            identity,
        })
    }
}

/// All that is left for kube to do about `user`: a certificate, which is the plugin's if it gave one.
fn left_for_kube(user: AuthInfo, identity: Option<&Identity>) -> AuthInfo {
    let (certificate, key) = match identity {
        Some(Identity { certificate, key }) => {
            (Some(certificate.clone()), Some(key.clone().into()))
        }
        None => (user.client_certificate_data, user.client_key_data),
    };
    AuthInfo {
        client_certificate_data: certificate,
        client_key_data: key,
        ..AuthInfo::default()
    }
}

/// Where an inline token comes from, for messages.
fn token_from(options: &ConnectionOptions, whose: &str) -> String {
    match options.token {
        Some(_) => "--token".to_owned(),
        None => format!("the token of {whose}"),
    }
}
