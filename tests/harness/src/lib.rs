//! Everything the end-to-end suite stands on: servers, namespaces, users, a fault proxy and a process runner.
//!
//! One suite runs on two servers. Without KUBEBUILDER_ASSETS it talks to the in-process Lease API server; with it,
//! to a real `kube-apiserver` and `etcd` from that folder, started once per test process. The API is blocking:
//! tests are plain `#[test]` functions, run in parallel, each in a namespace of its own.
//!
//! ```no_run
//! use lease_harness::{Cluster, Fault, Match, Proxy, lease};
//! # const BINARY: &str = "kubectl-lease";
//!
//! lease_harness::set_binary(BINARY); // env!("CARGO_BIN_EXE_kubectl-lease") in the suite
//! let ns = Cluster::shared().namespace();
//! let user = ns.user(&["get", "update"]);
//! ns.create(&lease("job").duration(15).build());
//! let proxy = Proxy::to(ns.cluster());
//! proxy.fault(Match::put(), Fault::DropReply, 1);
//! let output = ns.command(&user, ["acquire", "job", "--holder", "me"]).via(&proxy).run();
//! assert_eq!(output.code, Some(0), "{output}");
//! assert_eq!(ns.holder("job").as_deref(), Some("me"));
//! ```

mod access;
mod api;
mod certs;
mod cluster;
mod command;
#[cfg(unix)]
mod control_plane;
mod endpoint;
mod errors;
mod impostor;
#[cfg(unix)]
mod keeper;
mod kubeconfig;
mod lease;
mod namespace;
mod outlet;
mod output;
mod portable;
mod ports;
mod process;
mod proxy;
mod random;
mod running;
mod runtime;
mod scratch;
#[cfg(unix)]
mod server_process;
mod supervised;
#[cfg(unix)]
mod terminal;
mod tls_front;

pub use access::{Rule, User};
pub use api::{Answer, Api};
pub use cluster::Cluster;
pub use command::{Command, binary, set_binary};
#[cfg(unix)]
pub use control_plane::{ControlPlane, PlaneOptions, Revision};
pub use errors::{no_such_file, no_such_folder};
pub use impostor::{Flaw, Impostor};
pub use lease::{LeaseBuilder, lease};
pub use namespace::{Namespace, pod};
pub use outlet::Outlet;
pub use output::Output;
pub use portable::{portable, run_where_asked};
#[cfg(windows)]
pub use process::image;
#[cfg(unix)]
pub use process::stopped;
pub use process::{
    HOME, PATH_SEPARATOR, alive, is_wine, kill_process, resume_process, suspend_process, tagged,
    wait_gone,
};
pub use proxy::{Active, Fault, Latch, Match, Proxy, Request};
pub use running::{Running, TERMINATED};
pub use scratch::copy_program;
#[cfg(unix)]
pub use terminal::Terminal;
pub use tls_front::TlsFront;

/// The in-process server, for tests that need one with options of their own.
pub use lease_api_server;
