//! Who we are to the server: tokens, token files, exec plugins, client certificates, impersonation.

use crate::support::{SOON, fresh, held, holder, said, said_like, set_free, stored, waiting};
use lease_harness::{Cluster, Command, Namespace, Rule, User};
use serde_json::{Value, json};

const NAME: &str = "lease.coordination.k8s.io/job\n";
const ADVICE: &str =
    "Check the exec plugin of the user in the kubeconfig: kubectl config view --minify\n";
/// The server does not accept the token of somebody.
fn unauthorized(whose: &str) -> String {
    format!(
        "Error from server (Unauthorized): Unauthorized\n\
         The server does not accept the token of {whose}: it may have expired, or be for another cluster; log in again\n"
    )
}

fn scene() -> (Namespace, User) {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    (ns, user)
}

/// `status job -o name` with this as the kubeconfig's user.
fn status_as(ns: &Namespace, user: &User, credentials: &Value) -> Command {
    let mut config = ns.kubeconfig_json(user);
    config["users"][0]["user"] = credentials.clone();
    let file = ns.file("kubeconfig", config.to_string());
    ns.command(user, ["status", "job", "-o", "name"])
        .kubeconfig(file)
}

fn plugin(command: impl AsRef<std::path::Path>, arguments: &[&str]) -> Value {
    json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": command.as_ref(),
        "args": arguments,
        "interactiveMode": "Never",
    } })
}

#[test]
fn a_token_that_the_server_does_not_know_is_not_accepted() {
    let (ns, user) = scene();
    for subcommand in [
        "status", "acquire", "release", "renew", "check", "create", "steal",
    ] {
        let output = ns.run(&user, [subcommand, "job", "--token=wrong"]);
        said(&output, 1, "", &unauthorized("the command line"));
    }
}

#[test]
fn a_token_flag_replaces_what_the_kubeconfig_has() {
    let (ns, user) = scene();
    let command = status_as(&ns, &user, &plugin("/nowhere/plugin", &[]));
    said(&command.arg("--token").arg(&user.token).run(), 0, NAME, "");
}

#[test]
fn a_token_file_may_end_with_a_newline_and_is_found_relative_to_its_kubeconfig() {
    let (ns, user) = scene();
    let file = ns.file("token", format!("{}\n", user.token));
    let absolute = json!({ "tokenFile": file });
    said(&status_as(&ns, &user, &absolute).run(), 0, NAME, "");
    let relative = json!({ "tokenFile": "token" });
    said(&status_as(&ns, &user, &relative).run(), 0, NAME, "");
}

#[test]
fn a_token_file_that_is_not_there_is_named() {
    let (ns, user) = scene();
    let output = status_as(&ns, &user, &json!({ "tokenFile": "/nowhere/token" })).run();
    let expected = "error: cannot use the token file of user \"test\": /nowhere/token: No such file or directory\n\
        Check that user in the kubeconfig: kubectl config view --minify\n";
    said(&output, 1, "", expected);
}

#[test]
fn an_exec_plugin_gives_the_token_and_is_run_once() {
    let (ns, user) = scene();
    let script = format!(
        r#"#!/bin/sh
        test "$1" = login || exit 3
        echo run >> "$0.runs"
        echo '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"{}"}}}}'"#,
        user.token
    );
    let path = ns.script("plugin", &script);
    let output = status_as(&ns, &user, &plugin(&path, &["login"])).run();
    said(&output, 0, NAME, "");
    let runs = std::fs::read_to_string(path.with_extension("runs")).unwrap_or_default();
    assert_eq!(runs, "run\n");
}

#[test]
fn an_exec_plugin_that_is_missing_is_named() {
    let (ns, user) = scene();
    let output = status_as(&ns, &user, &plugin("/nowhere/plugin", &[])).run();
    let expected = format!(
        "error: cannot use the credentials: exec plugin \"/nowhere/plugin\" does not exist\n{ADVICE}"
    );
    said_like(&output, 1, "", &expected);
}

#[test]
fn an_exec_plugin_that_fails_is_shown_with_what_it_said() {
    let (ns, user) = scene();
    let path = ns.script("plugin", "#!/bin/sh\necho 'please log in' >&2\nexit 4\n");
    let output = status_as(&ns, &user, &plugin(&path, &[])).run();
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), ""),
        "{output}"
    );
    assert!(
        output
            .stderr
            .contains("error: cannot use the credentials: "),
        "{output}"
    );
    assert!(output.stderr.contains("please log in"), "{output}");
    assert!(output.stderr.contains("status: 4"), "{output}");
    assert!(output.stderr.ends_with(ADVICE), "{output}");
}

