//! Who asks: `--holder`, the environment, the pod, user@host, `--unique`, and a shell that hands an identity on.

use crate::support::{ENV, VERBS, free, fresh, holder, said, stored};
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

#[cfg(unix)] // accounts by their uid
#[test]
fn a_process_is_who_its_account_is_unless_told_otherwise() {
    let (ns, user) = fresh();
    let at_host = user_at_host();
    // Nobody is who the environment says.
    let claims = [("USER", "kim"), ("LOGNAME", "kim")];
    let named = [("KUBECTL_LEASE_HOLDER", "variable"), ("POD_NAME", "pod")];
    for (variables, flags, expected) in [
        (&claims[..], &[][..], at_host.as_str()),
        (&named[1..], &[], "pod"),
        (&named, &[], "variable"),
        (&named, &["--holder=flag"], "flag"),
    ] {
        ns.create(&free("job"));
        let words = ["acquire", "job", "--timeout=0"];
        let mut command = ns.command(&user, words.iter().chain(flags));
        for (name, value) in variables {
            command = command.env(name, value);
        }
        said(&command.run(), 0, ACQUIRED, "");
        assert_eq!(holder(&stored(&ns, "job")), expected);
        ns.delete("job");
    }
    // A variable that names no grant is not taken for one.
    ns.create(&free("job"));
    said(
        &acquire(&ns, &user).arg("--holder=me").run(),
        0,
        ACQUIRED,
        "",
    );
    for empty in ["KUBECTL_LEASE_UID", "KUBECTL_LEASE_TRANSITIONS"] {
        let mut check = ns.command(&user, ["check", "job"]);
        for (name, value) in [
            ("KUBECTL_LEASE_NAME", "job"),
            ("KUBECTL_LEASE_NAMESPACE", ns.name()),
            ("KUBECTL_LEASE_HOLDER", "me"),
            ("KUBECTL_LEASE_UID", "another"),
            ("KUBECTL_LEASE_TRANSITIONS", "1"),
        ] {
            check = check.env(name, if name == empty { "" } else { value });
        }
        said(&check.run(), 0, "lease.coordination.k8s.io/job held\n", "");
    }
}

#[cfg(unix)] // a POSIX shell
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
            .arg("-o")
            .arg(ENV)
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
