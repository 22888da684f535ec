//! `status -w NAME` shows the line move.

use super::{leave, scene, waiter};
use crate::status_schema::fits;
use crate::support::{SOON, matches};
use lease_harness::{Proxy, Request};
use serde_json::Value;

#[test]
fn in_a_pipe_each_move_of_the_line_is_one_of_its_own() {
    let (ns, user) = scene();
    let status = ns.command(&user, ["status", "job", "-w"]).own_console();
    let running = status.spawn();
    running.wait_stdout(|line| line.starts_with("job "), SOON);
    let says = |pattern: &str| running.wait_stderr(|line| matches(line, pattern), SOON);
    let ada = waiter(&ns, &user, "ada", &[]);
    says("1 in line for \"job\", the first: ada (there for …s)");
    let bob = waiter(&ns, &user, "bob", &[]);
    says("2 in line for \"job\", the first: ada (there for …s)");
    leave(vec![ada]);
    says("1 in line for \"job\", the first: bob (there for …s)");
    leave(vec![bob]);
    says("nobody in line for \"job\"");
    assert_eq!(running.stderr().lines().count(), 4, "{}", running.stderr());
    leave(vec![running]);
}

#[test]
fn as_json_it_is_a_document_of_its_own() {
    let (ns, user) = scene();
    let status = ["status", "job", "-w", "-o", "json"];
    let running = ns.command(&user, status).own_console().spawn();
    running.wait_stdout(|line| line.contains("\"LeaseStatus\""), SOON);
    let ada = waiter(&ns, &user, "ada", &[]);
    let line = running.wait_stdout(|line| line.contains("\"LeaseWaiters\""), SOON);
    let document: Value = serde_json::from_str(&line).expect("JSON");
    fits("LeaseWaiters", &document);
    assert_eq!(document["metadata"]["name"], "job");
    assert_eq!(document["waiters"][0]["holder"], "ada");
    leave(vec![ada]);
    running.wait_stdout(|line| line.contains("\"waiters\":[]"), SOON);
    leave(vec![running]);
}

#[cfg(unix)] // a terminal
#[test]
fn on_a_screen_the_line_stands_below_the_row() {
    let (ns, user) = scene();
    let terminal = ns
        .command(&user, ["status", "job", "-w"])
        .spawn_pty(20, 100);
    let nobody = "In line: nobody (who waits without --queue is not seen)";
    terminal.wait_screen(|text| text.contains(nobody), SOON);
    let ada = waiter(&ns, &user, "ada", &["--reason=release 7"]);
    terminal.wait_screen(
        |text| text.contains("In line: 1 (who") && text.contains("release 7"),
        SOON,
    );
    leave(vec![ada]);
    terminal.wait_screen(
        |text| text.contains(nobody) && !text.contains("release 7"),
        SOON,
    );
    terminal.send(b"\x03");
    terminal.wait(SOON);
}

#[test]
fn where_the_line_may_not_be_seen_the_rest_is_as_before() {
    let (ns, _) = scene();
    let user = ns.user(&["get", "watch"]);
    // By its name alone: what may be listed may be watched by its label too.
    let proxy = Proxy::to(ns.cluster());
    let status = ns.command(&user, ["status", "job", "-w"]).via(&proxy);
    let running = status.own_console().spawn();
    let refused = |one: &Request| one.is_of_a_line() && one.status == Some(403);
    proxy.wait_for(|all| all.iter().any(refused), SOON);
    ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "next".into()
    });
    running.wait_stdout(|line| line.contains(" next "), SOON);
    assert_eq!(running.stderr(), "");
    // It is asked for once.
    let asked = proxy.requests();
    assert_eq!(asked.iter().filter(|one| one.is_of_a_line()).count(), 1);
    leave(vec![running]);
}
