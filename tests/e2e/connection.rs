//! The way to the server: addresses, certificates, kubeconfigs and contexts, each with its own clear message.

use crate::support::{SOON, held, held_by_another, said, said_like, shared};
use lease_harness::{Command, Namespace, User, lease_api_server::Options};
use serde_json::{Value, json};
use std::path::PathBuf;

const NAME: &str = "lease.coordination.k8s.io/job\n";
const CHECK_FILE: &str =
    "Check the file that KUBECONFIG or --kubeconfig names: kubectl config view\n";

/// A held Lease, and `status job -o name` for it.
fn status(ns: &Namespace, user: &User) -> Command {
    ns.command(user, ["status", "job", "-o", "name"])
}

fn write(ns: &Namespace, name: &str, config: &Value) -> PathBuf {
    ns.file(name, config.to_string())
}

#[test]
fn a_refused_connection_names_the_address_and_is_not_tried_again() {
    let (ns, user) = held_by_another();
    for subcommand in ["status", "acquire", "release", "renew", "check", "create"] {
        let command = ns.command(&user, [subcommand, "job", "-s", "http://127.0.0.1:1"]);
        let expected = "error: the connection to the server http://127.0.0.1:1 was refused\n\
            Is the address right and the API server running? kubectl config view --minify --server http://127.0.0.1:1 shows the address\n";
        said(&command.run(), 1, "", expected);
    }
}

#[test]
fn a_name_that_does_not_resolve_is_named() {
    let (ns, user) = held_by_another();
    let output = status(&ns, &user)
        .arg("-s")
        .arg("https://nowhere.invalid:6443");
    let expected = "error: cannot connect to the server https://nowhere.invalid:6443: …\n\
        The server's name cannot be resolved: check the address in the kubeconfig, and this machine's network\n";
    said_like(&output.run(), 1, "", expected);
}

#[test]
fn a_certificate_that_is_not_trusted_is_named() {
    let (ns, user) = held_by_another();
    let mut config = ns.kubeconfig_json(&user);
    let cluster = config["clusters"][0]["cluster"].as_object_mut();
    cluster.expect("a map").remove("certificate-authority-data");
    let untrusting = write(&ns, "untrusting", &config);
    let output = status(&ns, &user).kubeconfig(&untrusting).run();
    let expected = format!(
        "error: cannot connect to the server {}: its certificate is signed by an authority that is not trusted here\n\
         The server's certificate is not trusted: check certificate-authority in the kubeconfig, or --certificate-authority and --tls-server-name\n",
        ns.cluster().url()
    );
    said_like(&output, 1, "", &expected);
    let skipping = status(&ns, &user).kubeconfig(&untrusting);
    said(
        &skipping.arg("--insecure-skip-tls-verify").run(),
        0,
        NAME,
        "",
    );
}

#[test]
fn the_authority_and_the_expected_name_can_be_given_by_flags() {
    let (ns, user) = held_by_another();
    let mut config = ns.kubeconfig_json(&user);
    let cluster = config["clusters"][0]["cluster"].as_object_mut();
    cluster.expect("a map").remove("certificate-authority-data");
    let untrusting = write(&ns, "untrusting", &config);
    let authority = ns.file("ca.pem", ns.cluster().ca_pem().unwrap_or_default());
    let with = |flags: &[&str]| {
        let command = status(&ns, &user).kubeconfig(&untrusting);
        let command = command.arg("--certificate-authority").arg(&authority);
        flags.iter().fold(command, |c, flag| c.arg(flag)).run()
    };
    said(&with(&[]), 0, NAME, "");
    said(&with(&["--tls-server-name=localhost"]), 0, NAME, "");
    let output = with(&["--tls-server-name=another.example"]);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), ""),
        "{output}"
    );
    assert!(
        output
            .stderr
            .contains("its certificate is not for another.example: it is for "),
        "{output}"
    );
}

