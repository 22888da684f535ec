//! What `status -w` costs with 5,000 Leases that are renewed every 10 s, on the in-process server.

use lease_harness::Cluster;
use lease_harness::lease_api_server::Options;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::measure::processor_time;
use crate::table::{Figure, Row, Table, Unit};

const LEASES: usize = 5000;
const PERIOD: Duration = Duration::from_secs(10);
const SOON: Duration = Duration::from_secs(30);
const MEASURED: Duration = Duration::from_secs(20);

fn node_lease(namespace: &str, number: usize) -> Value {
    let now = jiff::Timestamp::now();
    let name = format!("node-{number:05}");
    json!({
        "metadata": {
            "name": name, "namespace": namespace, "uid": format!("uid-{number}"),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": name, "uid": "node-uid"}],
            "managedFields": [{
                "manager": "kubelet", "operation": "Update", "apiVersion": "coordination.k8s.io/v1",
                "time": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), "fieldsType": "FieldsV1",
                "fieldsV1": {"f:metadata": {"f:ownerReferences": {}}, "f:spec": {
                    "f:holderIdentity": {}, "f:leaseDurationSeconds": {}, "f:renewTime": {}}},
            }],
        },
        "spec": {
            "holderIdentity": name, "leaseDurationSeconds": 40,
            "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        },
    })
}

fn share(spent: Duration) -> Figure {
    let share = 100.0 * spent.as_secs_f64() / MEASURED.as_secs_f64();
    Figure(share, Unit::Percent)
}

/// Of one core, in a pipe and on a terminal.
pub fn run(table: &mut Table) {
    let ns = Cluster::in_process(Options::default()).namespace();
    let user = ns.user(&["get", "list", "watch"]);
    let server = ns.cluster().api_server().expect("in-process");
    for number in 0..LEASES {
        server.seed(node_lease(ns.name(), number));
    }
    let piped = ns.command(&user, ["status", "-w"]).spawn();
    let screen = ns.command(&user, ["status", "-w"]).spawn_pty(50, 120);
    screen.wait_screen(|screen| screen.contains("more"), SOON);
    piped.wait_stdout(|line| line.starts_with("node-04999"), SOON);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            for turn in 0usize.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                server.seed(node_lease(ns.name(), turn % LEASES));
                let due = PERIOD.mul_f64((turn + 1) as f64 / LEASES as f64);
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
            }
        });
        std::thread::sleep(Duration::from_secs(2));
        let before = (processor_time(piped.pid()), processor_time(screen.pid()));
        std::thread::sleep(MEASURED);
        let after = (processor_time(piped.pid()), processor_time(screen.pid()));
        over.store(true, Ordering::Relaxed);
        for (where_to, spent) in [
            ("in a pipe", after.0 - before.0),
            ("on a terminal", after.1 - before.1),
        ] {
            let what =
                format!("`status -w` {where_to}, {LEASES} leases renewed every 10 s: of one core");
            table.add(Row::new(what, share(spent)));
        }
    });
    assert_eq!(
        piped.stdout().lines().count(),
        LEASES + 1,
        "a renewal was said"
    );
}
