//! Slots that are missing: named, made on demand, made by `create`.

use super::{acquire, holders, pool, slot};
use crate::support::{ended, free, fresh, methods, said, said_like, stored};
use lease_harness::Proxy;
use serde_json::Value;

#[test]
fn missing_slots_are_named_with_the_command_that_makes_them() {
    let (ns, user) = fresh();
    let output = acquire(&ns, &user, "2", &["--holder=me"]).run();
    let expected = format!(
        "Error from server (NotFound): leases.coordination.k8s.io \"pool-0\", \"pool-1\" not found\n\
         Create what is missing of the 2 slots with --create, or: kubectl lease create pool -n {} --slots 2\n",
        ns.name()
    );
    said(&output, 121, "", &expected);
    let output = ns.run(&user, ["create", "pool", "--slots", "2"]);
    let created =
        "lease.coordination.k8s.io/pool-0 created\nlease.coordination.k8s.io/pool-1 created\n";
    said(&output, 0, created, "");
    ns.delete("pool-1");
    let output = acquire(&ns, &user, "2", &["--holder=me"]).run();
    let expected = format!(
        "Error from server (NotFound): leases.coordination.k8s.io \"pool-1\" not found\n\
         Create what is missing of the 2 slots with --create, or: kubectl lease create pool -n {} --slots 2 --ignore-existing\n",
        ns.name()
    );
    said(&output, 121, "", &expected);
    let again = ["create", "pool", "--slots", "2", "--ignore-existing"];
    let made = created.replace("pool-0 created", "pool-0 unchanged");
    said(&ns.run(&user, again), 0, &made, "");
    assert_eq!(
        acquire(&ns, &user, "2", &["--holder=me"]).run().code,
        Some(0)
    );
}

#[test]
fn with_create_a_slot_is_made_where_none_is_free_and_the_first_before_all_others() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    for index in 0..3 {
        proxy.clear();
        let me = format!("--holder=me-{index}");
        let output = acquire(&ns, &user, "3", &["--create", &me])
            .via(&proxy)
            .run();
        assert_eq!(output.code, Some(0), "{output}");
        assert_eq!(methods(&proxy.requests()), ["GET", "GET", "GET", "POST"]);
        assert_eq!(holders(&ns, 3).len(), index + 1);
        if index == 0 {
            ended(&output, 0, "lease.coordination.k8s.io/pool-0 acquired\n");
        }
    }
    let output = acquire(
        &ns,
        &user,
        "3",
        &["--create", "--holder=last", "--timeout=0"],
    )
    .run();
    assert_eq!(output.code, Some(124), "{output}");
    for index in 0..3 {
        let lease = stored(&ns, &format!("pool-{index}"));
        assert_eq!(lease["metadata"]["labels"]["kubectl-lease/slot-of"], "pool");
        assert_eq!(lease["metadata"]["annotations"]["kubectl-lease/slots"], "3");
    }
}

#[test]
fn create_makes_all_slots_or_says_what_is_in_the_way() {
    let (ns, user) = pool(&["", ""], 60);
    let name = ns.name();
    let output = ns.run(&user, ["create", "pool", "--slots", "3"]);
    said_like(
        &output,
        1,
        "",
        "Error from server (AlreadyExists): leases.coordination.k8s.io \"pool-0\" already exists\n…\n",
    );
    assert_eq!(ns.get("pool-2"), None);
    let output = ns.run(
        &user,
        ["create", "pool", "--slots", "3", "--ignore-existing"],
    );
    said_like(
        &output,
        2,
        "",
        "error: 3 slots of \"pool\" were asked for, and there are 2, as lease \"pool-0\" says\n…\n",
    );
    assert_eq!(ns.get("pool-2"), None, "in {name}");
    let flags = [
        "create",
        "many",
        "--slots=2",
        "--duration=10s",
        "-l",
        "team=a",
        "-o",
        "json",
    ];
    for (dry_run, stores) in [
        ("--dry-run=client", false),
        ("--dry-run=server", false),
        ("--dry-run=none", true),
    ] {
        let output = ns.command(&user, flags).arg(dry_run).run();
        assert_eq!(output.code, Some(0), "{output}");
        let list: Value = serde_json::from_str(&output.stdout).expect("a document");
        let items = list["items"].as_array().expect("a list");
        let names = items.iter().map(|lease| lease["metadata"]["name"].as_str());
        assert_eq!(names.collect::<Vec<_>>(), [Some("many-0"), Some("many-1")]);
        assert_eq!(
            items[1]["metadata"]["annotations"]["kubectl-lease/slots"],
            "2"
        );
        assert_eq!(items[1]["metadata"]["labels"]["team"], "a");
        assert_eq!(ns.get("many-1").is_some(), stores, "{dry_run}");
    }
    let output = ns.run(&user, ["create", "names", "--slots=2", "-o", "name"]);
    said(
        &output,
        0,
        "lease.coordination.k8s.io/names-0\nlease.coordination.k8s.io/names-1\n",
        "",
    );
    let output = ns.run(&user, ["create", "x", "--slots=2", "--holder=me"]);
    assert_eq!(output.code, Some(2), "{output}");
}

#[test]
fn a_slot_that_was_deleted_under_a_waiter_is_made_again_or_missed() {
    for create in [true, false] {
        let (ns, user) = pool(&["a", "b"], 60);
        let flags = ["--holder=me", if create { "--create" } else { "--reenter" }];
        let running = acquire(&ns, &user, "2", &flags).spawn();
        super::waits(&running);
        ns.delete("pool-1");
        let output = running.wait(crate::support::SOON);
        let code = if create { 0 } else { 121 };
        assert_eq!(output.code, Some(code), "{output}");
    }
    let (ns, user) = fresh();
    ns.create(&slot(free("pool-0"), 1));
    let output = acquire(&ns, &user, "1", &["--holder=me"]).run();
    ended(&output, 0, "lease.coordination.k8s.io/pool-0 acquired\n");
}