#[test]
fn a_request_that_takes_too_long_is_given_up() {
    let (ns, user) = held_by_another();
    let proxy = lease_harness::Proxy::to(ns.cluster());
    proxy.freeze();
    let command = status(&ns, &user).via(&proxy).arg("--request-timeout=1s");
    let expected = "error: no usable answer from the API server: no answer within 1s\n\
        Nothing is known to be wrong with the request; try again, and see kubectl get --raw /readyz\n";
    let output = command.run();
    said(&output, 1, "", expected);
    assert!(output.elapsed < SOON / 2);
}

#[test]
fn a_kubeconfig_that_is_no_yaml_is_named() {
    let (ns, user) = held_by_another();
    let bad = ns.file("bad", "clusters: [");
    let expected = format!(
        "error: cannot use the kubeconfig: {}: …\n{CHECK_FILE}",
        bad.display()
    );
    said_like(&status(&ns, &user).kubeconfig(&bad).run(), 1, "", &expected);
    let flag = status(&ns, &user).arg("--kubeconfig").arg(&bad);
    let same = format!("{} --kubeconfig {}\n", expected.trim_end(), bad.display());
    said_like(&flag.run(), 1, "", &same);
}

#[test]
fn a_kubeconfig_that_is_not_there_is_named_if_it_was_asked_for() {
    let (ns, user) = held_by_another();
    let flag = status(&ns, &user)
        .arg("--kubeconfig")
        .arg("/nowhere/config");
    let check = CHECK_FILE.trim_end();
    let expected = format!(
        "error: cannot use the kubeconfig: /nowhere/config: …\n{check} --kubeconfig /nowhere/config\n"
    );
    said_like(&flag.run(), 1, "", &expected);
}

#[test]
fn no_kubeconfig_at_all_is_said_so() {
    let (ns, user) = held_by_another();
    let output = status(&ns, &user).kubeconfig("/nowhere/config").run();
    let expected = "error: no kubeconfig: KUBECONFIG names /nowhere/config, which does not exist\n\
        Set KUBECONFIG, give --kubeconfig FILE, or give --server and --token\n";
    said(&output, 1, "", expected);
}

#[test]
fn the_kubeconfig_in_the_home_folder_is_found() {
    let (ns, user) = held_by_another();
    let home = ns.file("x", "").parent().expect("a folder").join("home");
    std::fs::create_dir_all(home.join(".kube")).expect("writable");
    let config = ns.kubeconfig_json(&user).to_string();
    std::fs::write(home.join(".kube/config"), config).expect("writable");
    let output = status(&ns, &user).kubeconfig("").env("HOME", &home).run();
    said(&output, 0, NAME, "");
}

#[test]
fn contexts_clusters_and_users_that_do_not_exist_are_named_with_those_that_do() {
    let (ns, user) = held_by_another();
    let with = |flag: &str| status(&ns, &user).arg(flag).run();
    let expected = "error: context \"nope\" does not exist\nThe kubeconfig has: test\n";
    said(&with("--context=nope"), 1, "", expected);
    for kind in ["cluster", "user"] {
        let expected = format!("error: {kind} \"nope\" does not exist\nThe kubeconfig has: test\n");
        said(&with(&format!("--{kind}=nope")), 1, "", &expected);
        said(&with(&format!("--{kind}=test")), 0, NAME, "");
    }
    said(&with("--context=test"), 0, NAME, "");
}

#[test]
fn a_kubeconfig_without_a_current_context_names_those_there_are() {
    let (ns, user) = held_by_another();
    let mut config = ns.kubeconfig_json(&user);
    config["current-context"] = json!("");
    let second = json!({ "name": "second", "context": { "cluster": "test", "user": "test" } });
    config["contexts"]
        .as_array_mut()
        .expect("a list")
        .push(second);
    let file = write(&ns, "currentless", &config);
    let expected = "error: the kubeconfig has no current context\n\
        Choose one with --context or kubectl config use-context; there are: test, second\n";
    said(&status(&ns, &user).kubeconfig(&file).run(), 1, "", expected);
    let chosen = status(&ns, &user).kubeconfig(&file).arg("--context=test");
    said(&chosen.run(), 0, NAME, "");
}

