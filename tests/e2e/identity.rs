//! Who asks: `--holder`, the environment, the pod, user@host, `--unique`, and a shell that hands an identity on.

use crate::support::{VERBS, free, fresh, holder, not_held_by_you, said, stored, untouched};
use lease_harness::{Command, Namespace, User};

const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";

fn acquire(ns: &Namespace, user: &User) -> Command {
    ns.command(user, ["acquire", "job", "--timeout=0"])
}

/// The account by its number, as `id` has it, which knows no environment; and the machine.
fn user_at_host() -> String {
    let line = |program: &str, flag: &str| {
        let output = Command::new(program, [flag]).run();
        output.stdout.trim().to_owned()
    };
    let named = Command::new("id", ["-un"]).run();
    let user = match named.code {
        Some(0) => named.stdout.trim().to_owned(),
        _ => format!("uid-{}", line("id", "-u")),
    };
    format!("{user}@{}", line("uname", "-n"))
}

#[test]
fn the_flag_comes_before_the_environment_before_the_pod_before_user_at_host() {
    let (ns, user) = fresh();
    let at_host = user_at_host();
    let sources = [
        ("--holder", "flag"),
        ("KUBECTL_LEASE_HOLDER", "variable"),
        ("POD_NAME", "pod"),
        ("USER", at_host.as_str()),
    ];
    for (index, (_, expected)) in sources.iter().enumerate() {
        ns.create(&free("job"));
        let mut command = acquire(&ns, &user);
        for (source, identity) in &sources[index..] {
            command = match *source {
                "--holder" => command.arg("--holder").arg(identity),
                // Nobody is who the environment says.
                "USER" => command.env("USER", "kim").env("LOGNAME", "kim"),
                variable => command.env(variable, identity),
            };
        }
        said(&command.run(), 0, ACQUIRED, "");
        assert_eq!(holder(&stored(&ns, "job")), *expected);
        ns.delete("job");
    }
}

#[test]
fn every_subcommand_that_holds_takes_its_identity_from_the_environment() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    for (subcommand, verb) in [
        ("acquire", "acquired"),
        ("renew", "renewed"),
        ("check", "held"),
        ("release", "released"),
    ] {
        let output = ns
            .command(&user, [subcommand, "job"])
            .env("KUBECTL_LEASE_HOLDER", "me here")
            .run();
        said(
            &output,
            0,
            &format!("lease.coordination.k8s.io/job {verb}\n"),
            "",
        );
    }
}

#[test]
fn unique_adds_a_new_suffix_each_time() {
    let (ns, user) = fresh();
    let mut seen = Vec::new();
    for _ in 0..2 {
        ns.create(&free("job"));
        let command = acquire(&ns, &user)
            .arg("--unique")
            .env("KUBECTL_LEASE_HOLDER", "ci");
        said(&command.run(), 0, ACQUIRED, "");
        let identity = holder(&stored(&ns, "job")).to_owned();
        let suffix = identity.strip_prefix("ci_").expect("the identity it is of");
        assert_eq!(suffix.len(), 36, "a UUID: {suffix}");
        seen.push(identity);
        ns.delete("job");
    }
    assert_ne!(seen[0], seen[1]);
}

#[test]
fn a_shell_hands_a_unique_identity_on_to_renew_check_and_release() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    // A name that a shell would take apart if it were not quoted.
    let script = r#"set -eu
        grant=$(kubectl-lease acquire job --unique -o env) || exit
        eval "$grant"
        test "$KUBECTL_LEASE_NAME" = job
        echo "holder $KUBECTL_LEASE_HOLDER"
        echo "token $KUBECTL_LEASE_FENCING_TOKEN transitions $KUBECTL_LEASE_TRANSITIONS"
        echo "$KUBECTL_LEASE_NAMESPACE $KUBECTL_LEASE_UID"
        kubectl-lease renew job
        kubectl-lease check job
        kubectl-lease status job -o json | grep '"holder"'
        kubectl-lease release job"#;
    let hostile = "it's $(touch x) \"me\"; `id`";
    let output = ns
        .program(&user, "bash", ["-c", script])
        .env("KUBECTL_LEASE_HOLDER", hostile)
        .run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    let lines: Vec<&str> = output.stdout.lines().collect();
    let unique = lines[0].strip_prefix("holder ").expect("the holder");
    assert!(unique.starts_with(&format!("{hostile}_")), "{output}");
    let token = lines[1]
        .strip_prefix("token ")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|token| token.parse::<u64>().ok());
    assert!(token.is_some_and(|token| token > 0), "{output}");
    assert!(lines[1].ends_with(" transitions 4"), "{output}");
    let lease = stored(&ns, "job");
    let uid = lease["metadata"]["uid"].as_str().unwrap_or_default();
    assert_eq!(lines[2], format!("{} {uid}", ns.name()));
    assert_eq!(
        [lines[3], lines[4], lines[6]],
        [
            "lease.coordination.k8s.io/job renewed",
            "lease.coordination.k8s.io/job held",
            "lease.coordination.k8s.io/job released"
        ]
    );
    assert_eq!(holder(&lease), "");
}

#[test]
fn the_fencing_token_is_the_version_of_the_grant_and_grows_over_delete_and_recreate() {
    let (ns, _) = fresh();
    let user = ns.user(&VERBS);
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let output = acquire(&ns, &user)
            .arg("--create")
            .arg("--holder=me")
            .arg("-oenv")
            .run();
        assert_eq!(output.code, Some(0), "{output}");
        let token = output
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("export KUBECTL_LEASE_FENCING_TOKEN="))
            .expect("a token")
            .to_owned();
        assert_eq!(stored(&ns, "job")["metadata"]["resourceVersion"], token);
        tokens.push(token.parse::<u64>().expect("a number"));
        ns.delete("job");
    }
    assert!(tokens.is_sorted_by(|a, b| a < b), "{tokens:?}");
}

#[test]
fn an_identity_is_compared_exactly() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    assert_eq!(acquire(&ns, &user).arg("--holder=Me").run().code, Some(0));
    let lease = stored(&ns, "job");
    for other in ["me", "Me ", " Me", "M"] {
        let output = ns.command(&user, ["release", "job", "--holder"]).arg(other);
        said(
            &output.run(),
            122,
            "",
            &not_held_by_you(&ns, "job", other, "Me"),
        );
    }
    untouched(&ns, &lease);
}
