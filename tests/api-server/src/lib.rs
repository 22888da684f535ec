//! An in-process Kubernetes API server that knows Leases, for tests and for trying `kubectl lease` out. Of Pods, Nodes,
//! Events and LeaseCandidates it knows what concerns a Lease.
//!
//! It behaves as a real kube-apiserver does towards a client of `coordination.k8s.io/v1`: messages, status codes,
//! resource versions, watches, managed fields and permissions. It adds what a test needs and a real server lacks:
//! a clock that can be set, a record of every request and of every write, outages on request, and a history that can be
//! forgotten.
//!
//! It is of any version of Kubernetes ([`Options::of_kubernetes`]): [`TABLE`] says what servers of which do, and each row can
//! be switched by itself ([`Options::but`]).
//!
//! ```no_run
//! use lease_api_server::{ApiServer, Options};
//!
//! let server = ApiServer::start(Options::default()).expect("loopback is free");
//! std::fs::write("/tmp/kubeconfig", server.kubeconfig("admin", "default")).expect("/tmp is writable");
//! ```

mod access;
mod apply;
mod asked;
mod body;
mod change;
mod clock;
mod commit;
mod decode;
mod delete;
mod deletion;
mod differences;
mod discovery;
mod event;
mod fields;
mod http;
mod impersonation;
mod kind;
mod kubeconfig;
mod leases;
mod list;
mod metadata;
mod microtime;
mod names;
mod objects;
mod options;
mod outage;
mod patch;
mod path;
mod query;
mod refusal;
mod reviews;
mod selector;
mod server;
mod state;
mod status;
mod store;
mod tls;
mod uid;
mod validate;
mod watch;
mod write;

pub use access::api_groups;
pub use commit::Commit;
pub use differences::{Difference, Row, TABLE};
pub use options::{Options, Rule, User};
pub use server::ApiServer;
pub use state::Request;
