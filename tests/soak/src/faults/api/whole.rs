//! What is done to the server as a whole: killed and restarted, frozen, or with a storage that does not answer.

use std::time::Duration;

use lease_harness::ControlPlane;
use lease_harness::lease_api_server::ApiServer;

use super::client::pass;
use super::{Met, times};
use crate::server::Server;
use crate::time::At;

/// How long requests that waited for the server may need once it is there again.
pub const SETTLES: Duration = Duration::from_secs(10);

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// SIGKILL, and started again.
    Killed,
    /// SIGSTOP, and SIGCONT.
    Frozen,
    /// The same to etcd.
    StoragePaused,
}

/// Among the kinds.
pub fn named(kind: &str) -> Option<Whole> {
    Some(match kind {
        "server-killed" => Whole::Killed,
        "server-frozen" => Whole::Frozen,
        "etcd-paused" => Whole::StoragePaused,
        _ => return None,
    })
}

/// Does it, when nobody else does such a thing.
pub fn inject(
    fault: Whole,
    random: &mut fastrand::Rng,
    server: &Server,
    duration: Duration,
) -> Met {
    let window = match fault {
        // A real one needs seconds to start.
        Whole::Killed => times(random, duration, 0.0, 0.5),
        Whole::Frozen => times(random, duration, 0.1, 1.5),
        Whole::StoragePaused => Duration::from_millis(random.u64(200..=3000)),
    };
    let alone = server.whole();
    let before = Counts::of(server);
    let begun = At::now();
    let cluster = server.cluster();
    match (cluster.control_plane(), cluster.api_server()) {
        (Some(plane), _) => to_plane(fault, plane, window),
        (None, Some(own)) => to_own(fault, own, window),
        (None, None) => {}
    }
    let after = Counts::of(server);
    for (contender, arrived) in (0..).zip(&after.arrived) {
        server
            .proxy(contender)
            .wait_over_unharmed(*arrived, SETTLES);
    }
    let over = At::now();
    drop(alone);
    Met {
        begun,
        over,
        requests: before.open + after.arrived.iter().sum::<u64>()
            - before.arrived.iter().sum::<u64>(),
        detail: format!("window={}ms", window.as_millis()),
    }
}

fn to_plane(fault: Whole, plane: &ControlPlane, window: Duration) {
    match fault {
        Whole::Killed => {
            plane.stop_api_server();
            pass(window);
            plane.start_api_server();
        }
        Whole::Frozen => {
            plane.freeze_api_server();
            pass(window);
            plane.thaw_api_server();
        }
        Whole::StoragePaused => {
            plane.freeze_etcd();
            pass(window);
            plane.thaw_etcd();
        }
    }
}

/// Frozen, or with a storage that is paused, it is the same to its clients: it accepts, and answers nothing.
fn to_own(fault: Whole, own: &ApiServer, window: Duration) {
    match fault {
        Whole::Killed => {
            own.down();
            pass(window);
            own.up();
        }
        Whole::Frozen | Whole::StoragePaused => {
            own.pause();
            pass(window);
            own.resume();
        }
    }
}

/// How many requests each proxy has seen, and how many are under way with all of them.
struct Counts {
    arrived: Vec<u64>,
    open: u64,
}

impl Counts {
    fn of(server: &Server) -> Counts {
        let proxies = || (0..server.contenders()).map(|contender| server.proxy(contender));
        Counts {
            arrived: proxies().map(lease_harness::Proxy::arrived).collect(),
            open: proxies().map(|proxy| proxy.under_way() as u64).sum(),
        }
    }
}
