//! The documents of outcomes, whole: what is known is in them, and nothing else.

use serde_json::json;

use super::*;
use crate::lease::record::{GrantTerms, REASON_ANNOTATION, Record};
use crate::lease::testing::{free, held, wall};
use crate::output::format::DocumentFormat;

fn document(outcome: &Outcome) -> Value {
    let format = ValueFormat::Document(DocumentFormat::Json);
    let text = outcome.text(Some(&ObjectFormat::Value(format)), false);
    serde_json::from_str(&text.expect("a document")).expect("JSON")
}

/// A grant to `me` over `record`, as a server would have stored it.
fn granted(record: &Record) -> Record {
    let terms = GrantTerms {
        holder: "me".parse().expect("an identity"),
        duration: None,
        default_duration: "15s".parse().expect("a duration"),
        reason: None,
        mark: Duration::ZERO,
        manager: Default::default(),
    };
    let written = record.granted(&terms, wall("2020-01-01T00:01:00Z"));
    written.expect("few transitions").with(|object| {
        object["metadata"]["resourceVersion"] = json!("8");
        object["metadata"]["managedFields"] = json!([{ "manager": "x" }]);
    })
}

#[test]
fn a_takeover_says_what_was_done_whose_grant_it_followed_and_both_records() {
    let before = held("other", 60).with(|object| {
        object["metadata"]["annotations"] = json!({ REASON_ANNOTATION: "nightly" });
    });
    let after = granted(&before);
    let outcome = Outcome::new(Action::Acquired, Some(Arc::new((*before).clone())), &after)
        .with_token(Some("8".to_owned()))
        .after_waiting(Duration::from_millis(1500));
    let mut stored = after.as_json().clone();
    hide_managed_fields(&mut stored);
    let expected = json!({
        "apiVersion": "kubectl-lease/v1",
        "kind": "Outcome",
        "action": "acquired",
        "metadata": { "namespace": "default", "name": "my-lease", "uid": "uid-1" },
        "grant": {
            "holder": "me", "uid": "uid-1", "transitions": 5, "leaseDurationSeconds": 60,
            "acquireTime": "2020-01-01T00:01:00.000000Z", "fencingToken": "8",
        },
        "waitedSeconds": 1.5,
        "previous": {
            "holder": "other", "reason": "nightly",
            "acquireTime": "2020-01-01T00:00:00Z", "renewTime": "2020-01-01T00:00:00Z",
        },
        "before": before.as_json(),
        "after": stored,
    });
    assert_eq!(document(&outcome), expected);
    // As for kubectl, a template finds what is hidden in a document.
    let template = "jsonpath={.after.metadata.managedFields[0].manager}{.dryRun}";
    let format = template.parse().expect("a template");
    assert_eq!(outcome.text(Some(&format), false).expect("text"), "x");
}

#[test]
fn what_there_was_not_and_what_is_not_known_is_not_in_it() {
    let of = |action, before: Option<&Record>, after: &Record| {
        let before = before.map(|before| Arc::new((**before).clone()));
        document(&Outcome::new(action, before, after))
    };
    let held = held("me", 60);
    let made = of(Action::Acquired, None, &held);
    for absent in ["before", "previous", "waitedSeconds", "dryRun"] {
        assert_eq!(made.get(absent), None, "{absent}");
    }
    assert_eq!(made["grant"].get("fencingToken"), None);
    let taken = of(Action::Acquired, Some(&free(60)), &granted(&free(60)));
    assert_eq!(taken.get("previous"), None);
    let renewal = held.renewed(wall("2020-01-01T00:01:00Z"));
    let renewed = of(Action::Renewed, Some(&held), &renewal);
    assert_eq!(renewed.get("previous"), None);
    assert_eq!(renewed["grant"]["holder"], "me");
    let released = held.released(wall("2020-01-01T00:01:00Z"));
    let released = of(Action::Released, Some(&held), &released);
    assert_eq!(released.get("grant"), None);
    assert_eq!(released["previous"]["holder"], "me");
}

#[test]
fn a_dry_run_is_said_as_kubectl_says_one() {
    let tried = |dry_run| Outcome::new(Action::Renewed, None, &held("me", 60)).tried(dry_run);
    let name = "lease.coordination.k8s.io/my-lease";
    for (dry_run, words, word) in [
        (DryRun::Client, "renewed (dry run)", "client"),
        (DryRun::Server, "renewed (server dry run)", "server"),
    ] {
        let text = tried(dry_run).text(None, false).expect("text");
        assert_eq!(text, format!("{name} {words}\n"));
        assert_eq!(document(&tried(dry_run))["dryRun"], word);
    }
}

#[test]
fn those_of_several_are_the_items_of_a_list() {
    let one = Outcome::new(Action::Released, None, &free(60));
    let format = ValueFormat::Document(DocumentFormat::Json);
    let text = list(&[one.clone(), one.clone()], &format, false).expect("a list");
    let list: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(list["kind"], "OutcomeList");
    let mut item = document(&one);
    let fields = item.as_object_mut().expect("a map");
    fields.remove("apiVersion");
    fields.remove("kind");
    assert_eq!(list["items"], json!([item, item]));
}
