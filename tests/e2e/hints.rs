//! The commands in hints: pasted, they do the same thing to the same cluster.

use crate::support::{fresh, held, holder, stored};
use lease_harness::Fault;

#[cfg(unix)] // pasted into a POSIX shell
#[test]
fn a_hint_that_is_pasted_reaches_the_same_cluster_as_the_same_identity() {
    let (ns, user) = fresh();
    let token = format!("--token={}", user.token);
    for (flag, given) in [
        ("--context=test", "--context test"),
        // Nobody reads it in a log.
        (token.as_str(), "--token \"$TOKEN\""),
    ] {
        ns.create(&held("job", "me", 60));
        let output = ns.run(&user, ["release", "job", "--holder=other", flag]);
        assert_eq!(output.code, Some(122), "{output}");
        assert!(!output.stderr.contains(&user.token), "{output}");
        let pasted = pasted(&output.stderr, "lease steal");
        let flags = format!(" -n {} {given}", ns.name());
        assert!(pasted.contains(&flags), "{output}");
        // Pasted, it is taken by who asked.
        let script = format!("{pasted} --yes --now");
        let stolen = ns.program(&user, "sh", ["-c", &script]);
        let stolen = stolen.env("TOKEN", &user.token).run();
        assert_eq!(stolen.code, Some(0), "{stolen}");
        assert_eq!(holder(&stored(&ns, "job")), "other");
        ns.delete("job");
    }
    ns.create(&held("mine", "it's me", 60));
    ns.create(&held("job", "other", 60));
    let sh = |command: String| ns.program(&user, "sh", ["-c", &command]).run();
    let me = "--holder=it's me";
    let again = ns.run(&user, ["acquire", "mine", me, "--timeout=0"]);
    assert_eq!(again.code, Some(124), "{again}");
    let renewed = sh(pasted(&again.stderr, "lease renew"));
    assert_eq!(renewed.code, Some(0), "{renewed}");
    for call in [
        &["acquire", "job", me, "--timeout=0"][..],
        &["release", "job", me],
        &["steal", "job", me, "--if-holder=x", "--yes"],
    ] {
        let output = ns.run(&user, call);
        let steal = pasted(&output.stderr, "lease steal");
        assert!(steal.contains(" --holder 'it'\\''s me'"), "{output}");
    }
    let steal = ns.run(&user, ["release", "job", me]);
    let stolen = sh(pasted(&steal.stderr, "lease steal") + " --yes --now");
    assert_eq!(stolen.code, Some(0), "{stolen}");
    assert_eq!(holder(&stored(&ns, "job")), "it's me");
    // An identity of the environment is there when the command is pasted.
    let acquire = ["acquire", "mine", "--timeout=0"];
    let by_variable = ns.command(&user, acquire);
    let output = by_variable.env("KUBECTL_LEASE_HOLDER", "it's me").run();
    assert!(!output.stderr.contains("--holder '"), "{output}");
    assert!(output.stderr.contains("kubectl lease renew"), "{output}");
}

#[cfg(unix)] // pasted into a POSIX shell
#[test]
fn a_hint_that_does_the_same_once_more_has_what_was_asked_for() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    let n = ns.name();
    for (call, hint) in [
        (
            "steal job --if-holder nobody --duration 4h --reason why --yes --no-events",
            format!(
                "kubectl lease steal job -n {n} --reason why --duration 4h --no-events --if-holder other\n"
            ),
        ),
        (
            "failover job --if-holder nobody --to c2 --timeout 5m --reason why --holder me",
            format!(
                "kubectl lease failover job -n {n} --holder me --to c2 --timeout 5m --reason why --if-holder other\n"
            ),
        ),
        (
            "hold job --steal --if-holder nobody --reason why --yes --kill-after 1s -- sh -c 'a;b'",
            format!(
                "kubectl lease hold job -n {n} --reason why --kill-after 1s --steal --if-holder other -- sh -c 'a;b'\n"
            ),
        ),
    ] {
        let script = format!("kubectl-lease {call}");
        let output = ns.program(&user, "sh", ["-c", &script]).run();
        assert_eq!(output.code, Some(122), "{output}");
        assert!(output.stderr.ends_with(&hint), "{hint}{output}");
    }
}