#[test]
fn a_current_context_that_does_not_exist_is_named() {
    let (ns, user) = held_by_another();
    let mut config = ns.kubeconfig_json(&user);
    config["current-context"] = json!("gone");
    let file = write(&ns, "dangling", &config);
    let expected = "error: context \"gone\" does not exist\nThe kubeconfig has: test\n";
    said(&status(&ns, &user).kubeconfig(&file).run(), 1, "", expected);
}

#[test]
fn several_kubeconfigs_are_merged_and_missing_ones_passed_over() {
    let (ns, user) = held_by_another();
    let mut first = ns.kubeconfig_json(&user);
    let mut second = first.clone();
    for kind in ["contexts", "users"] {
        first[kind] = json!([]);
    }
    second["clusters"] = json!([]);
    second["current-context"] = json!("ignored, because the first file has one");
    let first = write(&ns, "first", &first);
    let second = write(&ns, "second", &second);
    let list = format!("{}::/nowhere/config:{}", first.display(), second.display());
    said(&status(&ns, &user).kubeconfig(list).run(), 0, NAME, "");
}

#[test]
fn certificates_are_found_relative_to_their_kubeconfig() {
    let (ns, user) = held_by_another();
    ns.file("near.pem", ns.cluster().ca_pem().unwrap_or_default());
    let mut config = ns.kubeconfig_json(&user);
    let cluster = config["clusters"][0]["cluster"]
        .as_object_mut()
        .expect("a map");
    cluster.remove("certificate-authority-data");
    cluster.insert("certificate-authority".into(), json!("near.pem"));
    let file = write(&ns, "relative", &config);
    said(&status(&ns, &user).kubeconfig(file).run(), 0, NAME, "");
}

#[test]
fn a_certificate_authority_that_is_not_there_is_named() {
    let (ns, user) = held_by_another();
    let flag = status(&ns, &user).arg("--certificate-authority=/nowhere/ca.pem");
    let output = flag.run();
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), ""),
        "{output}"
    );
    assert!(output.stderr.contains("/nowhere/ca.pem"), "{output}");
}

#[test]
fn the_server_and_a_token_are_enough_without_any_kubeconfig() {
    let (ns, user) = held_by_another();
    let proxy = lease_harness::Proxy::to(ns.cluster());
    let authority = ns.file("ca.pem", lease_harness::Proxy::ca_pem());
    let somewhere = || {
        let command = status(&ns, &user).kubeconfig("/nowhere/config");
        let command = command.arg("--certificate-authority").arg(&authority);
        command.arg("-s").arg(proxy.url())
    };
    let command = somewhere().arg("-n").arg(ns.name());
    said(
        &command.clone().arg("--token").arg(&user.token).run(),
        0,
        NAME,
        "",
    );
    // The default namespace, which this user may not look into.
    let output = somewhere().arg("--token").arg(&user.token).run();
    assert_eq!(output.code, Some(1), "{output}");
    assert!(
        output.stderr.contains("in the namespace \"default\""),
        "{output}"
    );
}

#[test]
fn the_namespace_is_that_of_the_context_unless_a_flag_says_otherwise() {
    let (ns, user) = held_by_another();
    let other = shared().namespace();
    said(&status(&ns, &user).run(), 0, NAME, "");
    let output = status(&ns, &user).arg("-n").arg(other.name()).run();
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), ""),
        "{output}"
    );
    let place = format!("in the namespace \"{}\"", other.name());
    assert!(output.stderr.contains(&place), "{output}");
}

/// In-process only: this server speaks plain HTTP. It is reached, and told nothing of who asks.
#[test]
fn a_server_without_tls_is_reached_with_a_url_without_a_scheme() {
    let plain = Options {
        tls: false,
        ..Options::default()
    };
    let (ns, user) = crate::support::fresh_in_process(plain);
    ns.create(&held("job", "other", 60));
    let address = ns.cluster().url().replace("http://", "");
    let expected = "Error from server (Unauthorized): Unauthorized\n\
        Over plain http no credentials are sent, as with kubectl: use the server's https:// address (--server, or server of the cluster in the kubeconfig)\n";
    let output = status(&ns, &user).arg("-s").arg(address).run();
    said(&output, 1, "", expected);
}

