//! `hold --cleanup` and `hold --detach-children`: what is left, or not, at the end.

use std::time::Duration;

use lease_harness::{Command, Fault, Match, Namespace, Proxy, Request, User, tagged};

use super::scene::{Held, SOON, Scene, announced, shell, until};
use crate::support::{VERBS, fresh, pass_to, stored};

/// `hold job --cleanup` with this script.
fn clean(ns: &Namespace, user: &User, script: &str) -> Command {
    let words = ["hold", "job", "--cleanup", "--"];
    ns.command(user, words).args(shell(script))
}

fn deletes(request: &Request) -> bool {
    request.method == "DELETE"
}

fn user_who_deletes(ns: &Namespace) -> User {
    ns.user(&[&VERBS[..], &["delete"]].concat())
}

#[test]
fn the_lease_is_deleted_after_its_release_as_it_was_seen() {
    let scene = Scene::new(15);
    let user = user_who_deletes(&scene.ns);
    let output = clean(&scene.ns, &user, "exit 3").via(&scene.proxy).run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(3), ""),
        "{output}"
    );
    assert_eq!(scene.ns.get("job"), None, "{output}");
    let requests = scene.proxy.requests();
    let delete = requests.iter().find(|request| deletes(request));
    let conditions = delete.expect("it was deleted").json()["preconditions"].clone();
    assert!(
        conditions["uid"].is_string() && conditions["resourceVersion"].is_string(),
        "{conditions}"
    );
    // One that it has created itself.
    let words = ["hold", "own", "--create", "--cleanup", "--", "true"];
    assert_eq!(scene.ns.run(&user, words).code, Some(0));
    assert_eq!(scene.ns.get("own"), None);
    // Without a command.
    let running = scene
        .ns
        .command(&user, ["hold", "own", "--create", "--cleanup"])
        .own_console()
        .spawn();
    running.wait_stdout(|line| line.ends_with("acquired"), SOON);
    running.interrupt();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(130), "{output}");
    assert!(
        output
            .stdout
            .ends_with("lease.coordination.k8s.io/own deleted\n"),
        "{output}"
    );
    assert_eq!(scene.ns.get("own"), None);
}

#[test]
fn a_waiter_gets_the_lease_and_keeps_it_with_a_watch_or_without() {
    for verbs in [&["get", "update", "watch"][..], &["get", "update"]] {
        let scene = Scene::new(15);
        let user = user_who_deletes(&scene.ns);
        let gate = scene.gate();
        let held = Held::start(&clean(&scene.ns, &user, &announced(&until(&gate))));
        // It does not create what it waits for.
        let waiter = scene
            .ns
            .command(&scene.ns.user(verbs), ["acquire", "job", "--holder=waiter"])
            .spawn();
        waiter.wait_stderr(|line| line.starts_with("waiting"), SOON);
        if verbs.len() == 2 {
            waiter.wait_stderr(|line| line.contains("cannot be watched"), SOON);
        }
        let output = held.end_at(&gate);
        assert_eq!(output.code, Some(0), "{output}");
        assert!(
            output
                .stderr
                .contains("is released and not deleted: \"waiter\" has taken it"),
            "{output}"
        );
        let waited = waiter.wait(SOON);
        assert_eq!(waited.code, Some(0), "{waited}");
        assert_eq!(scene.ns.holder("job").as_deref(), Some("waiter"));
    }
}

#[test]
fn who_takes_it_at_the_last_moment_keeps_it() {
    let scene = Scene::new(15);
    let user = user_who_deletes(&scene.ns);
    let fault = Fault::Delay(Duration::from_secs(2));
    scene.proxy.fault(Match::when(deletes), fault, 1);
    let running = clean(&scene.ns, &user, "true").via(&scene.proxy).spawn();
    scene
        .proxy
        .wait_for(|requests| requests.iter().any(deletes), SOON);
    let taken = scene.ns.run(&user, ["acquire", "job", "--holder=late"]);
    assert_eq!(taken.code, Some(0), "{taken}");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(scene.ns.holder("job").as_deref(), Some("late"), "{output}");
}

#[test]
fn without_the_permission_it_is_released_all_the_same_and_that_is_said() {
    let (ns, user) = fresh();
    let words = ["hold", "job", "--create", "--cleanup", "--"];
    let output = ns.command(&user, words).args(shell("exit 3")).run();
    assert_eq!(output.code, Some(3), "{output}");
    assert!(
        output
            .stderr
            .contains("lease \"job\" is released and could not be deleted: "),
        "{output}"
    );
    assert!(
        output
            .stderr
            .contains("--verb=delete --resource=leases.coordination.k8s.io --resource-name=job "),
        "{output}"
    );
    let left = stored(&ns, "job");
    assert_eq!(left["spec"].get("holderIdentity"), None, "{left}");
}

