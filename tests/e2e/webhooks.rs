//! Servers that say no for reasons of their own, and admission webhooks that change what is sent: no hammering, no false
//! success, and the reason is named. What each operation makes of them is the model's.

use std::time::Duration;

use crate::support::{fresh, held};
use lease_harness::{Fault, Match, Proxy};
use serde_json::{Value, json};

#[test]
fn a_server_that_says_no_to_every_write_is_asked_a_few_times_until_the_timeout_and_quoted() {
    let says = || Fault::status(409, "Conflict", "the policy says no");
    let absent = "leases.coordination.k8s.io \"job\" not found";
    let gone = Fault::status(404, "NotFound", absent);
    for (fault, holder, call, timeout, words) in [
        (
            says(),
            "me",
            &["release", "job"][..],
            "1s",
            "the policy says no",
        ),
        (gone, "me", &["renew", "job"], "1s", "\"job\" not found"),
        (
            Fault::Echo,
            "me",
            &["acquire", "job", "--reenter"],
            "1s",
            "stored nothing",
        ),
        (says(), "me", &["renew", "job"], "0", "the policy says no"),
        (says(), "", &["acquire", "job"], "0", "the policy says no"),
    ] {
        let (ns, user) = fresh();
        ns.create(&held("job", holder, 60));
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::put(), fault, usize::MAX);
        let command = ns.command(&user, call).arg("--holder=me");
        let output = command.arg("--timeout").arg(timeout).via(&proxy).run();
        let sent = proxy.requests().len();
        assert!(matches!(output.code, Some(1 | 124)), "{output}");
        assert!(output.stderr.contains(words), "{words:?}: {output}");
        // The last is a look at what became of the write: a conflict may be the answer to another.
        let most = if timeout == "0" { 7 } else { 15 };
        assert!(sent <= most, "{call:?}: {sent} requests");
        assert!(output.elapsed < Duration::from_secs(6), "{output}");
    }
}

fn prefixed(object: &mut Value) {
    let holder = object["spec"]["holderIdentity"].as_str();
    let holder = holder.unwrap_or_default();
    if !holder.is_empty() {
        object["spec"]["holderIdentity"] = json!(format!("team-{holder}"));
    }
}

fn shortened(object: &mut Value) {
    object["spec"]["leaseDurationSeconds"] = json!(2);
}

fn backdated(object: &mut Value) {
    object["spec"]["renewTime"] = json!("2020-01-01T00:00:00.000000Z");
}

fn kept(object: &mut Value) {
    object["spec"]["holderIdentity"] = json!("keeper");
}

fn stripped(object: &mut Value) {
    object["metadata"]["annotations"] = json!(null);
}

fn harmless(object: &mut Value) {
    object["metadata"]["labels"]["team"] = json!("a");
    object["metadata"]["annotations"]["seen"] = json!("yes");
}

/// What it makes of every write; then the exit code, what is said, and who holds it in the end.
#[test]
fn what_is_stored_otherwise_than_it_was_sent_is_no_success_where_it_counts_and_named() {
    type Change = fn(&mut Value);
    let other = "holderIdentity \"team-me\" instead of \"me\" (an admission webhook?)";
    let shorter = "leaseDurationSeconds 2 instead of 60";
    let reason = "the server stored no annotation kubectl-lease/reason instead of \"night run\" (an admission webhook?); going by what is stored\n";
    for (change, before, call, code, words, by) in [
        (prefixed as Change, "", "acquire job", 1, other, ""),
        (prefixed, "", "steal job --yes", 1, other, ""),
        (prefixed, "", "hold job -- echo ran", 1, other, ""),
        (prefixed, "", "acquire new --create", 1, other, ""),
        (prefixed, "me", "renew job", 123, other, "team-me"),
        (shortened, "me", "renew job", 123, shorter, "me"),
        (backdated, "me", "renew job", 1, "renewTime", "me"),
        (kept, "me", "release job", 1, "--holder keeper", "keeper"),
        (
            stripped,
            "",
            "acquire job --reason=night_run",
            0,
            reason,
            "me",
        ),
        (harmless, "", "acquire job", 0, "", "me"),
        (harmless, "me", "release job", 0, "", ""),
    ] {
        let (ns, user) = fresh();
        let name = if call.contains(" new") { "new" } else { "job" };
        ns.create(&held("job", before, 60));
        let proxy = Proxy::to(ns.cluster());
        let writes = |request: &lease_harness::Request| request.method != "GET";
        proxy.fault(Match::when(writes), Fault::Alter(change), usize::MAX);
        let mut words_of: Vec<String> =
            call.split(' ').map(|word| word.replace('_', " ")).collect();
        words_of.insert(2, "--holder=me".to_owned());
        let output = ns.command(&user, words_of).via(&proxy).run();
        assert_eq!(output.code, Some(code), "{call}: {output}");
        assert_eq!(output.stdout.is_empty(), code != 0, "{output}");
        assert!(output.stderr.contains(words), "{call}: {output}");
        assert!(
            code != 0 || !words.is_empty() || output.stderr.is_empty(),
            "{output}"
        );
        let found = ns.holder(name).unwrap_or_default();
        assert_eq!(found, by, "{call}: {output}");
    }
}
