//! etcd's revisions and the audit log, put together.

use lease_harness::Revision;
use serde_json::{Value, json};

use super::super::audit::{Asked, Meant, Outcome};
use super::merge;
use crate::history::Commit;
use crate::time::At;

fn revision(revision: u64, holder: Option<&str>) -> Revision {
    let value = holder
        .map(|holder| json!({ "metadata": { "uid": "u" }, "spec": { "holderIdentity": holder } }));
    Revision {
        revision,
        key: "job".into(),
        value,
    }
}

fn asked(user: &str, outcome: Outcome) -> Asked {
    Asked {
        lease: "job".into(),
        verb: "update".into(),
        user: user.into(),
        received: At(1),
        answered: At(2),
        outcome,
    }
}

fn users(commits: &[Commit]) -> Vec<Option<&str>> {
    commits
        .iter()
        .map(|commit| commit.user.as_deref())
        .collect()
}

fn unknown(over: u64, holder: &str) -> Outcome {
    let spec = json!({ "holderIdentity": holder });
    Outcome::Unknown(Meant::Replace { over, spec })
}

#[test]
fn each_revision_is_a_commit_whether_the_log_knows_of_it_or_not() {
    let revisions = [(3, Some("a")), (5, Some("b")), (8, None), (9, Some("c"))];
    let revisions = revisions.map(|(number, holder)| revision(number, holder));
    let log = [
        asked("ann", Outcome::Stored(3)),
        asked("eve", Outcome::Deleted(Some("another".into()))),
        asked("dan", Outcome::Deleted(Some("u".into()))),
    ];
    let commits = merge(revisions.to_vec(), log.to_vec());
    assert_eq!(users(&commits), [Some("ann"), None, Some("dan"), None]);
    let told: Vec<u64> = commits.iter().map(|commit| commit.revision).collect();
    assert_eq!(told, [3, 5, 8, 9]);
    let holder = |object: &Option<Value>| {
        let object = object.as_ref()?;
        Some(format!(
            "{}@{}",
            object["spec"]["holderIdentity"].as_str()?,
            object["metadata"]["resourceVersion"].as_str()?
        ))
    };
    let chain: Vec<_> = commits
        .iter()
        .map(|c| (holder(&c.before), holder(&c.after)))
        .collect();
    let at = |text: &str| Some(text.to_owned());
    let wanted = [
        (None, at("a@3")),
        (at("a@3"), at("b@5")),
        (at("b@5"), None),
        (None, at("c@9")),
    ];
    assert_eq!(chain, wanted);
    assert_eq!((commits[1].verb.as_str(), commits[1].received), ("", None));
}

#[test]
fn a_write_whose_answer_was_a_failure_is_known_by_what_it_was_to_replace_and_by_what() {
    let revisions = vec![revision(3, Some("a")), revision(5, Some("b"))];
    let log = vec![
        asked("other-version", unknown(2, "b")),
        asked("other-spec", unknown(3, "c")),
        asked("ben", unknown(3, "b")),
    ];
    assert_eq!(users(&merge(revisions, log)), [None, Some("ben")]);
}

#[test]
fn of_two_answers_with_one_version_the_first_is_its_writers() {
    let log = vec![
        asked("ann", Outcome::Stored(3)),
        asked("ben", Outcome::Stored(3)),
    ];
    assert_eq!(
        users(&merge(vec![revision(3, Some("a"))], log)),
        [Some("ann")]
    );
}

fn patched(user: &str, received: u64, outcome: Outcome) -> Asked {
    Asked {
        verb: "patch".into(),
        received: At(received),
        ..asked(user, outcome)
    }
}

#[test]
fn a_patch_that_changed_nothing_is_not_the_writer_of_what_was_there() {
    let log = vec![
        patched("eve", 3, Outcome::Stored(3)),
        asked("ann", Outcome::Stored(3)),
    ];
    assert_eq!(
        users(&merge(vec![revision(3, Some("a"))], log)),
        [Some("ann")]
    );
}

#[test]
fn of_a_patch_that_was_not_answered_and_its_repetition_either_may_have_stored_it() {
    let patch =
        json!({ "metadata": { "resourceVersion": "3" }, "spec": { "holderIdentity": "b" } });
    let unanswered = |user, at| patched(user, at, Outcome::Unknown(Meant::Patch(patch.clone())));
    let of = |log: Vec<Asked>| {
        let revisions = vec![revision(3, Some("a")), revision(5, Some("b"))];
        let commits = merge(revisions, log);
        let last = &commits[1];
        (last.user.clone(), last.received)
    };
    let again = patched("ben", 9, Outcome::Stored(5));
    let ben = Some("ben".to_owned());
    let both = vec![again.clone(), unanswered("ben", 4)];
    assert_eq!(of(both), (ben.clone(), Some(At(4))));
    let only = vec![unanswered("ben", 4)];
    assert_eq!(of(only), (ben.clone(), Some(At(4))));
    for other in [unanswered("ann", 4), unanswered("ben", 10)] {
        assert_eq!(of(vec![again.clone(), other]), (ben.clone(), Some(At(9))));
    }
}
