//! Credentials that change while a lease is held: they are read anew, and the lease is kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lease_harness::{Cluster, Command, User, wait_gone};
use serde_json::{Value, json};

use crate::support::each;

use super::scene::{Held, SOON, Scene, announced, measured, until};

/// A kubeconfig with `user` as its user entry, and the proxy as its server.
pub fn kubeconfig_as(scene: &Scene, user: &Value) -> PathBuf {
    let mut config = scene.ns.kubeconfig_json(&scene.user);
    config["clusters"][0]["cluster"] = scene.proxy.cluster_entry();
    config["users"][0]["user"] = user.clone();
    scene.ns.file("kubeconfig", config.to_string())
}

/// A hold through the proxy with `user` as the kubeconfig's user entry.
fn hold_as(scene: &Scene, user: &Value, script: &str) -> Command {
    scene
        .hold(&["--", "/bin/sh", "-c", &announced(script)])
        .kubeconfig(kubeconfig_as(scene, user))
}

/// Takes what the first user may do away; on the in-process server the token itself.
fn revoke(scene: &Scene) {
    match scene.ns.cluster().api_server() {
        Some(server) => server.set_token(&scene.user.name, "another token by now"),
        None => scene.ns.set_rules(&scene.user, &[]),
    }
}

#[track_caller]
fn survives_the_change(scene: &Scene, held: Held, gate: &Path) {
    scene.wait_renewals(2);
    let output = held.end_at(gate);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
}

/// A token file, and exec plugins whose tokens last for two seconds and for a day.
#[test]
fn credentials_that_are_replaced_in_mid_hold_are_read_again() {
    let kinds = [(None, true), (Some(2), false), (Some(86_400), false)];
    each(kinds, |(lasts, half_written)| {
        let scene = Scene::new(6);
        let gate = scene.gate();
        let successor = scene.ns.user(&["get", "update", "watch"]);
        let token = token_of(&scene, &scene.user);
        let user = match lasts {
            Some(seconds) => plugin(&scene, &token, seconds, "").0,
            None => json!({ "tokenFile": token }),
        };
        let held = Held::start(&hold_as(&scene, &user, &until(&gate)));
        scene.wait_renewals(1);
        let write = |text: String| std::fs::write(&token, text).expect("the folder is ours");
        if half_written {
            write(format!("{0}\n{0}\n", successor.token));
            revoke(&scene);
            let running = &held.running;
            running.wait_stderr(|line| line.contains("could not be renewed"), SOON);
        }
        write(format!("{}\n", successor.token));
        if !half_written {
            revoke(&scene);
        }
        survives_the_change(&scene, held, &gate);
        let runs = std::fs::read_to_string(token.with_file_name("runs")).unwrap_or_default();
        let runs = runs.lines().count();
        assert!(lasts != Some(2) || runs >= 3, "{runs}");
    });
}

#[test]
fn credentials_that_are_not_replaced_have_the_command_dead_by_the_deadline() {
    for hangs in [false, true] {
        let scene = Scene::new(3);
        let hang = scene.gate();
        let token = token_of(&scene, &scene.user);
        let first = format!("[ -e {} ] && exec sleep 600", hang.display());
        let user = match hangs {
            true => plugin(&scene, &token, 2, &first).0,
            false => json!({ "tokenFile": token }),
        };
        let held = Held::start(&hold_as(&scene, &user, "exec sleep 600"));
        scene.wait_renewals(1);
        std::fs::write(&hang, "").expect("the folder is ours");
        revoke(&scene);
        wait_gone(held.child, SOON);
        let took = scene.last_acknowledged().elapsed();
        let what = format!(
            "token revoked, plugin hangs: {hangs}, dead after the last acknowledgement, D = 3 s"
        );
        measured(&what, took);
        assert!(took <= scene.duration, "{took:?}");
        assert_eq!(held.end().code, Some(123));
    }
}

/// An exec plugin that hands out what is in `token`, valid for `seconds`, after `first`; it logs each run.
pub fn plugin(scene: &Scene, token: &Path, seconds: u32, first: &str) -> (Value, PathBuf) {
    let log = scene.ns.file("runs", "");
    let script = format!(
        "#!/bin/sh\necho run >> {log}\n{first}\n\
         until=$(date -u -d '+{seconds} seconds' +%Y-%m-%dT%H:%M:%SZ)\n\
         printf '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\
         \"status\":{{\"token\":\"%s\",\"expirationTimestamp\":\"%s\"}}}}' \"$(cat {token})\" \"$until\"\n",
        log = log.display(),
        token = token.display(),
    );
    let path = scene.ns.script("plugin", &script);
    let user = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": path,
        "interactiveMode": "Never",
    }});
    (user, log)
}

pub fn token_of(scene: &Scene, user: &User) -> PathBuf {
    scene.ns.file("token", &user.token)
}

fn runs(log: &Path) -> usize {
    let text = std::fs::read_to_string(log).expect("it is ours");
    text.lines().count()
}