#[cfg(unix)] // a POSIX shell
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
            .contains("\"pod\" is not a kind of lease: give NAME or lease/NAME"),
        "{pod}"
    );
}

/// Every line of a hint that has a command in it.
fn commands(stderr: &str) -> Vec<&str> {
    stderr
        .lines()
        .filter(|line| line.contains("kubectl "))
        .collect()
}
/// How a path may stand in a command: a backslash needs quotes, which shells of Windows want otherwise than POSIX ones.
fn spelled(path: &str) -> Vec<String> {
    if cfg!(unix) {
        return vec![path.to_owned()];
    }
    vec![path.to_owned(), format!("'{path}'"), format!("\"{path}\"")]
}

#[test]
fn whatever_goes_wrong_the_command_in_the_hint_names_the_cluster() {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    ns.create(&held("mine", "me", 60));
    let nobody = ns.user_with(&[]);
    let kubeconfig = |user| ns.kubeconfig(user).to_string_lossy().into_owned();
    let (file, refused) = (kubeconfig(&user), kubeconfig(&nobody));
    let proxy = |fault| {
        let proxy = lease_harness::Proxy::to(ns.cluster());
        proxy.fault(lease_harness::Match::any(), fault, usize::MAX);
        proxy
    };
    let cut_off = proxy(Fault::DropReply);
    let login = proxy(Fault::Respond {
        status: 200,
        headers: Vec::new(),
        body: "<html>log in</html>".to_owned(),
    });
    let gone = proxy(Fault::status(
        404,
        "NotFound",
        "the server could not find the requested resource",
    ));
    let nowhere = |url: &str| ns.kubeconfig_via(&user, url).to_string_lossy().into_owned();
    let (cut_off, login, gone) = (
        nowhere(&cut_off.url()),
        nowhere(&login.url()),
        nowhere(&gone.url()),
    );
    for (words, file) in [
        (&["status", "absent"][..], &file),
        (&["renew", "absent"], &file),
        (&["acquire", "absent", "--timeout=0"], &file),
        (&["hold", "absent", "--timeout=0", "--", "true"], &file),
        (&["steal", "absent", "--yes"], &file),
        (&["acquire", "job", "--timeout=0"], &file),
        (&["acquire", "mine", "--holder=me", "--timeout=0"], &file),
        (&["release", "job"], &file),
        (&["steal", "job", "--yes", "--if-holder=x"], &file),
        (&["create", "job"], &file),
        (&["status", "-n", "no-such-namespace"], &file),
        (&["status", "job"], &refused),
        (&["status"], &refused),
        (&["status", "job"], &cut_off),
        (&["status", "job"], &login),
        (&["status", "job"], &gone),
    ] {
        let flags = ["--kubeconfig", file, "--context", "test"];
        let output = ns.run(&user, flags.into_iter().chain(words.iter().copied()));
        assert_ne!(output.code, Some(0), "{output}");
        let hints = commands(&output.stderr);
        assert!(!hints.is_empty(), "{output}");
        for hint in hints {
            let of = hint.matches("kubectl ").count();
            // An admin's too: the other cluster must not get the credentials of whatever context is the current one there.
            let with: usize = spelled(file)
                .iter()
                .map(|file| format!(" --kubeconfig {file} --context test"))
                .map(|flags| hint.matches(&flags).count())
                .sum();
            assert_eq!(of, with, "{hint}\n{output}");
        }
    }
}

/// The words of the last command in a hint that begins so.
#[track_caller]
fn pasted(stderr: &str, words: &str) -> String {
    let begins = format!("kubectl {words} ");
    let at = stderr
        .rfind(&begins)
        .unwrap_or_else(|| panic!("no {begins:?} in {stderr}"));
    let rest = stderr[at..].lines().next().unwrap_or_default();
    let end = rest
        .find(';')
        .or_else(|| rest.find("   ("))
        .unwrap_or(rest.len());
    rest[..end].replacen("kubectl lease", "kubectl-lease", 1)
}
