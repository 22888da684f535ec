//! What a caller is refused: another number, what is no slot, a second slot.

use super::{acquire, hold, holders, pool, slot, slots_of, waits};
use crate::support::{SOON, ended, free, fresh, held, said, set_free, stored, untouched};
use lease_harness::{Namespace, lease};

/// What is said of another number than there is.
fn differ(ns: &Namespace, asked: usize, there: usize, lease: &str) -> String {
    let all: Vec<String> = (0..asked.max(there))
        .map(|index| format!("pool-{index}"))
        .collect();
    let count = match there {
        1 => "there is 1".to_owned(),
        there => format!("there are {there}"),
    };
    let were = match asked {
        1 => "1 slot of \"pool\" was".to_owned(),
        asked => format!("{asked} slots of \"pool\" were"),
    };
    format!(
        "error: {were} asked for, and {count}, as lease \"{lease}\" says\n\
         Nothing was acquired, so that there are never more holders than that. Give --slots {there}. To have {asked} from now on, \
         stop whoever uses them, wait until all are free (kubectl lease status pool -n {ns} --slots), and make them anew: \
         kubectl delete lease --ignore-not-found {all} -n {ns} && kubectl lease create pool -n {ns} --slots {asked}\n",
        ns = ns.name(),
        all = all.join(" "),
    )
}

#[test]
fn whoever_asks_for_more_or_fewer_than_there_are_is_refused_with_both_numbers_and_nothing_is_written()
 {
    let (ns, user) = pool(&["", "", ""], 60);
    let before = stored(&ns, "pool-0");
    for asked in [2, 5, 1] {
        for flags in [&["--holder=me"][..], &["--holder=me", "--create"]] {
            let output = acquire(&ns, &user, &asked.to_string(), flags).run();
            let lease = "pool-0";
            said(&output, 2, "", &differ(&ns, asked, 3, lease));
        }
    }
    untouched(&ns, &before);
    assert_eq!(ns.get("pool-3"), None);
    // One of them is enough.
    ns.create(&slot(free("pool-3"), 9));
    let output = acquire(&ns, &user, "3", &["--holder=me"]).run();
    assert_eq!(output.code, Some(0), "it is not among the three: {output}");
    ns.edit("pool-2", |lease| {
        lease["metadata"]["annotations"]["kubectl-lease/slots"] = "4".into()
    });
    let output = acquire(&ns, &user, "3", &["--holder=you"]).run();
    assert_eq!(output.code, Some(2), "{output}");
    disagree(
        &output,
        "lease \"pool-2\" says \"4\"",
        "lease \"pool-0\" says \"3\"",
    );
}

#[test]
fn whoever_waits_while_the_number_changes_is_refused_then() {
    let (ns, user) = pool(&["a", "b"], 60);
    let running = acquire(&ns, &user, "2", &["--holder=me"]).spawn();
    waits(&running);
    ns.edit("pool-0", |lease| {
        lease["metadata"]["annotations"]["kubectl-lease/slots"] = "1".into()
    });
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(2), "{output}");
    disagree(
        &output,
        "lease \"pool-0\" says \"1\"",
        "lease \"pool-1\" says \"2\"",
    );
}

/// Where they do not agree, no number is advised: another of them would refuse it.
#[track_caller]
fn disagree(output: &lease_harness::Output, one: &str, other: &str) {
    let said = &output.stderr;
    for part in [
        "do not agree how many there are",
        one,
        other,
        "make them anew: kubectl delete lease",
    ] {
        assert!(said.contains(part), "{output}");
    }
    assert!(!said.contains(" Give --slots"), "{output}");
}

#[test]
fn two_callers_that_disagree_from_the_start_never_both_get_in() {
    for round in 0..6 {
        let (ns, user) = fresh();
        // By hand, or not at all.
        if round % 2 == 0 {
            for name in ["pool-0", "pool-1", "pool-2"] {
                ns.create(&free(name));
            }
        }
        let [two, three] = ["2", "3"].map(|slots| {
            let holder = format!("--holder={slots}-of-{round}");
            acquire(&ns, &user, slots, &["--create", &holder]).spawn()
        });
        let (two, three) = (two.wait(SOON), three.wait(SOON));
        let mut codes = [two.code, three.code];
        codes.sort_unstable();
        assert_eq!(codes, [Some(0), Some(2)], "{two}\n{three}");
        let inside = holders(&ns, 3)
            .into_iter()
            .filter(|holder| !holder.is_empty());
        assert_eq!(inside.count(), 1, "{two}\n{three}");
    }
}