#[test]
fn a_status_that_watches_goes_on_when_the_authority_is_replaced() {
    let (ns, user) = held_by_another();
    let proxy = lease_harness::Proxy::to(ns.cluster());
    let mut front = lease_harness::TlsFront::to(&proxy.plain_url(), false);
    let authority = ns.file("ca.pem", front.ca_pem());
    let mut config = ns.kubeconfig_json(&user);
    config["clusters"][0]["cluster"] =
        json!({ "server": front.url(), "certificate-authority": authority });
    let file = write(&ns, "rotating", &config);
    let watching = ns.command(&user, ["status", "--watch", "-o", "name"]);
    let watching = watching.kubeconfig(file).spawn();
    watching.wait_stdout(|line| line == NAME.trim_end(), SOON);
    crate::support::watching(&proxy);
    front.replace_authority();
    std::fs::write(&authority, front.ca_pem()).expect("the folder is ours");
    ns.create(&held("another", "other", 60));
    watching.wait_stdout(|line| line == "lease.coordination.k8s.io/another", SOON);
    watching.signal(libc::SIGTERM);
    watching.wait(SOON);
}

#[test]
fn a_port_that_is_none_is_said_before_anything_is_dialled() {
    let (ns, user) = held_by_another();
    for port in ["99999", "65536", "6443x", "-1", "0", "1:2"] {
        let address = format!("https://127.0.0.1:{port}");
        let output = status(&ns, &user).arg("-s").arg(&address).run();
        assert_eq!(output.code, Some(1), "{output}");
        let named = format!("is no address: {address:?}");
        assert!(output.stderr.contains(&named), "{output}");
        // A proxy's, which the server's own name is not.
        let proxy = format!("http://somebody:secret@127.0.0.1:{port}");
        let output = status(&ns, &user)
            .arg("-s")
            .arg("https://api.invalid:6443")
            .env("HTTPS_PROXY", &proxy)
            .run();
        assert_eq!(output.code, Some(1), "{output}");
        assert!(!output.stderr.contains("secret"), "{output}");
        assert!(!output.stderr.contains("refused"), "{output}");
        let mut config = ns.kubeconfig_json(&user);
        config["clusters"][0]["cluster"]["proxy-url"] = json!(format!("http://127.0.0.1:{port}"));
        let output = status(&ns, &user)
            .kubeconfig(write(&ns, "proxied", &config))
            .run();
        assert_eq!(output.code, Some(1), "{output}");
        assert!(output.stderr.contains(port), "{output}");
        assert!(!output.stderr.contains("refused"), "{output}");
    }
}

#[test]
fn a_namespace_that_is_none_is_named_and_nothing_is_sent() {
    let (ns, user) = held_by_another();
    for namespace in ["prod/leases/victim?x=", "Bad NS", "..", "a.b", "-a", "a#b"] {
        let mut config = ns.kubeconfig_json(&user);
        config["contexts"][0]["context"]["namespace"] = json!(namespace);
        let path = write(&ns, "strange", &config);
        for words in [&["status", "job"][..], &["acquire", "job"], &["status"]] {
            let tool = lease_harness::binary().display().to_string();
            let output = Command::new(&tool, words).kubeconfig(&path).run();
            assert_eq!(
                (output.code, output.stdout.as_str()),
                (Some(1), ""),
                "{output}"
            );
            let named = format!("is {namespace:?}: a namespace name is a DNS label");
            assert!(output.stderr.contains(&named), "{output}");
        }
        // What is asked for counts.
        let words = ["status", "job", "-o", "name", "-n", ns.name()];
        let tool = lease_harness::binary().display().to_string();
        let output = Command::new(&tool, words).kubeconfig(&path).run();
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(0), NAME),
            "{output}"
        );
    }
}