#[test]
fn an_exec_plugin_that_hangs_costs_nothing_while_its_last_token_still_does_or_does_again() {
    let scene = Scene::new(3);
    let (hang, gate) = (scene.ns.file("hang", ""), scene.gate());
    std::fs::remove_file(&hang).expect("the folder is ours");
    let token = token_of(&scene, &scene.user);
    let first = format!("[ -e {} ] && exec sleep 600", hang.display());
    let (user, log) = plugin(&scene, &token, 2, &first);
    let held = Held::start(&hold_as(&scene, &user, &until(&gate)));
    std::fs::write(&hang, "").expect("the folder is ours");
    let before = runs(&log);
    scene.wait_renewals(4);
    std::fs::write(&gate, "").expect("the folder is ours");
    let ended = std::time::Instant::now();
    let output = held.end();
    let took = ended.elapsed();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    // One that was already on its way may have come before the one that hangs.
    assert!(runs(&log) <= before + 2, "they pile up: {}", runs(&log));
    // In-process only: it takes a server that accepts a token again.
    let cluster = Cluster::in_process(lease_harness::lease_api_server::Options::default());
    let scene = Scene::on(&cluster, 4, &["get", "update", "watch"]);
    let (hang, gate) = (scene.ns.file("hang", ""), scene.gate());
    std::fs::remove_file(&hang).expect("the folder is ours");
    let token = token_of(&scene, &scene.user);
    let first = format!("[ -e {} ] && exec sleep 600", hang.display());
    let (user, _) = plugin(&scene, &token, 86_400, &first);
    let held = Held::start(&hold_as(&scene, &user, &until(&gate)));
    scene.wait_renewals(1);
    std::fs::write(&hang, "").expect("the folder is ours");
    let server = cluster.api_server().expect("it is in-process");
    server.set_token(&scene.user.name, "another token by now");
    held.running
        .wait_stderr(|line| line.contains("could not be renewed"), SOON);
    server.set_token(&scene.user.name, &scene.user.token);
    survives_the_change(&scene, held, &gate);
}

/// It reads the terminal in the background, which would stop all of our process group were it in that.
#[test]
fn an_exec_plugin_that_asks_in_mid_hold_stops_nobody_and_leaves_stdin_to_the_command() {
    let scene = Scene::new(4);
    let (asks, gate) = (scene.ns.file("asks", ""), scene.gate());
    std::fs::remove_file(&asks).expect("the folder is ours");
    let successor = scene.ns.user(&["get", "update", "watch"]);
    let token = token_of(&scene, &scene.user);
    let first = format!("rm {} 2>/dev/null && read -r x </dev/tty", asks.display());
    let (mut user, _) = plugin(&scene, &token, 86_400, &first);
    user["exec"]["interactiveMode"] = json!("IfAvailable");
    // As a job of a shell: for want of one the terminal stops nobody.
    let words = format!(
        "kubectl-lease hold job -- /bin/sh -c '{}'; echo ended $?",
        until(&gate)
    );
    let terminal = scene
        .ns
        .program(&scene.user, "/bin/bash", ["--norc", "-i", "-c", &words])
        .kubeconfig(kubeconfig_as(&scene, &user))
        .spawn_pty(24, 200);
    scene.wait_renewals(1);
    std::fs::write(&asks, "").expect("the folder is ours");
    std::fs::write(&token, &successor.token).expect("the folder is ours");
    revoke(&scene);
    scene.wait_renewals(2);
    assert!(!asks.exists(), "it never asked");
    std::fs::write(&gate, "").expect("the folder is ours");
    let screen = terminal.wait_screen(|text| text.contains("ended"), SOON);
    assert!(screen.contains("ended 0"), "{screen}");
    terminal.wait(SOON);
    assert_eq!(scene.ns.holder("job"), None);
    let scene = Scene::new(4);
    let token = token_of(&scene, &scene.user);
    for mode in ["Never", "IfAvailable"] {
        let (mut user, _) = plugin(&scene, &token, 86_400, "cat >/dev/null");
        user["exec"]["interactiveMode"] = json!(mode);
        let output = hold_as(&scene, &user, "cat").stdin("dump").run();
        assert_eq!(output.code, Some(0), "{output}");
        assert!(output.stdout.ends_with("dump"), "{output}");
    }
}

/// The kubeconfig names a token file that is not there yet: what there was before does still. A token that is refused for a
/// while makes a new client sure to be made; in-process only, as it takes a server that accepts a token again.
#[test]
fn a_plugin_replaced_by_another_is_asked_at_once_and_used_on_where_a_file_is_not_there() {
    let cluster = Cluster::in_process(lease_harness::lease_api_server::Options::default());
    let scene = Scene::on(&cluster, 4, &["get", "update", "watch"]);
    let gate = scene.gate();
    let token = token_of(&scene, &scene.user);
    let (user, _) = plugin(&scene, &token, 86_400, "");
    let held = Held::start(&hold_as(&scene, &user, &until(&gate)));
    scene.wait_renewals(1);
    let absent = scene.ns.file("absent", "");
    std::fs::remove_file(&absent).expect("it is there");
    kubeconfig_as(&scene, &json!({ "tokenFile": absent }));
    let server = cluster.api_server().expect("it is in-process");
    server.set_token(&scene.user.name, "another token by now");
    held.running
        .wait_stderr(|line| line.contains("could not be renewed"), SOON);
    server.set_token(&scene.user.name, &scene.user.token);
    survives_the_change(&scene, held, &gate);
    let cluster = Cluster::in_process(lease_harness::lease_api_server::Options::default());
    let scene = Scene::on(&cluster, 4, &["get", "update", "watch"]);
    let gate = scene.gate();
    let successor = scene.ns.user(&["get", "update", "watch"]);
    let token = token_of(&scene, &scene.user);
    let (mut user, _) = plugin(&scene, &token, 86_400, "");
    let held = Held::start(&hold_as(&scene, &user, &until(&gate)));
    scene.wait_renewals(1);
    std::fs::write(&token, &successor.token).expect("the folder is ours");
    user["exec"]["args"] = json!(["another"]);
    kubeconfig_as(&scene, &user);
    revoke(&scene);
    scene.wait_renewals(2);
    let output = held.end_at(&gate);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(!output.stderr.contains("Unauthorized"), "{output}");
}
