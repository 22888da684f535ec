//! What every subcommand advises about a Lease that another has, by what the Lease is.

use crate::other_clients::{heartbeat, identity};
use crate::support::{fresh_in_process, held, untouched};
use lease_harness::lease;
use lease_harness::lease_api_server::Options;
use serde_json::{Value, json};

/// What the advice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Advises {
    /// To steal it.
    Stealing,
    /// What has these words.
    Other(&'static str),
}

/// Every nature that a Lease may have, and what is advised about it.
fn all() -> Vec<(Value, Advises)> {
    let mut elected = held("job", "component-identity-1", 10);
    elected["spec"]["strategy"] = json!("OldestEmulationVersion");
    let mut terraform = lease("job").label("tfstate", "true").build();
    terraform["spec"] = json!({ "holderIdentity": "1111", "leaseDurationSeconds": 3 });
    terraform["metadata"]["annotations"] = json!({
        "app.terraform.io/lock-info": "{\"ID\":\"1111\",\"Operation\":\"OperationTypeApply\"}",
    });
    let mut snapshot = lease("job")
        .label("app.kubernetes.io/component", "etcd-snapshot-lease")
        .build();
    snapshot["spec"] = json!({ "holderIdentity": "158302" });
    let leader = held("job", "pod-1_9ca3a9c7-610d-4b47-91bb-2d916d1307ed", 15);
    vec![
        (held("job", "ada", 60), Advises::Stealing),
        (leader, Advises::Other("kubectl scale")),
        (terraform, Advises::Other("terraform force-unlock 1111")),
        (heartbeat(), Advises::Other("it is a node's heartbeat")),
        (identity(), Advises::Other("it is an API server's identity")),
        (
            elected,
            Advises::Other("the control plane elects its holder"),
        ),
        (snapshot, Advises::Other("it is etcd-druid's bookkeeping")),
    ]
}

/// In-process only: the real server of the suite is older than `strategy`, and drops it.
#[test]
fn no_subcommand_advises_to_steal_what_is_not_to_be_stolen() {
    for (object, advises) in all() {
        let (ns, user) = fresh_in_process(Options::default());
        let before = ns.create(&object);
        let coordinated = object["spec"].get("strategy").is_some();
        let calls: [(&[&str], i32); 6] = [
            (&["acquire", "job", "--holder=me", "--timeout=0"], 124),
            (
                &["hold", "job", "--holder=me", "--timeout=0", "--", "true"],
                124,
            ),
            (&["release", "job", "--holder=me"], 122),
            (&["renew", "job", "--holder=me"], 122),
            (&["check", "job", "--holder=me"], 122),
            (
                &["steal", "job", "--holder=me", "--if-holder=other", "--yes"],
                122,
            ),
        ];
        for (call, code) in calls {
            let output = ns.run(&user, call);
            if coordinated && matches!(call[0], "acquire" | "hold" | "steal") {
                assert!(output.stderr.contains("elects its holder"), "{output}");
                assert!(!output.stderr.contains("lease steal"), "{output}");
                continue;
            }
            assert_eq!(output.code, Some(code), "{call:?} {advises:?} {output}");
            let steals = output.stderr.contains("lease steal");
            assert_eq!(steals, advises == Advises::Stealing, "{output}");
            if let Advises::Other(words) = advises {
                assert!(output.stderr.contains(words), "{output}");
                assert!(!output.stderr.contains("release or steal"), "{output}");
            }
        }
        let shown = ns.run(&user, ["status", "job"]);
        assert_eq!(shown.code, Some(0), "{shown}");
        if advises != Advises::Stealing {
            assert!(!shown.stdout.contains("steal"), "{shown}");
        }
        untouched(&ns, &before);
    }
}
