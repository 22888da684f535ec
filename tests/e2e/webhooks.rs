//! Admission webhooks that change what is sent: no false success, and the reason is named. What each operation makes of
//! them is the model's.

use crate::support::{each, fresh, held};
use lease_harness::{Fault, Match, Proxy};
use serde_json::{Value, json};

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
    each(
        [
            (prefixed as Change, "", "acquire job", 1, other, ""),
            (prefixed, "", "hold job -- echo ran", 1, other, ""),
            (shortened, "me", "renew job", 123, shorter, "me"),
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
        ],
        |(change, before, call, code, words, by)| {
            let (ns, user) = fresh();
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
            let found = ns.holder("job").unwrap_or_default();
            assert_eq!(found, by, "{call}: {output}");
        },
    );
}
