//! One face for both servers: the in-process one, and on Unix the real control plane.

mod nodes;

use crate::access::{Rule, User};
use crate::api::Api;
#[cfg(unix)]
use crate::control_plane::{ControlPlane, PlaneOptions};
use crate::endpoint::Endpoint;
use crate::namespace::Namespace;
use crate::random;
use lease_api_server::{ApiServer, Options};
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Names the folder of `kube-apiserver` and `etcd`, by the convention of envtest.
#[cfg(unix)]
const ASSETS: &str = "KUBEBUILDER_ASSETS";

static SHARED: OnceLock<Cluster> = OnceLock::new();

/// A server under test. Clones are the same server; it ends with the last of them.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    server: Server,
    namespaces: AtomicUsize,
}

enum Server {
    #[cfg(unix)]
    Real(Box<ControlPlane>),
    InProcess(Box<InProcess>),
}

struct InProcess {
    server: ApiServer,
    admin: Api,
    admin_user: User,
    users: AtomicUsize,
}

impl Cluster {
    /// The server that all tests of this process share, started at the first call.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn shared() -> &'static Cluster {
        SHARED.get_or_init(Cluster::private)
    }

    /// A server of the same kind for one test alone, which may stop or freeze it.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn private() -> Cluster {
        #[cfg(unix)]
        return Cluster::private_with(PlaneOptions::default());
        #[cfg(not(unix))]
        Cluster::in_process(Options::default())
    }

    /// The same, and if it is a real one, with these options.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[cfg(unix)]
    pub fn private_with(options: PlaneOptions) -> Cluster {
        match Cluster::assets() {
            Some(assets) => {
                let plane = ControlPlane::start_with(&assets, options);
                let plane = plane.unwrap_or_else(|error| panic!("{error}"));
                Cluster::over(Server::Real(Box::new(plane)))
            }
            None => Cluster::in_process(Options::default()),
        }
    }

    /// An in-process server with these options, whatever the suite runs on.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn in_process(mut options: Options) -> Cluster {
        let admin = User {
            name: "harness-admin".into(),
            token: random::hex(16),
        };
        options.users.push(lease_api_server::User {
            name: admin.name.clone(),
            token: admin.token.clone(),
            groups: vec!["system:masters".into()],
            rules: Vec::new(),
        });
        let server =
            ApiServer::start(options).expect("the in-process server can bind a loopback port");
        let endpoint = Endpoint::new(&server.url(), server.ca_pem());
        Cluster::over(Server::InProcess(Box::new(InProcess {
            admin: Api::new(endpoint, &admin.token),
            admin_user: admin,
            server,
            users: AtomicUsize::new(0),
        })))
    }

    /// The folder of a real server's programs, when KUBEBUILDER_ASSETS names one.
    ///
    /// # Panics
    ///
    /// When the variable is set to a folder without them: a suite that quietly tests something else is worse.
    #[cfg(unix)]
    pub fn assets() -> Option<PathBuf> {
        let folder = PathBuf::from(std::env::var_os(ASSETS).filter(|value| !value.is_empty())?);
        for program in ["kube-apiserver", "etcd"] {
            let path = folder.join(program);
            assert!(
                path.is_file(),
                "{ASSETS} is set, but there is no {}",
                path.display()
            );
        }
        Some(folder)
    }

    /// Whether this is a real kube-apiserver.
    pub fn is_real(&self) -> bool {
        !matches!(self.0.server, Server::InProcess(_))
    }

    /// The real control plane, to stop, freeze and restart its API server.
    #[cfg(unix)]
    pub fn control_plane(&self) -> Option<&ControlPlane> {
        match &self.0.server {
            #[cfg(unix)]
            Server::Real(plane) => Some(plane),
            Server::InProcess(_) => None,
        }
    }

    /// The in-process server, to set its clock, end its watches and read its record of requests.
    pub fn api_server(&self) -> Option<&ApiServer> {
        match &self.0.server {
            #[cfg(unix)]
            Server::Real(_) => None,
            Server::InProcess(own) => Some(&own.server),
        }
    }

    /// The server's address, without a slash at the end.
    pub fn url(&self) -> String {
        match &self.0.server {
            #[cfg(unix)]
            Server::Real(plane) => plane.url(),
            Server::InProcess(own) => own.server.url().trim_end_matches('/').to_owned(),
        }
    }

    /// The authority of the server's certificate; `None` for plain HTTP.
    pub fn ca_pem(&self) -> Option<&str> {
        match &self.0.server {
            #[cfg(unix)]
            Server::Real(plane) => Some(plane.ca_pem()),
            Server::InProcess(own) => own.server.ca_pem(),
        }
    }

    /// Requests as a user who may do everything.
    pub fn admin(&self) -> &Api {
        match &self.0.server {
            #[cfg(unix)]
            Server::Real(plane) => plane.admin(),
            Server::InProcess(own) => &own.admin,
        }
    }

    /// The user who may do everything.
    pub fn admin_user(&self) -> User {
        match &self.0.server {
            #[cfg(unix)]
            Server::Real(plane) => plane.admin_user(),
            Server::InProcess(own) => own.admin_user.clone(),
        }
    }

    /// Requests as `user`.
    pub fn api(&self, user: &User) -> Api {
        Api::new(self.endpoint(), &user.token)
    }

    /// A new namespace that only this test knows.
    ///
    /// # Panics
    ///
    /// When the server cannot create it.
    pub fn namespace(&self) -> Namespace {
        let number = self.0.namespaces.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{number}");
        match &self.0.server {
            #[cfg(unix)]
            Server::Real(plane) => plane.create_namespace(&name),
            Server::InProcess(own) => own.server.add_namespace(&name),
        }
        Namespace::new(self, &name)
    }

    /// A namespace that exists already, or does not.
    pub fn existing_namespace(&self, name: &str) -> Namespace {
        Namespace::new(self, name)
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::new(&self.url(), self.ca_pem())
    }

    /// A new user who may do what `rules` say in `namespace`, effective when this returns.
    pub(crate) fn user(&self, namespace: &str, rules: &[Rule]) -> User {
        match &self.0.server {
            #[cfg(unix)]
            Server::Real(plane) => {
                let user = plane.take_user();
                plane.grant(&user, namespace, rules);
                user
            }
            Server::InProcess(own) => own.add_user(namespace, rules),
        }
    }

    /// Replaces what `user` may do, effective when this returns.
    pub(crate) fn set_rules(&self, user: &User, namespace: &str, rules: &[Rule]) {
        match &self.0.server {
            #[cfg(unix)]
            Server::Real(plane) => plane.grant(user, namespace, rules),
            Server::InProcess(own) => own
                .server
                .set_rules(&user.name, in_process_rules(namespace, rules)),
        }
    }

    fn over(server: Server) -> Cluster {
        Cluster(Arc::new(Inner {
            server,
            namespaces: AtomicUsize::new(0),
        }))
    }
}

impl InProcess {
    fn add_user(&self, namespace: &str, rules: &[Rule]) -> User {
        let user = User {
            name: format!("user-{}", self.users.fetch_add(1, Ordering::Relaxed)),
            token: random::hex(16),
        };
        self.server.add_user(lease_api_server::User {
            name: user.name.clone(),
            token: user.token.clone(),
            groups: Vec::new(),
            rules: in_process_rules(namespace, rules),
        });
        user
    }
}

fn in_process_rules(namespace: &str, rules: &[Rule]) -> Vec<lease_api_server::Rule> {
    let convert = |rule: &Rule| lease_api_server::Rule {
        verbs: rule.verbs.clone(),
        resources: rule.resources.clone(),
        namespaces: vec![if rule.everywhere {
            "*".into()
        } else {
            namespace.to_owned()
        }],
        names: rule.names.clone(),
    };
    rules.iter().map(convert).collect()
}
