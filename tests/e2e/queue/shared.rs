//! Slots and several leases have lines too, and a line is shared with those who do not stand in it.

use super::*;

#[test]
fn whoever_does_not_queue_takes_what_is_free_and_the_line_goes_on_behind_it() {
    let (ns, user) = lined();
    ns.create(&held("job", "other", 60));
    let log = ns.file("log", "");
    let all: Vec<Running> = ["a", "b"]
        .iter()
        .map(|name| stands(&waiter(&ns, &user, name, &[], &log)))
        .collect();
    let script = format!("echo x >> {}", log.display());
    let beside = ns.command(&user, ["hold", "job", "--holder", "x", "--"]);
    let beside = beside.args(shell(&script)).spawn();
    beside.wait_stderr(|line| line.starts_with("waiting for lease"), SOON);
    assert_eq!(tickets(&ns, "job").len(), 2, "it has no place");
    set_free(&ns, "job");
    for one in all.into_iter().chain([beside]) {
        ended(&one.wait(SOON), 0, "");
    }
    let mut served = logged(&log);
    assert!(served.contains(&"x".to_owned()), "{served:?}");
    served.retain(|name| name != "x");
    assert_eq!(served, ["a", "b"]);
}

#[test]
fn a_lease_that_is_lost_while_another_is_waited_for_in_line_is_acquired_anew() {
    let (ns, user) = lined();
    ns.create(&free("a"));
    ns.create(&held("b", "other", 60));
    let arguments = [
        "hold",
        "a",
        "b",
        "--queue",
        "--holder",
        "me",
        "--duration",
        "3s",
        "--",
        "true",
    ];
    let both = ns.command(&user, arguments).spawn();
    both.wait_stderr(|line| line == "1st in line for lease \"b\"", SOON);
    ns.edit("a", |lease| {
        lease["spec"]["holderIdentity"] = "thief".into()
    });
    both.wait_stderr(
        |line| line.starts_with("lease \"a\" lost before all were acquired"),
        SOON,
    );
    // Whoever waits for the first holds no later one, nor a place for it.
    wait_until(|| tickets(&ns, "b").is_empty());
    set_free(&ns, "a");
    set_free(&ns, "b");
    ended(&both.wait(SOON), 0, "");
    assert_eq!((tickets(&ns, "a").len(), tickets(&ns, "b").len()), (0, 0));
}

#[test]
fn slots_have_one_line_and_whoever_is_first_has_the_first_that_becomes_free() {
    let (ns, user) = lined();
    let log = ns.file("log", "");
    let slot = |name: &str, script: &str| {
        let arguments = [
            "hold", "pool", "--slots", "2", "--create", "--queue", "--holder", name, "--",
        ];
        ns.command(&user, arguments).args(shell(script))
    };
    let gates: Vec<_> = (0..2)
        .map(|number| ns.file("none", "").with_file_name(format!("gate-{number}")))
        .collect();
    let holding: Vec<Running> = gates
        .iter()
        .enumerate()
        .map(|(number, gate)| {
            let script = format!("echo held; {}", until(gate));
            let running = slot(&format!("holder-{number}"), &script).spawn();
            running.wait_stdout(|line| line == "held", SOON);
            running
        })
        .collect();
    let waiting: Vec<Running> = ["a", "b", "c"]
        .iter()
        .map(|name| stands(&slot(name, &format!("echo {name} >> {}", log.display()))))
        .collect();
    assert_eq!(tickets(&ns, "pool_slots").len(), 3);
    // What is said is of slots, and what it says to run finds them.
    for flags in [&["--max-waiters=1"][..], &["--timeout=0"]] {
        let acquire = ["acquire", "pool", "--slots=2", "--queue", "--holder=late"];
        let output = ns.run(&user, [&acquire[..], flags].concat());
        assert_eq!(output.code, Some(124), "{output}");
        let not_acquired = "error: no slot of \"pool\" acquired: ";
        assert!(output.stderr.contains(not_acquired), "{output}");
        let looks = format!("Look: kubectl lease status pool --slots -n {}", ns.name());
        let looks_after = format!("Look: kubectl lease status pool -n {} --slots", ns.name());
        assert!(
            output.stderr.contains(&looks) || output.stderr.contains(&looks_after),
            "{output}"
        );
    }
    assert!(
        waiting[1]
            .stderr()
            .contains("2nd in line for a slot of \"pool\"\n")
    );
    for (gate, running) in gates.iter().zip(holding).rev() {
        std::fs::write(gate, "").expect("a file");
        let output = running.wait(SOON);
        assert_eq!(output.code, Some(0), "{output}");
    }
    let told = waiting[0].stderr();
    assert!(
        told.contains("1st in line for a slot of \"pool\"\n"),
        "{told}"
    );
    waiting
        .into_iter()
        .for_each(|one| ended(&one.wait(SOON), 0, ""));
    let mut served = logged(&log);
    // Two slots are given away at once: the commands of two that follow one another may overtake each other in writing.
    assert_eq!(served.len(), 3);
    served.sort();
    assert_eq!(served, ["a", "b", "c"]);
    assert_eq!(tickets(&ns, "pool_slots").len(), 0);
}

#[test]
fn of_several_leases_each_has_its_line_and_is_stood_in_when_it_is_its_turn() {
    let (ns, user) = lined();
    ns.create(&held("a", "other", 60));
    ns.create(&held("b", "other", 60));
    let both = ns.command(
        &user,
        ["hold", "b", "a", "--queue", "--holder", "me", "--", "true"],
    );
    let both = both.spawn();
    both.wait_stderr(|line| line == "1st in line for lease \"a\"", SOON);
    assert_eq!((tickets(&ns, "a").len(), tickets(&ns, "b").len()), (1, 0));
    set_free(&ns, "a");
    both.wait_stderr(|line| line == "1st in line for lease \"b\"", SOON);
    wait_until(|| tickets(&ns, "a").is_empty());
    assert_eq!(tickets(&ns, "b").len(), 1);
    set_free(&ns, "b");
    ended(&both.wait(SOON), 0, "");
    assert_eq!((tickets(&ns, "a").len(), tickets(&ns, "b").len()), (0, 0));
    assert_eq!(holder(&stored(&ns, "a")), "");
}

#[test]
fn acquire_stands_in_line_too_and_has_left_it_when_it_is_done() {
    let (ns, user) = lined();
    ns.create(&held("job", "other", 60));
    let arguments = ["acquire", "job", "--queue", "--holder", "me"];
    let waiting = ns.command(&user, arguments).spawn();
    waiting.wait_stderr(is_placed, SOON);
    set_free(&ns, "job");
    let output = waiting.wait(SOON);
    let said = output
        .stdout
        .starts_with("lease.coordination.k8s.io/job acquired");
    assert!(output.code == Some(0) && said, "{output}");
    assert_eq!(tickets(&ns, "job").len(), 0);
    assert_eq!(holder(&stored(&ns, "job")), "me");
}