#[test]
fn what_was_lost_is_nobodys_to_delete_and_a_lost_reply_is_no_failure() {
    let scene = Scene::new(15);
    let user = user_who_deletes(&scene.ns);
    let script = announced("exec sleep 600");
    let held = Held::start(&clean(&scene.ns, &user, &script).via(&scene.proxy));
    pass_to(&scene.ns, "job", "thief");
    assert_eq!(held.end().code, Some(123));
    assert_eq!(scene.ns.holder("job").as_deref(), Some("thief"));
    assert!(!scene.proxy.requests().iter().any(deletes));
    let proxy = Proxy::to(scene.ns.cluster());
    proxy.fault(Match::when(deletes), Fault::DropReply, 1);
    let words = ["hold", "own", "--create", "--cleanup", "--", "true"];
    let output = scene.ns.command(&user, words).via(&proxy).run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    assert_eq!(scene.ns.get("own"), None);
}

#[test]
fn a_signal_during_the_wait_for_waiters_leaves_the_lease_free() {
    let scene = Scene::new(15);
    let user = user_who_deletes(&scene.ns);
    let running = clean(&scene.ns, &user, "true").via(&scene.proxy);
    let running = running.own_console().spawn();
    let released = |all: &[Request]| {
        all.iter()
            .any(|r| super::scene::is_release(r) && r.status == Some(200))
    };
    scene.proxy.wait_for(released, SOON);
    running.terminate();
    let output = running.wait(SOON);
    if output.stderr.contains("not deleted: interrupted") {
        assert_eq!(scene.ns.holder("job"), None, "{output}");
        assert!(scene.ns.get("job").is_some(), "{output}");
    } else {
        // It came before the reply was read: then the wait had not begun.
        assert_eq!(scene.ns.get("job"), None, "{output}");
    }
    assert_eq!(output.code, Some(0), "{output}");
}

#[cfg(unix)] // --detach-children is not to be had elsewhere
#[test]
fn what_a_command_leaves_behind_runs_on_without_the_lease_and_is_named() {
    let scene = Scene::new(15);
    let script = "sleep 601 >/dev/null 2>&1 & setsid sleep 602 >/dev/null 2>&1 & sleep 0.2; exit 5";
    let script = announced(script);
    let words = ["--detach-children", "--", "sh", "-c", &script];
    let running = scene.hold(&words).spawn();
    let line = running.wait_stdout(|line| line.starts_with("child "), SOON);
    let tag = line.split(' ').nth(2).expect("a tag").to_owned();
    let ended = std::time::Instant::now() + SOON;
    while running.is_running() && std::time::Instant::now() < ended {
        std::thread::sleep(Duration::from_millis(10));
    }
    let left = tagged(&tag);
    assert_eq!(left.len(), 2, "{left:?}");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(5), "{output}");
    let named =
        "lease \"job\": the command has ended; what it left behind runs on without the lease: ";
    assert!(output.stderr.starts_with(named), "{output}");
    assert_eq!(output.stderr.matches("(sleep)").count(), 2, "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
    // Where nothing is left there is nothing to say.
    let output = scene.hold(&["--detach-children", "--", "true"]).run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
}

#[cfg(unix)] // --detach-children is not to be had elsewhere
#[test]
fn a_loss_stops_the_whole_tree_of_a_command_that_runs() {
    let scene = Scene::new(15);
    let script = announced("sleep 601 & setsid sleep 602 & exec sleep 600");
    let words = ["--detach-children", "--", "sh", "-c", &script];
    let held = Held::start(&scene.hold(&words));
    pass_to(&scene.ns, "job", "thief");
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
    // Nobody waits for this one: all are killed at once, and none is taken for what may go on.
    assert!(!output.stderr.contains("runs on"), "{output}");
}

#[cfg(unix)] // --detach-children is not to be had elsewhere
#[test]
fn a_dead_supervisor_still_means_the_end_of_a_command_that_would_let_its_children_go() {
    let scene = Scene::new(3);
    let script = announced("sleep 601 & exec sleep 600");
    let words = ["--detach-children", "--", "sh", "-c", &script];
    let held = Held::start(&scene.hold(&words));
    super::scene::signal(held.running.pid(), nix::sys::signal::Signal::SIGKILL);
    held.wait_tree_gone(&[], SOON);
}

#[test]
fn a_server_that_refuses_each_deletion_as_a_conflict_is_not_asked_for_ever_nor_without_a_pause() {
    let scene = Scene::new(15);
    let user = user_who_deletes(&scene.ns);
    let no = Fault::status(409, "Conflict", "a policy says no");
    scene.proxy.fault(Match::when(deletes), no, 999);
    let output = clean(&scene.ns, &user, "exit 3").via(&scene.proxy).run();
    assert_eq!(output.code, Some(3), "{output}");
    // The last of them may have been cut short by the end of the time.
    let said = "lease \"job\" is released and could not be deleted: ";
    assert!(output.stderr.starts_with(said), "{output}");
    let why = ["a policy says no", "no answer within"];
    assert!(
        why.iter().any(|why| output.stderr.contains(why)),
        "{output}"
    );
    let asked = scene.proxy.requests().iter().filter(|r| deletes(r)).count();
    assert!((2..60).contains(&asked), "{asked}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
}
