//! Flags as they are typed for kubectl: levels, `=true` and `=false`, several in one word, values with a dash; and typos.

use crate::support::{free, fresh, said};
use crate::usage::{invalid, refused};
use lease_harness::Command;

const NEGATIVE: &str = "a duration must not be negative";

#[test]
fn a_negative_value_is_refused_for_what_it_is() {
    refused(&[
        (&["hold", "job", "--timeout", "-5", "--", "true"], invalid("-5", "--timeout <DURATION>", NEGATIVE)),
        (&["acquire", "job", "--duration", "-5s"], invalid("-5s", "--duration <DURATION>", NEGATIVE)),
        (&["renew", "job", "--timeout", "-1h"], invalid("-1h", "--timeout <DURATION>", NEGATIVE)),
        (&["status", "--request-timeout", "-1"], invalid("-1", "--request-timeout <DURATION>", NEGATIVE)),
        (&["acquire", "job", "-E", "-1"], "error: invalid value \"-1\" for --conflict-exit-code <CODE>: …0..=255".into()),
        (&["status", "--chunk-size", "-5"], "error: invalid value \"-5\" for --chunk-size <COUNT>: …".into()),
        (&["acquire", "job", "--holder", "--create"], "error: no value for --holder <IDENTITY>: \"--create\" behind it looks like a flag; if that is the value, write --holder=VALUE (see --help)".into()),
        (&["status", "-5"], "error: unknown flag '-5' (see --help)".into()),
    ]);
}

#[test]
fn what_is_neither_true_nor_false_is_refused_by_the_flags_name() {
    const TRUTH: &str = "allowed: true, false";
    const LEVEL: &str = "allowed: a level as in -v=8, true, false";
    refused(&[
        (&["status", "-w=yes"], invalid("yes", "--watch", TRUTH)),
        (&["status", "-Aw=no"], invalid("no", "--watch", TRUTH)),
        (
            &["status", "--all-namespaces="],
            invalid("", "--all-namespaces", TRUTH),
        ),
        (&["steal", "job", "-y=j"], invalid("j", "--yes", TRUTH)),
        (&["status", "-v=x"], invalid("x", "-v", LEVEL)),
        (&["status", "--v="], invalid("", "-v", LEVEL)),
    ]);
}

#[test]
fn a_typo_in_a_flag_is_told_with_what_was_meant() {
    refused(&[
        (&["acquire", "job", "--hodler=me"], "error: unknown flag '--hodler': did you mean --holder? (see --help)".into()),
        (&["acquire", "job", "--time=5s"], "error: unknown flag '--time': did you mean --timeout? (see --help)".into()),
        (&["acquire", "job", "--wait"], "error: unknown flag '--wait' (see --help)".into()),
        (&["hold", "job", "--watch", "--", "true"], "error: unknown flag '--watch' of hold: status has it (see --help)".into()),
        (&["check", "job", "--yes"], "error: unknown flag '--yes' of check: steal has it (see --help)".into()),
        (&["check", "job", "-o", "json"], "error: unknown flag '-o' of check: create, acquire, renew, release, steal, status and version have it (see --help)".into()),
        (&["--state=held", "status"], "error: unknown flag '--state': it goes after the subcommand, as in: status --state (see --help)".into()),
        (&["--state", "held", "status"], "error: unknown flag '--state': it goes after the subcommand, as in: status --state (see --help)".into()),
        (&["--watch", "status"], "error: unknown flag '--watch': it goes after the subcommand, as in: status --watch (see --help)".into()),
        (&["status", "-Q"], "error: unknown flag '-Q' (see --help)".into()),
    ]);
}

#[test]
fn one_lease_at_a_time_and_the_right_form() {
    let many = |name: &str, word: &str, next: &str| {
        format!("error: {name} takes one lease, and {word:?} is a word too many{next}")
    };
    let kind = |kind: &str, form: &str| {
        format!(
            "error: {kind:?} is what kubectl calls the kind; here the name is enough, as in: {form} (a lease of that name is lease/{kind})"
        )
    };
    let once = |name: &str| {
        many(
            name,
            "b",
            &format!(": do it once for each, as in: {name} a"),
        )
    };
    refused(&[
        (
            &["hold", "a", "b"],
            many(
                "hold",
                "b",
                ": a command goes after '--', as in: hold a -- b",
            ),
        ),
        (
            &["hold", "a", "./b.sh", "--all"],
            many(
                "hold",
                "./b.sh",
                ": a command goes after '--', as in: hold a -- ./b.sh",
            ),
        ),
        (
            &["acquire", "a", "./b.sh"],
            many(
                "acquire",
                "./b.sh",
                ": to run a command with it: hold a -- ./b.sh",
            ),
        ),
        (&["acquire", "a", "b"], once("acquire")),
        (&["create", "a", "b"], once("create")),
        (&["renew", "a", "b"], once("renew")),
        (&["check", "a", "b", "c"], once("check")),
        (&["steal", "a", "b", "--yes"], once("steal")),
        (
            &["steal", "lease/a", "lease/b"],
            many(
                "steal",
                "lease/b",
                ": do it once for each, as in: steal lease/a",
            ),
        ),
        (&["renew", "lease", "job"], kind("lease", "renew job")),
        (
            &["create", "leases.coordination.k8s.io", "job"],
            kind("leases.coordination.k8s.io", "create job"),
        ),
        (
            &["explain", "lease", "holder"],
            "error: unexpected argument \"holder\" (see --help)".into(),
        ),
    ]);
}

#[test]
fn flags_in_one_word_with_a_truth_do_what_they_say() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let name = "lease.coordination.k8s.io/job\n";
    for words in [
        &["status", "job", "-w=false", "-oname"][..],
        &["status", "job", "-wA=false", "-w=0", "-oname"],
        &["status", "job", "-A=F", "--output=name", "--watch=FALSE"],
        &["status", "job", "-v=0", "-oname"],
        &["status", "job", "-v", "0", "-oname"],
        &["status", "job", "--v=-1", "-oname"],
        &["status", "job", "-oname", "--help=false"],
    ] {
        said(&ns.run(&user, words), 0, name, "");
    }
    for words in [
        &["status", "job", "-oname", "-v=99999"][..],
        &["status", "job", "-oname", "-vv"],
        &["status", "job", "-oname", "-v"],
    ] {
        let output = ns.run(&user, words);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(0), name),
            "{output}"
        );
        assert!(output.stderr.contains("GET "), "{output}");
    }
    let help = Command::new(
        env!("CARGO_BIN_EXE_kubectl-lease"),
        ["status", "--help=true"],
    )
    .run();
    assert!(help.stdout.contains("Examples:"), "{help}");
}