#[test]
fn an_exec_plugin_that_prints_nonsense_is_an_error() {
    let (ns, user) = scene();
    let path = ns.script("plugin", "#!/bin/sh\necho 'hello'\n");
    let output = status_as(&ns, &user, &plugin(&path, &[])).run();
    let expected = format!("error: cannot use the credentials: …\n{ADVICE}");
    said_like(&output, 1, "", &expected);
}

#[test]
fn a_waiter_whose_token_was_rotated_goes_on_with_the_new_one() {
    let (ns, user) = scene();
    let next = ns.user(&crate::support::VERBS);
    let file = ns.file("token", &user.token);
    let mut config = ns.kubeconfig_json(&user);
    config["users"][0]["user"] = json!({ "tokenFile": file });
    let config = ns.file("kubeconfig", config.to_string());
    let command = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = command.kubeconfig(config).spawn();
    running.wait_stderr(|line| line.starts_with("waiting for"), SOON);
    ns.file("token", &next.token);
    set_free(&ns, "job");
    let stdout = "lease.coordination.k8s.io/job acquired\n";
    said(
        &running.wait(SOON),
        0,
        stdout,
        &waiting("job", "other", "60s"),
    );
}

/// Real server only: the in-process one knows no client certificates.
#[test]
fn a_client_certificate_is_taken_from_the_kubeconfig() {
    let (ns, user) = scene();
    let Some(config) = ns.kubeconfig_with_certificate(&user) else {
        println!("SKIPPED: the in-process server knows no client certificates");
        return;
    };
    let command = ns.command(&user, ["status", "job", "-o", "name"]);
    said(&command.kubeconfig(config).run(), 0, NAME, "");
}

/// Real server only: the in-process one knows no client certificates.
#[test]
fn a_client_certificate_is_taken_from_flags() {
    let (ns, user) = scene();
    let Some(plane) = ns.cluster().control_plane() else {
        println!("SKIPPED: the in-process server knows no client certificates");
        return;
    };
    let (certificate, key) = plane.client_certificate(&user.name, &[]);
    let (certificate, key) = (ns.file("cert", certificate), ns.file("key", key));
    let command = status_as(&ns, &user, &json!({}));
    let command = command.arg("--client-certificate").arg(certificate);
    said(&command.arg("--client-key").arg(key).run(), 0, NAME, "");
}

#[test]
fn impersonation_without_the_permission_names_it() {
    let (ns, user) = scene();
    let output = ns.run(&user, ["status", "job", "--as", "somebody"]);
    let expected = format!(
        "Error from server (Forbidden): users \"somebody\" is forbidden: User \"{}\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope\n\
         Acting as somebody else (--as, or \"as\" in the kubeconfig) takes the verb \"impersonate\". A cluster admin grants it: kubectl create clusterrole impersonate-users --verb=impersonate --resource=users; kubectl create clusterrolebinding impersonate-users-{} --clusterrole=impersonate-users --user={}\n",
        user.name, user.name, user.name
    );
    said(&output, 1, "", &expected);
}

#[test]
fn impersonation_acts_as_the_other_user_and_with_their_permissions() {
    let (ns, user) = scene();
    let reader = ns.user(&["get"]);
    let impersonator = ns.user_with(&[Rule::leases(&["impersonate"])
        .on(&["users", "groups"])
        .everywhere()]);
    let run = |arguments: &[&str], name: &str| {
        let command = ns.command(&impersonator, arguments);
        command.arg("--as").arg(name).run()
    };
    let status = ["status", "job", "-o", "name"];
    said(&run(&status, &reader.name), 0, NAME, "");
    set_free(&ns, "job");
    let acquire = ["acquire", "job", "--holder=me"];
    let output = run(&acquire, &reader.name);
    let expected = crate::support::forbidden(&ns, &reader, "update", Some("job"), "acquire");
    said(&output, 1, "", &expected);
    said(
        &run(&acquire, &user.name),
        0,
        "lease.coordination.k8s.io/job acquired\n",
        "",
    );
    assert_eq!(holder(&stored(&ns, "job")), "me");
}