#[test]
fn slots_made_by_hand_are_marked_before_one_is_held_and_what_is_no_lock_is_refused() {
    let (ns, user) = fresh();
    ns.create(&held("pool-0", "a", 60));
    ns.create(&free("pool-1"));
    let before = stored(&ns, "pool-0")["spec"].clone();
    let output = acquire(&ns, &user, "2", &["--holder=me"]).run();
    ended(&output, 0, "lease.coordination.k8s.io/pool-1 acquired\n");
    for name in ["pool-0", "pool-1"] {
        let says = &stored(&ns, name)["metadata"]["annotations"]["kubectl-lease/slots"];
        assert_eq!(says, "2", "{name}");
    }
    assert_eq!(
        stored(&ns, "pool-0")["spec"],
        before,
        "it is still another's"
    );
    let (ns, user) = fresh();
    let leader = "autoscaler_9cbf54e5-1136-44bd-8f9a-1dcd15c346b4";
    ns.create(&held("pool-0", leader, 60));
    let output = acquire(&ns, &user, "1", &["--holder=me"]).run();
    let expected = format!(
        "error: lease \"pool-0\" is no slot of \"pool\": it elects the leader of a component\n\
         Nothing was acquired. Use another name; if it is to be a slot all the same: \
         kubectl annotate lease pool-0 kubectl-lease/slots=1 -n {}\n",
        ns.name()
    );
    said(&output, 1, "", &expected);
}

#[test]
fn a_name_without_room_for_the_numbers_and_a_number_of_none_are_wrong_usage() {
    let (ns, user) = fresh();
    let long = "a".repeat(252);
    let output = ns.run(&user, ["acquire", &long, "--slots", "2", "--holder=me"]);
    let expected = format!(
        "error: the last of 2 slots would be \"{long}-1\": a lease name has at most 253 characters\n"
    );
    said(&output, 2, "", &expected);
    for count in ["0", "257", "-1", "many"] {
        let output = acquire(&ns, &user, count, &[]).run();
        assert_eq!(output.code, Some(2), "{output}");
    }
    // A name that is too long for a label has slots all the same.
    let long = "a".repeat(64);
    let acquire = |holder: &str, timeout: &str| {
        let flags = ["acquire", &long, "--slots=1", "--create"];
        let command = ns.command(&user, flags).arg(format!("--holder={holder}"));
        command.arg(format!("--timeout={timeout}"))
    };
    assert_eq!(acquire("a", "0").run().code, Some(0));
    let running = acquire("b", "20s").spawn();
    waits(&running);
    set_free(&ns, &format!("{long}-0"));
    assert_eq!(running.wait(SOON).code, Some(0));
}

#[test]
fn whoever_holds_a_slot_gets_no_second_one() {
    let (ns, user) = pool(&["", "me", ""], 60);
    let output = acquire(&ns, &user, "3", &["--holder=me", "--timeout=0"]).run();
    let expected = format!(
        "error: no slot of \"pool\" acquired: you hold a slot already, slot 1, for at most 60s more unless renewed\n\
         To keep it: kubectl lease renew pool-1 -n {} --holder me; to begin a new grant for the same identity give --reenter, \
         for another slot give --holder or --unique\n",
        ns.name()
    );
    said(&output, 124, "", &expected);
    let output = acquire(&ns, &user, "3", &["--holder=me", "--reenter"]).run();
    ended(&output, 0, "lease.coordination.k8s.io/pool-1 acquired\n");
    assert_eq!(slots_of(&ns, 3, "me"), [1]);
    // Nor does a command below it.
    let (ns, user) = pool(&["", "", ""], 60);
    let script = "kubectl lease hold pool --slots 3 -- echo ran; echo $?";
    let output = hold(&ns, &user, "3", script).run();
    ended(&output, 0, "124\n");
    assert!(
        output.stderr.contains("so it would wait for itself"),
        "{output}"
    );
    let script =
        "kubectl lease hold other --create -- kubectl lease acquire pool --slots 3; echo $?";
    let output = hold(&ns, &user, "3", script).run();
    ended(&output, 0, "124\n");
}

#[test]
fn a_slot_that_is_being_deleted_is_passed_over() {
    let (ns, user) = pool(&["a"], 60);
    let mut lease = slot(lease("pool-1").duration(60).build(), 2);
    lease["metadata"]["finalizers"] = serde_json::json!(["example.com/keep"]);
    ns.edit("pool-0", |lease| {
        lease["metadata"]["annotations"]["kubectl-lease/slots"] = "2".into()
    });
    ns.create(&lease);
    ns.delete("pool-1");
    let output = acquire(&ns, &user, "2", &["--holder=me", "--timeout=0", "-E", "9"]).run();
    assert_eq!(output.code, Some(9), "{output}");
    let said = "all slots are held";
    assert!(!output.stderr.contains(said), "{output}");
    ns.edit("pool-1", |lease| {
        lease["metadata"]["finalizers"] = serde_json::json!([])
    });
}

#[test]
fn more_than_there_are_is_refused_to_who_creates_and_a_steal_of_their_name_is_told_of_them() {
    let (ns, user) = pool(&["a", "b"], 60);
    let more = ["create", "pool", "--slots=3", "--ignore-existing"];
    let expected = differ(&ns, 3, 2, "pool-0");
    let expected = expected.replace("Nothing was acquired", "No more are created");
    said(&ns.run(&user, more), 2, "", &expected);
    let steal = ["steal", "pool", "--holder=me", "--yes"];
    let expected = format!(
        "{}There are slots of that name: kubectl lease status pool -n {} --slots\n",
        crate::support::not_found_as_held(&ns, "pool"),
        ns.name()
    );
    said(&ns.run(&user, steal), 121, "", &expected);
}
