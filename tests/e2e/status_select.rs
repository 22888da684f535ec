//! `status` as a list: what is chosen, in which order, in which format, and what the exit status says of one Lease.

use crate::support::{SOON, free, fresh, held};
use lease_harness::{Namespace, Output, lease};

/// A Lease for each state that `--state` knows, of classes and holders that differ.
fn some(ns: &Namespace) {
    ns.create(&held("a-held", "ci-7", 600));
    let elected = lease("b-expired").holder("pod-1_2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10");
    let elected = elected.duration(1).renewed_ago(0, 0).transitions(9);
    ns.create(&elected.build());
    ns.create(&free("c-free"));
    ns.create(
        &lease("d-endless")
            .holder("ci-12")
            .label("tier", "db")
            .build(),
    );
    ns.create(&held("e-terminating", "x", 600));
    ns.edit("e-terminating", |lease| {
        lease["metadata"]["finalizers"] = serde_json::json!(["example.com/wait"]);
    });
    ns.delete("e-terminating");
    let expired = ["status", "b-expired", "--exit-code"];
    let deadline = std::time::Instant::now() + SOON;
    while ns.run(&ns.admin(), expired).code != Some(3) {
        assert!(
            std::time::Instant::now() < deadline,
            "b-expired does not expire"
        );
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

/// Lets it go, so that a real namespace is clean.
fn finish(ns: &Namespace) {
    ns.edit("e-terminating", |lease| {
        lease["metadata"]["finalizers"] = serde_json::json!([]);
    });
}

#[track_caller]
fn names(output: &Output) -> Vec<&str> {
    assert_eq!(output.code, Some(0), "{output}");
    let lines = output.stdout.lines();
    lines
        .map(|line| line.trim_start_matches("lease.coordination.k8s.io/"))
        .collect()
}

#[test]
fn the_list_is_cut_down_sorted_and_counted() {
    let (ns, user) = fresh();
    some(&ns);
    let listed = |arguments: &[&str]| {
        let output = ns.command(&user, ["status", "-o", "name"]);
        let output = arguments
            .iter()
            .fold(output, |command, a| command.arg(a))
            .run();
        names(&output).join(" ")
    };
    for (arguments, expected) in [
        (&["--state=held"][..], "a-held d-endless"),
        (&["--state=expired"], "b-expired"),
        (&["--state=free"], "c-free"),
        (&["--state=Terminating"], "e-terminating"),
        (&["--state=free,expired"], "b-expired c-free"),
        (&["--class=election"], "b-expired"),
        (&["--class=lock"], "a-held c-free d-endless e-terminating"),
        (&["--class=node,apiserver"], ""),
        (&["--holder=ci-*"], "a-held d-endless"),
        (&["--holder=ci-?"], "a-held"),
        (&["--holder=ci"], ""),
        (&["-l", "tier in (db)"], "d-endless"),
        (&["--field-selector=metadata.name=c-free"], "c-free"),
        (&["--state=held", "--holder=*12"], "d-endless"),
        (
            &["--sort-by=transitions"],
            "b-expired a-held c-free e-terminating d-endless",
        ),
        (
            &["--sort-by=expires", "--state=held,expired"],
            "b-expired a-held d-endless",
        ),
        (&["--sort-by=renewed", "--state=held"], "a-held d-endless"),
        (&["--sort-by=age", "--state=free"], "c-free"),
    ] {
        let found = listed(arguments);
        assert_eq!(found, expected, "{arguments:?}");
    }

    let output = ns.run(&user, ["status"]);
    assert_eq!(
        output.stderr, "Of 5 leases: 1 expired, 1 flapping\n",
        "{output}"
    );
    assert_eq!(output.stdout.lines().count(), 6, "{output}");
    let output = ns.run(&user, ["status", "--no-headers", "--state=held"]);
    let lines: Vec<Vec<&str>> = output
        .stdout
        .lines()
        .map(|line| line.split_whitespace().take(3).collect())
        .collect();
    assert_eq!(
        lines,
        [["a-held", "Held", "ci-7"], ["d-endless", "Held", "ci-12"]]
    );

    for (name, code) in [
        ("a-held", 0),
        ("b-expired", 3),
        ("c-free", 4),
        ("d-endless", 0),
        ("e-terminating", 0),
        ("none", 121),
    ] {
        let output = ns.run(&user, ["status", name, "--exit-code", "-o", "name"]);
        assert_eq!(output.code, Some(code), "{output}");
    }
    assert_eq!(ns.run(&user, ["status", "b-expired"]).code, Some(0));
    finish(&ns);
}