#[test]
fn impersonating_a_group_takes_its_permissions() {
    let (ns, _) = scene();
    let impersonator = ns.user_with(&[Rule::leases(&["impersonate"])
        .on(&["users", "groups"])
        .everywhere()]);
    let flags = [
        "status",
        "job",
        "-oname",
        "--as=nobody",
        "--as-group=system:masters",
    ];
    said(&ns.run(&impersonator, flags), 0, NAME, "");
    let without = ns.run(&impersonator, ["status", "job", "--as=nobody"]);
    assert_eq!(without.code, Some(1), "{without}");
}

#[test]
fn a_group_or_uid_without_a_user_is_wrong_usage() {
    let (ns, user) = scene();
    for flag in ["--as-group=g", "--as-uid=u", "--as-user-extra=k=v"] {
        let output = ns.run(&user, ["acquire", "job", flag]);
        let expected = "error: --as-group, --as-uid and --as-user-extra need a user to impersonate: give --as\n";
        said(&output, 2, "", expected);
    }
    for credentials in [
        json!({ "token": user.token, "as-groups": ["g"] }),
        json!({ "token": user.token, "as-uid": "u" }),
        json!({ "token": user.token, "as-user-extra": { "k": ["v"] } }),
    ] {
        let output = status_as(&ns, &user, &credentials).run();
        assert_eq!(output.code, Some(1), "{output}");
        let expected = "and nobody to impersonate: give it \"as\" too";
        assert!(output.stderr.contains(expected), "{output}");
    }
}

/// The first command of the advice, tried without effect.
#[track_caller]
fn is_granted_by_the_command_in(stderr: &str, ns: &Namespace) {
    if Command::new("/bin/sh", ["-c", "command -v kubectl"])
        .run()
        .code
        != Some(0)
    {
        println!("SKIPPED: there is no kubectl on PATH");
        return;
    }
    let command = stderr.split("Grant it: ").nth(1).expect("a command");
    let command = command.split(" && ").next().unwrap_or_default();
    let words = format!("{command} --dry-run=client -o yaml");
    let output = ns.program(&ns.admin(), "sh", ["-c", &words]).run();
    assert_eq!(output.code, Some(0), "{output}");
    assert!(output.stdout.contains("authentication.k8s.io"), "{output}");
}

/// Real server only: the in-process one knows no permissions on what else is said of a user.
#[test]
fn what_else_is_said_of_who_is_impersonated_reaches_the_server() {
    let (ns, _) = scene();
    if ns.cluster().control_plane().is_none() {
        println!("SKIPPED: the in-process server does not look at it");
        return;
    }
    let impersonator = ns.user_with(&[Rule::leases(&["impersonate"]).on(&["users"]).everywhere()]);
    let flags = ["status", "job", "--as=nobody", "--as-user-extra"];
    let given = ns.command(&impersonator, flags).arg("Team/a=x y").run();
    let file = json!({
        "token": impersonator.token, "as": "nobody", "as-user-extra": { "Team/a": ["x y"] },
    });
    for output in [given, status_as(&ns, &impersonator, &file).run()] {
        assert_eq!(output.code, Some(1), "{output}");
        let expected = "cannot impersonate resource \"userextras/team/a\"";
        assert!(output.stderr.contains(expected), "{output}");
        assert!(output.stderr.contains("\"x y\""), "{output}");
        is_granted_by_the_command_in(&output.stderr, &ns);
    }
    let uid = ["status", "job", "--as=nobody", "--as-uid=u"];
    let output = ns.run(&impersonator, uid);
    if output.stderr.contains("\"uids\"") {
        is_granted_by_the_command_in(&output.stderr, &ns);
    }
    for wrong in ["x", "=v", ""] {
        let output = ns.command(&impersonator, flags).arg(wrong).run();
        assert_eq!(output.code, Some(2), "{output}");
        assert!(output.stderr.contains("give KEY=VALUE"), "{output}");
    }
}

/// In-process only: a user is removed from it.
#[test]
fn a_token_revoked_while_waiting_ends_the_wait() {
    let (ns, user) =
        crate::support::fresh_in_process(lease_harness::lease_api_server::Options::default());
    ns.create(&held("job", "other", 60));
    let proxy = lease_harness::Proxy::to(ns.cluster());
    let command = ns.command(&user, ["acquire", "job", "--holder=me"]);
    let running = command.via(&proxy).spawn();
    crate::support::watching(&proxy);
    let cluster: &Cluster = ns.cluster();
    cluster
        .api_server()
        .expect("in-process")
        .remove_user(&user.name);
    set_free(&ns, "job");
    let expected = waiting("job", "other", "60s") + &unauthorized("user \"test\"");
    said(&running.wait(SOON), 1, "", &expected);
}

