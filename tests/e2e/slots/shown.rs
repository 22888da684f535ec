//! `status NAME --slots`: those that are there, in order, and what does not fit together.

use super::{pool, slot};
use crate::support::{SOON, free, fresh, held, matches, said, said_like, set_free};
use serde_json::Value;

#[test]
fn the_slots_of_a_name_are_shown_in_order_with_how_many_are_free() {
    let holders = ["a", "", "", "", "", "", "", "", "", "", "k"];
    let (ns, user) = pool(&holders, 60);
    // Others, whose names are nearly alike.
    for name in ["pool", "pool-x", "pool-01", "spool-1"] {
        ns.create(&free(name));
    }
    let output = ns.run(&user, ["status", "pool", "--slots", "-o", "name"]);
    let names: String = (0..11)
        .map(|index| format!("lease.coordination.k8s.io/pool-{index}\n"))
        .collect();
    said(&output, 0, &names, "");
    let output = ns.run(&user, ["status", "pool", "--slots"]);
    assert_eq!(
        output.stderr, "Of 11 slots of \"pool\": 9 free\n",
        "{output}"
    );
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!((output.code, lines.len()), (Some(0), 12), "{output}");
    assert!(
        lines[1].starts_with("pool-0") && lines[1].contains("Held"),
        "{output}"
    );
    assert!(lines[11].starts_with("pool-10"), "{output}");
    let output = ns.run(&user, ["status", "pool", "--slots", "-o", "json"]);
    let list: Value = serde_json::from_str(&output.stdout).expect("a document");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(11), "{output}");
    let sorted = [
        "status",
        "pool",
        "--slots",
        "-o",
        "name",
        "--sort-by",
        ".metadata.name",
    ];
    let output = ns.run(&user, sorted);
    let second = output.stdout.lines().nth(1);
    assert_eq!(second, Some("lease.coordination.k8s.io/pool-1"), "{output}");
}

#[test]
fn a_hole_another_number_and_a_slot_beyond_are_said() {
    let (ns, user) = fresh();
    ns.create(&slot(held("pool-0", "a", 60), 3));
    ns.create(&slot(free("pool-2"), 5));
    ns.create(&slot(held("pool-4", "e", 60), 3));
    let output = ns.run(&user, ["status", "pool", "--slots"]);
    let expected = format!(
        "Of 3 slots of \"pool\": 1 free\n\
         lease \"pool-2\" says that there are 5 slots, and \"pool-0\" that there are 3: neither number can be acquired\n\
         lease \"pool-4\" is none of the 3 slots: whoever holds it is beside them\n\
         Missing: \"pool-1\". Create them: kubectl lease create pool -n {} --slots 3 --ignore-existing\n",
        ns.name()
    );
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), expected.as_str()),
        "{output}"
    );
    let (ns, user) = fresh();
    let none = format!(
        "Error from server (NotFound): leases.coordination.k8s.io \"pool-0\" not found\n\
         There are no slots of \"pool\". To create some: kubectl lease create pool -n {} --slots N\n",
        ns.name()
    );
    said(
        &ns.run(&user, ["status", "pool", "--slots"]),
        121,
        "",
        &none,
    );
    let ignored = ["status", "pool", "--slots", "--ignore-not-found"];
    said(&ns.run(&user, ignored), 0, "", "");
    ns.create(&free("pool-0"));
    let output = ns.run(&user, ["status", "pool", "--slots"]);
    let expected = "No lease says how many slots of \"pool\" there are; the first that is acquired with --slots does\n";
    assert_eq!(output.stderr, expected);
    let output = ns.run(&user, ["status", "a", "b", "--slots"]);
    said_like(&output, 2, "", "error: --slots shows those of one name…\n");
}

#[test]
fn the_exit_code_tells_whether_one_can_be_had_and_a_watch_shows_what_becomes_of_them() {
    for (holders, code) in [(["a", ""], 4), (["a", "b"], 0)] {
        let (ns, user) = pool(&holders, 60);
        let output = ns.run(&user, ["status", "pool", "--slots", "--exit-code"]);
        assert_eq!(output.code, Some(code), "{output}");
    }
    let (ns, user) = pool(&["a", "b"], 60);
    ns.create(&free("other"));
    let running = ns.spawn(&user, ["status", "pool", "--slots", "-w"]);
    running.wait_stdout(|line| line.starts_with("pool-1"), SOON);
    set_free(&ns, "other");
    set_free(&ns, "pool-1");
    running.wait_stdout(|line| matches(line, "pool-1…Free…"), SOON);
    assert!(!running.stdout().contains("other"), "{}", running.stdout());
}
