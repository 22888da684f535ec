//! The commands in hints: pasted, they do the same thing to the same cluster.

use crate::support::{fresh, held, holder, stored};

#[test]
fn a_hint_carries_the_connection_flags_of_the_call_and_works_when_it_is_pasted() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 60));
    let context = "test";
    let output = ns.run(
        &user,
        ["release", "job", "--holder=other", "--context", context],
    );
    assert_eq!(output.code, Some(122), "{output}");
    let pasted = output
        .stderr
        .split(": kubectl lease ")
        .nth(1)
        .expect("a hint")
        .trim();
    let flag = format!(" -n {} --context {context}", ns.name());
    assert!(pasted.contains(&flag), "{output}");
    let script = format!("kubectl-lease {pasted} --yes --now --holder=thief");
    let stolen = ns.program(&user, "sh", ["-c", &script]).run();
    assert_eq!(stolen.code, Some(0), "{stolen}");
    assert_eq!(holder(&stored(&ns, "job")), "thief");
}

#[test]
fn what_o_name_prints_is_taken_for_a_name() {
    let (ns, user) = fresh();
    let script = "lease=$(kubectl-lease acquire job --create --holder=me -o name) && \
        kubectl-lease renew \"$lease\" --holder=me && kubectl-lease status \"$lease\" -o name && \
        kubectl-lease release lease/job --holder=me && kubectl-lease hold leases/job -- true";
    let output = ns.program(&user, "sh", ["-c", script]).run();
    assert_eq!(output.code, Some(0), "{output}");
    let pod = ns.run(&user, ["status", "pod/job"]);
    assert_eq!(pod.code, Some(2), "{pod}");
    assert!(
        pod.stderr
            .contains("\"pod\" is no kind of lease: give NAME or lease/NAME"),
        "{pod}"
    );
}