#[test]
fn a_token_may_have_white_space_around_it_wherever_it_comes_from() {
    let (ns, user) = scene();
    let padded = format!(" {}\r\n\n", user.token);
    let file = ns.file("token", &padded);
    for credentials in [
        json!({ "token": padded }),
        json!({ "tokenFile": file }),
        json!({ "token": "", "tokenFile": file }),
        json!({ "auth-provider": { "name": "oidc", "config": { "id-token": padded } } }),
        json!({ "auth-provider": { "name": "gcp", "config": {
            "cmd-path": "echo", "cmd-args": user.token,
        } } }),
    ] {
        said(&status_as(&ns, &user, &credentials).run(), 0, NAME, "");
    }
    let command = status_as(&ns, &user, &json!({})).arg("--token");
    said(&command.arg(&padded).run(), 0, NAME, "");
}

#[test]
fn a_token_that_no_header_carries_is_named_by_where_it_comes_from_and_never_shown() {
    let (ns, user) = scene();
    let lines = "s3cret\ns3cret";
    let two = ns.file("two", lines);
    let none = ns.file("none", " \n");
    let huge = ns.file("huge", "s3cret".repeat(300_000));
    let more_than_one_line = "contains more than one line, which no HTTP header can carry";
    let provider = json!({ "name": "oidc", "config": { "id-token": lines } });
    for (credentials, why) in [
        (
            json!({ "token": lines }),
            format!("the token of user \"test\" {more_than_one_line}"),
        ),
        (
            json!({ "token": "s3cret\0" }),
            "the token of user \"test\" contains a NUL character, which no HTTP header can carry"
                .to_owned(),
        ),
        (
            json!({ "token": " " }),
            "the token of user \"test\" is empty".to_owned(),
        ),
        (
            json!({ "auth-provider": provider }),
            format!("the id-token of auth-provider \"oidc\" {more_than_one_line}"),
        ),
    ] {
        let output = status_as(&ns, &user, &credentials).run();
        let expected = format!("error: cannot use the credentials: {why}\n{ADVICE}");
        said_like(&output, 1, "", &expected);
    }
    for (file, why) in [
        (
            two.display().to_string(),
            "it is no token: it has several lines, or characters that no token has",
        ),
        (none.display().to_string(), "it is empty"),
        (huge.display().to_string(), "it is too large to be one"),
        ("/dev/zero".to_owned(), "it is too large to be one"),
    ] {
        let output = status_as(&ns, &user, &json!({ "tokenFile": file })).run();
        let expected = format!(
            "error: cannot use the token file of user \"test\": {file}: {why}\nCheck that user in the kubeconfig: kubectl config view --minify\n"
        );
        said_like(&output, 1, "", &expected);
    }
    let output = ns.run(&user, ["hold", "job", "--token", lines, "--", "true"]);
    let expected =
        format!("error: cannot use the credentials: --token {more_than_one_line}\n{ADVICE}");
    said_like(&output, 1, "", &expected);
}

#[test]
fn a_password_may_have_anything_in_it() {
    let (ns, user) = scene();
    let credentials = json!({ "username": "ad\nmin", "password": "pass\0wörd\n" });
    let output = status_as(&ns, &user, &credentials).run();
    assert_eq!(output.code, Some(1), "{output}");
    assert!(output.stderr.contains("(Unauthorized)"), "{output}");
}

#[test]
fn a_name_to_impersonate_that_no_header_carries_is_wrong_usage() {
    let (ns, user) = scene();
    for (flags, what) in [
        (vec!["--as=a\nb"], r#"--as "a\nb""#),
        (vec!["--as=a", "--as-group=g\r"], r#"--as-group "g\r""#),
        (vec!["--as=a", "--as-uid=u\nv"], r#"--as-uid "u\nv""#),
    ] {
        let output = ns.run(&user, ["status", "job"].iter().chain(&flags));
        let expected =
            format!("error: {what} contains more than one line, which no HTTP header can carry\n");
        said(&output, 2, "", &expected);
    }
}
