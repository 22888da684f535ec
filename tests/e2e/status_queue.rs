//! Who waits in line is seen beside what they wait for, and their places are no leases of their own elsewhere.

mod apart;
mod seen;
mod watched;

use crate::hold::scene::shell;
use crate::support::{SOON, fresh, held};
use lease_harness::{Namespace, Running, User, lease};
use serde_json::Value;

/// Every verb that a place in line takes.
const VERBS: [&str; 6] = ["get", "list", "watch", "create", "update", "delete"];

/// A namespace with `job`, which another holds, and a user who may stand in line for it.
fn scene() -> (Namespace, User) {
    let (ns, _) = fresh();
    ns.create(&held("job", "other", 600));
    let user = ns.user(&VERBS);
    (ns, user)
}

/// Somebody who waits in line for `job`, and stands there.
fn waiter(ns: &Namespace, user: &User, name: &str, flags: &[&str]) -> Running {
    let holder = format!("--holder={name}");
    let words = ["hold", "job", "--queue", &holder];
    let command = ns.command(user, [&words, flags, &["--"]].concat());
    let running = command.args(shell("true")).own_console().spawn();
    running.wait_stderr(|line| line.contains(" in line for lease"), SOON);
    running
}

/// A place in line for this lease that somebody left behind, renewed so many seconds ago.
fn left_behind(of: &str, seconds: i64) -> Value {
    let ticket = lease(&format!("{of}.waiter-left")).label("kubectl-lease/queue-of", of);
    let ticket = ticket.holder("killed").duration(15);
    ticket.renewed_ago(seconds, 0).build()
}

/// The holders of the places, the first to be served first.
fn waiters(ns: &Namespace, user: &User, name: &str) -> Vec<String> {
    let output = ns.run(
        user,
        ["status", name, "-o", "jsonpath={.waiters[*].holder}"],
    );
    assert_eq!(output.code, Some(0), "{output}");
    output
        .stdout
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

/// The lines that say who is in line.
fn line_of(stdout: &str) -> Vec<&str> {
    let lines = stdout.lines();
    let mut lines = lines.skip_while(|line| !line.starts_with("In line:"));
    let first = lines.next();
    let rest = lines.take_while(|line| line.starts_with(' '));
    first.into_iter().chain(rest).collect()
}

fn leave(waiters: Vec<Running>) {
    for waiter in &waiters {
        waiter.interrupt();
    }
    for waiter in waiters {
        waiter.wait(SOON);
    }
}
